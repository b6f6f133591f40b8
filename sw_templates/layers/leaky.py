"""What LEAKY_RELU on int8 and on int16 share: its two factors."""

from dataclasses import dataclass

from sw_templates.quantise import Multiplier, kernel_multiplier, to_float32
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaky:
    """What the input is multiplied by.

    Attributes:
        positive: Where it is not below 0.
        negative: Where it is, without the constant's sign.
        flips: The constant is below 0: two signs, and what lies halfway is rounded as the negative
            product is.
    """

    positive: Multiplier
    negative: Multiplier
    flips: bool


def read_leaky(node: Node, source: Tensor, output: Tensor) -> Leaky:
    """Return the factors of a node; TFLite multiplies and divides as floats.

    Raises:
        ValueError: A factor cannot be quantised.
    """
    alpha = to_float32(node.option("Alpha"))
    return Leaky(
        positive=kernel_multiplier(to_float32(source.scale / output.scale)),
        negative=kernel_multiplier(
            abs(to_float32(to_float32(source.scale * alpha) / output.scale))
        ),
        flips=alpha < 0,
    )
