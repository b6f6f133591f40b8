"""ADD of two tensors, each brought to a common scale first."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.layers.elementwise_layer import (
    ElementwiseLayer,
    elementwise_prototype,
    elementwise_structure,
)
from sw_templates.layers.sum_scaling import SUM_MEMBERS, sum_fields, sum_scaling
from sw_templates.tensor import ActivationRange
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(ElementwiseLayer):
    """ADD; one of the inputs may be a constant."""

    operator: ClassVar[str] = "ADD"
    kernel: ClassVar[str] = "add"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="AddOptions", fields=("FusedActivationFunction", "PotScaleInt16")
    )
    structure: ClassVar[str] = elementwise_structure("add", SUM_MEMBERS)
    prototype: ClassVar[str] = elementwise_prototype("add")

    activation: ActivationRange

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        left, right, output = cls.operands(node)
        sum_scaling(left.scale, right.scale, output.scale)
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
        return sum_fields(left, right, self.output, self.activation)


OPERATOR = Add
