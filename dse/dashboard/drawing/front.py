"""The front of a study's page as a file: the same trials and axes as the chart in the browser."""

from datetime import UTC, datetime

import numpy as np

from dse.dashboard.data.axes import Along, along
from dse.dashboard.data.payload import MOST_DRAWN, drawn, limits
from dse.dashboard.data.selection import Scale, Selection, is_log
from dse.output.drawing.scale import Axis, category_axis, make_axis
from dse.output.drawing.scatter import Limit, Mark, Scatter, draw_scatter
from dse.output.drawing.svg import LETTER_WIDTH, SERIES, Drawing
from dse.results.columns import ABSENT, FIDELITIES, Floats, Mask, StudyColumns
from dse.results.front import Verdict
from dse.words import plural, unit_text, value_text

WIDTH, HEIGHT = 860.0, 516.0
_LINE = 18.0
"""Height of a line of the key above the chart."""
_KEY = 52.0
"""Where its first line stands."""


def front_picture(columns: StudyColumns, selection: Selection) -> Drawing:
    """Return the chosen trials over the chosen metrics, for ``/studies/STUDY/front.svg``."""
    name = columns.config.name
    drawing = Drawing(WIDTH, HEIGHT, f"{name}: {selection.y} over {selection.x}")
    places = along(columns, selection.x), along(columns, selection.y)
    x, y = (place.values for place in places)
    sample = np.zeros(len(columns), dtype=np.bool_)
    sample[drawn(columns, MOST_DRAWN, selection)] = True
    chosen = selection.mask(columns) & np.isfinite(x) & np.isfinite(y) & sample
    omitted = len(columns) - int(sample.sum())
    across, upward = (
        _axis(place, chosen, name, scale, columns, start=start, end=end)
        for place, name, scale, start, end in (
            (places[0], selection.x, selection.x_scale, 70, WIDTH - 20),
            (
                places[1],
                selection.y,
                selection.y_scale,
                HEIGHT - 50,
                _KEY + (_LINE if selection.colour else 0) + 34,
            ),
        )
    )
    words = [f"{name}: {plural(int(chosen.sum()), 'trial')}", *selection.in_words()]
    words += [f"a sample, {omitted:,} are not drawn"] if omitted else []
    drawing.text(10, 20, "; ".join(words), "c-head")
    drawing.text(10, 36, _origin(columns, selection), "c-soft")
    verdicts = selection.standing(columns).verdicts
    is_front = chosen & (verdicts == Verdict.FRONT)
    is_bad = chosen & np.isin(verdicts, [Verdict.EXCLUDED, Verdict.INFEASIBLE, Verdict.FAILED])
    scatter = Scatter(
        x_label=_label(columns, selection.x),
        y_label=_label(columns, selection.y),
        front=_marks(columns, selection, is_front),
        others=_places(x, y, chosen & ~is_front & ~is_bad),
        crosses=_places(x, y, is_bad),
        limits=_limits(columns, selection),
        has_steps={selection.x, selection.y} == set(columns.config.objectives)
        and selection.x != selection.y,
    )
    draw_scatter(drawing, scatter, across=across, upward=upward)
    _write_key(drawing, scatter)
    if selection.colour:
        _colour(drawing, columns, selection, chosen & ~is_bad, across=across, upward=upward)
    return drawing


def _write_key(drawing: Drawing, scatter: Scatter) -> None:
    """Say what each sort of point is, and how many of it are drawn."""
    hollow = sum(mark.is_hollow for mark in scatter.front)
    left = 10.0
    for kind, name, count in (
        ("c-mark", "front", len(scatter.front) - hollow),
        ("c-hollow", "front, an estimate", hollow),
        ("c-other", "dominated", len(scatter.others)),
        ("c-cross", "infeasible, excluded or failed", len(scatter.crosses)),
    ):
        if not count:
            continue
        if kind == "c-cross":
            drawing.path(f"M{left + 1:.1f} {_KEY - 8:.1f}l8 8m0 -8l-8 8", kind)
        else:
            drawing.circle(left + 5, _KEY - 4, 4.5, kind)
        words = f"{name} ({count:,})"
        drawing.text(left + 14, _KEY, words, "c-soft")
        left += 24 + LETTER_WIDTH * len(words)


