"""Functions of fixed-point numbers exactly as gemmlowp computes them, for tables made at import.

A number with ``n`` integer bits is an int32 that stands for itself divided by 2^(31 - n): Q31 has
none and lies between -1 and 1.
"""

import math
from dataclasses import dataclass

from sw_templates.quantise import (
    INT32_MAX,
    Multiplier,
    quantise_multiplier,
    rounding_divide_by_power_of_two,
    saturating_doubling_high_multiply,
    wrap_int32,
)

EXPONENT_INTEGER_BITS = 5

_EXP_OF_MINUS_POWERS = (
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
"""(e, exp(-2^e) in Q31): every x below 0 is a sum of these and a part of a quarter."""


def input_radius(shift: int, *, integer_bits: int) -> int:
    """Return from how many steps on a product with a multiplier of ``shift`` overflows."""
    largest = ((1 << integer_bits) - 1) * (1 << (31 - integer_bits))
    return math.floor(largest / 2.0**shift)


def exp_of_negative(value: int, *, integer_bits: int) -> int:
    """Return exp(x) in Q31 for x <= 0 with up to 5 integer bits."""
    if value == 0:
        return INT32_MAX
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    part = (value & (quarter - 1)) - quarter
    result = _exp_on_quarter(part << integer_bits)
    remainder = part - value
    for exponent, factor in _EXP_OF_MINUS_POWERS:
        if exponent < integer_bits and remainder & (1 << (fraction_bits + exponent)):
            result = saturating_doubling_high_multiply(result, factor)
    return result


def reciprocal_of_one_plus(value: int) -> int:
    """Return 1 / (1 + x) for 0 <= x < 1, both in Q31, by three Newton-Raphson steps."""
    multiply = saturating_doubling_high_multiply
    half_denominator = (value + INT32_MAX + 1) // 2
    result = 1515870810 + multiply(half_denominator, -1010580540)  # 48/17 - 32/17, 2 integer bits
    for _ in range(3):
        error = (1 << 29) - multiply(half_denominator, result)
        result = wrap_int32(result + _saturated(4 * multiply(result, error)))
    return _saturated(2 * result)


def _saturated(value: int) -> int:
    return max(min(value, INT32_MAX), -INT32_MAX - 1)


def _exp_on_quarter(value: int) -> int:
    """exp(x) for -1/4 <= x < 0, Q31: a Taylor polynomial around -1/8."""
    exp_of_minus_eighth, third = 1895147668, 715827883
    multiply = saturating_doubling_high_multiply
    x = value + (1 << 28)
    x2 = multiply(x, x)
    x3 = multiply(x2, x)
    x4 = multiply(x2, x2)
    tail = multiply(rounding_divide_by_power_of_two(x4, 2) + x3, third) + x2
    tail = rounding_divide_by_power_of_two(tail, 1)
    return exp_of_minus_eighth + multiply(exp_of_minus_eighth, x + tail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponentials:
    """exp(-i * factor * scale) for an int8 that lies i steps below the largest of its row.

    Attributes:
        scaling: What turns steps into a number with ``EXPONENT_INTEGER_BITS``.
        radius: The most steps of which TFLite does not drop the exponential.
        table: The exponentials in Q31 for 0 to 255 steps, 0 where TFLite drops one.
    """

    scaling: Multiplier
    radius: int
    table: tuple[int, ...]


def exponentials(factor: float, scale: float) -> Exponentials:
    """Return the exponentials of a row's differences.

    Args:
        factor: What the real numbers are multiplied by: beta.
        scale: Of the int8.

    Raises:
        ValueError: ``factor * scale`` is below 2^-26, which TFLite refuses too.
    """
    fraction_bits = 31 - EXPONENT_INTEGER_BITS
    product = min(factor * scale * (1 << fraction_bits), float(INT32_MAX))
    if not product > 1.0:
        raise ValueError(f"beta {factor!r} times the input's scale {scale!r} is too small")
    scaling = quantise_multiplier(product)
    radius = input_radius(scaling.shift, integer_bits=EXPONENT_INTEGER_BITS)
    table = []
    for steps in range(256):
        difference = saturating_doubling_high_multiply(
            wrap_int32(-steps << scaling.shift), scaling.multiplier
        )
        dropped = steps > radius
        table.append(
            0 if dropped else exp_of_negative(difference, integer_bits=EXPONENT_INTEGER_BITS)
        )
    return Exponentials(scaling=scaling, radius=radius, table=tuple(table))
