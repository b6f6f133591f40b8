"""MUL of two int16 tensors."""

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
class MulInt16(ElementwiseLayer):
    """MUL on int16; one of the inputs may be a constant."""

    operator: ClassVar[str] = "MUL"
    kernel: ClassVar[str] = "mul_int16"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="MulOptions", fields=("FusedActivationFunction",)
    )
    for_int16: ClassVar[bool] = True
    structure: ClassVar[str] = elementwise_structure(
        "mul_int16",
        """
    int32_t output_multiplier, output_shift;
    int32_t activation_min, activation_max;
""",
    )
    prototype: ClassVar[str] = elementwise_prototype("mul_int16", "int16_t")

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

    def factors(self) -> dict[str, int | str]:
        """See ``ElementwiseLayer.factors``."""
        return {
            "output_multiplier": self.scaling.multiplier,
            "output_shift": self.scaling.shift,
            **self.activation.fields,
        }


OPERATOR = MulInt16
