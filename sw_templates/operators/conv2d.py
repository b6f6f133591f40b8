"""CONV_2D: a convolution with weights [output channel, y, x, input channel]."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import ClassVar, Self

from contracts.network import WindowSum
from sw_templates.constants import int8_values
from sw_templates.layer import ReferenceKernel
from sw_templates.layers.convolution import (
    CONVOLUTION_FIELDS,
    convolution_window,
    require_bias_input,
    window_sum,
)
from sw_templates.layers.weighted_layer import WeightedLayer
from sw_templates.layers.window import Window
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import Node

STRIP_PIXELS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv2d(WeightedLayer):
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

    window: Window

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        require_bias_input(node)
        image, output, weights = node.activation(0), node.output(), node.weights(0, 4)
        window = convolution_window(node, image, weights, output)
        node.require_scales(image, weights, output)
        return cls(
            index=node.index,
            inputs=(image,),
            outputs=(output,),
            weights=weights,
            bias=node.bias(weights.shape[0]),
            window=window,
            activation=node.fused_activation(output),
        )

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        return {
            **self.window.image_fields(self.input, self.output),
            "input_channels": self.input.shape[3],
            "output_channels": self.output.shape[3],
            **self.window.kernel_fields,
            **self.output_fields(),
            **self.weight_fields(row_align_bytes),
        }

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

    def computation(self) -> WindowSum:
        """See ``Layer.computation``."""
        return window_sum(self, self.window, int8_values(self.weights))

    @property
    def macs(self) -> int:
        """Multiply-accumulates by the operator's definition, padding included."""
        return self.output.elements * prod(self.weights.shape[1:])


OPERATOR = Conv2d
