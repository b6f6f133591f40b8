"""MUL of two tensors."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.layers.elementwise_layer import (
    ElementwiseLayer,
    elementwise_prototype,
    elementwise_structure,
)
from sw_templates.quantise import Multiplier, kernel_multiplier, to_float32
from sw_templates.tensor import ActivationRange
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Mul(ElementwiseLayer):
    """MUL; one of the inputs may be a constant."""

    operator: ClassVar[str] = "MUL"
    kernel: ClassVar[str] = "mul"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="MulOptions", fields=("FusedActivationFunction",)
    )
    structure: ClassVar[str] = elementwise_structure(
        "mul",
        """
    int32_t input1_zero_point, input2_zero_point, output_zero_point;
    int32_t output_multiplier, output_shift;
    int32_t activation_min, activation_max;
""",
    )
    prototype: ClassVar[str] = elementwise_prototype("mul")

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
        left, right = self.inputs
        return {
            "input1_zero_point": left.zero_point,
            "input2_zero_point": right.zero_point,
            "output_zero_point": self.output.zero_point,
            "output_multiplier": self.scaling.multiplier,
            "output_shift": self.scaling.shift,
            **self.activation.fields,
        }


OPERATOR = Mul
