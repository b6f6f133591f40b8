"""Which designs to measure further: those that are expected to enlarge the front that is measured.

A design that was synthesised is believed to come out, once it is placed, near what the models of
clock and cells say, give or take what they miss others by. Placing it is worth the hypervolume
that the front of placed designs is expected to gain, for what it costs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.pareto import Goal, hypervolume, non_dominated
from dse.suggest.improvement import expected_gain, open_boxes

Array = NDArray[np.float64]

_MARGIN = 0.1
"""Distance of the reference point beyond the believed front, as a share of its extent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """What designs would be measured as, were they measured further.

    Attributes:
        mean: Designs x objectives; less is better.
        deviation: Likewise; 0 where measuring further changes nothing.
        cost: What measuring each takes; only ratios count.
    """

    mean: Array
    deviation: Array
    cost: Array


def worth_measuring(
    believed: Believed, measured: Array, *, least_gain: float, most: int
) -> tuple[int, ...]:
    """Return the designs to measure further next, the best first.

    After each one that is chosen, the next is chosen as if it had come out as believed.

    Args:
        believed: Of the designs that were not measured further.
        measured: Objectives of those that were, designs x objectives; less is better.
        least_gain: A design is not chosen if it is expected to gain less than this share of the
            hypervolume of all that is measured or believed.
        most: How many are chosen, at most.

    Returns:
        Rows of ``believed``; empty when none is expected to gain enough.
    """
    every = np.concatenate([measured, believed.mean])
    if not len(believed.mean):
        return ()
    best = every[non_dominated(every)]
    extent = np.ptp(best, axis=0)
    # of a single point there is no extent: what is not known of the designs gives one
    room = np.maximum(extent, believed.deviation.max(axis=0))
    reference = best.max(axis=0) + _MARGIN * np.where(room > 0, room, 1.0)
    goals: list[Goal] = ["minimise"] * best.shape[1]
    whole = hypervolume(best, reference.tolist(), goals)
    chosen: list[int] = []
    done = measured
    while len(chosen) < most:
        boxes = open_boxes(done[non_dominated(done)], reference)
        gain = expected_gain(believed.mean, believed.deviation, boxes) / whole
        gain[chosen] = 0.0
        enough = gain >= max(least_gain, 1e-9)
        if not enough.any():
            break
        chosen.append(int(np.argmax(np.where(enough, gain / believed.cost, -np.inf))))
        done = np.concatenate([done, believed.mean[chosen[-1:]]])
    return tuple(chosen)
