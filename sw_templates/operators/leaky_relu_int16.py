"""LEAKY_RELU of int16: the input, times a constant where it is negative."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.layer import Layer
from sw_templates.layers.leaky import Leaky, read_leaky
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import INT16, Node


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakyReluInt16(Layer):
    """LEAKY_RELU on int16.

    Attributes:
        leaky: Its factors.
    """

    operator: ClassVar[str] = "LEAKY_RELU"
    kernel: ClassVar[str] = "leaky_relu_int16"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="LeakyReluOptions", fields=("Alpha",)
    )
    for_int16: ClassVar[bool] = True
    structure: ClassVar[str] = """
struct leaky_relu_int16_layer {
    int32_t size; /* elements */
    int32_t positive_multiplier, positive_shift; /* of what is not below 0 */
    int32_t negative_multiplier, negative_shift; /* of what is, without a sign */
    int32_t flips; /* the constant is below 0 */
};
"""
    prototype: ClassVar[str] = """
void leaky_relu_int16(const struct leaky_relu_int16_layer *layer, const int16_t *input,
         int16_t *output);
"""

    leaky: Leaky

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(1, 1)
        source, output = node.activation(0, INT16), node.output(INT16)
        node.require_shape(output, source.shape)
        return cls(
            index=node.index,
            inputs=(source,),
            outputs=(output,),
            leaky=read_leaky(node, source, output),
        )

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        return {
            "size": self.output.elements,
            "positive_multiplier": self.leaky.positive.multiplier,
            "positive_shift": self.leaky.positive.shift,
            "negative_multiplier": self.leaky.negative.multiplier,
            "negative_shift": self.leaky.negative.shift,
            "flips": int(self.leaky.flips),
        }


OPERATOR = LeakyReluInt16
