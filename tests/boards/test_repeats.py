"""How well a mean is known."""

import numpy as np
import pytest

from runners.boards.repeats import repeated


def test_equal_values_are_known_after_three() -> None:
    assert not repeated([5.0, 5.0]).is_settled
    assert repeated([5.0, 5.0, 5.0]).is_settled


def test_the_interval_is_students() -> None:
    # By hand: t(0.975, 2) = 4.3027, s = 1, n = 3.
    found = repeated([9.0, 10.0, 11.0])
    assert (found.mean, found.count) == (10.0, 3)
    assert found.half_width == pytest.approx(4.3027 / 3**0.5, rel=1e-4)
    assert not found.is_settled


def test_the_interval_holds_the_true_mean_in_nineteen_of_twenty() -> None:
    generator = np.random.default_rng(3)
    rows = generator.normal(100, 2, (4000, 5))
    hits = sum(abs((found := repeated(list(row))).mean - 100) <= found.half_width for row in rows)
    assert 0.94 < hits / 4000 < 0.96
