"""The front as a picture: what the chart shows, for files and for pages without script."""

import numpy as np

from dse.dashboard.data.payload import limits
from dse.dashboard.data.selection import Selection, is_log
from dse.dashboard.drawing.charts import frame
from dse.dashboard.drawing.scale import Axis, make_axis
from dse.dashboard.drawing.svg import Drawing
from dse.results.columns import StudyColumns
from dse.results.front import Verdict

WIDTH, HEIGHT = 860.0, 480.0


def front_picture(columns: StudyColumns, selection: Selection) -> Drawing:
    """Draw the chosen trials over the chosen metrics."""
    name = columns.config.name
    drawing = Drawing(WIDTH, HEIGHT, f"{name}: {selection.y} over {selection.x}")
    x, y = columns.column(selection.x), columns.column(selection.y)
    chosen = selection.mask(columns) & np.isfinite(x) & np.isfinite(y)
    across = _axis(x[chosen], selection.x, selection, columns, start=70, end=WIDTH - 20)
    upward = _axis(y[chosen], selection.y, selection, columns, start=HEIGHT - 50, end=34)
    frame(drawing, across, upward)
    drawing.text(70, 20, f"{name}: {chosen.sum()} trials", "c-head")
    drawing.text(
        (across.start + across.end) / 2, HEIGHT - 12, _label(columns, selection.x), "mid c-soft"
    )
    drawing.text(across.start - 60, 20, _label(columns, selection.y), "c-soft")
    verdicts = columns.standing.verdicts
    is_front = chosen & (verdicts == Verdict.FRONT)
    is_bad = chosen & np.isin(verdicts, [Verdict.EXCLUDED, Verdict.INFEASIBLE, Verdict.FAILED])
    others = chosen & ~is_front & ~is_bad

    def places(mask: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> list[tuple[float, float]]:
        return [
            (across.at(a), upward.at(b))
            for a, b in zip(x[mask].tolist(), y[mask].tolist(), strict=True)
        ]

    drawing.path("".join(f"M{a:.1f} {b:.1f}h0" for a, b in places(others)), "c-dot")
    crosses = (f"M{a - 4:.1f} {b - 4:.1f}l8 8m0 -8l-8 8" for a, b in places(is_bad))
    drawing.path("".join(crosses), "c-cross")
    _lines(drawing, columns, selection, across, upward)
    steps = _steps(columns, selection, is_front, across, upward)
    if steps:
        drawing.path(steps, "c-line")
    for position in np.flatnonzero(is_front).tolist():
        a, b = across.at(float(x[position])), upward.at(float(y[position]))
        drawing.circle(a, b, 5, "c-mark", f"trial {columns.trials[position].number}")
        drawing.text(a + 7, b - 6, str(columns.trials[position].number), "c-soft")
    return drawing


def _axis(
    values: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    metric: str,
    selection: Selection,
    columns: StudyColumns,
    *,
    start: float,
    end: float,
) -> Axis:
    scale = selection.x_scale if metric == selection.x else selection.y_scale
    shown = values.tolist() + [r.value for r in columns.config.references if r.metric == metric]
    return make_axis(shown, start=start, end=end, is_log=is_log(np.array(shown), scale))


def _lines(
    drawing: Drawing, columns: StudyColumns, selection: Selection, across: Axis, upward: Axis
) -> None:
    """Draw other systems' figures and the part's limits that lie within the axes."""
    part = columns.config.target.part
    lines = [(r.metric, r.value, r.name) for r in columns.config.references]
    lines += [(metric, value, part) for metric, value in limits(columns).items()]
    for metric, value, name in lines:
        if metric == selection.x and across.low <= value <= across.high:
            at = across.at(value)
            drawing.line(at, upward.start, at, upward.end, "c-limit")
            drawing.text(at - 4, upward.end + 12, name, "end c-soft")
        if metric == selection.y and upward.low <= value <= upward.high:
            at = upward.at(value)
            drawing.line(across.start, at, across.end, at, "c-limit")
            drawing.text(across.end - 4, at - 5, name, "end c-soft")


def _steps(
    columns: StudyColumns,
    selection: Selection,
    is_front: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
    across: Axis,
    upward: Axis,
) -> str:
    """Return the border of what the front dominates, for two objectives; else nothing."""
    if {selection.x, selection.y} != set(columns.config.objectives) or selection.x == selection.y:
        return ""
    x, y = columns.column(selection.x)[is_front], columns.column(selection.y)[is_front]
    ascending = selection.x in columns.config.minimise
    order = np.argsort(x if ascending else -x)
    path = ""
    for a, b in zip(x[order].tolist(), y[order].tolist(), strict=True):
        place = f"{across.at(a):.1f}"
        path += f"H{place}V{upward.at(b):.1f}" if path else f"M{place} {upward.at(b):.1f}"
    return path


def _label(columns: StudyColumns, metric: str) -> str:
    found = columns.metrics.get(metric)
    goal = "minimise" if metric in columns.config.minimise else ""
    goal = goal or ("maximise" if metric in columns.config.maximise else "")
    unit = "" if found is None or found.unit in metric else f" [{found.unit}]"
    return f"{metric}{unit}{f' ({goal})' if goal else ''}"
