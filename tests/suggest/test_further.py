"""What is measured further next is what the measured front is expected to gain most from."""

import numpy as np
import pytest

from dse.suggest.further import Believed, worth_measuring


def believed(rows: list[list[float]], deviation: float = 0.0, cost: float = 1.0) -> Believed:
    mean = np.array(rows, dtype=float).reshape(-1, 2)
    return Believed(
        mean=mean, deviation=np.full(mean.shape, deviation), cost=np.full(len(mean), cost)
    )


NONE = np.zeros((0, 2))


def test_with_nothing_measured_the_certain_front_is_measured_and_nothing_else() -> None:
    """(2, 2) is dominated by (1, 1)."""
    told = believed([[0.0, 3.0], [1.0, 1.0], [2.0, 2.0], [3.0, 0.0]])
    assert set(worth_measuring(told, NONE, least_gain=1e-6, most=10)) == {0, 1, 3}


def test_the_largest_gain_comes_first_and_a_gain_too_small_never() -> None:
    told = believed([[0.0, 3.0], [1.0, 1.0], [0.999, 1.0], [3.0, 0.0]])
    (first, *others) = worth_measuring(told, NONE, least_gain=0.01, most=10)
    assert first == 2
    assert set(others) == {0, 3}, "(1, 1) gains nothing beside (0.999, 1)"


def test_what_was_measured_is_not_gained_again() -> None:
    told = believed([[0.0, 3.0], [1.0, 1.0]])
    assert worth_measuring(told, np.array([[0.0, 3.0]]), least_gain=1e-6, most=2) == (1,)
    assert worth_measuring(told, told.mean, least_gain=1e-6, most=2) == ()


def test_a_design_that_may_turn_out_better_is_worth_more_than_one_that_cannot() -> None:
    measured = np.array([[0.0, 1.0], [1.0, 0.0]])
    told = Believed(
        mean=np.array([[0.6, 0.6], [0.6, 0.6]]),
        deviation=np.array([[0.0, 0.0], [0.3, 0.0]]),
        cost=np.ones(2),
    )
    assert worth_measuring(told, measured, least_gain=1e-6, most=1) == (1,)


def test_of_two_gains_the_one_that_costs_less_for_it_is_chosen() -> None:
    told = Believed(
        mean=np.array([[0.0, 1.0], [1.0, 0.1]]),
        deviation=np.zeros((2, 2)),
        cost=np.array([1.0, 1.0]),
    )
    (best, other) = worth_measuring(told, NONE, least_gain=1e-6, most=2)
    cost = np.ones(2)
    cost[best] = 100.0
    dear = Believed(mean=told.mean, deviation=told.deviation, cost=cost)
    assert worth_measuring(dear, NONE, least_gain=1e-6, most=1) == (other,)


@pytest.mark.parametrize("deviation", [0.0, 0.2])
def test_a_single_design_is_measured_and_none_is_no_error(deviation: float) -> None:
    told = believed([[5.0, 5.0]], deviation)
    assert worth_measuring(told, NONE, least_gain=0.01, most=3) == (0,)
    assert worth_measuring(believed([]), NONE, least_gain=0.01, most=3) == ()
