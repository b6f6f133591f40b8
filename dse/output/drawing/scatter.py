"""Designs over two metrics: the front with its trial numbers, and everything behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

from dse.output.drawing.charts import frame
from dse.output.drawing.scale import Axis
from dse.output.drawing.svg import LETTER_WIDTH, Drawing

_LETTER_HEIGHT = 11.0
_RADIUS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One point that is told from the others by a name beside it.

    Attributes:
        x: Value on the axis across.
        y: Value on the axis upwards.
        name: Written beside it where there is room.
        is_hollow: Drawn as a ring, not as a disc.
    """

    x: float
    y: float
    name: str
    is_hollow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A dashed line at a value of one axis, with its name."""

    value: float
    name: str
    is_across: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """What a scatter chart shows.

    Attributes:
        x_label: Under the axis across.
        y_label: Above the axis upwards.
        front: Best in ``x`` first, which is how ``has_steps`` joins them.
        others: (x, y) of points without a name.
        crosses: (x, y) of what does not count.
        limits: Lines; one outside the axes is left out.
        has_steps: Draw the border of what the front dominates, which exists in two objectives.
        chosen: A point that the picture is about, on the front or not; None for none.
    """

    x_label: str
    y_label: str
    front: Sequence[Mark]
    others: Sequence[tuple[float, float]] = ()
    crosses: Sequence[tuple[float, float]] = ()
    limits: Sequence[Limit] = ()
    has_steps: bool = False
    chosen: Mark | None = None


def draw_scatter(drawing: Drawing, scatter: Scatter, *, across: Axis, upward: Axis) -> None:
    """Draw a chart into the rectangle that the axes' positions span; labels stand around it."""
    frame(drawing, across, upward)
    drawing.text((across.start + across.end) / 2, upward.start + 38, scatter.x_label, "mid c-soft")
    drawing.text(across.start - 60, upward.end - 14, scatter.y_label, "c-soft")
    dots = (f"M{across.at(x):.1f} {upward.at(y):.1f}h0" for x, y in scatter.others)
    drawing.path("".join(dots), "c-dot")
    crosses = (
        f"M{across.at(x) - 4:.1f} {upward.at(y) - 4:.1f}l8 8m0 -8l-8 8" for x, y in scatter.crosses
    )
    drawing.path("".join(crosses), "c-cross")
    for limit in scatter.limits:
        _draw_limit(drawing, limit, across, upward)
    places = [(across.at(mark.x), upward.at(mark.y)) for mark in scatter.front]
    if scatter.has_steps and places:
        (x, y), *further = places
        steps = "".join(f"H{x:.1f}V{y:.1f}" for x, y in further)
        drawing.path(f"M{x:.1f} {y:.1f}{steps}", "c-line")
    for mark, (x, y) in zip(scatter.front, places, strict=True):
        kind = "c-hollow" if mark.is_hollow else "c-mark"
        drawing.circle(x, y, _RADIUS, kind, f"trial {mark.name}")
    _write_names(drawing, scatter.front, places, across)
    if scatter.chosen is not None:
        x, y = across.at(scatter.chosen.x), upward.at(scatter.chosen.y)
        drawing.circle(x, y, 2 * _RADIUS, "c-chosen", f"trial {scatter.chosen.name}")


def _draw_limit(drawing: Drawing, limit: Limit, across: Axis, upward: Axis) -> None:
    axis = across if limit.is_across else upward
    if not axis.low <= limit.value <= axis.high:
        return
    at = axis.at(limit.value)
    if limit.is_across:
        drawing.line(at, upward.start, at, upward.end, "c-limit")
        drawing.text(at - 4, upward.end + 12, limit.name, "end c-soft")
    else:
        drawing.line(across.start, at, across.end, at, "c-limit")
        drawing.text(across.end - 4, at - 5, limit.name, "end c-soft")


def _write_names(
    drawing: Drawing, marks: Sequence[Mark], places: Sequence[tuple[float, float]], across: Axis
) -> None:
    """Write each name at the first of four corners that is free; none where all are taken."""
    taken = [(x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS) for x, y in places]
    for mark, (x, y) in zip(marks, places, strict=True):
        width = LETTER_WIDTH * len(mark.name)
        for left, bottom in (
            (x + 7, y - 5),
            (x + 7, y + 14),
            (x - 7 - width, y + 14),
            (x - 7 - width, y - 5),
        ):
            box = (left, bottom - _LETTER_HEIGHT, left + width, bottom)
            if box[0] < across.start or any(_overlap(box, other) for other in taken):
                continue
            taken.append(box)
            drawing.text(left, bottom, mark.name, "c-soft")
            break


_Box = tuple[float, float, float, float]


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
