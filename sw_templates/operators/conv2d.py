"""CONV_2D: a convolution with weights [output channel, y, x, input channel]."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layer import ReferenceKernel
from sw_templates.layers.convolution import CONVOLUTION_FIELDS
from sw_templates.layers.convolution_layer import STRIP_PIXELS, ConvolutionLayer
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv2d(ConvolutionLayer):
    """CONV_2D of one image; the plain kernel gathers the patches of STRIP_PIXELS pixels."""

    operator: ClassVar[str] = "CONV_2D"
    kernel: ClassVar[str] = "conv2d"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="Conv2DOptions", fields=CONVOLUTION_FIELDS
    )
    structure: ClassVar[str] = """
struct conv2d_layer {
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width, output_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;
    int32_t input_zero_point, output_zero_point;
    int32_t activation_min, activation_max;
    int32_t row_bytes;          /* one output channel: kernel_height x kernel_width x input_channels */
    int32_t scratch_bytes;      /* at least {{ scratch_rows }} x row_bytes */
    const int8_t *weights;      /* [output_channels][row_bytes] */
    const int32_t *bias;        /* [output_channels] */
    const int32_t *multipliers; /* [output_channels] */
    const int32_t *shifts;      /* [output_channels] */
};
"""  # noqa: E501 - a line of C
    prototype: ClassVar[str] = """
void conv2d(const struct conv2d_layer *layer, const int8_t *input, int8_t *output,
            int8_t *scratch);
"""
    scratch_rows: ClassVar[int] = STRIP_PIXELS
    reference: ClassVar[ReferenceKernel | None] = ReferenceKernel(
        header="conv.h", function="ConvPerChannel"
    )

    def scratch_bytes(self, *, row_align_bytes: int, scratch_rows: int) -> int:
        """See ``Layer.scratch_bytes``."""
        return self.row_bytes(row_align_bytes) * scratch_rows

    @classmethod
    def template_variables(cls, *, unroll: int) -> Mapping[str, object]:
        """Return ``strip_pixels`` and ``conv2d_steps``: in which order the kernel reads weights.

        It reads four taps of a channel, then those of the next one. The key of ``conv2d_steps`` is
        the first of up to four taps; a step has one or two of them.
        """
        steps = {
            group: [
                {"channel": channel, "taps": range(first, min(first + 2, unroll))}
                for channel in range(4)
                for first in range(group, min(group + 4, unroll), 2)
            ]
            for group in range(0, unroll, 4)
        }
        return {"strip_pixels": STRIP_PIXELS, "conv2d_steps": steps}


OPERATOR = Conv2d
