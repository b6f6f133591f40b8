"""LEAKY_RELU: the input, times a constant where it is negative."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.leaky import read_leaky
from sw_templates.layers.table_layer import TableLayer, table_prototype, table_structure
from sw_templates.quantise import requantise
from sw_templates.tensor import Tensor
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakyRelu(TableLayer):
    """LEAKY_RELU."""

    operator: ClassVar[str] = "LEAKY_RELU"
    kernel: ClassVar[str] = "leaky_relu"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="LeakyReluOptions", fields=("Alpha",)
    )
    structure: ClassVar[str] = table_structure("leaky_relu")
    prototype: ClassVar[str] = table_prototype("leaky_relu")

    @classmethod
    def function(cls, node: Node, source: Tensor, output: Tensor) -> Callable[[int], int]:
        """See ``TableLayer.function``."""
        leaky = read_leaky(node, source, output)

        def of(steps: int) -> int:
            if steps >= 0:
                return requantise(steps, leaky.positive) + output.zero_point
            value = requantise(steps, leaky.negative)
            return output.zero_point + (-value if leaky.flips else value)

        return of


OPERATOR = LeakyRelu
