"""What the poolings share: a window over each channel, input and output of one scale."""

from abc import ABC
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from contracts.network import Image
from sw_templates.layer import Layer
from sw_templates.layers.exact import window_means
from sw_templates.layers.window import Window
from sw_templates.tensor import ActivationRange
from sw_templates.tflite_node import INT8, INT16, Node

POOL_MEMBERS = """\
    int32_t batches, channels;
    int32_t input_height, input_width;
    int32_t output_height, output_width;
    int32_t filter_height, filter_width;
    int32_t stride_height, stride_width;
    int32_t pad_top, pad_left;
    int32_t activation_min, activation_max;
"""
"""Members of the C structures, for ``pool_window.inc`` and the kernel."""

POOL_FIELDS = (
    "Padding",
    "StrideW",
    "StrideH",
    "FilterWidth",
    "FilterHeight",
    "FusedActivationFunction",
)
"""What is read of the options."""

_SCALE_TOLERANCE = 1e-6  # TFLite's


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLayer(Layer, ABC):
    """A pooling; what lies in the padding does not count."""

    window: Window
    activation: ActivationRange

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(1, 1)
        types = INT16 if cls.for_int16 else INT8
        image, output = node.activation(0, types), node.output(types)
        kernel = int(node.option("FilterHeight")), int(node.option("FilterWidth"))
        window = node.window(image, output, kernel=kernel, is_dilated=False)
        node.require_shape(output, (image.shape[0], *output.shape[1:3], image.shape[3]))
        is_scaled = abs(image.scale - output.scale) > _SCALE_TOLERANCE
        if is_scaled or image.zero_point != output.zero_point:
            node.refuse(output.index, "must have the scale and zero point of the input")
        return cls(
            index=node.index,
            inputs=(image,),
            outputs=(output,),
            window=window,
            activation=node.fused_activation(output),
        )

    @property
    def output_range(self) -> ActivationRange:
        """See ``Layer.output_range``."""
        return self.activation

    def means(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the mean of each channel below the window, for each image of a batch."""
        _, rows, columns, channels = self.output.shape
        window, result = self.window.moving(), Image(height=rows, width=columns, channels=channels)
        means = np.array([window_means(image, window, result) for image in values])
        limited: npt.NDArray[Any] = np.clip(means, self.activation.minimum, self.activation.maximum)
        return limited.astype(self.output.type.numpy_name)

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        return {
            **self.window.image_fields(self.input, self.output),
            "batches": self.input.shape[0],
            "channels": self.input.shape[3],
            "filter_height": self.window.kernel_height,
            "filter_width": self.window.kernel_width,
            **self.activation.fields,
        }
