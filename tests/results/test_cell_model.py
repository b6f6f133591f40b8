"""The cells of what is not placed: learned from designs that were measured both ways."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.results.cell_model import fit_cells
from dse.results.clock_model import MIN_TRIALS

CELLS = st.floats(1_000, 20_000)
PAIRS = st.lists(st.tuples(CELLS, st.floats(1.0, 1.1)), min_size=MIN_TRIALS, max_size=12)


def test_too_few_designs_are_no_estimate() -> None:
    assert fit_cells([(5_000.0, 5_100.0)] * (MIN_TRIALS - 1)) is None
    assert fit_cells([(0.0, 0.0)] * 9) is None, "nor are those that take none"


def test_designs_that_all_grow_alike_are_predicted_exactly() -> None:
    model = fit_cells([(cells, 1.02 * cells) for cells in (5_000.0, 6_000.0, 7_500.0)])
    assert model is not None
    assert model.error == pytest.approx(0.0)
    assert model.predict(np.array([10_000.0])).tolist() == [10_200.0]


def test_the_error_is_that_of_designs_that_were_not_learned_from() -> None:
    model = fit_cells([(1000.0, 1010.0), (1000.0, 1010.0), (1000.0, 1010.0), (1000.0, 1060.0)])
    assert model is not None
    assert model.factor == pytest.approx(1.01)
    assert model.error == pytest.approx((1 - 1010 / 1060) / 4)


@given(PAIRS)
def test_the_factor_is_one_that_was_seen(pairs: list[tuple[float, float]]) -> None:
    model = fit_cells([(cells, cells * growth) for cells, growth in pairs])
    assert model is not None
    growths = [growth for _, growth in pairs]
    assert min(growths) - 1e-9 <= model.factor <= max(growths) + 1e-9
    assert model.error >= 0
