"""LOGISTIC: 1 / (1 + exp(-x))."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sw_templates.graph.host_steps import HostFunction, logistic_of, of_each
from sw_templates.layers.float_table import float_function, quantised_function
from sw_templates.layers.table_layer import TableLayer, table_prototype, table_structure
from sw_templates.quantise import to_float32
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import Node

_exponential = float_function("expf")


def _logistic(value: float) -> float:
    return to_float32(1 / to_float32(1 + _exponential(-value)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic(TableLayer):
    """LOGISTIC; the output has the scale 1/256 and the zero point -128."""

    operator: ClassVar[str] = "LOGISTIC"
    kernel: ClassVar[str] = "logistic"
    on_host: ClassVar[HostFunction | None] = of_each(logistic_of)
    structure: ClassVar[str] = table_structure("logistic")
    prototype: ClassVar[str] = table_prototype("logistic")

    @classmethod
    def function(cls, node: Node, source: Tensor, output: Tensor) -> Callable[[int], int]:
        """See ``TableLayer.function``."""
        if output.scale != 1 / 256 or output.zero_point != -128:
            node.refuse(output.index, "needs the scale 1/256 and the zero point -128")
        return quantised_function(_logistic, source, output)


OPERATOR = Logistic
