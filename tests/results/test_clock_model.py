"""The estimate of the clock: exact where it can be, honest where it cannot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.parameter import Value
from dse.results.clock_model import MIN_TRIALS, fit_clock

DESIGN = st.fixed_dictionaries(
    {
        "icache_bytes": st.sampled_from([0, 1024, 4096]),
        "bypass": st.booleans(),
        "cfu": st.sampled_from(["none", "simd"]),
    },
    optional={"simd_width": st.sampled_from([1, 4, 16])},
)
PLACED = st.lists(st.tuples(DESIGN, st.floats(10, 200)), min_size=MIN_TRIALS, max_size=12)


def test_too_few_trials_are_no_estimate() -> None:
    assert fit_clock([({"cfu": "none"}, 60.0)] * (MIN_TRIALS - 1)) is None


def test_a_clock_that_follows_a_parameter_is_found() -> None:
    def clock_mhz(size: int) -> float:
        return 80.0 - 2.0 * size.bit_length()

    sizes = [2**power - 1 for power in range(1, 12)]
    placed: list[tuple[dict[str, Value], float]] = [
        ({"icache_bytes": size, "bypass": size % 4 == 3}, clock_mhz(size)) for size in sizes
    ]
    model = fit_clock(placed)

    assert model is not None
    assert model.error_mhz < 0.5
    assert model.predict_mhz({"icache_bytes": 255, "bypass": True}) == pytest.approx(64.0, abs=0.5)


def test_clocks_without_a_pattern_give_the_mean_and_an_honest_error() -> None:
    clocks = [60.0, 66.0, 61.0, 65.0, 60.5, 65.5]
    placed: list[tuple[dict[str, Value], float]] = [
        ({"cfu": f"family{number}"}, clock) for number, clock in enumerate(clocks)
    ]
    model = fit_clock(placed)

    assert model is not None
    assert model.predict_mhz({"cfu": "other"}) == pytest.approx(63.0, abs=0.1)
    assert model.error_mhz > 2.0


@given(PLACED, DESIGN)
def test_a_prediction_stays_within_what_was_seen(
    placed: list[tuple[dict[str, Value], float]], design: dict[str, Value]
) -> None:
    model = fit_clock(placed)

    assert model is not None
    clocks = [clock for _, clock in placed]
    assert min(clocks) <= model.predict_mhz(design) <= max(clocks)
    assert model.error_mhz >= 0
