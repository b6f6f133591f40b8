"""DEPTHWISE_CONV_2D with int4 weights: each output channel from one input channel."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.convolution import DEPTHWISE_FIELDS
from sw_templates.layers.depthwise_layer import DepthwiseLayer
from sw_templates.layers.packed_weights import PackedWeights
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthwiseConv2dInt4(PackedWeights, DepthwiseLayer):
    """DEPTHWISE_CONV_2D of one image; a byte of weights is of two channels beside each other.

    TFLite has the two of a byte follow each other in the file, over the ends of taps too: here each
    tap begins with a byte of its own.
    """

    operator: ClassVar[str] = "DEPTHWISE_CONV_2D"
    kernel: ClassVar[str] = "depthwise_conv2d_int4"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="DepthwiseConv2DOptions", fields=DEPTHWISE_FIELDS
    )
    structure: ClassVar[str] = """
struct depthwise_conv2d_int4_layer {
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width, output_channels;
    int32_t depth_multiplier; /* output channel c reads input channel c / depth_multiplier */
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;
    int32_t input_zero_point, output_zero_point;
    int32_t activation_min, activation_max;
    int32_t row_bytes;          /* one tap: two channels in each byte, the first one low */
    int32_t scratch_bytes;      /* at least kernel_height x kernel_width x output_channels */
    const int8_t *weights;      /* [kernel_height][kernel_width][row_bytes] */
    const int32_t *bias;        /* [output_channels] */
    const int32_t *multipliers; /* [output_channels] */
    const int32_t *shifts;      /* [output_channels] */
};
"""
    prototype: ClassVar[str] = """
void depthwise_conv2d_int4(const struct depthwise_conv2d_int4_layer *layer, const int8_t *input,
                           int8_t *output, int8_t *scratch);
"""

    def scratch_bytes(self, *, row_align_bytes: int, scratch_rows: int) -> int:
        """Return room for a patch, whose rows are not packed."""
        del row_align_bytes, scratch_rows
        return self.taps * self.output.shape[3]


OPERATOR = DepthwiseConv2dInt4
