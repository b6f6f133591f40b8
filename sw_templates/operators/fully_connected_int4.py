"""FULLY_CONNECTED with int4 weights: each output from every input."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.dense_layer import DENSE_FIELDS, DenseLayer
from sw_templates.layers.packed_weights import PackedWeights
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyConnectedInt4(PackedWeights, DenseLayer):
    """FULLY_CONNECTED; weights are [output, input], two in a byte."""

    operator: ClassVar[str] = "FULLY_CONNECTED"
    kernel: ClassVar[str] = "fully_connected_int4"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="FullyConnectedOptions", fields=DENSE_FIELDS
    )
    structure: ClassVar[str] = """
struct fully_connected_int4_layer {
    int32_t batches, input_depth, output_depth;
    int32_t input_zero_point, output_zero_point;
    int32_t activation_min, activation_max;
    int32_t row_bytes;          /* one output: two weights in each byte, the first one low */
    const int8_t *weights;      /* [output_depth][row_bytes] */
    const int32_t *bias;        /* [output_depth] */
    const int32_t *multipliers; /* [output_depth] */
    const int32_t *shifts;      /* [output_depth] */
};
"""
    prototype: ClassVar[str] = """
void fully_connected_int4(const struct fully_connected_int4_layer *layer, const int8_t *input,
                          int8_t *output);
"""


OPERATOR = FullyConnectedInt4
