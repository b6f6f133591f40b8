"""Fronts and hypervolumes, against definitions and by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.pareto import (
    Goal,
    front,
    gains,
    hypervolume,
    non_dominated,
    reference_point,
)
from tests.dominance import dominates

DOWN: list[Goal] = ["minimise", "minimise"]
UP: Goal = "maximise"


def test_front_keeps_ties_and_duplicates_and_sorts_along_the_first_objective() -> None:
    points = [(3, 1), (1, 3), (2, 2), (2, 2), (3, 3), (1, 4)]
    assert front(points, DOWN) == (1, 2, 3, 0)


def test_goals_turn_the_front_round() -> None:
    points = [(1, 0.9), (2, 0.95), (3, 0.94)]
    assert front(points, ["minimise", UP]) == (0, 1)
    assert not dominates(points[0], points[0], ["minimise", UP])
    assert dominates((1, 0.95), points[1], ["minimise", UP])


def test_no_points_no_front() -> None:
    assert front([], DOWN) == ()
    assert hypervolume([], (1, 1), DOWN) == 0.0


def test_hypervolume_by_hand() -> None:
    assert hypervolume([(1, 3), (2, 2), (3, 1)], (4, 4), DOWN) == 6
    assert hypervolume([(1, 3), (2, 2), (3, 1), (2, 2), (3, 3)], (4, 4), DOWN) == 6
    assert hypervolume([(1, 5), (4, 1), (9, 9)], (4, 4), DOWN) == 0
    assert hypervolume([(2,), (3,)], (5,), ["minimise"]) == 3
    assert hypervolume([(1, 1)], (0, 0), [UP, UP]) == 1
    cube: list[Goal] = ["minimise"] * 3
    assert hypervolume([(1, 1, 1)], (2, 3, 4), cube) == 6
    assert hypervolume([(0, 0, 1), (1, 0, 0)], (2, 1, 2), cube) == 3


def test_the_reference_is_a_little_beyond_the_worst() -> None:
    points = [(1.0, 0.5), (11.0, 0.9)]
    goals: list[Goal] = ["minimise", UP]
    assert reference_point(points, goals) == pytest.approx((12, 0.46))
    assert reference_point([(0.0, 2.0)], DOWN) == pytest.approx((0.1, 2.2))
    with pytest.raises(ValueError, match="no points"):
        reference_point([], DOWN)


@pytest.mark.parametrize("point", [(1,), (1, math.nan), (math.inf, 1)])
def test_points_that_cannot_be_compared_are_refused(point: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="2 finite coordinates"):
        front([(1, 1), point], DOWN)


def grids(objectives: int) -> st.SearchStrategy[list[tuple[int, ...]]]:
    return st.lists(st.tuples(*[st.integers(0, 4)] * objectives), max_size=12)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 4).flatmap(lambda n: st.tuples(grids(n), st.just(n))), st.data())
def test_front_and_volume_agree_with_their_definitions(
    drawn: tuple[list[tuple[int, ...]], int], data: st.DataObject
) -> None:
    points, objectives = drawn
    goals: list[Goal] = data.draw(
        st.lists(
            st.sampled_from(("minimise", "maximise")), min_size=objectives, max_size=objectives
        )
    )
    expected = {
        position
        for position, point in enumerate(points)
        if not any(dominates(other, point, goals) for other in points)
    }
    assert set(front(points, goals)) == expected
    # On a grid of unit cells the volume is a number of cells.
    reference = [4 if goal == "minimise" else 0 for goal in goals]
    cells = 0
    for cell in itertools.product(range(4), repeat=objectives):
        worst = [c + 1 if goal == "maximise" else c for c, goal in zip(cell, goals, strict=True)]
        cells += any(
            all(
                (p <= c) if goal == "minimise" else (p >= c)
                for p, c, goal in zip(point, worst, goals, strict=True)
            )
            for point in points
        )
    assert hypervolume(points, reference, goals) == pytest.approx(cells)


def tables(objectives: int) -> st.SearchStrategy[np.ndarray]:
    rows = st.lists(st.tuples(*[st.integers(0, 6)] * objectives), max_size=40)
    return rows.map(lambda r: np.array(r, dtype=float).reshape(-1, objectives))


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 4).flatmap(tables))
def test_what_points_gain_one_after_the_other_is_the_whole_volume(points: np.ndarray) -> None:
    objectives = points.shape[1]
    bound = np.full(objectives, 5.5)
    goals: list[Goal] = ["minimise"] * objectives
    found = gains(points, bound)
    volume = 0.0
    for count, gain in enumerate(found.tolist(), start=1):
        whole = hypervolume(points[:count], bound.tolist(), goals)
        assert gain == pytest.approx(whole - volume, abs=1e-9)
        volume = whole


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
def test_a_front_of_several_blocks_is_that_of_the_definition(objectives: int) -> None:
    points = np.random.default_rng(objectives).integers(0, 30, (2000, objectives)).astype(float)
    points[:, -1] += 0.25 * points[:, 0]
    expected = [
        position
        for position, point in enumerate(points)
        if not ((points <= point).all(axis=1) & (points < point).any(axis=1)).any()
    ]
    assert sorted(non_dominated(points).tolist()) == expected


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_a_front_of_several_blocks_loses_none_of_its_points(objectives: int) -> None:
    """Of points with one sum none dominates another, however many there are."""
    rng = np.random.default_rng(objectives)
    points = rng.integers(0, 1000, (1500, objectives)).astype(float)
    points[:, -1] = 9999.0 - points[:, :-1].sum(axis=1)
    assert sorted(non_dominated(points).tolist()) == list(range(1500))
    worse = points[700:] + rng.integers(0, 2, (800, objectives))
    is_equal = (worse == points[700:]).all(axis=1)
    found = set(non_dominated(np.vstack([points, worse])).tolist())
    assert found == set(range(1500)) | {1500 + at for at in np.flatnonzero(is_equal).tolist()}


def test_what_points_of_several_blocks_gain_is_the_whole_volume() -> None:
    xs = np.random.default_rng(1).permutation(700).astype(float)
    points = np.column_stack([xs, 699.0 - xs])
    found = gains(points, np.array([700.0, 700.0]))
    assert (found > 0).all()
    assert found.sum() == pytest.approx(700 * 701 / 2)
