"""MAXIMUM: the larger of two stored numbers, whatever their scales, as the reference has it."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.layers.elementwise_layer import (
    ElementwiseLayer,
    elementwise_prototype,
    elementwise_structure,
)
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Maximum(ElementwiseLayer):
    """MAXIMUM; one of the inputs may be a constant."""

    operator: ClassVar[str] = "MAXIMUM"
    kernel: ClassVar[str] = "maximum"
    structure: ClassVar[str] = elementwise_structure("maximum", "")
    prototype: ClassVar[str] = elementwise_prototype("maximum")

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        left, right, output = cls.operands(node)
        return cls(index=node.index, inputs=(left, right), outputs=(output,))


OPERATOR = Maximum
