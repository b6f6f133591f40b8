"""Pareto fronts and hypervolumes of finite points, for any number of objectives and both goals.

The only ones in the tree. All are exact. A front of n points of one or two objectives takes
O(n log n); more objectives compare blocks of points with the front as arrays. A volume takes
O(n log n) up to three objectives; from four on its cost grows quickly.
"""

import bisect
import itertools
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

Goal = Literal["minimise", "maximise"]
"""Which direction of an objective is better."""

Point = Sequence[float]
Points = npt.NDArray[np.float64]
"""One point a row, one objective a column."""
Positions = npt.NDArray[np.intp]

_BLOCK = 512
"""Points compared at once; with a front of thousands the arrays stay below some megabytes."""


def front(points: Sequence[Point] | Points, goals: Sequence[Goal]) -> tuple[int, ...]:
    """Return the positions of the points that no other point dominates.

    Equal points are on the front together. Positions are sorted by the first objective, best
    first, then by the next ones, then by position, so that a plot can connect them.

    Raises:
        ValueError: A point has another number of coordinates than there are goals, or one of them
            is not finite.
    """
    return tuple(non_dominated(_oriented(points, goals)).tolist())


def non_dominated(points: Points) -> Positions:
    """Return the positions of the points that no other dominates, where less is better everywhere.

    As ``front``: equal points together, in ascending order of the coordinates, then of position.
    """
    if not len(points):
        return np.zeros(0, dtype=np.intp)
    order = np.lexsort(tuple(points.T[::-1]))
    ascending = points[order]
    is_new = np.ones(len(points), dtype=np.bool_)
    is_new[1:] = (ascending[1:] != ascending[:-1]).any(axis=1)
    distinct = ascending[is_new]
    if points.shape[1] <= 2:
        # in this order a point is dominated exactly if one before it has no larger last coordinate
        last = distinct[:, -1]
        kept = np.ones(len(last), dtype=np.bool_)
        kept[1:] = last[1:] < np.minimum.accumulate(last)[:-1]
    else:
        kept = _minima_of_distinct(distinct)
    found: Positions = order[kept[np.cumsum(is_new) - 1]]
    return found


def hypervolume(points: Sequence[Point] | Points, reference: Point, goals: Sequence[Goal]) -> float:
    """Return the volume dominated by the points and bounded by the reference point.

    Points that are not better than the reference in every objective add nothing.

    Raises:
        ValueError: As ``front``, the reference included.
    """
    (bound,) = _oriented([reference], goals)
    oriented = _oriented(points, goals)
    return _volume(oriented[(oriented < bound).all(axis=1)], bound)


def reference_point(
    points: Sequence[Point], goals: Sequence[Goal], *, margin: float = 0.1
) -> tuple[float, ...]:
    """Return a point that is a little worse than the worst of the points in every objective.

    Args:
        points: At least one, usually a front.
        goals: One for each objective.
        margin: Distance beyond the worst value, as a share of the range of that objective (of its
            magnitude where the range is zero), so that the ends of a front count too.

    Raises:
        ValueError: As ``front``, or there are no points.
    """
    oriented = _oriented(points, goals)
    if not len(oriented):
        raise ValueError("no points, so no reference point")
    worst = oriented.max(axis=0)
    extent = worst - oriented.min(axis=0)
    magnitude = np.where(worst != 0, np.abs(worst), 1.0)
    return _turned_back(worst + margin * np.where(extent > 0, extent, magnitude), goals)


def gains(points: Points, bound: Points) -> Points:
    """Return by how much each point enlarged the volume of those before it; less is better.

    Args:
        points: In the order in which they came.
        bound: The corner that the volume is measured from, one coordinate for each objective.

    Returns:
        One volume a point, 0 for those that added nothing; their sum is the whole hypervolume.
    """
    found = np.zeros(len(points))
    members = np.empty((0, points.shape[1]))
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK]
        # most points of a long study are dominated when they come: those go all at once
        open_rows = np.flatnonzero((block < bound).all(axis=1) & ~_covered(block, members))
        for row in open_rows.tolist():
            point = block[row]
            if (members <= point).all(axis=1).any():
                continue
            alone = float(np.prod(bound - point))
            found[start + row] = alone - _volume(np.maximum(members, point), bound)
            members = np.vstack([members[~(members >= point).all(axis=1)], point])
    return found


