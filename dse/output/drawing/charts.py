"""Bars, shares of a whole, and the frame of two axes that other charts draw in."""

from collections.abc import Sequence
from dataclasses import dataclass

from dse.output.drawing.scale import Axis, make_axis
from dse.output.drawing.svg import Drawing
from dse.words import number_text

WIDTH = 640.0
_ROW = 22.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: its name, length, and what is written behind it."""

    name: str
    value: float
    text: str
    hint: str = ""
    kind: str = "c-bar"


def bar_chart(bars: Sequence[Bar], *, title: str, names_width: float = 150.0) -> Drawing:
    """Draw horizontal bars from zero."""
    drawing = Drawing(WIDTH, len(bars) * _ROW + 6, title)
    longest = max((len(bar.text) for bar in bars), default=0)
    axis = make_axis(
        [bar.value for bar in bars],
        start=names_width,
        end=WIDTH - 12 - 6.6 * longest,
        from_zero=True,
    )
    for number, bar in enumerate(bars):
        y = number * _ROW + 3
        drawing.text(names_width - 8, y + 14, bar.name, "end")
        end = axis.at(bar.value)
        drawing.rect(names_width, y + 2, max(end - names_width, 1.0), _ROW - 7, bar.kind, bar.hint)
        drawing.text(end + 6, y + 14, bar.text, "c-soft")
    return drawing


def share_chart(shares: Sequence[tuple[str, float, float]], *, title: str) -> Drawing:
    """Draw a bar for each (name, used, there): the part of it that is used, and both as text."""
    drawing = Drawing(WIDTH, len(shares) * _ROW + 6, title)
    start, end = 110.0, WIDTH - 210.0
    for number, (name, used, there) in enumerate(shares):
        y = number * _ROW + 3
        share = used / there if there else 0.0
        drawing.text(start - 8, y + 14, name, "end")
        drawing.rect(start, y + 2, end - start, _ROW - 7, "c-track")
        kind = "c-over" if share > 1 else "c-bar"
        drawing.rect(start, y + 2, min(share, 1.0) * (end - start), _ROW - 7, kind)
        text = f"{number_text(used)} of {number_text(there)} ({share:.1%})"
        drawing.text(end + 8, y + 14, text, "c-soft")
    return drawing


def frame(drawing: Drawing, across: Axis, upward: Axis, *, percent: bool = False) -> None:
    """Draw ticks, their values and grid lines of two axes."""
    for tick in across.ticks(8):
        x = across.at(tick)
        drawing.line(x, upward.start, x, upward.end, "c-grid")
        drawing.text(x, upward.start + 16, across.tick_text(tick), "mid c-soft")
    for tick in upward.ticks(6):
        y = upward.at(tick)
        drawing.line(across.start, y, across.end, y, "c-grid")
        text = f"{tick:.0%}" if percent else upward.tick_text(tick)
        drawing.text(across.start - 6, y + 4, text, "end c-soft")
    drawing.line(across.start, upward.start, across.end, upward.start, "c-axis")
