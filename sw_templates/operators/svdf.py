"""SVDF: a layer over a window of time in two parts, one over features and one over time."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from sw_templates.constants import (
    Constant,
    int8_values,
    int16_constant,
    int32_constant,
    padded_rows,
    table_constant,
    tensor_values,
)
from sw_templates.layer import Layer
from sw_templates.quantise import Multiplier, quantise_multiplier, to_float32, wrap_int32
from sw_templates.tensor import ElementType, Tensor
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import Node

_RELU = 1  # TFLite's code of the activation; its int8 kernel demands it and applies no other limit
_MAX_SHIFT = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Svdf(Layer):
    """SVDF with int8 features, an int16 state and int16 weights over time.

    The state is empty when an inference begins: what earlier inferences left is not seen.
    """

    operator: ClassVar[str] = "SVDF"
    kernel: ClassVar[str] = "svdf"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="SVDFOptions", fields=("Rank", "FusedActivationFunction")
    )
    structure: ClassVar[str] = """
struct svdf_layer {
    int32_t batches, input_depth, units, rank, memory;
    int32_t output_zero_point;
    int32_t feature_multiplier, feature_shift;
    int32_t output_multiplier, output_shift;
    int32_t row_bytes;             /* one filter: input_depth */
    int32_t scratch_bytes;         /* at least 2 x units x rank x memory */
    const int8_t *feature_weights; /* [units][rank][row_bytes] */
    const int32_t *feature_bias;   /* [units][rank]: the input's zero point */
    const int16_t *time_weights;   /* [units][rank][memory] */
    const int32_t *bias;           /* [units] */
};
"""
    prototype: ClassVar[str] = """
void svdf(const struct svdf_layer *layer, const int8_t *input, int8_t *output, int8_t *scratch);
"""

    feature_weights: Tensor
    time_weights: Tensor
    bias: Tensor | None
    rank: int
    feature_scaling: Multiplier
    output_scaling: Multiplier

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(5, 5)
        if int(node.option("FusedActivationFunction")) != _RELU:
            node.refuse(None, "has another activation than RELU", fix="use RELU, as TFLite does")
        source, output = node.activation(0), node.output()
        features = node.weights(0, 2)
        over_time = node.constant(2, (ElementType.INT16,))
        state = node.variable(4, (ElementType.INT16,))
        filters, rank = features.shape[0], int(node.option("Rank"))
        if rank < 1 or filters % rank:
            node.refuse(features.index, f"has {filters} filters for the rank {rank}")
        node.require_one_scale(features)
        if len(source.shape) != 2 or len(over_time.shape) != 2:
            node.refuse(source.index, f"has the shape {source.shape}, not 2 sizes")
        node.require_shape(features, (filters, source.shape[1]))
        node.require_shape(over_time, (filters, over_time.shape[1]))
        node.require_shape(state, (source.shape[0], filters * over_time.shape[1]))
        node.require_shape(output, (source.shape[0], filters // rank))
        to_state = to_float32(source.scale * features.scale) / state.scale
        to_output = to_float32(state.scale * over_time.scale) / output.scale
        scalings = [quantise_multiplier(to_float32(each)) for each in (to_state, to_output)]
        if any(scaling.shift > _MAX_SHIFT for scaling in scalings):
            raise ValueError("a scale is far below those of what it comes from")
        return cls(
            index=node.index,
            inputs=(source,),
            outputs=(output,),
            feature_weights=features,
            time_weights=over_time,
            bias=node.bias(filters // rank, position=3),
            rank=rank,
            feature_scaling=scalings[0],
            output_scaling=scalings[1],
        )

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        return {
            "batches": self.input.shape[0],
            "input_depth": self.input.shape[1],
            "units": self.output.shape[1],
            "rank": self.rank,
            "memory": self.time_weights.shape[1],
            "output_zero_point": self.output.zero_point,
            "feature_multiplier": self.feature_scaling.multiplier,
            "feature_shift": self.feature_scaling.shift,
            "output_multiplier": self.output_scaling.multiplier,
            "output_shift": self.output_scaling.shift,
            "row_bytes": padded_rows(int8_values(self.feature_weights), row_align_bytes).shape[1],
            **{
                name: f"{self.name}_{name}"
                for name in ("feature_weights", "feature_bias", "time_weights", "bias")
            },
        }

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return weights by padded rows, weights over time and the biases."""
        rows = int8_values(self.feature_weights)
        folded = -self.input.zero_point * rows.sum(axis=1, dtype=np.int64)
        bias = [0] * self.output.shape[1] if self.bias is None else tensor_values(self.bias)
        name = self.name
        return (
            table_constant(f"{name}_feature_weights", padded_rows(rows, row_align_bytes)),
            int32_constant(f"{name}_feature_bias", [wrap_int32(v) for v in folded.tolist()]),
            int16_constant(
                f"{name}_time_weights", tensor_values(self.time_weights).reshape(-1).tolist()
            ),
            int32_constant(f"{name}_bias", [int(value) for value in bias]),
        )

    def scratch_bytes(self, *, row_align_bytes: int, scratch_rows: int) -> int:
        """Return room for the state of one batch."""
        del row_align_bytes, scratch_rows
        return 2 * self.time_weights.elements

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """Weights and bias, as far as there are any."""
        weights = (self.feature_weights, self.time_weights)
        return weights if self.bias is None else (*weights, self.bias)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of both parts."""
        return self.input.shape[0] * (self.feature_weights.elements + self.time_weights.elements)


OPERATOR = Svdf
