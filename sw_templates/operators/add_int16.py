"""ADD of two int16 tensors, each brought to a common scale first."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.layers.elementwise_layer import (
    ElementwiseLayer,
    elementwise_prototype,
    elementwise_structure,
)
from sw_templates.layers.sum_scaling import LEFT_SHIFT_16, SUM_MEMBERS, sum_fields, sum_scaling
from sw_templates.tensor import ActivationRange
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class AddInt16(ElementwiseLayer):
    """ADD on int16 with scales that need not be powers of two, as converters write it."""

    operator: ClassVar[str] = "ADD"
    kernel: ClassVar[str] = "add_int16"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="AddOptions", fields=("FusedActivationFunction", "PotScaleInt16")
    )
    for_int16: ClassVar[bool] = True
    structure: ClassVar[str] = elementwise_structure("add_int16", SUM_MEMBERS)
    prototype: ClassVar[str] = elementwise_prototype("add_int16", "int16_t")

    activation: ActivationRange

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        left, right, output = cls.operands(node)
        if node.option("PotScaleInt16"):
            node.refuse(None, "is of int16 with scales that are powers of two (pot_scale_int16)")
        sum_scaling(left.scale, right.scale, output.scale, left_shift=LEFT_SHIFT_16)
        return cls(
            index=node.index,
            inputs=(left, right),
            outputs=(output,),
            activation=node.fused_activation(output),
        )

    def factors(self) -> dict[str, int | str]:
        """See ``ElementwiseLayer.factors``."""
        left, right = self.inputs
        return sum_fields(left, right, self.output, self.activation, left_shift=LEFT_SHIFT_16)


OPERATOR = AddInt16
