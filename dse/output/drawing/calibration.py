"""Predicted against measured: one square for each objective, intervals as bars."""

from collections.abc import Sequence

from dse.output.drawing.charts import frame
from dse.output.drawing.scale import Axis, make_axis
from dse.output.drawing.svg import Drawing
from dse.results.calibration import Calibration, Pair
from dse.words import number_text

_SIDE, _LEFT, _TOP, _BOTTOM = 250.0, 64.0, 40.0, 44.0
_WIDE = 10
"""Values that span more than this factor are shown on a logarithmic axis."""


def calibration_chart(found: Sequence[Calibration], *, title: str) -> Drawing:
    """Draw each objective: what was predicted upwards, with its 90 % interval, over what came out.

    Args:
        found: Those with at least one pair.
        title: What a screen reader says.
    """
    cell = _LEFT + _SIDE + 16
    drawing = Drawing(cell * len(found), _TOP + _SIDE + _BOTTOM, title)
    for place, calibration in enumerate(found):
        _square(drawing, calibration, left=place * cell + _LEFT)
    return drawing


def _square(drawing: Drawing, calibration: Calibration, *, left: float) -> None:
    values = [value for pair in calibration.pairs for value in (pair.measured, pair.middle)]
    is_log = 0 < min(values) * _WIDE < max(values)
    across = make_axis(values, start=left, end=left + _SIDE, is_log=is_log)
    upward = Axis(
        low=across.low, high=across.high, start=_TOP + _SIDE, end=_TOP, is_log=across.is_log
    )
    frame(drawing, across, upward)
    share = f"{calibration.covered} of {len(calibration.pairs)} in their 90 % interval"
    drawing.text(left, 14, calibration.metric, "c-head")
    drawing.text(left, 30, share, "c-soft")
    drawing.text(left + _SIDE / 2, upward.start + 36, "measured", "mid c-soft")
    drawing.line(across.start, upward.start, across.end, upward.end, "c-limit")
    for pair in calibration.pairs:
        x = across.at(pair.measured)
        low, high = (_within(value, upward) for value in (pair.low, pair.high))
        drawing.line(x, low, x, high, "c-range" if pair.is_covered else "c-cross")
        kind = "c-mark" if pair.is_covered else "c-bad"
        drawing.circle(x, upward.at(pair.middle), 3.0, kind, _hint(pair))


def _within(value: float, axis: Axis) -> float:
    return axis.at(min(max(value, axis.low), axis.high))


def _hint(pair: Pair) -> str:
    return (
        f"trial {pair.trial}: {number_text(pair.measured)}, predicted {number_text(pair.middle)},"
        f" {number_text(pair.low)} to {number_text(pair.high)}"
    )
