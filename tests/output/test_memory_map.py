"""The arena from layer to layer: the lines of a terminal and the rectangles of a picture."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from contracts.faults import ConfigError
from dse.commands.workload import report_data
from dse.output.drawing.block_text import block_line
from dse.output.drawing.svg import LETTER_WIDTH
from dse.output.memory_map import memory_drawing, memory_text, peak_text, plot_memory
from sw_templates.tflite_import import load_model
from sw_templates.workload import BufferReport, WorkloadReport, workload_report

MODEL = Path(__file__).parents[2] / "models" / "imgc" / "imgc_resnet8_int8.tflite"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def imgc() -> WorkloadReport:
    return workload_report(load_model(MODEL))


def buffer(size: int, offset: int, first: int, last: int, *, name: str = "") -> BufferReport:
    return BufferReport(
        name=name or f"output of layer_{first}",
        is_scratch=name.startswith("scratch"),
        size_bytes=size,
        offset=offset,
        first=first,
        last=last,
    )


def network(imgc: WorkloadReport, layers: int, *buffers: BufferReport) -> dict[str, Any]:
    """Return the data of a network of so many layers with these buffers."""
    template = imgc.layers[0]
    report = replace(
        imgc,
        layers=tuple(replace(template, name=f"layer_{number}") for number in range(layers)),
        buffers=buffers,
        peak_bytes=max((b.offset + b.size_bytes for b in buffers), default=0),
    )
    return report_data(report)


def chain(imgc: WorkloadReport, layers: int) -> dict[str, Any]:
    """Return a network of so many layers: outputs and scratch of all sizes, one after the other."""
    buffers = []
    for n in range(layers):
        size = 1 + 7919 * (n * n % 97)
        buffers.append(buffer(size, 900_000 * (n % 2), n, n + 1))
        buffers.append(buffer(1 + n % 40, 1_800_000, n, n, name=f"scratch of depthwise_conv2d_{n}"))
    return network(imgc, layers, *buffers)


def bars(data: Mapping[str, Any]) -> dict[str, str]:
    found = re.findall(r"^(\S+) +\|(.*)\| ", memory_text(data), flags=re.MULTILINE)
    assert len(found) == len(data["steps"])
    return dict(found)


def test_each_line_has_what_lives_while_its_layer_runs(imgc: WorkloadReport) -> None:
    drawn = bars(report_data(imgc))
    assert len({len(bar) for bar in drawn.values()}) == 1
    assert set(drawn["conv2d_2"]) - {"."} == {"A", "B", "C", "#"}
    assert set(drawn["add_3"]) - {"."} == {"A", "C", "D"}, "the inputs and the output of the sum"
    assert set(drawn["end"]) - {"."} == {"O"}, "the network's output"
    share = drawn["conv2d_2"].count("A") / len(drawn["conv2d_2"])
    assert share == pytest.approx(16384 / imgc.peak_bytes, abs=0.02)


def test_a_letter_is_explained_in_the_table_of_buffers(imgc: WorkloadReport) -> None:
    from dse.output.memory_map import buffers_text

    text = buffers_text(report_data(imgc))
    assert re.search(r"^C  output of conv2d_2 +16,384 +32,960 +conv2d_2 +add_3$", text, re.M)
    assert re.search(r"^#  scratch of conv2d_2 +576 +49,440 +conv2d_2 +conv2d_2$", text, re.M)


def test_the_peak_is_marked_and_said(imgc: WorkloadReport) -> None:
    data = report_data(imgc)
    (marked,) = [line for line in memory_text(data).splitlines() if line.endswith(" peak")]
    assert marked.startswith("conv2d_2 ")
    assert data["peak"]["layer"] == "conv2d_2"
    assert data["peak"]["bytes"] == imgc.peak_bytes
    assert peak_text(data).startswith("at conv2d_2: output of conv2d_0 (16,384), output of")
    used = sum(int(n.replace(",", "")) for n in re.findall(r"\(([\d,]+)\)", peak_text(data)))
    assert used == imgc.peak_bytes, "with what lies unused between them"


def test_the_peak_is_where_the_arena_ends_and_not_where_most_is_used(
    imgc: WorkloadReport,
) -> None:
    data = network(imgc, 3, buffer(100, 0, 0, 0), buffer(90, 0, 1, 1), buffer(5, 110, 1, 2))
    assert data["peak"]["layer"] == "layer_1"
    assert data["peak"]["bytes"] == 115
    assert peak_text(data).endswith("unused (20)")


@pytest.mark.parametrize("layers", [1, 2, 17, 120])
def test_a_terminal_of_80_columns_and_a_pipe_are_enough(imgc: WorkloadReport, layers: int) -> None:
    data = chain(imgc, layers)
    text = memory_text(data)
    assert text.isascii()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_letter_is_not_used_again_while_its_buffer_lives(imgc: WorkloadReport) -> None:
    long_lived = buffer(4096, 0, 0, 70)
    data = network(imgc, 70, long_lived, *(buffer(512, 8192, n, n) for n in range(1, 70)))
    drawn = bars(data)
    for step in range(1, 70):
        assert set(drawn[f"layer_{step}"]) - {".", "A"}, "a letter of its own"
    assert drawn["layer_52"].lstrip("A.").startswith("B"), "A is taken"


def test_long_names_of_layers_are_cut_and_the_memory_is_not(imgc: WorkloadReport) -> None:
    data = network(imgc, 1, buffer(64, 0, 0, 1))
    data["steps"][0]["name"] = "unidirectional_sequence_lstm_12345"
    line = memory_text(data).splitlines()[-2]
    assert line.startswith("unidirectional_sequenc.. |AAAA")
    assert len(line) <= 80


def test_a_buffer_of_a_byte_is_seen_beside_one_of_a_megabyte(imgc: WorkloadReport) -> None:
    data = network(imgc, 1, buffer(1, 0, 0, 1), buffer(1 << 20, 112, 0, 0))
    bar = bars(data)["layer_0"]
    assert bar.startswith("AB")


def test_inputs_that_are_copied_live_before_the_first_layer(imgc: WorkloadReport) -> None:
    data = network(imgc, 2, buffer(9, 0, -1, 0, name="copy of an input"), buffer(9, 112, 1, 2))
    assert list(bars(data)) == ["start", "layer_0", "layer_1", "end"]
    drawing = memory_drawing(data).markup(standalone=True)
    assert "copy of an input: 9 bytes at 0, start to layer_0" in drawing


def test_a_network_without_an_arena_says_so(imgc: WorkloadReport, tmp_path: Path) -> None:
    data = network(imgc, 1)
    assert "the arena is empty" in memory_text(data)
    assert peak_text(data) == ""
    with pytest.raises(ConfigError, match="has no arena to draw"):
        plot_memory(data, tmp_path / "none.svg")


@given(
    sizes=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 5000)), min_size=1, max_size=60),
    cells=st.integers(8, 60),
    room=st.integers(0, 1000),
)
def test_a_line_has_each_block_in_order_as_long_as_there_are_enough_characters(
    sizes: list[tuple[int, int]], cells: int, room: int
) -> None:
    blocks, at = [], 0
    for number, (gap, size) in enumerate(sizes):
        blocks.append((chr(0x100 + number), at + gap, size))
        at += gap + size
    line = block_line(blocks, cells=cells, size=at + room)
    assert len(line) == cells
    seen = list(dict.fromkeys(letter for letter in line if letter != "."))
    letters = [letter for letter, _, _ in blocks]
    assert seen == [letter for letter in letters if letter in seen]
    for letter in seen:
        assert letter * line.count(letter) in line, "a block is in one piece"
    if len(blocks) <= cells:
        assert seen == letters


# --- the picture


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text of a picture with the box that it takes at the most."""

    words: str
    left: float
    top: float
    right: float
    bottom: float

    def covers(self, other: "Text") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def texts_of(picture: ElementTree.Element) -> list[Text]:
    found = []
    for shape in picture.iter(f"{SVG}text"):
        words, kinds = shape.text or "", (shape.get("class") or "").split()
        x, y, width = float(shape.get("x", 0)), float(shape.get("y", 0)), LETTER_WIDTH * len(words)
        before = width if "end" in kinds else width / 2 if "mid" in kinds else 0.0
        box = (-before, -9.0, width - before, 2.0)
        if shape.get("transform"):
            assert shape.get("transform", "").startswith("rotate(-90 ")
            box = (box[1], -box[2], box[3], -box[0])
        found.append(
            Text(
                words=words,
                left=x + box[0],
                top=y + box[1],
                right=x + box[2],
                bottom=y + box[3],
            )
        )
    return [text for text in found if text.words]


