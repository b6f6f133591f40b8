"""Fixed-point constants exactly as TFLite derives them from scales.

Everything is double arithmetic unless a comment says float: TFLite mixes the two, and one wrong
rounding shows in the last bit of a multiplier.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from sw_templates.model import ActivationRange

ADD_LEFT_SHIFT = 20
_INT32_MAX = (1 << 31) - 1
_INT32_MIN = -(1 << 31)
_SOFTMAX_INTEGER_BITS = 5
_MAX_SHIFT = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiplier:
    """A positive real number as Q31 mantissa and exponent; a positive shift goes left."""

    multiplier: int
    shift: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddScaling:
    """How ADD brings its inputs to a common scale and their sum to the output's."""

    input1: Multiplier
    input2: Multiplier
    output: Multiplier


def to_float32(value: float) -> float:
    """Round to the nearest float, as C does when it stores one; overflow becomes infinity."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def wrap_int32(value: int) -> int:
    """Keep the low 32 bits as a signed number."""
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def round_half_away(value: float) -> int:
    """Round to nearest, ties away from zero: C's ``round``."""
    return math.floor(value + 0.5) if value >= 0 else -math.floor(-value + 0.5)


def quantise_multiplier(value: float) -> Multiplier:
    """Return the closest Q31 mantissa and exponent.

    Raises:
        ValueError: ``value`` is negative or not finite.
    """
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"scale factor {value!r} is not a finite number >= 0")
    mantissa, shift = math.frexp(value)
    multiplier = round_half_away(mantissa * (1 << 31))
    if multiplier == 1 << 31:
        multiplier, shift = multiplier // 2, shift + 1
    if shift < -31:
        multiplier, shift = 0, 0
    return Multiplier(multiplier=multiplier, shift=shift)


def channel_multipliers(
    input_scale: float, weight_scales: Sequence[float], output_scale: float, channels: int
) -> tuple[Multiplier, ...]:
    """Return one multiplier per output channel; a single weight scale serves all of them.

    Raises:
        ValueError: A factor is 2^30 and more, beyond the kernels' 32-bit shifts.
    """
    scales = list(weight_scales) * channels if len(weight_scales) == 1 else list(weight_scales)
    factors = tuple(quantise_multiplier(input_scale * scale / output_scale) for scale in scales)
    if any(factor.shift > _MAX_SHIFT for factor in factors):
        raise ValueError(f"the output's scale {output_scale!r} is far below its inputs'")
    return factors


def add_scaling(input1_scale: float, input2_scale: float, output_scale: float) -> AddScaling:
    """Return the three multipliers of ADD.

    Raises:
        ValueError: The output's scale is so small that its multiplier reaches 1, which TFLite
            refuses too.
    """
    common = 2.0 * max(input1_scale, input2_scale)
    factors = (
        input1_scale / common,
        input2_scale / common,
        common / ((1 << ADD_LEFT_SHIFT) * output_scale),
    )
    for factor in factors:
        if not 0.0 < factor < 1.0:
            raise ValueError(f"scale factor {factor!r} of ADD is not between 0 and 1")
    input1, input2, output = (quantise_multiplier(factor) for factor in factors)
    return AddScaling(input1=input1, input2=input2, output=output)


def activation_range(activation: str, scale: float, zero_point: int) -> ActivationRange:
    """Return the int8 limits of NONE, RELU or RELU6 at the output's scale."""

    def quantised(value: float) -> int:
        steps = to_float32(value / scale)  # a float quotient in TFLite
        limited = min(max(steps, -1e6), 1e6)
        return zero_point + round_half_away(limited)

    minimum = -128 if activation == "NONE" else max(-128, quantised(0.0))
    maximum = min(127, quantised(6.0)) if activation == "RELU6" else 127
    return ActivationRange(minimum=minimum, maximum=maximum)


def saturating_doubling_high_multiply(a: int, b: int) -> int:
    """Gemmlowp's fixed-point product of two int32: 2 * a * b / 2^32 rounded to nearest."""
    if a == b == _INT32_MIN:
        return _INT32_MAX
    product = a * b
    magnitude = (abs(product) + (1 << 30) - (product < 0)) >> 31
    return -magnitude if product < 0 else magnitude


def rounding_divide_by_power_of_two(value: int, exponent: int) -> int:
    """Gemmlowp's shift to the right with rounding to nearest, ties away from zero."""
    mask = (1 << exponent) - 1
    return (value >> exponent) + ((value & mask) > (mask >> 1) + (value < 0))


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


def exp_of_negative(value: int) -> int:
    """exp(x) in Q31 for x <= 0 with 5 integer bits (Q26), as gemmlowp computes it."""
    if value == 0:
        return _INT32_MAX
    quarter = 1 << 24
    part = (value & (quarter - 1)) - quarter
    result = _exp_on_quarter(part << _SOFTMAX_INTEGER_BITS)
    remainder = part - value
    for exponent, factor in _EXP_OF_MINUS_POWERS:
        if remainder & (1 << (26 + exponent)):
            result = saturating_doubling_high_multiply(result, factor)
    return result


def softmax_exponentials(beta: float, input_scale: float) -> tuple[int, ...]:
    """Return exp(-i * beta * input_scale) in Q31 for i = 0 .. 255, 0 where TFLite drops it.

    Raises:
        ValueError: ``beta * input_scale`` is below 2^-26, which TFLite refuses too.
    """
    fraction_bits = 31 - _SOFTMAX_INTEGER_BITS
    factor = min(beta * input_scale * (1 << fraction_bits), float(_INT32_MAX))
    if not factor > 1.0:
        raise ValueError(f"beta {beta!r} times the input's scale {input_scale!r} is too small")
    scaling = quantise_multiplier(factor)
    radius = math.floor(
        ((1 << _SOFTMAX_INTEGER_BITS) - 1) * (1 << fraction_bits) / (1 << scaling.shift)
    )
    table = []
    for steps in range(256):
        if steps > radius:
            table.append(0)
            continue
        shifted = wrap_int32(-steps << scaling.shift)
        table.append(
            exp_of_negative(saturating_doubling_high_multiply(shifted, scaling.multiplier))
        )
    return tuple(table)
