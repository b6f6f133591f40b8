"""Registering families: what is accepted, and what is refused with which words."""

from dataclasses import replace
from pathlib import Path

import pytest

from contracts.faults import ConfigError
from contracts.parameter import Parameter, Rule
from hw_templates.cfu import Family, Registry, Values, families, family
from hw_templates.cfu.simd import FAMILY as SIMD


class _Zero:
    def op(self, funct3: int, funct7: int, a: int, b: int) -> int:
        del funct3, funct7, a, b
        return 0


def _text(values: Values) -> str:
    del values
    return "module Cfu(); endmodule"


def _model(values: Values) -> _Zero:
    del values
    return _Zero()


def make(name: str, *parameters: Parameter) -> Family:
    return Family(
        name=name,
        summary="a test",
        parameters=parameters,
        verilog=_text,
        model=_model,
        sources=(Path(__file__),),
    )


def lanes(*values: int, name: str = "lanes") -> Parameter:
    return Parameter(name=name, values=values, default=values[0], description="", ordered=True)


@pytest.fixture
def registry() -> Registry:
    return Registry()


def test_none_and_simd_are_there_from_the_start() -> None:
    assert list(families())[:2] == ["none", "simd"]
    assert family("none").verilog is None


def test_unknown_family_names_the_known_ones(registry: Registry) -> None:
    registry.register(SIMD)
    with pytest.raises(ConfigError, match=r"unknown CFU family 'sind'; there are simd"):
        registry.family("sind")


def test_registering_the_same_family_again_changes_nothing(registry: Registry) -> None:
    assert registry.register(SIMD) is registry.register(SIMD)
    assert list(registry.families()) == ["simd"]


def test_two_families_of_one_name_are_refused(registry: Registry) -> None:
    registry.register(make("mine"))
    with pytest.raises(ConfigError, match="'mine' is registered twice"):
        registry.register(make("mine", lanes(1, 2)))


def test_a_shared_parameter_with_the_same_values_is_accepted(registry: Registry) -> None:
    registry.register(make("one", lanes(1, 2)))
    registry.register(make("two", lanes(1, 2)))
    assert list(registry.families()) == ["one", "two"]


def test_a_shared_parameter_with_other_values_is_refused(registry: Registry) -> None:
    registry.register(make("one", lanes(1, 2)))
    with pytest.raises(
        ConfigError,
        match=r"'lanes' of CFU family 'two' has the values \(1, 4\), "
        r"that of family 'one' has \(1, 2\)",
    ):
        registry.register(make("two", lanes(1, 4)))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (replace(make("mine"), name="My Cfu"), "name 'My Cfu' does not match"),
        (replace(make("mine"), model=None), "only one of hardware and reference model"),
        (replace(make("mine"), sources=()), "names no source files"),
        (make("mine", lanes(1), lanes(2)), "has parameters lanes, lanes"),
        (make("mine", lanes(1, name="cfu")), "has parameters cfu"),
        (
            replace(
                make("mine", lanes(1, 2)),
                rules=(Rule(name="r", reason="", parameters=("width",), holds=bool),),
            ),
            "reads width, which the family does not have",
        ),
    ],
    ids=["name", "model", "sources", "twice", "cfu", "rule"],
)
def test_inconsistent_families_are_refused(
    registry: Registry, broken: Family, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        registry.register(broken)
    assert not registry.families()


def test_a_module_is_found_by_path_and_by_name(registry: Registry, tmp_path: Path) -> None:
    module = tmp_path / "my_cfu.py"
    module.write_text("from hw_templates.cfu.none import FAMILY\n")
    assert registry.register_module(str(module)).name == "none"
    assert registry.register_module("hw_templates.cfu.simd") is SIMD


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FAMILY = 1\n", "has no CFU family under the name FAMILY"),
        ("import nothing_of_that_name\n", "cannot be imported: ModuleNotFoundError"),
        ("def (\n", "cannot be imported: SyntaxError"),
    ],
    ids=["no family", "import", "syntax"],
)
def test_a_broken_module_is_a_clear_error(
    registry: Registry, tmp_path: Path, text: str, message: str
) -> None:
    module = tmp_path / f"broken_{abs(hash(text))}.py"
    module.write_text(text)
    with pytest.raises(ConfigError, match=message):
        registry.register_module(str(module))


def test_a_missing_module_is_a_clear_error(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be imported"):
        registry.register_module(str(tmp_path / "missing.py"))
    with pytest.raises(ConfigError, match="cannot be imported"):
        registry.register_module("no.such.module")
