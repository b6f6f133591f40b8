"""Measuring at a higher fidelity only what is on or near the front, and how well it must do there.

A promotion is a trial of its own that repeats the design of another trial and goes further. Both
stay in the store; what counts for a design is the further one, as soon as that is a result.
"""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dse.pareto import Points, Positions, non_dominated
from dse.results.columns import StudyColumns
from dse.results.front import oriented_objectives
from dse.space import Design
from dse.store import NewTrial
from dse.suggest.further import Believed, worth_measuring

SUGGESTED_BY = "promotion"

Costs = Callable[[Sequence[Design]], Points]
"""What promotions of designs will cost, one number for each; only ratios count."""

_UNKNOWN_CLOCK = 0.15
"""Deviation of a clock, as a share, that no placed trial tells of: those of one board lie between
some 50 and 80 MHz."""
_LEAST_UNKNOWN = 0.01
"""A model that missed none of a few trials is not exact."""
_OF_MEAN_ERROR = math.sqrt(math.pi / 2)
"""Deviation of a normal error, by its mean absolute value."""


def to_promote(columns: StudyColumns, costs: Costs | None = None) -> tuple[NewTrial, ...]:
    """Return the promotions that a study still lacks, by what ``study.promote`` says.

    With ``"front"`` those of designs that would be on the front with every objective better by
    ``promote_margin``. With ``"gain"`` at most as many as there are workers: those that are
    expected to enlarge the front of promoted designs most for their cost, none that is expected to
    by less than ``promote_gain``. Results must be complete: what is promoted is never taken back.

    Args:
        columns: Of the study.
        costs: Of promotions; None where all cost the same.
    """
    config = columns.config
    if not config.promotes:
        return ()
    kept = np.flatnonzero(columns.standing.kept)
    tried = set(columns.promotes.tolist())
    is_done = [
        columns.trials[at].fidelity is config.fidelity or columns.trials[at].id in tried
        for at in kept
    ]
    if config.promotes_by_gain:
        chosen = _gaining(columns, kept, np.array(is_done, dtype=np.bool_), costs)
    else:
        near = near_front(oriented_objectives(columns)[kept], config.promote_margin)
        chosen = [int(kept[place]) for place in near if not is_done[place]]
    promotions: dict[str, NewTrial] = {}
    for at in chosen:
        trial = columns.trials[at]
        new = NewTrial(
            design_id=trial.design_id,
            design_json=trial.design_json,
            suggested_by=SUGGESTED_BY,
            fidelity=config.fidelity,
            promotes=trial.id,
        )
        promotions.setdefault(trial.design_id, new)
    return tuple(promotions.values())


def near_front(points: Points, margin: float) -> list[int]:
    """Return the points that would be on the front if they were better by a share everywhere.

    Args:
        points: One a row; less is better.
        margin: The share.
    """
    better = points - margin * np.abs(points)  # less is better, also below zero
    return list(_undominated_by(points[non_dominated(points)], better))


def _gaining(
    columns: StudyColumns,
    kept: Positions,
    is_done: NDArray[np.bool_],
    costs: Costs | None,
) -> list[int]:
    """Return where the trials stand whose promotion is worth most, see ``to_promote``."""
    config = columns.config
    points = oriented_objectives(columns)[kept]
    relative = _relative_deviations(columns)[kept]
    deviation = relative * np.abs(points)
    for place in np.flatnonzero((np.abs(points) > 0).all(axis=0)):
        column = points[:, place]
        if (column > 0).all() or (column < 0).all():  # a factor counts the same at both ends
            points[:, place] = np.sign(column) * np.log(np.abs(column))
            deviation[:, place] = relative[:, place]
    # of a design that is measured twice, or shares a result, one is enough
    designs = np.array([columns.design_ids[at] for at in kept])
    _, first = np.unique(designs, return_index=True)
    is_left = ~is_done & ~np.isin(designs, designs[is_done])
    left = np.array([place for place in sorted(first.tolist()) if is_left[place]], dtype=np.intp)
    cost = np.ones(len(left))
    if costs is not None and len(left):
        trials = [columns.trials[at] for at in kept[left]]
        cost = costs([Design.from_canonical(trial.design_json) for trial in trials])
    is_measured = np.array(
        [columns.trials[at].fidelity is config.fidelity for at in kept], dtype=np.bool_
    )
    rows = worth_measuring(
        Believed(mean=points[left], deviation=deviation[left], cost=cost),
        points[is_measured],
        least_gain=config.promote_gain,
        most=config.workers,
    )
    return [int(kept[left[row]]) for row in rows]


def _relative_deviations(columns: StudyColumns) -> Points:
    """Return how uncertain each objective of each trial is until it is placed, as a share of it."""
    found = np.zeros((len(columns), len(columns.config.objectives)))
    for place, name in enumerate(columns.config.objectives):
        column = columns.metrics.get(name)
        if column is None:
            continue
        share = 0.0
        if name in columns.cell_models:
            share = _OF_MEAN_ERROR * columns.cell_models[name].error
        elif name == "latency_us":
            clock = columns.clock_model
            share = _UNKNOWN_CLOCK
            if clock is not None:
                share = _OF_MEAN_ERROR * clock.error_mhz / clock.mean_mhz
        found[:, place] = np.where(column.estimate, max(share, _LEAST_UNKNOWN), 0.0)
    return found


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
