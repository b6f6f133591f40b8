"""What each parameter goes with: for each of its values the range and the median of a metric."""

from collections.abc import Sequence
from functools import partial

from dse.output.drawing.charts import WIDTH
from dse.output.drawing.scale import Axis, make_axis
from dse.output.drawing.svg import Drawing
from dse.results.effects import Effect, Level
from dse.words import metric_text

_SMALL = 420.0


def effect_drawings(effects: Sequence[Effect]) -> list[Drawing]:
    """Draw each effect by itself, all over the same axis, to stand beside each other."""
    return [_one_effect(effect, _effect_axis(effects, 96.0, _SMALL - 52)) for effect in effects]


def _one_effect(effect: Effect, axis: Axis) -> Drawing:
    drawing = Drawing(_SMALL, len(effect.levels) * 18 + 24, f"Effect of {effect.parameter}")
    bottom = drawing.height - 20
    for tick in axis.ticks(4):
        drawing.line(axis.at(tick), 0, axis.at(tick), bottom, "c-grid")
        drawing.text(axis.at(tick), bottom + 14, axis.tick_text(tick), "mid c-soft")
    for number, level in enumerate(effect.levels):
        _level(drawing, axis, effect, level, number * 18.0, names=88, counts=_SMALL - 2)
    return drawing


def _effect_axis(effects: Sequence[Effect], start: float, end: float) -> Axis:
    values = [v for e in effects for level in e.levels for v in (level.low, level.high)]
    is_log = bool(values) and min(values) > 0 and max(values) >= 20 * min(values)
    metric = effects[0].metric if effects else ""
    return make_axis(values, start=start, end=end, is_log=is_log, metric=metric)


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
    write = partial(metric_text, effect.metric)
    hint = (
        f"{effect.parameter} = {level.value}: median {write(level.middle)}, "
        f"{write(level.low)} to {write(level.high)}, {level.trials} trials"
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
        drawing.text(axis.at(tick), bottom + 14, axis.tick_text(tick), "mid c-soft")
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
