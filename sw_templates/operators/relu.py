"""RELU: the input, limited to at least 0, at the output's scale."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.rectifier import rectifier
from sw_templates.layers.table_layer import TableLayer, table_prototype, table_structure
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Relu(TableLayer):
    """RELU as an operator of its own; most are fused into the one before."""

    operator: ClassVar[str] = "RELU"
    kernel: ClassVar[str] = "relu"
    structure: ClassVar[str] = table_structure("relu")
    prototype: ClassVar[str] = table_prototype("relu")

    @classmethod
    def function(cls, node: Node, source: Tensor, output: Tensor) -> Callable[[int], int]:
        """See ``TableLayer.function``."""
        del node
        return rectifier(0.0, None, source=source, output=output)


OPERATOR = Relu
