"""Blocks of a memory over steps in time: what lies where, from when to when."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dse.output.drawing.scale import Axis, short
from dse.output.drawing.svg import LETTER_WIDTH, Drawing

_LETTER_HEIGHT = 11.0
_LEAST_HEIGHT = 2.0
"""Of a block, in user units: a few bytes of a large memory are seen, too."""
_INSET = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block.

    Attributes:
        labels: What may stand in it, the longest first: the first that fits does.
        first: Step from which on it is there, from 0.
        last: Step until which it is there, included.
        start: Where it begins in the memory.
        size: How much of the memory it takes, in the same unit.
        kind: Class of its rectangle.
        hint: Shown when pointed at.
    """

    labels: Sequence[str]
    first: int
    last: int
    start: int
    size: int
    kind: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockMap:
    """What a map of blocks shows.

    Attributes:
        y_label: Above the axis upwards.
        steps: Their names, under the axis across.
        blocks: Those that live at the same step do not overlap.
        peak_step: The step that is marked, from 0.
        peak_label: Written above the line at ``peak``.
        peak: End of the highest block.
    """

    y_label: str
    steps: Sequence[str]
    blocks: Sequence[Block]
    peak_step: int
    peak_label: str
    peak: int


_Box = tuple[float, float, float, float]  # left, top, right, bottom


def names_height(steps: Sequence[str]) -> float:
    """Return how much room the names of steps take below the chart, where they are turned."""
    return max(len(name) for name in steps) * LETTER_WIDTH + 14


def draw_block_map(drawing: Drawing, chart: BlockMap, *, across: Axis, upward: Axis) -> None:
    """Draw a map into the rectangle that the axes' positions span; labels stand around it.

    Args:
        drawing: Has ``names_height`` of room below, and 30 units above.
        chart: What is drawn.
        across: From 0 to the number of steps.
        upward: From 0 to ``chart.peak`` at least.
    """
    left, right = across.at(chart.peak_step), across.at(chart.peak_step + 1)
    drawing.rect(left, upward.end, right - left, upward.start - upward.end, "c-peak")
    for tick in upward.ticks(7):
        y = upward.at(tick)
        drawing.line(across.start, y, across.end, y, "c-grid")
        drawing.text(across.start - 6, y + 4, short(tick), "end c-soft")
    drawing.text(across.start - 6, upward.end - 16, chart.y_label, "end c-soft")
    for number, name in enumerate(chart.steps):
        x = across.at(number + 0.5) + 4
        weight = "end c-head" if number == chart.peak_step else "end c-soft"
        drawing.text(x, upward.start + 8, name, weight, turn_degrees=-90)
    boxes = [_box(block, across, upward) for block in chart.blocks]
    for block, (x1, y1, x2, y2) in zip(chart.blocks, boxes, strict=True):
        drawing.rect(x1, y1, x2 - x1, y2 - y1, block.kind, block.hint)
    drawing.line(across.start, upward.start, across.end, upward.start, "c-axis")
    y = upward.at(chart.peak)
    drawing.line(across.start, y, across.end, y, "c-limit")
    _write_peak(drawing, chart, across, y)
    _write_labels(drawing, chart.blocks, boxes, across, upward)


def _box(block: Block, across: Axis, upward: Axis) -> _Box:
    top, bottom = upward.at(block.start + block.size), upward.at(block.start)
    return (
        across.at(block.first) + _INSET,
        min(top, bottom - _LEAST_HEIGHT),
        across.at(block.last + 1) - _INSET,
        bottom,
    )


def _write_peak(drawing: Drawing, chart: BlockMap, across: Axis, y: float) -> None:
    """Write what the peak is above its line: at the step, or as far to its left as it must be."""
    left = across.at(chart.peak_step)
    width = LETTER_WIDTH * len(chart.peak_label)
    if left + width <= across.end:
        drawing.text(left, y - 5, chart.peak_label, "c-head")
    else:
        drawing.text(max(across.end, across.start + width), y - 5, chart.peak_label, "end c-head")


def _write_labels(
    drawing: Drawing, blocks: Sequence[Block], boxes: Sequence[_Box], across: Axis, upward: Axis
) -> None:
    """Write in each block what fits, across or upwards; beside a flat one its shortest label."""
    taken = _Taken(across)
    for box in boxes:
        taken.add(box)
    for block, box in zip(blocks, boxes, strict=True):
        x1, y1, x2, y2 = box
        for label in block.labels:
            length = LETTER_WIDTH * len(label) + 4
            if length <= x2 - x1 and y2 - y1 >= _LETTER_HEIGHT + 2:
                drawing.text((x1 + x2) / 2, (y1 + y2) / 2 + 4, label, "mid")
                break
            if length <= y2 - y1 and x2 - x1 >= _LETTER_HEIGHT + 2:
                drawing.text((x1 + x2) / 2 + 4, (y1 + y2) / 2, label, "mid", turn_degrees=-90)
                break
        else:
            _write_beside(drawing, block.labels[-1], box, taken, across, upward)


def _write_beside(
    drawing: Drawing, label: str, box: _Box, taken: "_Taken", across: Axis, upward: Axis
) -> None:
    """Write a label at the first free place around a box; nowhere where all are taken."""
    x1, y1, x2, y2 = box
    width = LETTER_WIDTH * len(label)
    for left, bottom in (
        ((x1 + x2 - width) / 2, y1 - 2),
        (x2 + 3, y2),
        (x1 - 3 - width, y2),
        ((x1 + x2 - width) / 2, y2 + _LETTER_HEIGHT + 1),
    ):
        place = (left, bottom - _LETTER_HEIGHT, left + width, bottom)
        is_inside = (
            across.start <= left
            and place[2] <= across.end
            and upward.end <= place[1]
            and bottom <= upward.start
        )
        if is_inside and taken.is_free(place):
            taken.add(place)
            drawing.text(left, bottom, label, "c-soft")
            return


class _Taken:
    """Which places are taken, by step: a plan of thousands of blocks is drawn in seconds."""

    def __init__(self, across: Axis) -> None:
        self._start, self._width = across.start, across.at(1) - across.at(0)
        self._by_step: defaultdict[int, list[_Box]] = defaultdict(list)

    def add(self, box: _Box) -> None:
        """Take a place."""
        for step in self._steps(box):
            self._by_step[step].append(box)

    def is_free(self, box: _Box) -> bool:
        """Return whether a place overlaps none that is taken."""
        return not any(
            _overlap(box, other) for step in self._steps(box) for other in self._by_step[step]
        )

    def _steps(self, box: _Box) -> range:
        first, last = ((x - self._start) // self._width for x in (box[0], box[2]))
        return range(int(first), int(last) + 1)


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
