"""CONV_2D with int4 weights [output channel, y, x, input channel]."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.convolution import CONVOLUTION_FIELDS
from sw_templates.layers.convolution_layer import STRIP_PIXELS, ConvolutionLayer
from sw_templates.layers.packed_weights import PackedWeights
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv2dInt4(PackedWeights, ConvolutionLayer):
    """CONV_2D of one image; a byte of weights serves STRIP_PIXELS pixels once it is unpacked."""

    operator: ClassVar[str] = "CONV_2D"
    kernel: ClassVar[str] = "conv2d_int4"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="Conv2DOptions", fields=CONVOLUTION_FIELDS
    )
    structure: ClassVar[str] = """
struct conv2d_int4_layer {
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width, output_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;
    int32_t input_zero_point, output_zero_point;
    int32_t activation_min, activation_max;
    int32_t row_bytes;          /* one output channel: two weights in each byte, the first one low */
    int32_t scratch_bytes;      /* at least {{ packed_strip_pixels }} x 2 x row_bytes */
    const int8_t *weights;      /* [output_channels][row_bytes] */
    const int32_t *bias;        /* [output_channels] */
    const int32_t *multipliers; /* [output_channels] */
    const int32_t *shifts;      /* [output_channels] */
};
"""  # noqa: E501 - a line of C
    prototype: ClassVar[str] = """
void conv2d_int4(const struct conv2d_int4_layer *layer, const int8_t *input, int8_t *output,
                 int8_t *scratch);
"""

    @classmethod
    def template_variables(cls, *, unroll: int) -> Mapping[str, object]:
        """Return ``packed_strip_pixels``: how many pixels a byte of weights serves at once."""
        del unroll
        return {"packed_strip_pixels": STRIP_PIXELS}

    def scratch_bytes(self, *, row_align_bytes: int, scratch_rows: int) -> int:
        """Return room for the patches, whose rows are not packed."""
        del scratch_rows
        return STRIP_PIXELS * 2 * self.row_bytes(row_align_bytes)


OPERATOR = Conv2dInt4
