"""Fronts side by side, and the choice among designs: as text, as data, and as a picture."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from dse import program
from dse.output.drawing.charts import frame
from dse.output.drawing.quantity import quantity
from dse.output.drawing.scale import make_axis
from dse.output.drawing.svg import LETTER_WIDTH, SERIES, Drawing
from dse.output.picture import require_picture, write_picture
from dse.output.report import table_text
from dse.results.choosing import Choice
from dse.results.fronts_by import FrontPoint, FrontsBy, GroupFront
from dse.words import metric_text, metric_title

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
        *(f"best {metric_title(name)}" for name in fronts.objectives),
        *(f"against {first.name}" for _ in fronts.objectives[:1]),
        "adds",
    ]
    rows = [
        [
            group.name,
            str(group.trials),
            str(len(group.points)),
            str(sum(point.is_joint for point in group.points)),
            *(_figure(group, at, name) for at, name in enumerate(fronts.objectives)),
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


def fronts_rows(fronts: FrontsBy) -> list[dict[str, Any]]:
    """Return the table of what each front has and adds: a row a group, figures as numbers."""
    first = fronts.groups[0]
    return [
        {
            fronts.by: group.name,
            "trials": group.trials,
            "on_its_front": len(group.points),
            "on_the_joint_front": sum(point.is_joint for point in group.points),
            **{f"best_{name}": group.best[at] for at, name in enumerate(fronts.objectives)},
            "is_estimate": _has_estimate(group),
            "against_the_first": _against(fronts, group, first),
            "adds": round(group.adds, 4),
        }
        for group in fronts.groups
    ]


def plot_fronts(fronts: FrontsBy, path: Path) -> None:
    """Draw the fronts over their first two objectives to an SVG or PNG file.

    Raises:
        ConfigError: The ending is unknown, the file cannot be written, or a PNG is wanted and the
            machine has no font for its text.
    """
    require_picture(path)
    write_picture(fronts_drawing(fronts), path)


def fronts_drawing(fronts: FrontsBy, *, with_table: bool = True) -> Drawing:
    """Return the picture: a front in a colour for each group, the table of what it adds below.

    Without the table the groups' names and colours stand there alone: what it says stands beside.
    """
    title = f"{', '.join(fronts.studies)}: one front for each {fronts.by}"
    names = max(len(group.name) for group in fronts.groups) * LETTER_WIDTH
    height = _HEIGHT + _ROW * (len(fronts.groups) + 2)
    drawing = Drawing(max(_WIDTH, names + 560), height, title)
    drawing.text(10, 20, title, "c-head")
    values = [_place(point, fronts) for group in fronts.groups for point in group.points]
    xs, ys = [x for x, _ in values], [y for _, y in values]
    across = make_axis(xs, start=_LEFT, end=_WIDTH - 20, is_log=_is_wide(xs))
    upward = make_axis(ys, start=_HEIGHT - _BOTTOM, end=_TOP, is_log=_is_wide(ys))
    frame(drawing, across, upward)
    axes = (across, upward) if len(fronts.objectives) > 1 else (upward,)
    labels = [
        quantity(name).label(goal, *(["logarithmic"] if axis.is_log else []))
        for name, goal, axis in zip(fronts.objectives, fronts.goals, axes, strict=False)
    ]
    x_name, y_name = (labels[0], labels[1]) if len(labels) > 1 else ("trial", labels[0])
    drawing.text((_LEFT + _WIDTH) / 2, upward.start + 38, x_name, "mid c-soft")
    drawing.text(16, _TOP - 14, y_name, "c-soft")
    for number, group in enumerate(fronts.groups):
        kind = number % len(SERIES)
        places = [
            (across.at(x), upward.at(y)) for x, y in (_place(p, fronts) for p in group.points)
        ]
        if len(fronts.objectives) == 2:
            (x, y), *further = places
            steps = "".join(f"H{x:.1f}V{y:.1f}" for x, y in further)
            drawing.path(f"M{x:.1f} {y:.1f}{steps}", f"c-series-line-{kind}")
        for point, (x, y) in zip(group.points, places, strict=True):
            sort = "hollow" if point.is_estimate else "mark"
            hint = f"{group.name}: trial {point.number} of {point.study}"
            drawing.circle(x, y, 5.0, f"c-series-{sort}-{kind}", hint)
    if with_table:
        _write_table(drawing, fronts, names)
    else:
        _write_key(drawing, fronts)
    return drawing


def _write_key(drawing: Drawing, fronts: FrontsBy) -> None:
    x, y = 14.0, _HEIGHT + 8
    for number, group in enumerate(fronts.groups):
        width = 24 + len(group.name) * LETTER_WIDTH
        if x + width > drawing.width and x > 14.0:
            x, y = 14.0, y + _ROW
        drawing.circle(x, y - 4, 4.5, f"c-series-mark-{number % len(SERIES)}")
        drawing.text(x + 12, y, group.name)
        x += width + 8


def _write_table(drawing: Drawing, fronts: FrontsBy, names: float) -> None:
    y = _HEIGHT + 8
    shown = list(enumerate(fronts.objectives[:2]))
    columns = [26 + names + at for at in (110, 250, 390, 480)]
    header = ["on its front", *(f"best {metric_title(name)}" for _, name in shown), "adds"]
    drawing.text(26, y, fronts.by, "c-head")
    for x, text in zip(columns, header, strict=False):  # one objective leaves a column over
        drawing.text(x, y, text, "end c-head")
    for number, group in enumerate(fronts.groups):
        y += _ROW
        drawing.circle(14, y - 4, 4.5, f"c-series-mark-{number % len(SERIES)}")
        drawing.text(26, y, group.name)
        figures = (_figure(group, at, name) for at, name in shown)
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
        what += [f"best {metric_title(name)}" for name in candidate.best_in]
        rows.append(
            [
                str(candidate.number),
                *(
                    ("~" if name in candidate.estimates else "") + metric_text(name, value)
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
        table_text(["trial", *map(metric_title, choice.objectives), "score", "spare", ""], rows),
        *([f"and {left_out} more: --json has all"] if left_out else []),
        "",
        "score: 0 is the best of these in every objective, 1 the worst; the knee is the lowest with"
        " equal weights",
        f"look at it: {program.name()} show {choice.study} {first.number}",
    ]
    return "\n".join(lines)


def _place(point: FrontPoint, fronts: FrontsBy) -> tuple[float, float]:
    """Return where a point is drawn: by two objectives, or by its number and the only one."""
    names = fronts.objectives[:2]
    first, *others = (
        value / quantity(name).divisor for value, name in zip(point.values, names, strict=False)
    )
    return (first, others[0]) if others else (float(point.number), first)


def _is_wide(values: list[float]) -> bool:
    return 0 < min(values) * _WIDE < max(values)


def _has_estimate(group: GroupFront) -> bool:
    return any(point.is_estimate for point in group.points)


def _figure(group: GroupFront, objective: int, name: str) -> str:
    mark = "~" if _has_estimate(group) else ""
    return mark + metric_text(name, group.best[objective])


def _against(fronts: FrontsBy, group: GroupFront, first: GroupFront) -> str:
    """Return how many times better a group's best is in the first objective than the first's."""
    if not fronts.objectives or group is first:
        return "-"
    ours, theirs = group.best[0], first.best[0]
    if ours <= 0 or theirs <= 0:
        return "-"
    ratio = theirs / ours if fronts.goals[0] == "minimise" else ours / theirs
    return f"{ratio:.2f}x"