def check_picture(data: Mapping[str, Any]) -> ElementTree.Element:
    """Return the picture, in which no label covers another one or leaves the paper."""
    drawing = memory_drawing(data)
    picture = ElementTree.fromstring(str(drawing.markup(standalone=True)))
    texts = texts_of(picture)
    for text in texts:
        assert text.left >= 0, text
        assert text.right <= drawing.width, text
        assert text.top >= 0, text
        assert text.bottom <= drawing.height, text
    for one, other in combinations(texts, 2):
        assert not one.covers(other), (one, other)
    return picture


def rectangles(picture: ElementTree.Element, kind: str) -> list[dict[str, str]]:
    return [dict(r.attrib) for r in picture.iter(f"{SVG}rect") if r.get("class") == kind]


def test_a_picture_has_a_rectangle_for_each_buffer_where_it_lies(imgc: WorkloadReport) -> None:
    data = report_data(imgc)
    picture = check_picture(data)
    tensors, scratch = rectangles(picture, "c-tensor"), rectangles(picture, "c-scratch")
    assert len(tensors) == sum(not b["is_scratch"] for b in data["buffers"])
    assert len(scratch) == sum(b["is_scratch"] for b in data["buffers"])
    first = tensors[0]  # output of conv2d_0: four layers of seventeen steps, a third of the arena
    (band,) = rectangles(picture, "c-peak")
    step_width, arena = float(band["width"]), float(band["height"])
    assert float(first["width"]) == pytest.approx(4 * step_width - 2)
    assert float(first["height"]) == pytest.approx(arena * 16384 / imgc.peak_bytes, abs=0.1)
    third = tensors[2]
    assert float(third["x"]) - 1 == pytest.approx(float(band["x"]), abs=0.2), "the peak's layer"
    words = [text.words for text in texts_of(picture)]
    assert f"peak: {imgc.peak_bytes:,} bytes" in words
    assert "output of conv2d_2" in words


