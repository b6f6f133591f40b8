"""PRELU: the input, times a factor of its channel where it is negative."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.layers.elementwise_layer import (
    ElementwiseLayer,
    elementwise_prototype,
    elementwise_structure,
)
from sw_templates.quantise import Multiplier, kernel_multiplier, to_float32
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Prelu(ElementwiseLayer):
    """PRELU; the second input holds the factors, for all elements or for the last dimensions."""

    operator: ClassVar[str] = "PRELU"
    kernel: ClassVar[str] = "prelu"
    structure: ClassVar[str] = elementwise_structure(
        "prelu",
        """
    int32_t input1_zero_point, input2_zero_point, output_zero_point;
    int32_t positive_multiplier, positive_shift;
    int32_t negative_multiplier, negative_shift; /* of a product of both inputs */
""",
    )
    prototype: ClassVar[str] = elementwise_prototype("prelu")

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
        """See ``ElementwiseLayer.factors``."""
        source, factors = self.inputs
        return {
            "input1_zero_point": source.zero_point,
            "input2_zero_point": factors.zero_point,
            "output_zero_point": self.output.zero_point,
            "positive_multiplier": self.positive.multiplier,
            "positive_shift": self.positive.shift,
            "negative_multiplier": self.negative.multiplier,
            "negative_shift": self.negative.shift,
        }


OPERATOR = Prelu
