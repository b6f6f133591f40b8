"""Which trials of a study are on its Pareto front."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dse.pareto import Goal, front
from dse.store import TrialResult, TrialState

if TYPE_CHECKING:  # pydantic takes a while to import
    from dse.config import StudyConfig


_RESULTS = (TrialState.COMPLETED, TrialState.INFEASIBLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The best compromises of a study.

    Attributes:
        objectives: Metric names, in the order of the study.
        goals: The direction of each.
        points: Trials on the front, best in the first objective first.
        dominated: The other trials that completed within the constraints, by number.
        excluded: Trials that completed and do not satisfy a constraint, by number.
        stand_ins: Trials of the study, ended or not, whose designs were drawn at random because
            the search failed, by number.
    """

    objectives: tuple[str, ...]
    goals: tuple[Goal, ...]
    points: tuple[TrialResult, ...]
    dominated: tuple[TrialResult, ...]
    excluded: tuple[TrialResult, ...]
    stand_ins: tuple[TrialResult, ...] = ()


def current(results: Sequence[TrialResult]) -> tuple[TrialResult, ...]:
    """Return one result for each trial that was suggested: its promotion's once that has ended.

    A promotion that waits, runs or failed leaves the result that there was before.
    """
    further = {
        result.trial.promotes: result
        for result in results
        if result.trial.promotes is not None and result.trial.state in _RESULTS
    }
    return tuple(
        further.get(result.trial.id, result) for result in results if result.trial.promotes is None
    )


def pareto_front(results: Sequence[TrialResult], config: "StudyConfig") -> Front:
    """Return the front of the designs that completed and keep the constraints."""
    goals = goals_of(config)
    stand_ins = tuple(result for result in results if result.trial.is_stand_in)
    results = current(results)
    kept = [result for result in results if observed_values(result, config) is not None]
    points = [tuple(result.metrics[name] for name in config.objectives) for result in kept]
    on_front = front(points, goals)
    # equal designs, one measured and one reusing it, are one point
    seen: set[str] = set()
    chosen = []
    for position in on_front:
        design_id = kept[position].trial.design_id
        if design_id not in seen:
            seen.add(design_id)
            chosen.append(kept[position])
    return Front(
        objectives=config.objectives,
        goals=goals,
        points=tuple(chosen),
        dominated=tuple(
            result
            for position, result in enumerate(kept)
            if position not in on_front and result.trial.design_id not in seen
        ),
        excluded=tuple(
            result
            for result in results
            if result.trial.state is TrialState.COMPLETED
            and broken_constraints(result.metrics, config)
        ),
        stand_ins=stand_ins,
    )


def goals_of(config: "StudyConfig") -> tuple[Goal, ...]:
    """Return the direction of each objective."""
    goals: list[Goal] = ["minimise" for _ in config.minimise]
    goals += ["maximise" for _ in config.maximise]
    return tuple(goals)


def observed_values(result: TrialResult, config: "StudyConfig") -> dict[str, float] | None:
    """Return what the search algorithm is told: None for a design that does not count."""
    if result.trial.state is not TrialState.COMPLETED:
        return None
    if broken_constraints(result.metrics, config) or missing_objectives(result.metrics, config):
        return None
    return result.metrics


def broken_constraints(metrics: dict[str, float], config: "StudyConfig") -> tuple[str, ...]:
    """Return the metrics that are outside of the study's constraints, or not there at all."""
    return tuple(
        name
        for name, bounds in config.constraints.items()
        if not bounds.min <= metrics.get(name, math.nan) <= bounds.max
    )


def missing_objectives(metrics: dict[str, float], config: "StudyConfig") -> tuple[str, ...]:
    """Return the objectives that have no finite value."""
    return tuple(
        name for name in config.objectives if not math.isfinite(metrics.get(name, math.nan))
    )
