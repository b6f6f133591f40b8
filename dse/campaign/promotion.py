"""Measuring at a higher fidelity only what is on or near the front.

A promotion is a trial of its own that repeats the design of another trial and goes further. Both
stay in the store; what counts for a design is the further one, as soon as that is a result.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dse.pareto import dominates, front
from dse.results.front import current, goals_of, observed_values
from dse.store import NewTrial, TrialResult

if TYPE_CHECKING:  # pydantic takes a while to import
    from dse.config import StudyConfig

SUGGESTED_BY = "promotion"


def to_promote(results: Sequence[TrialResult], config: "StudyConfig") -> tuple[NewTrial, ...]:
    """Return the promotions that a study with ``promote = "front"`` still lacks.

    A design is chosen if it would be on the front with every objective better by
    ``promote_margin``. Results must be complete: what is promoted is never taken back.
    """
    if not config.promotes:
        return ()
    goals = goals_of(config)
    tried = {result.trial.promotes for result in results}
    kept = [result for result in current(results) if observed_values(result, config) is not None]
    points = [tuple(result.metrics[name] for name in config.objectives) for result in kept]
    best = [points[position] for position in front(points, goals)]
    chosen: dict[str, NewTrial] = {}
    for result, point in zip(kept, points, strict=True):
        trial = result.trial
        if trial.fidelity is config.fidelity or trial.id in tried:
            continue
        eased = tuple(
            value * (1 - config.promote_margin if goal == "minimise" else 1 + config.promote_margin)
            for value, goal in zip(point, goals, strict=True)
        )
        if not any(dominates(other, eased, goals) for other in best):
            new = NewTrial(
                design_id=trial.design_id,
                design_json=trial.design_json,
                suggested_by=SUGGESTED_BY,
                fidelity=config.fidelity,
                promotes=trial.id,
            )
            chosen.setdefault(trial.design_id, new)
    return tuple(chosen.values())
