"""PAD of int16 with the number that stands for 0."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.pad_layer import PadLayer, pad_prototype, pad_structure
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class PadInt16(PadLayer):
    """PAD on int16."""

    operator: ClassVar[str] = "PAD"
    kernel: ClassVar[str] = "pad_int16"
    for_int16: ClassVar[bool] = True
    structure: ClassVar[str] = pad_structure("pad_int16")
    prototype: ClassVar[str] = pad_prototype("pad_int16", "int16_t")

    @classmethod
    def padding_value(cls, node: Node, output: Tensor) -> int:
        """Return the output's zero point."""
        node.inputs(2, 2)
        return output.zero_point


OPERATOR = PadInt16
