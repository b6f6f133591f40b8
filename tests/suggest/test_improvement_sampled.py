"""The expected gain against brute force, and the choice of designs far from each other."""

import itertools

import numpy as np
import pytest

from dse.suggest import improvement
from dse.suggest.improvement import expected_gain, open_boxes, spread


def cells(front: np.ndarray, reference: np.ndarray, *, step: float, low: float) -> np.ndarray:
    """Return the centres of the cells of a grid below the reference that no point dominates."""
    axes = [np.arange(low, each, step) + step / 2 for each in reference]
    grid = np.array(list(itertools.product(*axes)))
    covered = (front[np.newaxis] <= grid[:, np.newaxis]).all(axis=2).any(axis=1)
    return grid[~covered]


@pytest.mark.parametrize(
    ("front", "reference", "mean", "deviation"),
    [
        ([[0.5]], [1.0], [0.6], [0.2]),
        ([[0.2, 0.8], [0.6, 0.4]], [1.0, 1.2], [0.5, 0.5], [0.3, 0.1]),
        ([[0.2, 0.8], [0.6, 0.4], [0.9, 0.9]], [1.0, 1.2], [0.1, 1.0], [0.05, 0.4]),
        ([[0.0, 1.0, 0.4], [0.8, 0.0, 0.2]], [1.2, 1.2, 1.2], [0.4, 0.4, 0.6], [0.3, 0.4, 0.2]),
    ],
)
def test_the_expected_gain_is_the_mean_over_draws_of_the_cells_that_they_cover(
    front: list[list[float]], reference: list[float], mean: list[float], deviation: list[float]
) -> None:
    """A draw covers a cell of space that is worse everywhere: by independence a product.

    The share of draws that cover a cell is counted one objective at a time, so that 200,000 draws
    of each do: no formula for normal distributions is used, and no box.
    """
    points, corner = np.array(front), np.array(reference)
    low, step = -1.5, 0.05
    draws = np.random.default_rng(5).standard_normal((200_000, len(mean)))
    draws = np.sort(np.array(mean) + np.array(deviation) * draws, axis=0)
    grid = cells(points, corner, step=step, low=low)
    share = np.ones(len(grid))
    for objective in range(len(mean)):
        share *= np.searchsorted(draws[:, objective], grid[:, objective]) / len(draws)
    sampled = share.sum() * step ** len(mean)

    boxes = open_boxes(points, corner)
    found = expected_gain(np.array([mean]), np.array([deviation]), boxes)
    assert found[0] == pytest.approx(sampled, rel=0.01)


def test_boxes_are_apart_and_cover_what_is_open_exactly() -> None:
    rng = np.random.default_rng(2)
    for objectives in (1, 2, 3):
        front = rng.integers(0, 6, (5, objectives)).astype(float)
        reference = np.array([4.5, 3.5, 5.5])[:objectives]
        boxes = open_boxes(front, reference)
        assert boxes.shape[1:] == (2, objectives)
        for point in rng.uniform(-2, 6, (200, objectives)):
            inside = ((boxes[:, 0] < point) & (point < boxes[:, 1])).all(axis=1).sum()
            is_open = (point < reference).all() and not (front <= point).all(axis=1).any()
            assert inside == is_open, (front, point)


def test_many_candidates_gain_what_each_of_them_does(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    boxes = open_boxes(rng.random((4, 2)), np.array([1.0, 1.0]))
    mean, deviation = rng.random((23, 2)), rng.random((23, 2))
    alone = [expected_gain(mean[[n]], deviation[[n]], boxes)[0] for n in range(23)]
    monkeypatch.setattr(improvement, "_BLOCK", 5 * len(boxes))
    assert expected_gain(mean, deviation, boxes) == pytest.approx(alone, rel=1e-12)
    monkeypatch.setattr(improvement, "_BLOCK", 1)
    assert expected_gain(mean, deviation, boxes) == pytest.approx(alone, rel=1e-12)


LINE = np.array([[0.0], [1.0], [2.0], [10.0], [6.0]])


@pytest.mark.parametrize(
    ("chosen", "count", "first", "picked"),
    [
        ((0,), 1, (), [3]),
        ((0,), 2, (), [3, 4]),  # 4 from 10 and 6 from 0; then 2
        ((0,), 3, (), [3, 4, 2]),
        ((0,), 9, (), [3, 4, 2, 1]),  # then all are chosen
        ((), 2, (), [0, 3]),
        ((), 2, (2,), [2, 3]),
        ((), 1, (2, 1), [2]),
        ((2,), 2, (2, 1), [1, 3]),  # what is chosen is not picked again
        ((0,), 0, (1,), []),
        ((0, 1, 2, 3, 4), 3, (0,), []),
    ],
)
def test_designs_are_spread(
    chosen: tuple[int, ...], count: int, first: tuple[int, ...], picked: list[int]
) -> None:
    assert spread(LINE, chosen, count, first) == picked


def test_distance_counts_every_feature_and_a_twin_is_never_picked() -> None:
    square = np.array([[0.0, 0.0], [2.0, 0.0], [1.5, 1.5], [0.0, 0.0], [2.0, 0.0]])
    assert spread(square, (0,), 5, ()) == [2, 1]
    assert spread(square, (), 5, (1, 4)) == [1, 0, 2]
    assert spread(np.array([[3.0], [-3.0], [4.0]]), (0,), 1, ()) == [1]