@pytest.mark.parametrize("layers", [1, 2, 5, 33, 120])
def test_no_label_covers_another_one_whatever_the_network(
    imgc: WorkloadReport, layers: int
) -> None:
    picture = check_picture(chain(imgc, layers))
    assert len(rectangles(picture, "c-tensor")) == layers


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    layers=st.integers(1, 40),
    wanted=st.lists(
        st.tuples(
            st.integers(-1, 40), st.integers(0, 12), st.sampled_from([1, 64, 3000, 70_000, 1 << 22])
        ),
        min_size=1,
        max_size=60,
    ),
)
def test_any_plan_is_drawn_legibly(
    imgc: WorkloadReport, layers: int, wanted: list[tuple[int, int, int]]
) -> None:
    placed: list[BufferReport] = []
    for start, length, size in wanted:
        first = min(start, layers)
        last = min(first + length, layers)
        others = [b for b in placed if b.first <= last and first <= b.last]
        offset = max((b.offset + b.size_bytes + 96 for b in others), default=0)
        placed.append(buffer(size, offset, first, last))
    data = network(imgc, layers, *sorted(placed, key=lambda b: b.first))
    check_picture(data)
    assert max(map(len, memory_text(data).splitlines())) <= 80


def test_a_peak_at_the_last_of_few_layers_is_written_on_the_paper(imgc: WorkloadReport) -> None:
    check_picture(network(imgc, 1, buffer(123_456_789, 0, 0, 0)))
    check_picture(network(imgc, 1, buffer(7, 0, 0, 0), buffer(123_456_789, 112, 1, 1)))


def test_many_small_buffers_are_counted_in_the_picture_and_listed_by_the_command(
    imgc: WorkloadReport,
) -> None:
    words = [text.words for text in texts_of(check_picture(chain(imgc, 50)))]
    assert "and 60 smaller ones" in words


def test_a_picture_of_thousands_of_layers_is_an_svg(imgc: WorkloadReport, tmp_path: Path) -> None:
    data = chain(imgc, 2000)
    with pytest.raises(ConfigError, match=r"pixels is more than programs show\n  fix: write a"):
        plot_memory(data, tmp_path / "memory.png")
    plot_memory(data, tmp_path / "memory.svg")
    assert "layer_1999" in (tmp_path / "memory.svg").read_text()


def test_a_png_is_written(imgc: WorkloadReport, tmp_path: Path) -> None:
    plot_memory(report_data(imgc), tmp_path / "memory.png")
    with Image.open(tmp_path / "memory.png") as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 24) or []}
    assert {(207, 226, 243), (243, 227, 200), (28, 32, 36)} <= colours, "tensors, scratch, text"
