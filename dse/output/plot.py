"""``front --plot``: a study's front as a picture, with the table of its designs beside it."""

from pathlib import Path

from contracts.faults import ConfigError
from dse import program
from dse.config import StudyConfig
from dse.output.drawing.quantity import quantity
from dse.output.drawing.scale import Axis, make_axis
from dse.output.drawing.scatter import Mark, Scatter, draw_scatter
from dse.output.drawing.svg import LETTER_WIDTH, Drawing
from dse.output.picture import require_picture, write_picture
from dse.results.front import Front
from dse.store import TrialResult
from dse.words import metric_text, metric_title, value_text, varying

_WIDE = 10
"""Values that span more than this factor are shown on a logarithmic axis."""

_CHART_WIDTH, _CHART_HEIGHT = 760.0, 500.0
_TOP, _BOTTOM = 84.0, 50.0
_ROW = 18.0
_GAP = 16.0
_MOST_ROWS = 40
"""Of the table; a longer front is printed by the command itself."""


def plot_front(front: Front, config: StudyConfig, path: Path) -> None:
    """Draw the first two objectives of a front, or the only one by trial, to an SVG or PNG file.

    Raises:
        ConfigError: The ending is unknown, there is nothing to draw, the file cannot be written,
            or a PNG is wanted and the machine has no font for its text.
    """
    require_picture(path)
    if not front.points:
        raise ConfigError(
            f"study {config.name} has no completed trial to draw",
            fix=f"run it first: {program.name()} resume {config.name}",
        )
    write_picture(front_drawing(front, config), path)


def front_drawing(
    front: Front, config: StudyConfig, *, chosen: TrialResult | None = None
) -> Drawing:
    """Return the picture of a front that has at least one point.

    Args:
        front: The front.
        config: Of its study.
        chosen: A trial that has all objectives, drawn in a ring, on the front or not.
    """
    table = _table(front)
    widths = [max(map(len, column)) * LETTER_WIDTH for column in zip(*table, strict=True)]
    height = max(_CHART_HEIGHT, _TOP + _ROW * len(table))
    width = _CHART_WIDTH + sum(widths) + _GAP * len(widths)
    title = f"{config.name}: {config.network_name} on {config.target.name}"
    drawing = Drawing(width, height, title)
    drawing.text(10, 20, title, "c-head")
    _write_key(drawing, front, chosen)
    points = [_place(result, front) for result in front.points]
    if len(front.objectives) == 1:
        values = (front.dominated_values[:, 0] / quantity(front.objectives[0]).divisor).tolist()
        others = [(float(number), b) for number, b in zip(front.dominated, values, strict=True)]
    else:
        of_x, of_y = map(quantity, front.objectives[:2])
        others = [
            (a / of_x.divisor, b / of_y.divisor) for a, b, *_ in front.dominated_values.tolist()
        ]
    of_chosen = [] if chosen is None else [_place(chosen, front)]
    shown = points + others + of_chosen
    across = _axis([x for x, _ in shown], start=70, end=_CHART_WIDTH - 30)
    upward = _axis([y for _, y in shown], start=_CHART_HEIGHT - _BOTTOM, end=_TOP)
    x_label, y_label = _labels(front, across, upward)
    scatter = Scatter(
        x_label=x_label,
        y_label=y_label,
        front=[_mark(result, place) for result, place in zip(front.points, points, strict=True)],
        others=others,
        has_steps=len(front.objectives) == 2,
        chosen=None if chosen is None else _mark(chosen, of_chosen[0]),
    )
    draw_scatter(drawing, scatter, across=across, upward=upward)
    _write_table(drawing, table, widths)
    return drawing


def _labels(front: Front, across: Axis, upward: Axis) -> tuple[str, str]:
    """Return what stands at both axes; trials by number are across where there is one objective."""
    axes = (across, upward) if len(front.objectives) > 1 else (upward,)
    told = [
        quantity(name).label(*_remarks(name, goal, front, axis))
        for name, goal, axis in zip(front.objectives, front.goals, axes, strict=False)
    ]
    return (told[0], told[1]) if len(told) > 1 else ("trial", told[0])


