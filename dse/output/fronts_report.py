"""Fronts side by side, and the choice among designs: as text, as data, and as a picture."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from dse.output.drawing.charts import frame
from dse.output.drawing.scale import make_axis
from dse.output.drawing.svg import LETTER_WIDTH, SERIES, Drawing
from dse.output.picture import require_picture, write_picture
from dse.output.report import table_text
from dse.results.choosing import Choice
from dse.results.fronts_by import FrontPoint, FrontsBy, GroupFront
from dse.words import number_text

_WIDE = 10
"""Values that span more than this factor are shown on a logarithmic axis."""
_WIDTH, _HEIGHT = 820.0, 520.0
_LEFT, _BOTTOM, _TOP = 76.0, 50.0, 60.0
_ROW = 18.0


def fronts_data(fronts: FrontsBy) -> dict[str, Any]:
    """Return fronts as JSON has them."""
    return asdict(fronts)


def fronts_text(fronts: FrontsBy) -> str:
    """Lay out what each front has and adds."""
    first = fronts.groups[0]
    header = [
        fronts.by,
        "trials",
        "on its front",
        "on the joint front",
        *(f"best {name}" for name in fronts.objectives),
        *(f"against {first.name}" for _ in fronts.objectives[:1]),
        "adds",
    ]
    rows = [
        [
            group.name,
            str(group.trials),
            str(len(group.points)),
            str(sum(point.is_joint for point in group.points)),
            *(_figure(group, at) for at in range(len(fronts.objectives))),
            _against(fronts, group, first),
            f"{group.adds:.1%}",
        ]
        for group in fronts.groups
    ]
    notes = [
        "adds: the share of what all fronts dominate together that no other one does",
        *(["~: an estimate, not placed"] if any(map(_has_estimate, fronts.groups)) else []),
    ]
    return "\n".join([table_text(header, rows), "", *notes])


def plot_fronts(fronts: FrontsBy, path: Path) -> None:
    """Draw the fronts over their first two objectives to an SVG or PNG file.

    Raises:
        ConfigError: The ending is unknown, the file cannot be written, or a PNG is wanted and the
            machine has no font for its text.
    """
    require_picture(path)
    write_picture(fronts_drawing(fronts), path)


def fronts_drawing(fronts: FrontsBy) -> Drawing:
    """Return the picture: a front in a colour for each group, the table of what it adds below."""
    title = f"{', '.join(fronts.studies)}: one front for each {fronts.by}"
    names = max(len(group.name) for group in fronts.groups) * LETTER_WIDTH
    height = _HEIGHT + _ROW * (len(fronts.groups) + 2)
    drawing = Drawing(max(_WIDTH, names + 560), height, title)
    drawing.text(10, 20, title, "c-head")
    values = [_place(point) for group in fronts.groups for point in group.points]
    xs, ys = [x for x, _ in values], [y for _, y in values]
    across = make_axis(xs, start=_LEFT, end=_WIDTH - 20, is_log=_is_wide(xs))
    upward = make_axis(ys, start=_HEIGHT - _BOTTOM, end=_TOP, is_log=_is_wide(ys))
    frame(drawing, across, upward)
    labels = [
        f"{name} ({goal})" for name, goal in zip(fronts.objectives, fronts.goals, strict=True)
    ]
    x_name, y_name = labels[:2] if len(labels) > 1 else ("trial", labels[0])
    drawing.text((_LEFT + _WIDTH) / 2, upward.start + 38, x_name, "mid c-soft")
    drawing.text(16, _TOP - 14, y_name, "c-soft")
    for number, group in enumerate(fronts.groups):
        kind = number % len(SERIES)
        places = [(across.at(x), upward.at(y)) for x, y in map(_place, group.points)]
        if len(fronts.objectives) == 2:
            (x, y), *further = places
            steps = "".join(f"H{x:.1f}V{y:.1f}" for x, y in further)
            drawing.path(f"M{x:.1f} {y:.1f}{steps}", f"c-series-line-{kind}")
        for point, (x, y) in zip(group.points, places, strict=True):
            sort = "hollow" if point.is_estimate else "mark"
            hint = f"{group.name}: trial {point.number} of {point.study}"
            drawing.circle(x, y, 5.0, f"c-series-{sort}-{kind}", hint)
    _write_table(drawing, fronts, names)
    return drawing


def _write_table(drawing: Drawing, fronts: FrontsBy, names: float) -> None:
    y = _HEIGHT + 8
    shown = range(len(fronts.objectives[:2]))
    columns = [26 + names + at for at in (110, 250, 390, 480)]
    header = ["on its front", *(f"best {fronts.objectives[at]}" for at in shown), "adds"]
    drawing.text(26, y, fronts.by, "c-head")
    for x, text in zip(columns, header, strict=False):  # one objective leaves a column over
        drawing.text(x, y, text, "end c-head")
    for number, group in enumerate(fronts.groups):
        y += _ROW
        drawing.circle(14, y - 4, 4.5, f"c-series-mark-{number % len(SERIES)}")
        drawing.text(26, y, group.name)
        figures = (_figure(group, at) for at in shown)
        cells = [str(len(group.points)), *figures, f"{group.adds:.1%}"]
        for x, text in zip(columns, cells, strict=False):
            drawing.text(x, y, text, "end")
    if any(map(_has_estimate, fronts.groups)):
        drawing.text(26, y + _ROW, "hollow, ~: an estimate, not placed", "c-soft")


def choice_data(choice: Choice) -> dict[str, Any]:
    """Return a choice as JSON has it."""
    return asdict(choice)


def choice_text(choice: Choice, *, most: int = 20) -> str:
    """Lay out the candidates, the best score first.

    Args:
        choice: To lay out.
        most: Rows of the table.
    """
    rows = []
    for candidate in choice.candidates[:most]:
        what = ["knee"] if candidate.is_knee else []
        what += [f"best {name}" for name in candidate.best_in]
        rows.append(
            [
                str(candidate.number),
                *(
                    ("~" if name in candidate.estimates else "") + number_text(value)
                    for name, value in zip(choice.objectives, candidate.values, strict=True)
                ),
                f"{candidate.score:.3f}",
                "-" if candidate.spare is None else f"{candidate.spare:.0%}",
                ", ".join(what),
            ]
        )
    first = choice.candidates[0]
    left_out = len(choice.candidates) - len(rows)
    lines = [
        f"{choice.kept} of {choice.counted} trials that count keep the limits,"
        f" {len(choice.candidates)} of them lose to no other",
        "",
        table_text(["trial", *choice.objectives, "score", "spare", ""], rows),
        *([f"and {left_out} more: --json has all"] if left_out else []),
        "",
        "score: 0 is the best of these in every objective, 1 the worst; the knee is the lowest with"
        " equal weights",
        f"look at it: python -m dse.study show {choice.study} {first.number}",
    ]
    return "\n".join(lines)


def _place(point: FrontPoint) -> tuple[float, float]:
    """Return where a point is drawn: by two objectives, or by its number and the only one."""
    first, *others = point.values
    return (first, others[0]) if others else (float(point.number), first)


def _is_wide(values: list[float]) -> bool:
    return 0 < min(values) * _WIDE < max(values)


def _has_estimate(group: GroupFront) -> bool:
    return any(point.is_estimate for point in group.points)


def _figure(group: GroupFront, objective: int) -> str:
    mark = "~" if _has_estimate(group) else ""
    return mark + number_text(group.best[objective])


def _against(fronts: FrontsBy, group: GroupFront, first: GroupFront) -> str:
    """Return how many times better a group's best is in the first objective than the first's."""
    if not fronts.objectives or group is first:
        return "-"
    ours, theirs = group.best[0], first.best[0]
    if ours <= 0 or theirs <= 0:
        return "-"
    ratio = theirs / ours if fronts.goals[0] == "minimise" else ours / theirs
    return f"{ratio:.2f}x"
