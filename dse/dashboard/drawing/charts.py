"""The small charts: bars, shares of a part, steps over time, effects."""

from collections.abc import Sequence
from dataclasses import dataclass

from dse.dashboard.data.effects import Effect, Level
from dse.dashboard.drawing.scale import Axis, make_axis, short
from dse.dashboard.drawing.svg import Drawing
from dse.results.growth import Growth
from dse.words import number_text

WIDTH = 640.0
_ROW = 22.0
_SMALL = 420.0


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
    """Draw what is used of what there is: (name, used, there)."""
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


def growth_chart(growth: Growth, *, over: str, title: str) -> Drawing:
    """Draw the share of the final hypervolume over ended trials or over hours."""
    drawing = Drawing(WIDTH, 240, title)
    is_time = over == "time"
    hours = growth.total_s >= 7200
    unit = 3600.0 if hours else 60.0
    xs = [s / unit for s in growth.elapsed_s] if is_time else list(map(float, growth.ended))
    last = growth.total_s / unit if is_time else float(growth.total_ended)
    across = Axis(low=0.0, high=max(last, 1e-9), start=48, end=WIDTH - 16)
    upward = Axis(low=0.0, high=1.05, start=200, end=12)
    frame(drawing, across, upward, percent=True)
    name = ("hours" if hours else "minutes") + " since the first trial started"
    drawing.text(
        (across.start + across.end) / 2, 234, name if is_time else "trials ended", "mid c-soft"
    )
    points = [f"M{across.start:.1f} {upward.at(0):.1f}"]
    for x, volume in zip(xs, growth.volume, strict=True):
        points.append(f"H{across.at(x):.1f}V{upward.at(volume):.1f}")
    points.append(f"H{across.end:.1f}")
    drawing.path("".join(points), "c-line")
    return drawing


def effect_drawings(effects: Sequence[Effect]) -> list[Drawing]:
    """Draw each effect by itself, all over the same axis, to stand beside each other."""
    return [_one_effect(effect, _effect_axis(effects, 96.0, _SMALL - 52)) for effect in effects]


def _one_effect(effect: Effect, axis: Axis) -> Drawing:
    drawing = Drawing(_SMALL, len(effect.levels) * 18 + 24, f"Effect of {effect.parameter}")
    bottom = drawing.height - 20
    for tick in axis.ticks(5):
        drawing.line(axis.at(tick), 0, axis.at(tick), bottom, "c-grid")
        drawing.text(axis.at(tick), bottom + 14, short(tick), "mid c-soft")
    for number, level in enumerate(effect.levels):
        _level(drawing, axis, effect, level, number * 18.0, names=88, counts=_SMALL - 2)
    return drawing


def _effect_axis(effects: Sequence[Effect], start: float, end: float) -> Axis:
    values = [v for e in effects for level in e.levels for v in (level.low, level.high)]
    is_log = bool(values) and min(values) > 0 and max(values) >= 20 * min(values)
    return make_axis(values, start=start, end=end, is_log=is_log)


def _level(
    drawing: Drawing,
    axis: Axis,
    effect: Effect,
    level: Level,
    y: float,
    *,
    names: float,
    counts: float,
) -> None:
    drawing.text(names, y + 13, level.value, "end")
    drawing.line(axis.at(level.low), y + 9, axis.at(level.high), y + 9, "c-range")
    hint = (
        f"{effect.parameter} = {level.value}: median {number_text(level.middle)}, "
        f"{number_text(level.low)} to {number_text(level.high)}, {level.trials} trials"
    )
    drawing.circle(axis.at(level.middle), y + 9, 4.5, "c-mark", hint)
    drawing.text(counts, y + 13, f"n={level.trials}", "end c-soft")


def effect_chart(effects: Sequence[Effect], *, unit: str, title: str) -> Drawing:
    """Draw for each value of each parameter where the metric lies: range, median, count."""
    rows = sum(len(effect.levels) + 1 for effect in effects)
    drawing = Drawing(WIDTH, rows * 18 + len(effects) * 8 + 34, title)
    axis = _effect_axis(effects, 150, WIDTH - 70)
    bottom = drawing.height - 30
    for tick in axis.ticks():
        drawing.line(axis.at(tick), 0, axis.at(tick), bottom, "c-grid")
        drawing.text(axis.at(tick), bottom + 14, short(tick), "mid c-soft")
    drawing.text(WIDTH - 4, bottom + 14, unit, "end c-soft")
    y = 0.0
    for effect in effects:
        drawing.text(4, y + 13, effect.parameter, "c-head")
        drawing.text(WIDTH - 4, y + 13, f"{effect.share:.0%}", "end c-soft")
        y += 18
        for level in effect.levels:
            _level(drawing, axis, effect, level, y, names=142, counts=WIDTH - 4)
            y += 18
        y += 8
    return drawing


def frame(drawing: Drawing, across: Axis, upward: Axis, *, percent: bool = False) -> None:
    """Draw ticks, their values and grid lines of two axes."""
    for tick in across.ticks(8):
        x = across.at(tick)
        drawing.line(x, upward.start, x, upward.end, "c-grid")
        drawing.text(x, upward.start + 16, short(tick), "mid c-soft")
    for tick in upward.ticks(6):
        y = upward.at(tick)
        drawing.line(across.start, y, across.end, y, "c-grid")
        text = f"{tick:.0%}" if percent else short(tick)
        drawing.text(across.start - 6, y + 4, text, "end c-soft")
    drawing.line(across.start, upward.start, across.end, upward.start, "c-axis")
