"""The expected gain of hypervolume, against certainty and against sampling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.pareto import Goal, hypervolume, non_dominated
from dse.suggest.improvement import expected_gain, open_boxes


def gain(front: list[tuple[int, ...]], point: tuple[int, ...], reference: list[float]) -> float:
    goals: list[Goal] = ["minimise"] * len(reference)
    return hypervolume([*front, point], reference, goals) - hypervolume(front, reference, goals)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 3).flatmap(
        lambda n: st.tuples(
            st.lists(st.tuples(*[st.integers(0, 5)] * n), max_size=8),
            st.tuples(*[st.integers(0, 5)] * n),
        )
    )
)
def test_a_certain_prediction_gains_exactly_the_hypervolume(
    drawn: tuple[list[tuple[int, ...]], tuple[int, ...]],
) -> None:
    front, point = drawn
    reference = [4.5] * len(point)
    points = np.array(front, dtype=float).reshape(-1, len(point))
    boxes = open_boxes(points[non_dominated(points)], np.array(reference))
    mean = np.array([point], dtype=float)
    found = expected_gain(mean, np.zeros_like(mean), boxes)
    assert found[0] == pytest.approx(gain(front, point, reference), abs=1e-6)


def test_an_uncertain_prediction_gains_the_mean_over_its_distribution() -> None:
    front = np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 0.2], [0.4, 0.4, 0.9]])
    reference = np.array([1.5, 1.5, 1.5])
    mean, deviation = np.array([[0.5, 0.3, 0.6]]), np.array([[0.3, 0.5, 0.2]])
    rng = np.random.default_rng(1)
    samples = mean + deviation * rng.standard_normal((4000, 3))
    boxes = open_boxes(front, reference)
    sampled = expected_gain(samples, np.zeros_like(samples), boxes)
    found = expected_gain(mean, deviation, boxes)[0]
    assert found == pytest.approx(sampled.mean(), abs=4 * sampled.std() / np.sqrt(4000))


def test_far_away_candidates_gain_next_to_nothing_without_a_warning() -> None:
    boxes = open_boxes(np.array([[0.0, 0.0]]), np.array([1.0, 1.0]))
    gains = expected_gain(np.array([[1e6, 1e6], [-1.0, -1.0]]), np.full((2, 2), 1e-3), boxes)
    assert gains[0] == 0
    assert gains[1] == pytest.approx(3.0)
