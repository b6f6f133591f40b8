"""DEPTHWISE_CONV_2D: each output channel from one input channel."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layer import ReferenceKernel
from sw_templates.layers.convolution import DEPTHWISE_FIELDS
from sw_templates.layers.depthwise_layer import DepthwiseLayer
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthwiseConv2d(DepthwiseLayer):
    """DEPTHWISE_CONV_2D of one image; the plain kernel gathers the patch of a pixel."""

    operator: ClassVar[str] = "DEPTHWISE_CONV_2D"
    kernel: ClassVar[str] = "depthwise_conv2d"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="DepthwiseConv2DOptions", fields=DEPTHWISE_FIELDS
    )
    structure: ClassVar[str] = """
struct depthwise_conv2d_layer {
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width, output_channels;
    int32_t depth_multiplier; /* output channel c reads input channel c / depth_multiplier */
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;
    int32_t input_zero_point, output_zero_point;
    int32_t activation_min, activation_max;
    int32_t row_bytes;          /* one tap: output_channels */
    int32_t scratch_bytes;      /* at least kernel_height x kernel_width x row_bytes */
    const int8_t *weights;      /* [kernel_height][kernel_width][row_bytes] */
    const int32_t *bias;        /* [output_channels] */
    const int32_t *multipliers; /* [output_channels] */
    const int32_t *shifts;      /* [output_channels] */
};
"""
    prototype: ClassVar[str] = """
void depthwise_conv2d(const struct depthwise_conv2d_layer *layer, const int8_t *input,
                      int8_t *output, int8_t *scratch);
"""
    reference: ClassVar[ReferenceKernel | None] = ReferenceKernel(
        header="depthwise_conv.h", function="DepthwiseConvPerChannel"
    )

    def scratch_bytes(self, *, row_align_bytes: int, scratch_rows: int) -> int:
        """See ``Layer.scratch_bytes``."""
        del scratch_rows
        return self.row_bytes(row_align_bytes) * self.taps


OPERATOR = DepthwiseConv2d
