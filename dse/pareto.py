"""Pareto fronts and hypervolumes of finite points, for any number of objectives and both goals."""

import math
from collections.abc import Sequence
from typing import Literal

Goal = Literal["minimise", "maximise"]
"""Which direction of an objective is better."""

Point = Sequence[float]


def dominates(left: Point, right: Point, goals: Sequence[Goal]) -> bool:
    """Tell whether ``left`` is nowhere worse and somewhere better; equal points do not dominate."""
    oriented_left, oriented_right = _oriented([left, right], goals)
    return oriented_left != oriented_right and _no_worse(oriented_left, oriented_right)


def front(points: Sequence[Point], goals: Sequence[Goal]) -> tuple[int, ...]:
    """Return the positions of the points that no other point dominates.

    Equal points are on the front together. Positions are sorted by the first objective, best
    first, then by the next ones, then by position, so that a plot can connect them.

    Raises:
        ValueError: A point has another number of coordinates than there are goals, or one of them
            is not finite.
    """
    oriented = _oriented(points, goals)
    kept: list[tuple[float, ...]] = []
    positions: list[int] = []
    for position in sorted(range(len(oriented)), key=lambda p: (oriented[p], p)):
        # In this order a point can only be dominated by one before it.
        point = oriented[position]
        if not any(other != point and _no_worse(other, point) for other in kept):
            positions.append(position)
            if not kept or kept[-1] != point:
                kept.append(point)
    return tuple(positions)


def hypervolume(points: Sequence[Point], reference: Point, goals: Sequence[Goal]) -> float:
    """Return the volume dominated by the points and bounded by the reference point.

    Points that are not better than the reference in every objective add nothing. Exact for any
    number of objectives; the cost grows quickly from four objectives on.

    Raises:
        ValueError: As ``front``, the reference included.
    """
    (bound,) = _oriented([reference], goals)
    inside = {
        point
        for point in _oriented(points, goals)
        if all(value < limit for value, limit in zip(point, bound, strict=True))
    }
    return _volume(_minima(inside), bound)


def normalised_hypervolume(
    points: Sequence[Point], *, ideal: Point, reference: Point, goals: Sequence[Goal]
) -> float:
    """Return the share of the box between ``ideal`` and ``reference`` that the points dominate.

    Points beyond the ideal count as if they stood on it, so the answer is between 0 and 1.

    Raises:
        ValueError: As ``front``, or the ideal is not better than the reference somewhere.
    """
    best, bound = _oriented([ideal, reference], goals)
    if any(low >= high for low, high in zip(best, bound, strict=True)):
        raise ValueError(f"ideal {tuple(ideal)} must be better than reference {tuple(reference)}")
    scaled = [
        [
            max(0.0, (value - low) / (high - low))
            for value, low, high in zip(point, best, bound, strict=True)
        ]
        for point in _oriented(points, goals)
    ]
    return hypervolume(scaled, [1.0] * len(goals), ["minimise"] * len(goals))


def ideal_point(points: Sequence[Point], goals: Sequence[Goal]) -> tuple[float, ...]:
    """Return the best value of each objective among the points.

    Raises:
        ValueError: As ``front``, or there are no points.
    """
    oriented = _oriented(points, goals)
    if not oriented:
        raise ValueError("no points, so no best values")
    best = [min(column) for column in zip(*oriented, strict=True)]
    return _oriented([best], goals)[0]


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
    if not oriented:
        raise ValueError("no points, so no reference point")
    bound = []
    for column in zip(*oriented, strict=True):
        extent = (max(column) - min(column)) or abs(max(column)) or 1.0
        bound.append(max(column) + margin * extent)
    return _oriented([bound], goals)[0]


def _oriented(points: Sequence[Point], goals: Sequence[Goal]) -> list[tuple[float, ...]]:
    """Return the points with signs such that less is better everywhere; its own inverse."""
    oriented: list[tuple[float, ...]] = []
    for point in points:
        if len(point) != len(goals) or not all(math.isfinite(value) for value in point):
            raise ValueError(f"point {tuple(point)} needs {len(goals)} finite coordinates")
        oriented.append(
            tuple(
                -value if goal == "maximise" else value + 0.0
                for value, goal in zip(point, goals, strict=True)
            )
        )
    return oriented


def _no_worse(left: Point, right: Point) -> bool:
    return all(a <= b for a, b in zip(left, right, strict=True))


def _minima(points: set[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Return the non-dominated ones of distinct points, in ascending order."""
    kept: list[tuple[float, ...]] = []
    for point in sorted(points):
        if not any(_no_worse(other, point) for other in kept):
            kept.append(point)
    return kept


def _volume(points: list[tuple[float, ...]], bound: tuple[float, ...]) -> float:
    """Sum slabs along the last objective; in each the problem has one objective less.

    Args:
        points: Non-dominated, each better than ``bound`` in every objective.
        bound: The reference point.
    """
    if not points:
        return 0.0
    if len(bound) == 1:
        return bound[0] - points[0][0]
    if len(bound) == 2:
        area, right = 0.0, bound[0]
        for x, y in reversed(points):  # ascending in x, so descending in y
            area += (right - x) * (bound[1] - y)
            right = x
        return area
    levels = sorted({point[-1] for point in points})
    total = 0.0
    for low, high in zip(levels, [*levels[1:], bound[-1]], strict=True):
        below = {point[:-1] for point in points if point[-1] <= low}
        total += (high - low) * _volume(_minima(below), bound[:-1])
    return total
