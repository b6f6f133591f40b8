"""What products share, on int8 and on int16: the multiplier, which TFLite makes of floats."""

from abc import ABC
from dataclasses import dataclass
from typing import Self

from sw_templates.layers.elementwise_layer import ElementwiseLayer
from sw_templates.quantise import Multiplier, kernel_multiplier, to_float32
from sw_templates.tensor import ActivationRange
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductLayer(ElementwiseLayer, ABC):
    """A product of two tensors; one of the inputs may be a constant."""

    scaling: Multiplier
    activation: ActivationRange

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        left, right, output = cls.operands(node)
        # TFLite multiplies and divides the scales as floats
        factor = to_float32(to_float32(left.scale * right.scale) / output.scale)
        return cls(
            index=node.index,
            inputs=(left, right),
            outputs=(output,),
            scaling=kernel_multiplier(factor),
            activation=node.fused_activation(output),
        )

    @property
    def output_range(self) -> ActivationRange:
        """See ``Layer.output_range``."""
        return self.activation

    def factors(self) -> dict[str, int | str]:
        """See ``ElementwiseLayer.factors``."""
        return {
            "output_multiplier": self.scaling.multiplier,
            "output_shift": self.scaling.shift,
            **self.activation.fields,
        }
