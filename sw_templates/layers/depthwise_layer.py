"""What DEPTHWISE_CONV_2D of int8 shares, whatever the bits of its weights."""

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from contracts.network import ChannelSum, WindowSum
from sw_templates.constants import int8_values
from sw_templates.layers.convolution import depth_multiplier, depthwise_window, window_sum
from sw_templates.layers.exact import computed
from sw_templates.layers.weighted_layer import WeightedLayer
from sw_templates.layers.window import Window, image_of
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthwiseLayer(WeightedLayer, ABC):
    """DEPTHWISE_CONV_2D of one image; weights are [1, y, x, output channel]."""

    channels_in_row: ClassVar[bool] = True
    work_per_mac: ClassVar[int] = 4  # hardly anything is used twice: 22 cycles in micro_speech

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
        return self.output.elements * self.taps

    @property
    def taps(self) -> int:
        """Pixels below its window."""
        return self.window.kernel_height * self.window.kernel_width