def _place(result: TrialResult, front: Front) -> tuple[float, float]:
    """Return where a trial is drawn: by two objectives, or by its number and the only one."""
    values = [result.metrics[name] / quantity(name).divisor for name in front.objectives[:2]]
    if len(values) == 1:
        return float(result.trial.number), values[0]
    return values[0], values[1]


def _mark(result: TrialResult, place: tuple[float, float]) -> Mark:
    return Mark(
        x=place[0],
        y=place[1],
        name=str(result.trial.number),
        is_hollow=bool(result.estimates),
    )


def _axis(values: list[float], *, start: float, end: float) -> Axis:
    is_log = 0 < min(values) * _WIDE < max(values)
    return make_axis(values, start=start, end=end, is_log=is_log)


def _write_key(drawing: Drawing, front: Front, chosen: TrialResult | None) -> None:
    """Say under the title what each sort of point is, and how many there are."""
    guessed = sum(bool(result.estimates) for result in front.points)
    entries = [
        ("c-mark", f"front ({len(front.points) - guessed})", len(front.points) - guessed),
        ("c-hollow", f"front, an estimate: not placed ({guessed})", guessed),
        ("c-other", f"dominated ({len(front.dominated)})", len(front.dominated)),
    ]
    x = 14.0
    for kind, text, count in entries:
        if count:
            drawing.circle(x, 40, 4.5, kind)
            drawing.text(x + 10, 44, text, "c-soft")
            x += 10 + LETTER_WIDTH * len(text) + _GAP
    if chosen is not None:
        text = f"trial {chosen.trial.number}"
        drawing.circle(x, 40, 6.0, "c-chosen")
        drawing.text(x + 12, 44, text, "c-soft")
        x += 12 + LETTER_WIDTH * len(text) + _GAP
    if len(front.objectives) == 2:
        drawing.line(x - 4, 40, x + 12, 40, "c-line")
        drawing.text(x + 18, 44, "border of what the front dominates", "c-soft")


def _remarks(metric: str, goal: str, front: Front, axis: Axis) -> list[str]:
    """Return what a person must know of an axis beside its unit."""
    guessed = sum(metric in result.estimates for result in front.points)
    which = "an estimate" if guessed == len(front.points) else "hollow: an estimate"
    return [
        goal,
        *(["logarithmic"] if axis.is_log else []),
        *([f"{which}: not placed"] if guessed else []),
    ]


def _table(front: Front) -> list[tuple[str, ...]]:
    """Return a row of titles and a row for each point: trial, two objectives, what differs."""
    objectives = front.objectives[:2]
    names = _telling(front)
    rows = [("trial", *map(metric_title, objectives), *names)]
    for result in front.points[:_MOST_ROWS]:
        design = result.trial.design
        values = (value_text(design[name]) if name in design else "-" for name in names)
        figures = (
            ("~" if name in result.estimates else "") + metric_text(name, result.metrics[name])
            for name in objectives
        )
        rows.append((str(result.trial.number), *figures, *values))
    return rows


def _write_table(drawing: Drawing, table: list[tuple[str, ...]], widths: list[float]) -> None:
    for number, row in enumerate(table):
        x, y = _CHART_WIDTH, _TOP + number * _ROW
        for text, width in zip(row, widths, strict=True):
            drawing.text(x + width, y, text, "end c-head" if number == 0 else "end")
            x += width + _GAP


def _telling(front: Front) -> tuple[str, ...]:
    """Return up to four parameters that tell the designs apart, those of the CFU first."""
    designs = [result.trial.design for result in front.points]
    every = set(designs[0]).intersection(*designs)
    names = sorted(varying(designs), key=lambda name: (name != "cfu", name in every, name))
    return tuple(names[:4])
