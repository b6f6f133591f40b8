"""A parameter as an axis of the front's chart, in the browser's JSON and in the picture."""

import re
from pathlib import Path

import numpy as np
import pytest

from dse.dashboard.data.axes import along, axis_parameters
from dse.output.drawing.png import rasterise
from dse.output.drawing.scale import category_axis, make_axis
from dse.output.drawing.svg import Drawing
from dse.results.columns import StudyColumns
from tests.dashboard.http import client

PNG = b"\x89PNG\r\n\x1a\n"


def test_whole_numbers_stand_at_their_value_and_nothing_where_they_are_not_there(
    columns: StudyColumns,
) -> None:
    found = along(columns, "simd_width")
    assert found.categories == ()
    assert found.stops == (1, 2, 4, 8, 16)
    for position, trial in enumerate(columns.trials):
        width = trial.design.get("simd_width")
        assert np.isnan(found.values[position]) if width is None else True
        assert width is None or found.values[position] == width


def test_everything_else_stands_beside_one_another(columns: StudyColumns) -> None:
    found = along(columns, "multiplier")
    assert found.categories == ("iterative", "none", "pipelined")
    for position, trial in enumerate(columns.trials):
        place = int(found.values[position])
        assert found.categories[place] == trial.design["multiplier"]
    flags = along(columns, "hardware_requantisation")
    assert flags.categories == ("false", "true", "-")  # of no CFU
    assert {flags.categories[int(v)] for v in flags.values} == {"false", "true", "-"}


def test_a_metric_is_one_whatever_parameters_there_are(columns: StudyColumns) -> None:
    assert along(columns, "lut4").values is columns.column("lut4")
    assert "lut4" not in axis_parameters(columns)
    assert "simd_width" in axis_parameters(columns)
    assert "divider" not in axis_parameters(columns) or "divider" in columns.varying


def test_ticks_stand_at_the_values_that_there_are_or_at_categories() -> None:
    axis = make_axis([1, 16], start=0, end=700, stops=(1, 2, 4, 8, 16))
    assert axis.ticks(8) == [1, 4, 8, 16]  # 2 would be written over 1
    assert [axis.tick_text(tick) for tick in axis.ticks(8)] == ["1", "4", "8", "16"]
    names = category_axis(("none", "a-very-long-name", "z"), start=0, end=300)
    assert [names.tick_text(tick) for tick in names.ticks()] == ["none", "a-very-lon…", "z"]
    assert [names.at(tick) for tick in names.ticks()] == [50, 150, 250]
    many = category_axis(tuple(map(str, range(100))), start=0, end=300)
    assert len(many.ticks(8)) <= 16


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_picture_to_send_has_everything_that_a_reader_must_know(
    example: Path, kind: str
) -> None:
    asking = client(example)
    query = "x=multiplier&y=latency_us&colour=cfu&only=cfu:simd&box=latency_us::1000000"
    answer = asking.get(f"/studies/imgc/front.{kind}?{query}")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'inline; filename="imgc-front.{kind}"'
    if kind == "png":
        assert answer.headers["content-type"] == "image/png"
        assert answer.content.startswith(PNG)
        nothing = rasterise(Drawing(860, 516, ""))
        assert len(answer.content) > 3 * len(nothing)
        return
    for words in (
        "imgc: ", "cfu is simd", "latency_us ≤ 1.00 s", "pretrainedResnet_quant.tflite",
        "LFE5U-85F", "2026-11-20", "front, an estimate (", "dominated (", "latency_us (minimise)",
        "pipelined",
    ):  # fmt: skip
        assert words in answer.text, words
    rows = [float(y) for y in re.findall(r'<text x="10.0" y="([\d.]+)"', answer.text)]
    assert all(b - a >= 14 for a, b in zip(sorted(rows), sorted(rows)[1:], strict=False)), rows


def test_the_page_offers_both_and_the_addresses_that_are_wrong_are_named(example: Path) -> None:
    asking = client(example)
    page = asking.get("/studies/imgc?x=cfu").text
    assert "/studies/imgc/front.png?x=cfu&amp;y=lut4" in page
    assert '<optgroup label="Parameters">' in page
    wrong = asking.get("/studies/imgc/front.png?x=nothing")
    assert wrong.status_code == 400
    assert "axis" in wrong.text
    assert asking.get("/studies/none/front.png").status_code == 404
