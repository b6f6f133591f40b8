"""Fixed-point constants exactly as TFLite derives them from scales.

Everything is double arithmetic unless a comment says float: TFLite mixes the two, and one wrong
rounding shows in the last bit of a multiplier.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from sw_templates.tensor import ActivationRange

INT32_MAX = (1 << 31) - 1
_INT32_MIN = -(1 << 31)
_MAX_SHIFT = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiplier:
    """A positive real number as Q31 mantissa and exponent; a positive shift goes left."""

    multiplier: int
    shift: int


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
        ValueError: A factor is 2^30 and more, beyond the kernels' 32-bit shifts, or the output's
            scale is 0. Other scales may be 0: TFLite's factor is 0 then.
    """
    if output_scale == 0:
        raise ValueError("the output's scale is 0")
    scales = list(weight_scales) * channels if len(weight_scales) == 1 else list(weight_scales)
    factors = tuple(quantise_multiplier(input_scale * scale / output_scale) for scale in scales)
    if any(factor.shift > _MAX_SHIFT for factor in factors):
        raise ValueError(f"the output's scale {output_scale!r} is far below its inputs'")
    return factors


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
        return INT32_MAX
    product = a * b
    magnitude = (abs(product) + (1 << 30) - (product < 0)) >> 31
    return -magnitude if product < 0 else magnitude


def rounding_divide_by_power_of_two(value: int, exponent: int) -> int:
    """Gemmlowp's shift to the right with rounding to nearest, ties away from zero."""
    mask = (1 << exponent) - 1
    return (value >> exponent) + ((value & mask) > (mask >> 1) + (value < 0))
