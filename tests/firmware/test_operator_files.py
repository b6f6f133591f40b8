"""Nothing but an operator's own two files knows it by name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sw_templates.layer import layer_fields
from sw_templates.operator_set import OperatorSet, find_operators
from sw_templates.options import KERNELS_FOLDER
from sw_templates.tflite_import import model_from_bytes
from tests.firmware.firmware_bench import structure_members
from tests.firmware.operator_network import operator_network

ROOT = Path(__file__).parents[2]
ROOMS = ("contracts", "hw_templates", "sw_templates", "runners", "dse")
OPERATORS = ROOT / "sw_templates" / "operators"


@pytest.fixture(scope="module")
def operators() -> OperatorSet:
    return find_operators()


def docstrings(tree: ast.AST) -> set[int]:
    """Ids of the strings that are statements: they describe and do nothing."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def identifiers(tree: ast.AST) -> Iterator[str]:
    """Yield what code calls, catches, matches, defines or imports; modules by parts."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="ast")):
                pass  # Python's own operators
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.ClassDef(name=name):
                yield name
            case ast.FunctionDef(name=name):
                yield name
            case ast.alias(name=name) | ast.ImportFrom(module=str(name)):
                yield from name.split(".")


def named_in(tree: ast.AST, operators: OperatorSet) -> set[str]:
    """Return by which of their names a module's code knows operators.

    An identifier or a word of a string may be a class, or a name that means nothing else, which
    those with a digit or an underscore are; ``add`` and ``reshape`` are methods of sets and
    arrays, but a string that is just that is the operator's.
    """
    classes = {layer.__name__ for layer in operators.layers}
    classes |= {layer.options.name for layer in operators.layers if layer.options is not None}
    plain = {layer.kernel for layer in operators.layers}
    plain |= {layer.operator for layer in operators.layers}
    structures = {f"{layer.kernel}_layer" for layer in operators.layers}
    unmistakable = classes | structures | {name for name in plain if re.search(r"[_\d]", name)}
    described = docstrings(tree)
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in described
    ]
    written = {word for text in texts for word in re.findall(r"\w+", text)}
    return (
        unmistakable.intersection(identifiers(tree))
        | (unmistakable - {layer.__name__ for layer in operators.layers}).intersection(written)
        | plain.intersection(texts)
    )


def test_every_operator_is_one_file_and_one_template(operators: OperatorSet) -> None:
    modules = {layer.__module__.rpartition(".")[2] for layer in operators.layers}
    assert modules == {path.stem for path in OPERATORS.glob("*.py")} - {"__init__"}
    assert len(modules) == len(operators.layers)
    for layer in operators.layers:
        assert (OPERATORS / f"{layer.kernel}.py").is_file()
        assert (KERNELS_FOLDER / f"{layer.kernel}.c.j2").is_file()


def test_nothing_else_names_an_operator(operators: OperatorSet) -> None:
    found = {
        path.relative_to(ROOT).as_posix(): names
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if path.parent != OPERATORS and (names := named_in(ast.parse(path.read_text()), operators))
    }
    assert found == {}


@pytest.mark.parametrize(
    "code",
    [
        "from sw_templates.operators.conv2d import Conv2d",
        "KERNELS = ('softmax', 'reshape')",
        "if layer.operator == 'ADD': pass",
        "FIELDS = {'SoftmaxOptions': ('Beta',)}",
        "match layer:\n    case model.AveragePool2d(): pass",
        "TEXT = 'const struct add_layer *layer'",
        "def average_pool2d(layer): pass",
        "from sw_templates.operators import depthwise_conv2d",
    ],
)
def test_that_check_sees_every_way_to_name_one(operators: OperatorSet, code: str) -> None:
    assert named_in(ast.parse(code), operators)


def test_that_check_leaves_descriptions_alone(operators: OperatorSet) -> None:
    code = '"""Layers such as CONV_2D."""\nseen.add(1)\nX = 1\n"""Of conv2d."""'
    assert not named_in(ast.parse(code), operators)


def test_no_two_operators_import_each_other() -> None:
    for path in OPERATORS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("sw_templates.operators")


def test_every_member_of_a_structure_is_given_a_value() -> None:
    """C would take 0 for a member that `fields` forgets, without a word."""
    model = model_from_bytes(operator_network(), "net")
    assert {layer.kernel for layer in model.layers} == model.operators.kernels
    for layer in model.layers:
        scratch_bytes = layer.scratch_bytes(row_align_bytes=4, scratch_rows=4)
        fields = layer_fields(layer, row_align_bytes=4, scratch_bytes=scratch_bytes)
        assert fields.keys() == structure_members(layer.structure), layer.name