def _colour(
    drawing: Drawing,
    columns: StudyColumns,
    selection: Selection,
    shown: Mask,
    *,
    across: Axis,
    upward: Axis,
) -> None:
    """Draw the shown trials anew, coloured by a parameter, and say what each colour is."""
    parameter = columns.parameters[selection.colour]
    texts = [value_text(value) for value in parameter.values]
    texts += ["-"] if (parameter.codes == ABSENT).any() else []
    last = min(len(texts), len(SERIES)) - 1
    names = [*texts[:last], "others" if len(texts) > len(SERIES) else texts[last]]
    left = 10.0
    for group, name in enumerate(names):
        drawing.circle(left + 5, _KEY + _LINE - 4, 4.5, f"c-series-mark-{group}")
        words = f"{selection.colour} = {name}" if group == 0 else name
        drawing.text(left + 14, _KEY + _LINE, words, "c-soft")
        left += 24 + LETTER_WIDTH * len(words)
    codes = np.where(parameter.codes == ABSENT, len(texts) - 1, parameter.codes)
    x, y = along(columns, selection.x).values, along(columns, selection.y).values
    for position in np.flatnonzero(shown).tolist():
        kind = f"c-series-mark-{min(int(codes[position]), last)}"
        drawing.circle(across.at(float(x[position])), upward.at(float(y[position])), 3.4, kind)


def _places(x: Floats, y: Floats, mask: Mask) -> list[tuple[float, float]]:
    return list(zip(x[mask].tolist(), y[mask].tolist(), strict=True))


def _marks(columns: StudyColumns, selection: Selection, is_front: Mask) -> list[Mark]:
    """Return the trials on the front, best in the metric across first."""
    x, y = along(columns, selection.x).values, along(columns, selection.y).values
    positions = np.flatnonzero(is_front)
    sign = -1.0 if selection.x in columns.config.maximise else 1.0
    ordered = positions[np.argsort(sign * x[positions], kind="stable")]
    is_estimate = _estimates(columns, selection)
    return [
        Mark(
            x=float(x[p]),
            y=float(y[p]),
            name=str(columns.trials[p].number),
            is_hollow=bool(is_estimate[p]),
        )
        for p in ordered.tolist()
    ]


def _estimates(columns: StudyColumns, selection: Selection) -> Mask:
    """Return where a trial stands at a value that is only expected."""
    found = np.zeros(len(columns), dtype=np.bool_)
    for metric in (selection.x, selection.y):
        if metric in columns.metrics:
            found |= columns.metrics[metric].estimate
    return found


def _origin(columns: StudyColumns, selection: Selection) -> str:
    """Say of a picture that is sent around where, when and how its values came about."""
    created = datetime.fromtimestamp(columns.created_s, UTC).date()
    words = [f"{columns.config.network_name} on {columns.config.target.part}, {created}"]
    reached = {int(columns.metrics[n].fidelity.max(initial=-1)) for n in columns.metrics}
    words += [f"up to {FIDELITIES[max(reached)].value}"] if max(reached, default=-1) >= 0 else []
    if _estimates(columns, selection).any():
        words.append("rings stand at an expected clock or expected cells")
    return "; ".join(words)


def _axis(
    place: Along,
    chosen: Mask,
    metric: str,
    scale: Scale,
    columns: StudyColumns,
    *,
    start: float,
    end: float,
) -> Axis:
    if place.categories:
        return category_axis(place.categories, start=start, end=end)
    shown = place.values[chosen].tolist() + [
        r.value for r in columns.config.references if r.metric == metric
    ]
    is_wide = is_log(np.array(shown), scale)
    return make_axis(shown, start=start, end=end, is_log=is_wide, metric=metric, stops=place.stops)


def _limits(columns: StudyColumns, selection: Selection) -> list[Limit]:
    """Return other systems' figures and the part's limits in the two metrics."""
    part = columns.config.target.part
    values = [(r.metric, r.value, r.name) for r in columns.config.references]
    values += [(metric, value, part) for metric, value in limits(columns).items()]
    return [
        Limit(value=value, name=name, is_across=is_across)
        for metric, value, name in values
        for axis, is_across in ((selection.x, True), (selection.y, False))
        if metric == axis
    ]


def _label(columns: StudyColumns, metric: str) -> str:
    found = columns.metrics.get(metric)
    goal = "minimise" if metric in columns.config.minimise else ""
    goal = goal or ("maximise" if metric in columns.config.maximise else "")
    unit = "" if found is None else unit_text(metric, found.unit)
    return f"{metric}{f' [{unit}]' if unit else ''}{f' ({goal})' if goal else ''}"
