"""Which trials of a study are on its Pareto front, and what the others are to it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dse.pareto import Goal, Points, Positions, non_dominated
from dse.store import TrialResult, TrialState
from dse.words import metric_text, plural

if TYPE_CHECKING:  # pydantic takes a while to import
    from dse.config import StudyConfig
    from dse.results.columns import StudyColumns

_RESULTS = (TrialState.COMPLETED, TrialState.INFEASIBLE)


class Verdict(StrEnum):
    """What a trial is to the front of its study; the values are one letter for the charts."""

    FRONT = "f"
    DOMINATED = "d"
    EQUAL = "e"
    """The same design is on the front under another number."""
    EXCLUDED = "x"
    """It breaks a constraint of the study."""
    SUPERSEDED = "s"
    """Its design was measured at a higher fidelity: that result counts."""
    INFEASIBLE = "i"
    FAILED = "q"
    RUNNING = "r"
    WAITING = "w"


WORDS = {
    Verdict.FRONT: "on the front",
    Verdict.DOMINATED: "dominated",
    Verdict.EQUAL: "equal to a trial on the front",
    Verdict.EXCLUDED: "breaks a constraint",
    Verdict.SUPERSEDED: "measured further by a promotion",
    Verdict.INFEASIBLE: "infeasible",
    Verdict.FAILED: "failed",
    Verdict.RUNNING: "running",
    Verdict.WAITING: "waiting",
}
_OF_STATE = {
    TrialState.COMPLETED: Verdict.EXCLUDED,  # until it is found to keep the constraints
    TrialState.INFEASIBLE: Verdict.INFEASIBLE,
    TrialState.FAILED: Verdict.FAILED,
    TrialState.RUNNING: Verdict.RUNNING,
    TrialState.WAITING: Verdict.WAITING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What each trial of a study is to its front.

    Attributes:
        verdicts: One letter a trial, see ``Verdict``.
        front: Positions of the trials on the front, best in the first objective first.
        kept: Where a trial counts for the front.
    """

    verdicts: NDArray[np.str_]
    front: Positions
    kept: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The best compromises of a study.

    Attributes:
        objectives: Metric names, in the order of the study.
        goals: The direction of each.
        points: Trials on the front, best in the first objective first.
        dominated: Numbers of the other trials that completed within the constraints, ascending.
        dominated_values: Their objectives, one trial a row.
        excluded: Numbers of the trials that completed and do not satisfy a constraint, ascending.
        stand_ins: Trials of the study, ended or not, whose designs were drawn at random because
            the search failed: their numbers, ascending, to the hashes of their designs.
    """

    objectives: tuple[str, ...]
    goals: tuple[Goal, ...]
    points: tuple[TrialResult, ...]
    dominated: tuple[int, ...]
    dominated_values: Points
    excluded: tuple[int, ...]
    stand_ins: Mapping[int, str] = field(default_factory=dict)


def pareto_front(
    columns: "StudyColumns",
    points: "Callable[[Positions], tuple[TrialResult, ...]] | None" = None,
    *,
    within: NDArray[np.bool_] | None = None,
) -> Front:
    """Return the front of the designs that completed and keep the constraints.

    Args:
        columns: Of the study.
        points: Returns the trials at some positions; None where the columns have them whole.
        within: Where trials count at all, of which it is the front then; None for everywhere.
    """
    config = columns.config
    standing = columns.standing if within is None else judge(columns, within)
    counts = np.True_ if within is None else within
    dominated = np.flatnonzero((standing.verdicts == Verdict.DOMINATED) & counts)
    excluded = np.flatnonzero((standing.verdicts == Verdict.EXCLUDED) & counts)
    return Front(
        objectives=config.objectives,
        goals=goals_of(config),
        points=tuple(map(columns.result, standing.front.tolist()))
        if points is None
        else points(standing.front),
        dominated=tuple(columns.numbers[dominated].tolist()),
        dominated_values=np.column_stack(
            [columns.column(name)[dominated] for name in config.objectives]
        ),
        excluded=tuple(columns.numbers[excluded].tolist()),
        stand_ins=columns.stand_ins(),
    )


def judge(columns: "StudyColumns", within: NDArray[np.bool_] | None = None) -> Standing:
    """Return what each trial of a study is to its front.

    Args:
        columns: Of the study.
        within: Where trials may be on the front; None for everywhere. The front is then that of
            these trials alone, and the others are what they are to the whole study's front.
    """
    from dse.results.columns import STATES

    superseded = _superseded(columns)
    kept = (
        columns.is_state(TrialState.COMPLETED)
        & within_constraints(columns)
        & has_objectives(columns)
        & ~superseded
    )
    if within is not None:
        kept &= within
    letters = np.array([_OF_STATE[state] for state in STATES], dtype="<U1")[columns.state]
    letters[superseded] = Verdict.SUPERSEDED
    letters[kept] = Verdict.DOMINATED
    positions = np.flatnonzero(kept)
    # equal designs, one measured and one reusing it, are one point
    chosen: dict[str, int] = {}
    for position in positions[non_dominated(oriented_objectives(columns)[positions])].tolist():
        chosen.setdefault(columns.design_ids[position], position)
    is_chosen = np.fromiter(map(chosen.__contains__, columns.design_ids), np.bool_, len(columns))
    letters[kept & is_chosen] = Verdict.EQUAL
    front = np.array(list(chosen.values()), dtype=np.intp)
    letters[front] = Verdict.FRONT
    if within is not None:
        letters[~within] = columns.standing.verdicts[~within]
    return Standing(verdicts=letters, front=front, kept=kept)


def oriented_objectives(columns: "StudyColumns") -> Points:
    """Return the objectives of all trials, one trial a row, less is better, NaN where missing."""
    return np.column_stack(
        [
            columns.column(name) if goal == "minimise" else -columns.column(name)
            for name, goal in zip(columns.config.objectives, goals_of(columns.config), strict=True)
        ]
    )


def within_constraints(columns: "StudyColumns") -> NDArray[np.bool_]:
    """Return where a trial breaks no constraint, as ``broken_constraints`` for one."""
    kept = np.ones(len(columns), dtype=np.bool_)
    for metric, bounds in columns.config.constraints.items():
        values = columns.column(metric)  # NaN, where a trial has none, satisfies nothing
        kept &= (values >= bounds.min) & (values <= bounds.max)
    return kept


def why_none_counts(columns: "StudyColumns") -> tuple[str, ...]:
    """Say which constraints keep the completed trials from counting, a sentence for each.

    Empty where one counts, where none has completed, and where there is no constraint.
    """
    completed = columns.is_state(TrialState.COMPLETED)
    if not completed.any() or (completed & within_constraints(columns)).any():
        return ()
    found = []
    for metric, bounds in columns.config.constraints.items():
        values = columns.column(metric)[completed]
        known = values[np.isfinite(values)]
        kept = int(((known >= bounds.min) & (known <= bounds.max)).sum())
        nearest = ""
        if known.size and not kept:
            value = float(known[np.argmin(np.maximum(bounds.min - known, known - bounds.max))])
            nearest = f"; the nearest has {metric_text(metric, value)}"
        limits = [
            f"{sign} {metric_text(metric, bound)}"
            for sign, bound in ((">=", bounds.min), ("<=", bounds.max))
            if math.isfinite(bound)
        ]
        found.append(
            f"{metric} {' and '.join(limits)}: {kept} of"
            f" {plural(int(completed.sum()), 'completed trial')}{nearest}"
        )
    return tuple(found)


def has_objectives(columns: "StudyColumns") -> NDArray[np.bool_]:
    """Return where a trial has every objective, as ``missing_objectives`` for one."""
    kept = np.ones(len(columns), dtype=np.bool_)
    for metric in columns.config.objectives:
        kept &= np.isfinite(columns.column(metric))
    return kept


def _superseded(columns: "StudyColumns") -> NDArray[np.bool_]:
    """Return where a promotion of a trial has ended as a result: that one counts.

    A promotion that waits, runs or failed leaves the result that there was before.
    """
    further = columns.promotes[columns.is_state(*_RESULTS)]
    return np.isin(columns.ids, further[further > 0])


def goals_of(config: "StudyConfig") -> tuple[Goal, ...]:
    """Return the direction of each objective."""
    goals: list[Goal] = ["minimise" for _ in config.minimise]
    goals += ["maximise" for _ in config.maximise]
    return tuple(goals)


def observed_values(
    state: TrialState, metrics: Mapping[str, float], config: "StudyConfig"
) -> dict[str, float] | None:
    """Return the objectives that the search algorithm is told: None for what does not count."""
    if state is not TrialState.COMPLETED:
        return None
    if broken_constraints(metrics, config) or missing_objectives(metrics, config):
        return None
    return {name: metrics[name] for name in config.objectives}


def broken_constraints(metrics: Mapping[str, float], config: "StudyConfig") -> tuple[str, ...]:
    """Return the metrics that are outside of the study's constraints, or not there at all."""
    return tuple(
        name
        for name, bounds in config.constraints.items()
        if not bounds.min <= metrics.get(name, math.nan) <= bounds.max
    )


def missing_objectives(metrics: Mapping[str, float], config: "StudyConfig") -> tuple[str, ...]:
    """Return the objectives that have no finite value."""
    return tuple(
        name for name in config.objectives if not math.isfinite(metrics.get(name, math.nan))
    )
