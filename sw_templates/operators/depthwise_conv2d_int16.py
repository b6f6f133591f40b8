"""DEPTHWISE_CONV_2D of int16 activations with int8 weights."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.layers.convolution import (
    DEPTHWISE_FIELDS,
    depth_multiplier,
    depthwise_window,
)
from sw_templates.layers.weighted_layer16 import (
    WEIGHT_MEMBERS,
    WeightedLayer16,
    require_bias16,
    require_scales16,
)
from sw_templates.layers.window import Window
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import INT16, Node


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthwiseConv2dInt16(WeightedLayer16):
    """DEPTHWISE_CONV_2D on int16 of one image; weights are [1, y, x, output channel]."""

    operator: ClassVar[str] = "DEPTHWISE_CONV_2D"
    kernel: ClassVar[str] = "depthwise_conv2d_int16"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="DepthwiseConv2DOptions", fields=DEPTHWISE_FIELDS
    )
    structure: ClassVar[str] = f"""
struct depthwise_conv2d_int16_layer {{
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width, output_channels;
    int32_t depth_multiplier; /* output channel c reads input channel c / depth_multiplier */
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;
{WEIGHT_MEMBERS}}};
"""
    prototype: ClassVar[str] = """
void depthwise_conv2d_int16(const struct depthwise_conv2d_int16_layer *layer,
                            const int16_t *input, int16_t *output);
"""
    channels_in_row: ClassVar[bool] = True
    work_per_mac: ClassVar[int] = 4  # as of int8

    window: Window
    depth_multiplier: int

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(2, 3)
        image, output = node.activation(0, INT16), node.output(INT16)
        weights = node.weights(3, 4)
        window = depthwise_window(node, image, weights, output)
        require_scales16(node, image, weights, output)
        multiplier = depth_multiplier(node, image, weights)
        return cls(
            index=node.index,
            inputs=(image,),
            outputs=(output,),
            weights=weights,
            bias=require_bias16(node, weights.shape[3], bits=46),
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
            **self.weight_fields(row_align_bytes),
        }

    @property
    def macs(self) -> int:
        """Multiply-accumulates by the operator's definition, padding included."""
        return self.output.elements * self.window.kernel_height * self.window.kernel_width


OPERATOR = DepthwiseConv2dInt16
