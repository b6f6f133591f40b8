"""What sums and differences share, on int8 and on int16: all but the sign, which kernels have."""

from abc import ABC
from dataclasses import dataclass
from typing import Self

from sw_templates.layers.elementwise_layer import ElementwiseLayer
from sw_templates.layers.sum_scaling import LEFT_SHIFT, LEFT_SHIFT_16, sum_fields, sum_scaling
from sw_templates.tensor import ActivationRange
from sw_templates.tflite_node import Node

SUM_OPTIONS = ("FusedActivationFunction", "PotScaleInt16")
"""Fields of the options tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SumLayer(ElementwiseLayer, ABC):
    """A sum or difference of two tensors, each brought to a common scale first.

    One of the inputs may be a constant. On int16 the scales need not be powers of two, as
    converters write it; those that say they are (``pot_scale_int16``) are refused.
    """

    activation: ActivationRange

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        left, right, output = cls.operands(node)
        if cls.for_int16 and node.option("PotScaleInt16"):
            node.refuse(None, "is of int16 with scales that are powers of two (pot_scale_int16)")
        sum_scaling(left.scale, right.scale, output.scale, left_shift=cls._left_shift())
        return cls(
            index=node.index,
            inputs=(left, right),
            outputs=(output,),
            activation=node.fused_activation(output),
        )

    @property
    def output_range(self) -> ActivationRange:
        """See ``Layer.output_range``."""
        return self.activation

    def factors(self) -> dict[str, int | str]:
        """See ``ElementwiseLayer.factors``."""
        left, right = self.inputs
        shift = self._left_shift()
        return sum_fields(left, right, self.output, self.activation, left_shift=shift)

    @classmethod
    def _left_shift(cls) -> int:
        return LEFT_SHIFT_16 if cls.for_int16 else LEFT_SHIFT
