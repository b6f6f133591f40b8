"""FULLY_CONNECTED: each output from every input."""

from dataclasses import dataclass
from typing import ClassVar, Self

from contracts.network import Image, Window, WindowSum
from sw_templates.constants import int8_values
from sw_templates.layer import ReferenceKernel
from sw_templates.layers.weighted_layer import WeightedLayer
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyConnected(WeightedLayer):
    """FULLY_CONNECTED; weights are [output, input]."""

    operator: ClassVar[str] = "FULLY_CONNECTED"
    kernel: ClassVar[str] = "fully_connected"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="FullyConnectedOptions", fields=("FusedActivationFunction", "WeightsFormat")
    )
    structure: ClassVar[str] = """
struct fully_connected_layer {
    int32_t batches, input_depth, output_depth;
    int32_t input_zero_point, output_zero_point;
    int32_t activation_min, activation_max;
    int32_t is_per_channel;     /* not all outputs have the same multiplier */
    int32_t row_bytes;          /* one output: input_depth */
    int32_t scratch_bytes;      /* at least row_bytes */
    const int8_t *weights;      /* [output_depth][row_bytes] */
    const int32_t *bias;        /* [output_depth] */
    const int32_t *multipliers; /* [output_depth] */
    const int32_t *shifts;      /* [output_depth] */
};
"""
    prototype: ClassVar[str] = """
void fully_connected(const struct fully_connected_layer *layer, const int8_t *input,
                     int8_t *output, int8_t *scratch);
"""

    multiplies_as_double: ClassVar[bool] = True
    reference: ClassVar[ReferenceKernel | None] = ReferenceKernel(
        header="fully_connected.h", function="FullyConnected"
    )

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(2, 3)
        vector, output, weights = node.activation(0), node.output(), node.weights(0, 2)
        if int(node.option("WeightsFormat")) != 0:
            node.refuse(weights.index, "has shuffled weights")
        node.require_scales(vector, weights, output)
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
            bias=node.bias(units),
            activation=node.fused_activation(output),
        )

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        return {
            "batches": self.batches,
            "input_depth": self.weights.shape[1],
            "output_depth": self.weights.shape[0],
            **self.output_fields(),
            "is_per_channel": int(self._is_per_channel),
            **self.weight_fields(row_align_bytes),
        }

    def further_reference_functions(self) -> tuple[str, ...]:
        """See ``Layer.further_reference_functions``."""
        return ("FullyConnectedPerChannel",) if self._is_per_channel else ()

    def scratch_bytes(self, *, row_align_bytes: int, scratch_rows: int) -> int:
        """See ``Layer.scratch_bytes``."""
        del scratch_rows
        return self.row_bytes(row_align_bytes)

    def computation(self) -> WindowSum:
        """See ``Layer.computation``."""
        units, depth = self.weights.shape
        return WindowSum(
            input=self.input.index,
            output=self.output.index,
            image=Image(height=1, width=self.batches, channels=depth),
            result=Image(height=1, width=self.batches, channels=units),
            window=Window(kernel_height=1, kernel_width=1),
            padding=self.input.zero_point,
            weights=int8_values(self.weights).reshape(units, 1, 1, depth),
            requantisation=self.requantisation(),
        )

    @property
    def _is_per_channel(self) -> bool:
        return len(self.weights.scales) > 1

    @property
    def batches(self) -> int:
        """How many input vectors there are."""
        return self.output.elements // self.weights.shape[0]

    @property
    def macs(self) -> int:
        """Multiply-accumulates by the operator's definition."""
        return self.batches * self.weights.elements


OPERATOR = FullyConnected
