"""LEAKY_RELU: the input, times a constant where it is negative."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.table_layer import TableLayer, table_prototype, table_structure
from sw_templates.quantise import (
    kernel_multiplier,
    requantise,
    to_float32,
)
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
        alpha = to_float32(node.option("Alpha"))
        positive = kernel_multiplier(to_float32(source.scale / output.scale))
        # TFLite multiplies and divides as floats; the constant may be negative
        negative = kernel_multiplier(
            abs(to_float32(to_float32(source.scale * alpha) / output.scale))
        )

        def of(steps: int) -> int:
            if steps >= 0:
                return requantise(steps, positive) + output.zero_point
            if alpha >= 0:
                return requantise(steps, negative) + output.zero_point
            # two negative signs: what lies halfway is rounded as the negative product is
            return output.zero_point - requantise(steps, negative)

        return of


OPERATOR = LeakyRelu
