"""PADV2: padding with a number that the third input holds."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.constants import int8_values
from sw_templates.layers.pad_layer import PadLayer, pad_prototype, pad_structure
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class PadV2(PadLayer):
    """PADV2."""

    operator: ClassVar[str] = "PADV2"
    kernel: ClassVar[str] = "padv2"
    structure: ClassVar[str] = pad_structure("padv2")
    prototype: ClassVar[str] = pad_prototype("padv2")

    @classmethod
    def padding_value(cls, node: Node, output: Tensor) -> int:
        """Return the third input's only element, of the output's scale and zero point."""
        node.inputs(3, 3)
        constant = node.activation(2)
        if constant.data is None or constant.elements != 1:
            node.refuse(constant.index, "must be a constant of one element")
        if (constant.scale, constant.zero_point) != (output.scale, output.zero_point):
            node.refuse(constant.index, "must have the scale and zero point of the output")
        return int(int8_values(constant).reshape(-1)[0])


OPERATOR = PadV2
