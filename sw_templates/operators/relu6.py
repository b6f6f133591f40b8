"""RELU6: the input, limited to from 0 to 6, at the output's scale."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.rectifier import rectifier
from sw_templates.layers.table_layer import TableLayer, table_prototype, table_structure
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Relu6(TableLayer):
    """RELU6 as an operator of its own; most are fused into the one before."""

    operator: ClassVar[str] = "RELU6"
    kernel: ClassVar[str] = "relu6"
    structure: ClassVar[str] = table_structure("relu6")
    prototype: ClassVar[str] = table_prototype("relu6")

    @classmethod
    def function(cls, node: Node, source: Tensor, output: Tensor) -> Callable[[int], int]:
        """See ``TableLayer.function``."""
        del node
        return rectifier(0.0, 6.0, source=source, output=output)


OPERATOR = Relu6
