"""What convolutions of int8 and of int16 share: their options, and how their shapes go together."""

from contracts.network import Int8s, WindowSum
from sw_templates.layers.weighted_layer import WeightedLayer
from sw_templates.layers.window import Window, image_of
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import Node

_WINDOW = ("Padding", "StrideW", "StrideH")
_REST = ("FusedActivationFunction", "DilationWFactor", "DilationHFactor")
CONVOLUTION_FIELDS = (*_WINDOW, *_REST)
DEPTHWISE_FIELDS = (*_WINDOW, "DepthMultiplier", *_REST)
"""Of the options tables."""


def require_bias_input(node: Node) -> None:
    """Check the inputs of a CONV_2D: TFLite refuses one without bias."""
    if node.inputs(2, 3)[2:] in ((), (-1,)):
        node.refuse(None, "has no bias, without which TFLite refuses it")


def convolution_window(node: Node, image: Tensor, weights: Tensor, output: Tensor) -> Window:
    """Return the window of weights [output channel, y, x, input channel] over one image.

    Raises:
        ConfigError: The shapes do not go together.
    """
    window = _window(node, image, weights, output)
    if weights.shape[3] != image.shape[3]:
        node.refuse(
            weights.index,
            f"has {weights.shape[3]} input channels, the image {image.shape[3]}",
            fix="grouped convolutions are not supported: use groups = 1",
        )
    node.require_shape(output, (1, *output.shape[1:3], weights.shape[0]))
    return window


def depthwise_window(node: Node, image: Tensor, weights: Tensor, output: Tensor) -> Window:
    """Return the window of weights [1, y, x, output channel] over one image.

    Raises:
        ConfigError: The shapes do not go together.
    """
    window = _window(node, image, weights, output)
    node.require_shape(output, (1, *output.shape[1:3], weights.shape[3]))
    return window


def depth_multiplier(node: Node, image: Tensor, weights: Tensor) -> int:
    """Return how many output channels read each input channel.

    Raises:
        ConfigError: It is no whole number.
    """
    multiplier, rest = divmod(weights.shape[3], image.shape[3])
    if weights.shape[0] != 1 or rest:
        node.refuse(
            weights.index, f"has the shape {weights.shape} for {image.shape[3]} input channels"
        )
    return multiplier


def window_sum(layer: WeightedLayer, window: Window, weights: Int8s) -> WindowSum:
    """Return what a convolution computes, as hardware is told of it.

    Args:
        layer: With one image.
        window: That moves over it.
        weights: [output channel][kernel y][kernel x][input channel].
    """
    return WindowSum(
        input=layer.input.index,
        output=layer.output.index,
        image=image_of(layer.input),
        result=image_of(layer.output),
        window=window.moving(),
        padding=layer.input.zero_point,
        weights=weights,
        requantisation=layer.requantisation(),
    )


def _window(node: Node, image: Tensor, weights: Tensor, output: Tensor) -> Window:
    node.require_single_image(image)
    return node.window(image, output, kernel=(weights.shape[1], weights.shape[2]), is_dilated=True)
