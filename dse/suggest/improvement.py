"""Expected gain of hypervolume, exact for independent normal predictions of any objectives.

Everything is minimised here. The part of the objective space that the front does not dominate yet
is cut into boxes; a new point gains the part of each box that is worse than it everywhere, and
that volume is a product over objectives, so its expectation is too.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr  # type: ignore[import-untyped]

Array = NDArray[np.float64]

_BLOCK = 2_000_000  # products held at a time: 16 MB for each array


def open_boxes(front: Array, reference: Array) -> Array:
    """Cut the region below ``reference`` that no point of ``front`` dominates into boxes.

    Args:
        front: Points, one a row; dominated ones and those beyond the reference do no harm.
        reference: One coordinate for each objective.

    Returns:
        Boxes x 2 x objectives: lower corners (may be minus infinity) and upper corners.
    """
    inside = front[np.all(front < reference, axis=1)]
    boxes = _open_boxes(inside, reference)
    return np.array(boxes).reshape(-1, 2, len(reference))


def _open_boxes(points: Array, bound: Array) -> list[tuple[list[float], list[float]]]:
    if len(bound) == 1:
        return [([-np.inf], [min([float(bound[0]), *map(float, points[:, 0])])])]
    levels = [-np.inf, *sorted({float(value) for value in points[:, -1]}), float(bound[-1])]
    boxes = []
    for low, high in itertools.pairwise(levels):
        below = points[points[:, -1] <= low][:, :-1]
        for lower, upper in _open_boxes(below, bound[:-1]):
            boxes.append(([*lower, low], [*upper, high]))
    return boxes


def expected_gain(mean: Array, deviation: Array, boxes: Array) -> Array:
    """Return the expected gain of hypervolume of each candidate.

    Args:
        mean: Candidates x objectives.
        deviation: Likewise; 0 means certain.
        boxes: From ``open_boxes``.
    """
    gains = np.zeros(len(mean))
    step = max(1, _BLOCK // max(1, len(boxes)))
    for start in range(0, len(mean), step):
        rows = slice(start, start + step)
        product = np.ones((len(mean[rows]), len(boxes)))
        for objective in range(mean.shape[1]):
            centre = mean[rows, objective, np.newaxis]
            width = np.maximum(deviation[rows, objective, np.newaxis], 1e-12)
            # Each distinct bound once: boxes of one slab share theirs.
            product *= _shortfall(boxes[:, 1, objective], centre, width) - _shortfall(
                boxes[:, 0, objective], centre, width
            )
        gains[rows] = product.sum(axis=1)
    return gains


def _shortfall(limit: Array, centre: Array, width: Array) -> Array:
    """Return the expectation of ``max(0, limit - Y)`` for normal Y."""
    distinct, where = np.unique(limit, return_inverse=True)
    distinct = np.where(np.isfinite(distinct), distinct, -1e100)
    z = np.clip((distinct - centre) / width, -38.0, 1e150)
    density = np.exp(-0.5 * np.minimum(z, 38.0) ** 2) / np.sqrt(2.0 * np.pi)
    value: Array = np.maximum(width * (z * ndtr(z) + density), 0.0)[:, where]
    return value


def spread(features: Array, chosen: Sequence[int], count: int, first: Sequence[int]) -> list[int]:
    """Pick rows far from each other: ``first`` if not chosen, then greedily the most distant."""
    picked: list[int] = []
    distance = np.full(len(features), np.inf)

    def note(row: int) -> None:
        np.minimum(distance, np.abs(features - features[row]).sum(axis=1), out=distance)

    for row in chosen:
        note(row)
    for row in first:
        if len(picked) < count and distance[row] > 0:
            picked.append(row)
            note(row)
    while len(picked) < count and distance.max() > 0:
        row = int(distance.argmax())
        picked.append(row)
        note(row)
    return picked
