"""RELU_N1_TO_1: the input, limited to from -1 to 1, at the output's scale."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.rectifier import rectifier
from sw_templates.layers.table_layer import TableLayer, table_prototype, table_structure
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class ReluN1To1(TableLayer):
    """RELU_N1_TO_1 as an operator of its own; most are fused into the one before."""

    operator: ClassVar[str] = "RELU_N1_TO_1"
    kernel: ClassVar[str] = "relu_n1_to_1"
    structure: ClassVar[str] = table_structure("relu_n1_to_1")
    prototype: ClassVar[str] = table_prototype("relu_n1_to_1")

    @classmethod
    def function(cls, node: Node, source: Tensor, output: Tensor) -> Callable[[int], int]:
        """See ``TableLayer.function``."""
        del node
        return rectifier(-1.0, 1.0, source=source, output=output)


OPERATOR = ReluN1To1
