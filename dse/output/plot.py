"""``front --plot``: a study's front as a picture, with the table of its designs beside it."""

from pathlib import Path

from contracts.faults import ConfigError
from dse.config import StudyConfig
from dse.output.drawing.scale import Axis, make_axis
from dse.output.drawing.scatter import Mark, Scatter, draw_scatter
from dse.output.drawing.svg import LETTER_WIDTH, Drawing
from dse.output.picture import require_picture, write_picture
from dse.pareto import Goal
from dse.results.front import Front
from dse.store import TrialResult
from dse.words import number_text, value_text, varying

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
            fix=f"run it first: python -m dse.study resume {config.name}",
        )
    write_picture(front_drawing(front, config), path)


def front_drawing(front: Front, config: StudyConfig) -> Drawing:
    """Return the picture of a front that has at least one point."""
    table = _table(front)
    widths = [max(map(len, column)) * LETTER_WIDTH for column in zip(*table, strict=True)]
    height = max(_CHART_HEIGHT, _TOP + _ROW * len(table))
    width = _CHART_WIDTH + sum(widths) + _GAP * len(widths)
    title = f"{config.name}: {config.network_name} on {config.target.name}"
    drawing = Drawing(width, height, title)
    drawing.text(10, 20, title, "c-head")
    _write_key(drawing, front)
    points = [_place(result, front) for result in front.points]
    if len(front.objectives) == 1:
        x_label, y_label = "trial", _label(front.objectives[0], front.goals[0], front)
        values = front.dominated_values[:, 0].tolist()
        others = [(float(number), b) for number, b in zip(front.dominated, values, strict=True)]
    else:
        x_label, y_label = (_label(*front_of, front) for front_of in _first_two(front))
        others = [(a, b) for a, b, *_ in front.dominated_values.tolist()]
    shown = points + others
    scatter = Scatter(
        x_label=x_label,
        y_label=y_label,
        front=[_mark(result, place) for result, place in zip(front.points, points, strict=True)],
        others=others,
        has_steps=len(front.objectives) == 2,
    )
    draw_scatter(
        drawing,
        scatter,
        across=_axis([across for across, _ in shown], start=70, end=_CHART_WIDTH - 30),
        upward=_axis([upward for _, upward in shown], start=_CHART_HEIGHT - _BOTTOM, end=_TOP),
    )
    _write_table(drawing, table, widths)
    return drawing


def _first_two(front: Front) -> list[tuple[str, Goal]]:
    return list(zip(front.objectives, front.goals, strict=True))[:2]


def _place(result: TrialResult, front: Front) -> tuple[float, float]:
    """Return where a trial is drawn: by two objectives, or by its number and the only one."""
    first, *others = front.objectives
    if not others:
        return float(result.trial.number), result.metrics[first]
    return result.metrics[first], result.metrics[others[0]]


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


def _write_key(drawing: Drawing, front: Front) -> None:
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


def _label(metric: str, goal: str, front: Front) -> str:
    guessed = sum(metric in result.estimates for result in front.points)
    if not guessed:
        return f"{metric} ({goal})"
    which = "an estimate" if guessed == len(front.points) else "hollow: an estimate"
    return f"{metric} ({goal}), {which}: not placed"


def _table(front: Front) -> list[tuple[str, ...]]:
    """Return a row of titles and a row for each point: trial, two objectives, what differs."""
    objectives = front.objectives[:2]
    names = _telling(front)
    rows = [("trial", *objectives, *names)]
    for result in front.points[:_MOST_ROWS]:
        design = result.trial.design
        values = (value_text(design[name]) if name in design else "-" for name in names)
        figures = (
            ("~" if name in result.estimates else "") + number_text(result.metrics[name])
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
