"""Fixed-point constants against exact arithmetic and known values."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sw_templates.layers.fixed_point import exp_of_negative, exponentials
from sw_templates.layers.sum_scaling import sum_scaling
from sw_templates.quantise import (
    Multiplier,
    activation_range,
    channel_multipliers,
    quantise_multiplier,
    rounding_divide_by_power_of_two,
    saturating_doubling_high_multiply,
    wrap_int32,
)

INT32 = st.integers(-(2**31), 2**31 - 1)


@given(value=st.floats(1e-9, 1e9))
def test_a_multiplier_is_the_closest_q31_number(value: float) -> None:
    found = quantise_multiplier(value)
    assert 2**30 <= found.multiplier < 2**31
    exact = found.multiplier / 2**31 * 2.0**found.shift
    assert math.isclose(exact, value, rel_tol=2**-31)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, Multiplier(multiplier=1 << 30, shift=1)),
        (0.5, Multiplier(multiplier=1 << 30, shift=0)),
        (1 - 2**-40, Multiplier(multiplier=1 << 30, shift=1)),
        (0.0, Multiplier(multiplier=0, shift=0)),
        (2.0**-40, Multiplier(multiplier=0, shift=0)),
    ],
)
def test_known_multipliers(value: float, expected: Multiplier) -> None:
    assert quantise_multiplier(value) == expected


@pytest.mark.parametrize("value", [-1.0, math.inf, math.nan])
def test_other_numbers_have_no_multiplier(value: float) -> None:
    with pytest.raises(ValueError, match="is not a finite number"):
        quantise_multiplier(value)


def test_one_weight_scale_serves_all_channels() -> None:
    assert channel_multipliers(0.5, [0.25], 1.0, 3) == (quantise_multiplier(0.125),) * 3
    with pytest.raises(ValueError, match="far below"):
        channel_multipliers(1.0, [1.0], 1e-10, 1)


def test_add_brings_the_larger_input_to_half() -> None:
    scaling = sum_scaling(0.1, 0.2, 0.3)
    assert scaling.input2 == quantise_multiplier(0.5)
    assert scaling.input1 == quantise_multiplier(0.25)
    with pytest.raises(ValueError, match="is not between 0 and 1"):
        sum_scaling(1.0, 1.0, 1e-7)


def test_activation_ranges() -> None:
    assert (
        activation_range(None, None, scale=0.1, zero_point=5).minimum,
        activation_range(None, None, scale=0.1, zero_point=5).maximum,
    ) == (
        -128,
        127,
    )
    assert activation_range(0.0, None, scale=0.1, zero_point=5).minimum == 5
    assert activation_range(0.0, 6.0, scale=0.1, zero_point=-128).maximum == -68
    assert activation_range(0.0, 6.0, scale=1e-30, zero_point=0).maximum == 127


@given(a=INT32, b=INT32)
def test_the_high_product_rounds_to_nearest(a: int, b: int) -> None:
    if a == b == -(2**31):
        assert saturating_doubling_high_multiply(a, b) == 2**31 - 1
        return
    product = saturating_doubling_high_multiply(a, b)
    assert abs(product * 2**31 - a * b) <= 2**30


@given(value=INT32, exponent=st.integers(0, 31))
def test_division_rounds_ties_away_from_zero(value: int, exponent: int) -> None:
    magnitude = (2 * abs(value) + 2**exponent) // 2 ** (exponent + 1)
    expected = magnitude if value >= 0 else -magnitude
    assert rounding_divide_by_power_of_two(value, exponent) == expected


@given(value=st.integers(-(2**31), 0))
def test_the_exponential_is_close(value: int) -> None:
    assert abs(exp_of_negative(value, integer_bits=5) / 2**31 - math.exp(value / 2**26)) < 3e-7


def test_softmax_tables_fall_from_one_to_nothing() -> None:
    table = exponentials(1.0, 0.5).table
    assert table[0] == 2**31 - 1
    assert list(table) == sorted(table, reverse=True)
    assert table[255] == 0
    with pytest.raises(ValueError, match="too small"):
        exponentials(1.0, 1e-9)


@given(value=st.integers())
def test_wrapping_keeps_the_low_word(value: int) -> None:
    assert -(2**31) <= wrap_int32(value) < 2**31
    assert (wrap_int32(value) - value) % 2**32 == 0
