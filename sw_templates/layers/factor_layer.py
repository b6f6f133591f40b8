"""What PRELU shares: a factor of its channel where an element is negative."""

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.layers.elementwise_layer import ElementwiseLayer
from sw_templates.quantise import Multiplier, kernel_multiplier, to_float32
from sw_templates.tflite_node import Node

FACTOR_MEMBERS = """
    int32_t positive_multiplier, positive_shift;
    int32_t negative_multiplier, negative_shift; /* of a product of both inputs */
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorLayer(ElementwiseLayer, ABC):
    """A layer of which the second input holds factors, for all elements or the last dimensions.

    Attributes:
        positive: From the input's scale to the output's.
        negative: The same of a product.
    """

    second_is_int8: ClassVar[bool] = True

    positive: Multiplier
    negative: Multiplier

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        source, factors, output = cls.operands(node)
        node.require_shape(output, source.shape)
        # TFLite multiplies and divides the scales as floats
        product_scale = to_float32(source.scale * factors.scale)
        return cls(
            index=node.index,
            inputs=(source, factors),
            outputs=(output,),
            positive=kernel_multiplier(to_float32(source.scale / output.scale)),
            negative=kernel_multiplier(to_float32(product_scale / output.scale)),
        )

    def factors(self) -> dict[str, int | str]:
        """See ``ElementwiseLayer.factors``; those of the zero points are the operator's."""
        return {
            "positive_multiplier": self.positive.multiplier,
            "positive_shift": self.positive.shift,
            "negative_multiplier": self.negative.multiplier,
            "negative_shift": self.negative.shift,
        }
