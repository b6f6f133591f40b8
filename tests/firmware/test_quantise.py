"""Fixed-point constants against exact arithmetic and known values."""

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.network import Scale
from sw_templates.layers.fixed_point import exp_of_negative, exponentials
from sw_templates.layers.sum_scaling import sum_scaling
from sw_templates.quantise import (
    Multiplier,
    activation_range,
    channel_multipliers,
    clamp_int8,
    kernel_multiplier,
    quantise_multiplier,
    requantise,
    round_half_away,
    rounding_divide_by_power_of_two,
    saturating_doubling_high_multiply,
    to_float32,
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


def high_product(a: int, b: int) -> int:
    """Gemmlowp's SaturatingRoundingDoublingHighMul, line by line in exact integers."""
    if a == b == -(2**31):
        return 2**31 - 1
    nudge = 2**30 if a * b >= 0 else 1 - 2**30
    total = a * b + nudge
    return total // 2**31 if total >= 0 else -(-total // 2**31)  # C divides towards zero


EDGES = (0, 1, -1, 2, -2, 3, -3, 2**30, -(2**30), 2**30 - 1, 2**31 - 1, 1 - 2**31, -(2**31))


@given(a=INT32, b=INT32)
def test_the_high_product_is_gemmlowps_to_the_bit(a: int, b: int) -> None:
    assert saturating_doubling_high_multiply(a, b) == high_product(a, b)


def test_the_high_product_of_the_edges_and_of_ties_is_gemmlowps() -> None:
    for a in EDGES:
        for b in EDGES:
            assert saturating_doubling_high_multiply(a, b) == high_product(a, b), (a, b)
    assert saturating_doubling_high_multiply(-(2**31), -(2**31)) == 2**31 - 1
    assert saturating_doubling_high_multiply(3, 2**30) == 2, "a tie goes up"
    assert saturating_doubling_high_multiply(-3, 2**30) == -1, "and so does a negative one"
    assert saturating_doubling_high_multiply(-3, 2**30 + 1) == -2


@given(
    value=st.integers(-(2**24), 2**24 - 1),  # no more is shifted out
    multiplier=st.integers(2**30, 2**31 - 1),
    shift=st.integers(-31, 7),
)
def test_a_sum_is_scaled_as_by_the_kernels(value: int, multiplier: int, shift: int) -> None:
    found = requantise(value, Multiplier(multiplier=multiplier, shift=shift))
    moved = high_product(value * 2 ** max(shift, 0), multiplier)
    magnitude = (2 * abs(moved) + 2 ** max(-shift, 0)) // 2 ** (max(-shift, 0) + 1)
    assert found == (magnitude if moved >= 0 else -magnitude)


def test_a_sum_that_is_shifted_out_of_its_word_wraps_as_in_the_kernels() -> None:
    factor = Multiplier(multiplier=2**30, shift=2)
    assert requantise(2**30, factor) == 0
    assert requantise(2**29, factor) == -(2**30)
    assert factor.scale == Scale(multiplier=2**30, shift=2)


@pytest.mark.parametrize(
    ("value", "nearest"),
    [(0.5, 1), (-0.5, -1), (1.5, 2), (-1.5, -2), (0.49, 0), (-0.49, 0), (2.0, 2), (-2.0, -2)],
)
def test_halves_go_away_from_zero(value: float, nearest: int) -> None:
    assert round_half_away(value) == nearest


@given(value=st.floats(1e-9, 1e9))
def test_a_mantissa_is_the_nearest_or_the_one_above(value: float) -> None:
    mantissa, exponent = math.frexp(value)
    exact = Fraction(mantissa) * 2**31
    for is_rounded_up in (False, True):
        found = quantise_multiplier(value, is_rounded_up=is_rounded_up)
        whole = Fraction(found.multiplier) * Fraction(2) ** (found.shift - exponent)
        if is_rounded_up:
            assert exact <= whole < exact + 1
        else:
            assert abs(whole - exact) <= Fraction(1, 2)


def test_multipliers_end_where_the_kernels_words_do() -> None:
    assert quantise_multiplier(2.0**-32) == Multiplier(multiplier=1 << 30, shift=-31)
    assert quantise_multiplier(2.0**-33) == Multiplier(multiplier=0, shift=0)
    assert kernel_multiplier(2.0**29) == Multiplier(multiplier=1 << 30, shift=30)
    with pytest.raises(ValueError, match="far below"):
        kernel_multiplier(2.0**30)
    up = kernel_multiplier(1 / 3, is_rounded_up=True)
    assert up.multiplier == kernel_multiplier(1 / 3).multiplier + 1
    many = channel_multipliers(0.5, [0.25, 0.125], 2.0, 2, is_rounded_up=True)
    assert many == tuple(quantise_multiplier(v, is_rounded_up=True) for v in (1 / 16, 1 / 32))
    assert channel_multipliers(1.0, [1 / 3], 1.0, 1) == (kernel_multiplier(1 / 3),)
    third = channel_multipliers(1.0, [1 / 3], 1.0, 2, is_rounded_up=True)
    assert third == (up, up)
    with pytest.raises(ValueError, match="the output's scale is 0"):
        channel_multipliers(0.5, [0.25], 0.0, 1)
    assert channel_multipliers(0.5, [0.0], 1.0, 1) == (Multiplier(multiplier=0, shift=0),)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(0.1, 0.10000000149011612), (1e39, math.inf), (-1e39, -math.inf), (1e-50, 0.0)],
)
def test_a_float_is_what_c_stores(value: float, rounded: float) -> None:
    assert to_float32(value) == rounded


def test_activation_limits_of_other_widths_and_signs() -> None:
    def limits(low: float | None, high: float | None, **how: Any) -> tuple[int, int]:
        found = activation_range(low, high, **{"scale": 0.5, "zero_point": 0, **how})
        return found.minimum, found.maximum

    assert limits(None, None, bits=16) == (-32768, 32767)
    assert limits(-1.0, 1.0) == (-2, 2)
    assert limits(-1.0, 1.0, zero_point=3) == (1, 5)
    assert limits(0.0, 6.0, bits=16) == (0, 12)
    assert limits(-1.0, 1.0, scale=1e-30) == (-128, 127)
    assert limits(-0.25, 0.25) == (-1, 1), "half a step goes away from zero"
    assert limits(0.0, 5.0, scale=1e-6, bits=32) == (0, 1_000_000)
    assert limits(-5.0, 0.0, scale=1e-6, bits=32) == (-1_000_000, 0)
    assert [clamp_int8(v) for v in (-129, -128, 0, 127, 128)] == [-128, -128, 0, 127, 127]


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
