"""Fixed-point constants exactly as TFLite derives them from scales.

Everything is double arithmetic unless a comment says float: TFLite mixes the two, and one wrong
rounding shows in the last bit of a multiplier.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.network import Scale
from sw_templates.tensor import ActivationRange

INT32_MAX = (1 << 31) - 1
_INT32_MIN = -(1 << 31)
_MAX_SHIFT = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiplier:
    """A positive real number as Q31 mantissa and exponent; a positive shift goes left."""

    multiplier: int
    shift: int

    @property
    def scale(self) -> Scale:
        """The same for hardware."""
        return Scale(multiplier=self.multiplier, shift=self.shift)


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


def quantise_multiplier(value: float, *, is_rounded_up: bool = False) -> Multiplier:
    """Return the closest Q31 mantissa and exponent.

    Args:
        value: What they stand for.
        is_rounded_up: The mantissa is the next one above: a product that lies halfway between two
            integers then goes away from zero, as that of a double does.

    Raises:
        ValueError: ``value`` is negative or not finite.
    """
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"scale factor {value!r} is not a finite number >= 0")
    mantissa, shift = math.frexp(value)
    exact = mantissa * (1 << 31)
    multiplier = math.ceil(exact) if is_rounded_up else round_half_away(exact)
    if multiplier == 1 << 31:
        multiplier, shift = multiplier // 2, shift + 1
    if shift < -31:
        multiplier, shift = 0, 0
    return Multiplier(multiplier=multiplier, shift=shift)


def channel_multipliers(
    input_scale: float,
    weight_scales: Sequence[float],
    output_scale: float,
    channels: int,
    *,
    is_rounded_up: bool = False,
) -> tuple[Multiplier, ...]:
    """Return one multiplier per output channel; a single weight scale serves all of them.

    Raises:
        ValueError: A factor is 2^30 and more, beyond the kernels' 32-bit shifts, or the output's
            scale is 0. Other scales may be 0: TFLite's factor is 0 then.
    """
    if output_scale == 0:
        raise ValueError("the output's scale is 0")
    scales = list(weight_scales) * channels if len(weight_scales) == 1 else list(weight_scales)
    return tuple(
        kernel_multiplier(input_scale * scale / output_scale, is_rounded_up=is_rounded_up)
        for scale in scales
    )


def kernel_multiplier(value: float, *, is_rounded_up: bool = False) -> Multiplier:
    """Return the multiplier of a factor that a kernel of C multiplies by.

    Raises:
        ValueError: ``value`` is negative, not finite, or 2^30 and more, beyond 32-bit shifts.
    """
    factor = quantise_multiplier(value, is_rounded_up=is_rounded_up)
    if factor.shift > _MAX_SHIFT:
        raise ValueError(f"the output's scale is far below its inputs': by a factor of {value!r}")
    return factor


def requantise(value: int, factor: Multiplier) -> int:
    """Return ``value`` times ``factor``, rounded twice, as ``requantise`` of the kernels does."""
    shifted = wrap_int32(value << max(factor.shift, 0))
    product = saturating_doubling_high_multiply(shifted, factor.multiplier)
    return rounding_divide_by_power_of_two(product, max(-factor.shift, 0))


def activation_range(
    lowest: float | None,
    highest: float | None,
    *,
    scale: float,
    zero_point: int,
    bits: int = 8,
) -> ActivationRange:
    """Return the limits of a fused activation at the output's scale.

    Args:
        lowest: The least real number that it lets through, None for no limit.
        highest: The largest.
        scale: Of the output.
        zero_point: Of the output.
        bits: Of an element of the output, which has a sign.
    """
    most = (1 << (bits - 1)) - 1

    def quantised(value: float) -> int:
        steps = to_float32(value / scale)  # a float quotient in TFLite
        limited = min(max(steps, -1e6), 1e6)
        return zero_point + round_half_away(limited)

    return ActivationRange(
        minimum=-most - 1 if lowest is None else max(-most - 1, quantised(lowest)),
        maximum=most if highest is None else min(most, quantised(highest)),
    )


def clamp_int8(value: int) -> int:
    """Return the int8 nearest to ``value``."""
    return min(max(value, -128), 127)


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
