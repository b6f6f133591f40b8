"""SOFTMAX over the last dimension, with the fixed-point exponentials of TFLite's reference."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.constants import Constant, int32_constant
from sw_templates.layer import Layer
from sw_templates.quantise import (
    INT32_MAX,
    quantise_multiplier,
    rounding_divide_by_power_of_two,
    saturating_doubling_high_multiply,
    wrap_int32,
)
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import Node

MAX_DEPTH = 511  # beyond, the reference kernel shifts an int32 by more than 31 bits
_INTEGER_BITS = 5


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
        return INT32_MAX
    quarter = 1 << 24
    part = (value & (quarter - 1)) - quarter
    result = _exp_on_quarter(part << _INTEGER_BITS)
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
    fraction_bits = 31 - _INTEGER_BITS
    factor = min(beta * input_scale * (1 << fraction_bits), float(INT32_MAX))
    if not factor > 1.0:
        raise ValueError(f"beta {beta!r} times the input's scale {input_scale!r} is too small")
    scaling = quantise_multiplier(factor)
    radius = math.floor(((1 << _INTEGER_BITS) - 1) * (1 << fraction_bits) / (1 << scaling.shift))
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax(Layer):
    """SOFTMAX of each row; the output has the scale 1/256 and the zero point -128."""

    operator: ClassVar[str] = "SOFTMAX"
    kernel: ClassVar[str] = "softmax"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="SoftmaxOptions", fields=("Beta",))
    structure: ClassVar[str] = """
struct softmax_layer {
    int32_t rows, depth;
    const int32_t *exponentials; /* [256]: exp(-scale * beta * i) in Q31, 0 where it is dropped */
};
"""
    prototype: ClassVar[str] = """
void softmax(const struct softmax_layer *layer, const int8_t *input, int8_t *output);
"""

    beta: float

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(1, 1)
        vector, output = node.activation(0), node.output()
        node.require_shape(output, vector.shape)
        beta = float(node.option("Beta"))
        if not vector.shape or vector.shape[-1] > MAX_DEPTH:
            node.refuse(
                vector.index,
                f"has the shape {vector.shape}",
                fix=f"use softmax over at most {MAX_DEPTH} classes",
            )
        if output.scale != 1 / 256 or output.zero_point != -128:
            node.refuse(output.index, "needs the scale 1/256 and the zero point -128")
        softmax_exponentials(beta, vector.scale)
        return cls(index=node.index, inputs=(vector,), outputs=(output,), beta=beta)

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        depth = self.input.shape[-1]
        return {
            "rows": self.input.elements // depth,
            "depth": depth,
            "exponentials": f"{self.name}_exponentials",
        }

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return the table of exponentials."""
        del row_align_bytes
        table = softmax_exponentials(self.beta, self.input.scale)
        return (int32_constant(f"{self.name}_exponentials", table),)


OPERATOR = Softmax
