"""Measuring at a higher fidelity only what is on or near the front.

A promotion is a trial of its own that repeats the design of another trial and goes further. Both
stay in the store; what counts for a design is the further one, as soon as that is a result.
"""

from collections.abc import Iterable

import numpy as np

from dse.pareto import Points, non_dominated
from dse.results.columns import StudyColumns
from dse.results.front import goals_of, oriented_objectives
from dse.store import NewTrial

SUGGESTED_BY = "promotion"


def to_promote(columns: StudyColumns) -> tuple[NewTrial, ...]:
    """Return the promotions that a study with ``promote = "front"`` still lacks.

    A design is chosen if it would be on the front with every objective better by
    ``promote_margin``. Results must be complete: what is promoted is never taken back.
    """
    config = columns.config
    if not config.promotes:
        return ()
    tried = set(columns.promotes.tolist())
    kept = np.flatnonzero(columns.standing.kept)
    points = oriented_objectives(columns)[kept]
    best = points[non_dominated(points)]
    margins = [
        -config.promote_margin if goal == "minimise" else config.promote_margin
        for goal in goals_of(config)
    ]
    chosen: dict[str, NewTrial] = {}
    for place in _undominated_by(best, points * (1 + np.array(margins))):
        trial = columns.trials[kept[place]]
        if trial.fidelity is config.fidelity or trial.id in tried:
            continue
        new = NewTrial(
            design_id=trial.design_id,
            design_json=trial.design_json,
            suggested_by=SUGGESTED_BY,
            fidelity=config.fidelity,
            promotes=trial.id,
        )
        chosen.setdefault(trial.design_id, new)
    return tuple(chosen.values())


def _undominated_by(best: Points, points: Points) -> Iterable[int]:
    """Yield the places of the points that none of ``best`` dominates; less is better."""
    for place, point in enumerate(points):
        if not ((best <= point).all(axis=1) & (best < point).any(axis=1)).any():
            yield place
