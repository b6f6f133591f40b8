"""DEPTHWISE_CONV_2D: each output channel from one input channel."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from contracts.network import ChannelSum, WindowSum
from sw_templates.constants import int8_values
from sw_templates.layer import ReferenceKernel
from sw_templates.layers.convolution import (
    DEPTHWISE_FIELDS,
    depth_multiplier,
    depthwise_window,
    window_sum,
)
from sw_templates.layers.exact import computed
from sw_templates.layers.weighted_layer import WeightedLayer
from sw_templates.layers.window import Window, image_of
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthwiseConv2d(WeightedLayer):
    """DEPTHWISE_CONV_2D of one image; weights are [1, y, x, output channel]."""

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
    channels_in_row: ClassVar[bool] = True
    reference: ClassVar[ReferenceKernel | None] = ReferenceKernel(
        header="depthwise_conv.h", function="DepthwiseConvPerChannel"
    )

    window: Window
    depth_multiplier: int

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(2, 3)
        image, output, weights = (
            node.activation(0),
            node.output(),
            node.weights(3, 4, types=cls.weight_types),
        )
        window = depthwise_window(node, image, weights, output)
        node.require_scales(image, weights, output)
        multiplier = depth_multiplier(node, image, weights)
        return cls(
            index=node.index,
            inputs=(image,),
            outputs=(output,),
            weights=weights,
            bias=node.bias(weights.shape[3]),
            window=window,
            activation=node.fused_activation(output),
            depth_multiplier=multiplier,
        )

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        return {
            **self.window.image_fields(self.input, self.output),
            "input_channels": self.input.shape[3],
            "output_channels": self.output.shape[3],
            "depth_multiplier": self.depth_multiplier,
            **self.window.kernel_fields,
            **self.output_fields(),
            **self.weight_fields(row_align_bytes),
        }

    def scratch_bytes(self, *, row_align_bytes: int, scratch_rows: int) -> int:
        """See ``Layer.scratch_bytes``."""
        del scratch_rows
        return self.row_bytes(row_align_bytes) * self._taps

    def computation(self) -> ChannelSum | WindowSum | None:
        """See ``Layer.computation``: over a single channel it is a sum over all channels."""
        if self.depth_multiplier == 1:
            return self._channel_sum()
        if self.input.shape[3] != 1:
            return None
        weights = int8_values(self.weights)[0]
        return window_sum(self, self.window, weights.transpose(2, 0, 1)[..., np.newaxis])

    def evaluate(self, values: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.evaluate``: each channel as often as outputs read it."""
        return [computed(self._channel_sum(), [values[0].repeat(self.depth_multiplier, axis=3)])]

    def _channel_sum(self) -> ChannelSum:
        """Return the sums of each channel, of which there are as many as outputs read."""
        image = image_of(self.input)
        return ChannelSum(
            input=self.input.index,
            output=self.output.index,
            image=replace(image, channels=image.channels * self.depth_multiplier),
            result=image_of(self.output),
            window=self.window.moving(),
            padding=self.input.zero_point,
            weights=int8_values(self.weights)[0],
            requantisation=self.requantisation(),
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates by the operator's definition, padding included."""
        return self.output.elements * self._taps

    @property
    def _taps(self) -> int:
        return self.window.kernel_height * self.window.kernel_width


OPERATOR = DepthwiseConv2d
