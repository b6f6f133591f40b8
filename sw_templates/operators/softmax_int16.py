"""SOFTMAX of int16 over the last dimension, by tables of the exponential and of the reciprocal."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.constants import Constant, int16_constant
from sw_templates.layer import Layer
from sw_templates.layers.function_table16 import function_table
from sw_templates.quantise import Multiplier, kernel_multiplier, to_float32
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import INT16, Node

_OUTPUT_SCALE = 2.0**-15
_MOST_CLASSES = 1 << 16  # their exponentials add up to less than 2^31


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftmaxInt16(Layer):
    """SOFTMAX on int16; the output has the scale 2^-15."""

    operator: ClassVar[str] = "SOFTMAX"
    kernel: ClassVar[str] = "softmax_int16"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="SoftmaxOptions", fields=("Beta",))
    for_int16: ClassVar[bool] = True
    structure: ClassVar[str] = """
struct softmax_int16_layer {
    int32_t rows, depth;
    int32_t input_multiplier, input_shift; /* to steps of 10 / 65535 */
    const int16_t *exponentials;           /* [513]: exp(x) from x = -10 to 0 */
    const int16_t *reciprocals;            /* [513]: 1 / (1 + x) from x = 0 to 1 */
};
"""
    prototype: ClassVar[str] = """
void softmax_int16(const struct softmax_int16_layer *layer, const int16_t *input,
                   int16_t *output);
"""

    scaling: Multiplier

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(1, 1)
        source, output = node.activation(0, INT16), node.output(INT16)
        node.require_shape(output, source.shape)
        if not source.shape or source.shape[-1] >= _MOST_CLASSES:
            node.refuse(source.index, f"has the shape {source.shape}", fix="use fewer classes")
        if output.scale != _OUTPUT_SCALE:
            node.refuse(output.index, "needs the scale 2^-15")
        beta = float(node.option("Beta"))
        per_step = to_float32(source.scale * to_float32(beta))  # a float product in TFLite
        return cls(
            index=node.index,
            inputs=(source,),
            outputs=(output,),
            scaling=kernel_multiplier(per_step / (10.0 / 65535.0)),
        )

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        depth = self.input.shape[-1]
        return {
            "rows": self.input.elements // depth,
            "depth": depth,
            "input_multiplier": self.scaling.multiplier,
            "input_shift": self.scaling.shift,
            "exponentials": f"{self.name}_exponentials",
            "reciprocals": f"{self.name}_reciprocals",
        }

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return both tables."""
        del row_align_bytes
        return (
            int16_constant(f"{self.name}_exponentials", function_table(math.exp, -10.0, 0.0)),
            int16_constant(f"{self.name}_reciprocals", function_table(_reciprocal, 0.0, 1.0)),
        )


def _reciprocal(value: float) -> float:
    return 1 / (1 + value)


OPERATOR = SoftmaxInt16
