"""FULLY_CONNECTED of int16 activations with int8 weights."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.layers.weighted_layer16 import (
    WEIGHT_MEMBERS,
    WeightedLayer16,
    require_bias16,
    require_scales16,
)
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import INT16, Node


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyConnectedInt16(WeightedLayer16):
    """FULLY_CONNECTED on int16; weights are [output, input]."""

    operator: ClassVar[str] = "FULLY_CONNECTED"
    kernel: ClassVar[str] = "fully_connected_int16"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="FullyConnectedOptions",
        fields=("FusedActivationFunction", "WeightsFormat"),
    )
    structure: ClassVar[str] = f"""
struct fully_connected_int16_layer {{
    int32_t batches, input_depth, output_depth;
{WEIGHT_MEMBERS}}};
"""
    prototype: ClassVar[str] = """
void fully_connected_int16(const struct fully_connected_int16_layer *layer, const int16_t *input,
                           int16_t *output);
"""

    multiplier_bits: ClassVar[int] = 31
    multiplies_as_double: ClassVar[bool] = True

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(2, 3)
        vector, output = node.activation(0, INT16), node.output(INT16)
        weights = node.weights(0, 2)
        if int(node.option("WeightsFormat")) != 0:
            node.refuse(weights.index, "has shuffled weights")
        require_scales16(node, vector, weights, output)
        units, depth = weights.shape
        if vector.elements % depth or output.elements != vector.elements // depth * units:
            node.refuse(
                weights.index,
                f"has the shape {weights.shape}, which does not lead from {vector.shape} "
                f"to {output.shape}",
            )
        return cls(
            index=node.index,
            inputs=(vector,),
            outputs=(output,),
            weights=weights,
            bias=require_bias16(node, units, bits=31),
            activation=node.fused_activation(output),
        )

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        return {
            "batches": self.output.elements // self.weights.shape[0],
            "input_depth": self.weights.shape[1],
            "output_depth": self.weights.shape[0],
            **self.weight_fields(row_align_bytes),
        }

    @property
    def macs(self) -> int:
        """Multiply-accumulates by the operator's definition."""
        return self.output.elements * self.weights.shape[1]


OPERATOR = FullyConnectedInt16
