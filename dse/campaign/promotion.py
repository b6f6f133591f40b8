"""Measuring at a higher fidelity only what is on or near the front, and how well it must do there.

A promotion is a trial of its own that repeats the design of another trial and goes further. Both
stay in the store; what counts for a design is the further one, as soon as that is a result.
"""

import math
from collections.abc import Iterable

import numpy as np

from dse.pareto import Points, non_dominated
from dse.results.columns import StudyColumns
from dse.results.front import oriented_objectives
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
    better = points - config.promote_margin * np.abs(points)  # less is better, also below zero
    chosen: dict[str, NewTrial] = {}
    for place in _undominated_by(best, better):
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


def wanted_clock_hz(columns: StudyColumns, design_id: str) -> int:
    """Return the clock in Hz from which on a design would be on the front of what is placed.

    It has to be faster than each placed design that is not worse in any other objective.

    Args:
        columns: Of the study, with latencies and cycles.
        design_id: Of a design that was simulated.

    Returns:
        0 where any clock will do: nothing placed stands in its way, or nothing follows the clock.
    """
    names = columns.config.objectives
    latency, cycles = columns.metrics.get("latency_us"), columns.metrics.get("cycles")
    own = [at for at, each in enumerate(columns.design_ids) if each == design_id]
    if "latency_us" not in columns.config.minimise or latency is None or cycles is None:
        return 0
    known = [at for at in own if np.isfinite(cycles.values[at])]
    if not known:
        return 0
    points = oriented_objectives(columns)
    others = [at for at, name in enumerate(names) if name not in ("latency_us", "clock_mhz")]
    is_rival = columns.standing.kept & ~latency.estimate
    is_rival[own] = False
    is_rival &= (points[:, others] <= points[known[-1], others]).all(axis=1)
    fastest_us = float(latency.values[is_rival].min(initial=math.inf))
    if fastest_us <= 0 or math.isinf(fastest_us):  # no rival, or one that no clock can beat
        return 0
    return math.ceil(1e6 * float(cycles.values[known[-1]]) / fastest_us)


def _undominated_by(best: Points, points: Points) -> Iterable[int]:
    """Yield the places of the points that none of ``best`` dominates; less is better."""
    for place, point in enumerate(points):
        if not ((best <= point).all(axis=1) & (best < point).any(axis=1)).any():
            yield place
