"""LOG_SOFTMAX over the last dimension, with the fixed-point logarithm of TFLite's reference."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.constants import Constant, int32_constant
from sw_templates.layer import Layer
from sw_templates.layers.fixed_point import exponentials
from sw_templates.quantise import Multiplier, quantise_multiplier, requantise
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSoftmax(Layer):
    """LOG_SOFTMAX of each row; the output has the scale 1/16 and the zero point 127."""

    operator: ClassVar[str] = "LOG_SOFTMAX"
    kernel: ClassVar[str] = "log_softmax"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="LogSoftmaxOptions", fields=())
    keeps_shape: ClassVar[bool] = True
    structure: ClassVar[str] = """
struct log_softmax_layer {
    int32_t rows, depth;
    int32_t radius; /* the most steps below the largest of a row that are not dropped */
    int32_t steps_multiplier, steps_shift; /* from 5 integer bits back to steps */
    const int32_t *exponentials; /* [256]: exp(-scale * i) in Q31, 0 where it is dropped */
    const int32_t *differences;  /* [256]: -scale * i with 5 integer bits */
};
"""
    prototype: ClassVar[str] = """
void log_softmax(const struct log_softmax_layer *layer, const int8_t *input, int8_t *output);
"""

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(1, 1)
        vector, output = node.activation(0), node.output()
        node.require_shape(output, vector.shape)
        if not vector.shape:
            node.refuse(vector.index, "has no dimensions")
        if output.scale != 1 / 16 or output.zero_point != 127:
            node.refuse(output.index, "needs the scale 1/16 and the zero point 127")
        _steps_scaling(exponentials(1.0, vector.scale).scaling)
        return cls(index=node.index, inputs=(vector,), outputs=(output,))

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        depth = self.input.shape[-1]
        found = exponentials(1.0, self.input.scale)
        steps = _steps_scaling(found.scaling)
        return {
            "rows": self.input.elements // depth,
            "depth": depth,
            "radius": found.radius,
            "steps_multiplier": steps.multiplier,
            "steps_shift": steps.shift,
            "exponentials": f"{self.name}_exponentials",
            "differences": f"{self.name}_differences",
        }

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return the tables of exponentials and of differences."""
        del row_align_bytes
        found = exponentials(1.0, self.input.scale)
        differences = [
            requantise(-steps, found.scaling) if steps <= found.radius else 0
            for steps in range(256)
        ]
        return (
            int32_constant(f"{self.name}_exponentials", found.table),
            int32_constant(f"{self.name}_differences", differences),
        )


def _steps_scaling(scaling: Multiplier) -> Multiplier:
    """Return the inverse of what turns steps into a fixed-point number."""
    inverse = 2.0 ** (31 - scaling.shift) / scaling.multiplier
    if not 0.0 < inverse < 1.0:
        raise ValueError("the input's scale is too small for a logarithm")
    return quantise_multiplier(inverse)


OPERATOR = LogSoftmax
