"""What is accelerated is what the families' files say, and each figure is one of the results."""

import re
from pathlib import Path

from dse.commands.accelerated import (
    FACTORS,
    acceleration_data,
    acceleration_rows,
    is_accelerated,
)
from hw_templates.cfu import BUILT_IN
from sw_templates.operator_set import find_operators
from sw_templates.tflite_import import load_model
from tests.docs.pages import rows, section

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "imgc" / "imgc_resnet8_int8.tflite"
FAMILIES = ("simd", "stream", "engine")


def cell(operator: str, family: str) -> str:
    if not is_accelerated(find_operators().by_name[operator], BUILT_IN[family]):
        return "-"
    factor = FACTORS.get((operator, family))
    return "yes" if factor is None else f"yes, {factor.text}"


def test_the_page_has_a_row_for_each_operator_that_a_family_takes() -> None:
    wanted = {
        name: [cell(name, family) for family in FAMILIES] for name in find_operators().by_name
    }
    page = {
        first: others
        for first, *others in rows(section("docs/reference/operators.md", "## What is accelerated"))
    }
    assert page.pop("operator") == list(FAMILIES)
    assert page == {name: cells for name, cells in wanted.items() if set(cells) != {"-"}}


def test_every_figure_is_one_of_the_results() -> None:
    results = (ROOT / "docs" / "results.md").read_text()
    for (operator, family), factor in FACTORS.items():
        assert is_accelerated(find_operators().by_name[operator], BUILT_IN[family])
        for figure in (factor.least, factor.most):
            assert re.search(rf"[ (]{figure:g}[ ,)]", results), (operator, figure)


def test_a_network_is_told_operator_by_operator() -> None:
    model = load_model(MODEL)
    macs = {layer.index: 10 for layer in model.layers}

    data = acceleration_data(model.layers, macs)

    by_name = {row["operator"]: row for row in data}
    convolutions = by_name["CONV_2D"]
    assert convolutions["layers"] == convolutions["families"]["simd"]["layers"] == 9
    assert convolutions["families"]["simd"]["measured"]["most"] == 28.1
    assert convolutions["families"]["engine"] == {"layers": 9, "measured": None}
    assert by_name["SOFTMAX"]["families"]["engine"]["layers"] == 0
    header, table = acceleration_rows(data)
    assert header == ["operator", "layers", "MAC", *FAMILIES]
    assert ["SOFTMAX", "1", "10", "-", "-", "-"] in table


def test_int4_and_int16_kinds_are_not_taken_for_the_int8_one() -> None:
    operators = find_operators()
    for layer in (operators.for_int4["CONV_2D"], operators.for_int16["CONV_2D"]):
        assert not is_accelerated(layer, BUILT_IN["simd"])
    assert not is_accelerated(operators.for_int16["CONV_2D"], BUILT_IN["engine"])
