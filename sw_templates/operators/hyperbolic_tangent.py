"""TANH, the hyperbolic tangent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sw_templates.graph.host_steps import HostFunction, hyperbolic_tangent_of, of_each
from sw_templates.layers.float_table import float_function, quantised_function
from sw_templates.layers.table_layer import TableLayer, table_prototype, table_structure
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Tanh(TableLayer):
    """TANH."""

    operator: ClassVar[str] = "TANH"
    kernel: ClassVar[str] = "hyperbolic_tangent"  # C has a tanh
    on_host: ClassVar[HostFunction | None] = of_each(hyperbolic_tangent_of)
    structure: ClassVar[str] = table_structure("hyperbolic_tangent")
    prototype: ClassVar[str] = table_prototype("hyperbolic_tangent")

    @classmethod
    def function(cls, node: Node, source: Tensor, output: Tensor) -> Callable[[int], int]:
        """See ``TableLayer.function``."""
        del node
        return quantised_function(float_function("tanhf"), source, output)


OPERATOR = Tanh
