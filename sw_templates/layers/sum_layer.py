"""What sums and differences share, on int8 and on int16: all but the sign, which kernels have."""

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from sw_templates.layers.elementwise_layer import ElementwiseLayer
from sw_templates.layers.exact import scaled, wrapped
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

    Class attributes:
        sign: Of the second tensor.
    """

    sign: ClassVar[int] = 1

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

    def evaluate(self, values: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.evaluate``; what ``computation`` says and broadcasting beside."""
        left, right = self.inputs
        shift = self._left_shift()
        scaling = sum_scaling(left.scale, right.scale, self.output.scale, left_shift=shift)
        parts = [
            scaled((each.astype(np.int64) - tensor.zero_point) << shift, [factor.scale])
            for each, tensor, factor in zip(
                values, self.inputs, (scaling.input1, scaling.input2), strict=True
            )
        ]
        sums = wrapped(parts[0] + self.sign * parts[1])
        moved = scaled(sums, [scaling.output.scale]) + self.output.zero_point
        limited = np.clip(moved, self.activation.minimum, self.activation.maximum)
        return [limited.astype(self.output.type.numpy_name)]

    @classmethod
    def _left_shift(cls) -> int:
        return LEFT_SHIFT_16 if cls.for_int16 else LEFT_SHIFT
