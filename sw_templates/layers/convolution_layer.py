"""What CONV_2D of int8 shares, whatever the bits of its weights."""

from abc import ABC
from dataclasses import dataclass
from math import prod
from typing import Self

from contracts.network import WindowSum
from sw_templates.constants import int8_values
from sw_templates.layers.convolution import (
    convolution_window,
    require_bias_input,
    window_sum,
)
from sw_templates.layers.weighted_layer import WeightedLayer
from sw_templates.layers.window import Window
from sw_templates.tflite_node import Node

STRIP_PIXELS = 4
"""So many pixels of the output the plain kernels compute together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvolutionLayer(WeightedLayer, ABC):
    """CONV_2D of one image; weights are [output channel, y, x, input channel]."""

    window: Window

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        require_bias_input(node)
        image, output, weights = (
            node.activation(0),
            node.output(),
            node.weights(0, 4, types=cls.weight_types),
        )
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

    def computation(self) -> WindowSum:
        """See ``Layer.computation``."""
        return window_sum(self, self.window, int8_values(self.weights))

    @property
    def macs(self) -> int:
        """Multiply-accumulates by the operator's definition, padding included."""
        return self.output.elements * prod(self.weights.shape[1:])