def _oriented(points: Sequence[Point] | Points, goals: Sequence[Goal]) -> Points:
    """Return the points with signs such that less is better everywhere."""
    for point in points if not isinstance(points, np.ndarray) else ():
        if len(point) != len(goals) or not all(map(math.isfinite, point)):
            raise ValueError(f"point {tuple(point)} needs {len(goals)} finite coordinates")
    table = np.asarray(points, dtype=np.float64).reshape(len(points), len(goals))
    if not np.isfinite(table).all():
        raise ValueError(f"points need {len(goals)} finite coordinates")
    return table * _signs(goals) + 0.0  # + 0.0: minus zero is zero


def _turned_back(point: Points, goals: Sequence[Goal]) -> tuple[float, ...]:
    return tuple((point * _signs(goals) + 0.0).tolist())


def _signs(goals: Sequence[Goal]) -> Points:
    return np.array([1.0 if goal == "minimise" else -1.0 for goal in goals])


def _covered(points: Points, by: Points) -> npt.NDArray[np.bool_]:
    """Tell of each point whether one of ``by`` is nowhere worse."""
    if not len(by):
        return np.zeros(len(points), dtype=np.bool_)
    worse = by[:, 0] > points[:, 0, np.newaxis]
    for objective in range(1, points.shape[1]):
        np.logical_or(worse, by[:, objective] > points[:, objective, np.newaxis], out=worse)
    return np.logical_not(worse.all(axis=1))


def _minima_of_distinct(points: Points) -> npt.NDArray[np.bool_]:
    """Tell of distinct points in ascending order which no other dominates."""
    # A point can only be dominated by one with no larger sum, rounding included, and among equal
    # sums by one before it: the strongest points come first, and every block settles its own.
    extent = np.ptp(points, axis=0)
    order = np.argsort((points / np.where(extent > 0, extent, 1.0)).sum(axis=1), kind="stable")
    members = np.empty((0, points.shape[1]))
    kept = np.zeros(len(points), dtype=np.bool_)
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        block = block[~_covered(points[block], members[:_BLOCK])]
        block = block[~_covered(points[block], members[_BLOCK:])]
        some = points[block]
        covers = (some[:, np.newaxis, :] <= some).all(axis=2).astype(np.int64)
        block = block[covers.sum(axis=0) == 1]  # each covers itself
        kept[block] = True
        members = np.vstack([members, points[block]])
    return kept


def _volume(points: Points, bound: Points) -> float:
    """Return the volume between the points and ``bound``, than which they are better or equal."""
    if not len(points):
        return 0.0
    points = points[non_dominated(points)]
    if len(bound) == 1:
        return float(bound[0] - points[0, 0])
    if len(bound) == 2:  # ascending in the first coordinate, so descending in the second
        right = np.append(points[1:, 0], bound[0])
        return float(((right - points[:, 0]) * (bound[1] - points[:, 1])).sum())
    if len(bound) == 3:
        return _volume_of_three(points, bound)
    # slabs along the last objective; in each the problem has one objective less
    levels = np.append(np.unique(points[:, -1]), bound[-1]).tolist()
    return math.fsum(
        (high - low) * _volume(points[points[:, -1] <= low][:, :-1], bound[:-1])
        for low, high in itertools.pairwise(levels)
    )


def _volume_of_three(points: Points, bound: Points) -> float:
    """Sweep along the last objective with the staircase of the other two.

    Source: Beume, Fonseca, Lopez-Ibanez, Paquete, Vahrenhold, On the Complexity of Computing the
    Hypervolume Indicator, IEEE TEVC 2009.
    """
    right, top, end = bound.tolist()
    xs, ys = [-math.inf, right], [top, -math.inf]  # steps: x ascending, y descending
    area, volume, level = 0.0, 0.0, 0.0
    for x, y, z in points[np.argsort(points[:, 2], kind="stable")].tolist():
        volume += area * (z - level)
        level = z
        at = bisect.bisect_right(xs, x)  # the first step to the right
        if ys[at - 1] <= y:
            continue
        if xs[at - 1] == x:
            at -= 1
        last = at  # steps from ``at`` on with no smaller y are covered
        left, height = x, ys[at - 1]
        while ys[last] >= y:
            area += (xs[last] - left) * (height - y)
            left, height = xs[last], ys[last]
            last += 1
        area += (xs[last] - left) * (height - y)
        xs[at:last], ys[at:last] = [x], [y]
    return float(volume + area * (end - level))
