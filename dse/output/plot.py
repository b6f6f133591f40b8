"""The front as a picture, from the same rows as its table."""

from pathlib import Path

from contracts.faults import ConfigError
from dse.config import StudyConfig
from dse.results.front import Front
from dse.words import design_text, varying

SUFFIXES = (".svg", ".png")
_WIDE = 10
"""Values that span more than this factor are shown on a logarithmic axis."""


def plot_front(front: Front, config: StudyConfig, path: Path) -> None:
    """Draw the first two objectives of a front to an SVG or PNG file.

    Raises:
        ConfigError: The ending is unknown, there is nothing to draw, or the file cannot be written.
    """
    if path.suffix not in SUFFIXES:
        raise ConfigError(
            f"{path} does not say which picture is wanted",
            fix=f"end its name in one of: {', '.join(SUFFIXES)}",
        )
    if not front.points:
        raise ConfigError(
            f"study {config.name} has no completed trial to draw",
            fix=f"run it first: python -m dse.study resume {config.name}",
        )
    from matplotlib.figure import Figure  # without pyplot: no display, no global state

    across, up = front.objectives[:2]
    figure = Figure(figsize=(12, 5), layout="constrained")
    axes, key = figure.subplots(1, 2, width_ratios=(3, 2))
    key.axis("off")
    axes.scatter(
        front.dominated_values[:, 0],
        front.dominated_values[:, 1],
        color="0.7",
        label=f"dominated ({len(front.dominated)})",
    )
    axes.plot(
        [result.metrics[across] for result in front.points],
        [result.metrics[up] for result in front.points],
        "o-" if len(front.objectives) == 2 else "o",
        drawstyle="steps-post",
        label=f"front ({len(front.points)})",
    )
    shown = [result.metrics[across] for result in front.points]
    shown += front.dominated_values[:, 0].tolist()
    if 0 < min(shown) * _WIDE < max(shown):
        axes.set_xscale("log")
    guessed = [result for result in front.points if result.estimates]
    if guessed and len(guessed) < len(front.points):
        axes.plot(
            [result.metrics[across] for result in guessed],
            [result.metrics[up] for result in guessed],
            "o",
            markerfacecolor="white",
            markeredgecolor="C0",
            label=f"of which not placed ({len(guessed)})",
        )
    for result in front.points:
        axes.annotate(
            str(result.trial.number),
            (result.metrics[across], result.metrics[up]),
            textcoords="offset points",
            xytext=(5, 5),
        )
    names = _telling(front)
    lines = [f"{r.trial.number:>4}  {design_text(r.trial.design, names)}" for r in front.points]
    key.text(0, 1, "\n".join(lines), va="top", fontsize=8, family="monospace", linespacing=1.6)
    axes.set_xlabel(_label(across, front.goals[0], front))
    axes.set_ylabel(_label(up, front.goals[1], front))
    axes.set_title(f"{config.name}: {config.workload.model.name} on {config.target.name}")
    axes.grid(alpha=0.3)
    axes.legend()
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error}", fix="name a file in a folder that is writable"
        ) from error


def _label(metric: str, goal: str, front: Front) -> str:
    guessed = sum(metric in result.estimates for result in front.points)
    if not guessed:
        return f"{metric} ({goal})"
    which = "an estimate" if guessed == len(front.points) else "hollow: an estimate"
    return f"{metric} ({goal}), {which}: not placed"


def _telling(front: Front) -> tuple[str, ...]:
    """Return up to four parameters that tell the designs apart, those of the CFU first."""
    designs = [result.trial.design for result in front.points]
    every = set(designs[0]).intersection(*designs)
    names = sorted(varying(designs), key=lambda name: (name != "cfu", name in every, name))
    return tuple(names[:4])
