"""How a sum or a difference brings its inputs to a common scale, and the result to the output's."""

from dataclasses import dataclass

from sw_templates.quantise import Multiplier, quantise_multiplier
from sw_templates.tensor import ActivationRange, Tensor

LEFT_SHIFT = 20
LEFT_SHIFT_16 = 15  # of int16: both inputs and their sum then keep within 32 bits

SUM_MEMBERS = """
    int32_t input1_zero_point, input2_zero_point, output_zero_point;
    int32_t left_shift;
    int32_t input1_multiplier, input1_shift;
    int32_t input2_multiplier, input2_shift;
    int32_t output_multiplier, output_shift;
    int32_t activation_min, activation_max;
"""
"""Members of the C structures, for ``sum_tables.h`` and the kernel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SumScaling:
    """The three multipliers, each below 1."""

    input1: Multiplier
    input2: Multiplier
    output: Multiplier


def sum_scaling(
    input1_scale: float, input2_scale: float, output_scale: float, *, left_shift: int = LEFT_SHIFT
) -> SumScaling:
    """Return the three multipliers.

    Raises:
        ValueError: A scale is 0, or the output's is so small that its multiplier reaches 1. At
            both, TFLite ends the process.
    """
    if 0.0 in (input1_scale, input2_scale, output_scale):
        raise ValueError("a scale is 0")
    common = 2.0 * max(input1_scale, input2_scale)
    factors = (
        input1_scale / common,
        input2_scale / common,
        common / ((1 << left_shift) * output_scale),
    )
    for factor in factors:
        if not 0.0 < factor < 1.0:
            raise ValueError(f"scale factor {factor!r} is not between 0 and 1")
    input1, input2, output = (quantise_multiplier(factor) for factor in factors)
    return SumScaling(input1=input1, input2=input2, output=output)


def sum_fields(
    left: Tensor,
    right: Tensor,
    output: Tensor,
    activation: ActivationRange,
    *,
    left_shift: int = LEFT_SHIFT,
) -> dict[str, int | str]:
    """Return the values of ``SUM_MEMBERS``."""
    scaling = sum_scaling(left.scale, right.scale, output.scale, left_shift=left_shift)
    return {
        "left_shift": left_shift,
        "input1_zero_point": left.zero_point,
        "input1_multiplier": scaling.input1.multiplier,
        "input1_shift": scaling.input1.shift,
        "input2_zero_point": right.zero_point,
        "input2_multiplier": scaling.input2.multiplier,
        "input2_shift": scaling.input2.shift,
        "output_zero_point": output.zero_point,
        "output_multiplier": scaling.output.multiplier,
        "output_shift": scaling.output.shift,
        **activation.fields,
    }
