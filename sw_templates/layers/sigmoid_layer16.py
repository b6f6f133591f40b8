"""What LOGISTIC and TANH of int16 share: one table of the logistic function, interpolated."""

import math
from abc import ABC
from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.constants import Constant, int32_constant
from sw_templates.layer import Layer
from sw_templates.tflite_node import INT16, Node

SIGMOID_MEMBERS = """\
    int32_t size; /* elements */
    int32_t input_multiplier, input_shift; /* to steps of 1 / (3 * 4096) */
    const int32_t *table; /* [256]: the logistic function of i / 24, times 65536 */
"""
"""Members of the C structures."""

_OUTPUT_SCALE = 2.0**-15
_STEPS = 3 * 4096.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SigmoidLayer16(Layer, ABC):
    """A layer of int16 whose function is symmetric, so that the table has one half of it."""

    for_int16: ClassVar[bool] = True

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(1, 1)
        source, output = node.activation(0, INT16), node.output(INT16)
        node.require_shape(output, source.shape)
        if output.scale != _OUTPUT_SCALE:
            node.refuse(output.index, "needs the scale 2^-15")
        return cls(index=node.index, inputs=(source,), outputs=(output,))

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        multiplier, shift = input_factor(self.input.scale)
        return {
            "size": self.output.elements,
            "input_multiplier": multiplier,
            "input_shift": shift,
            "table": f"{self.name}_table",
        }

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return the table."""
        del row_align_bytes
        return (int32_constant(f"{self.name}_table", logistic_table()),)


def input_factor(scale: float) -> tuple[int, int]:
    """Return multiplier and shift to the right, as TFLite brings an input to the table's steps."""
    if scale == 2.0**-12:
        return 3, 0
    factor, shift = scale * _STEPS, 0
    while factor <= 32767.0 / 2 and shift <= 30:
        factor, shift = 2 * factor, shift + 1
    if factor >= 2**16:
        raise ValueError(f"the scale {scale!r} leaves no room for the table")
    return int(factor), shift


def logistic_table() -> list[int]:
    """Return 65536 / (1 + exp(-i / 24)) for i = 0 .. 255, half the interpolation's error added.

    The last number is where the function saturates.
    """

    def exact(i: int) -> float:
        return 65536 / (1 + math.exp(-i / 24))

    def bent(i: int) -> float:
        return (2 * exact(i) - exact(i - 1) - exact(i + 1)) / 16

    return [*(math.floor(exact(i) + bent(i) + 0.5) for i in range(255)), 65535]
