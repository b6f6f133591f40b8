"""ABS: the magnitude, at the output's scale."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from sw_templates.layers.table_layer import TableLayer, table_prototype, table_structure
from sw_templates.quantise import kernel_multiplier, requantise, to_float32
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Abs(TableLayer):
    """ABS."""

    operator: ClassVar[str] = "ABS"
    kernel: ClassVar[str] = "absolute"  # C has an abs
    on_integers: ClassVar[Callable[..., npt.NDArray[Any]] | None] = np.abs
    structure: ClassVar[str] = table_structure("absolute")
    prototype: ClassVar[str] = table_prototype("absolute")

    @classmethod
    def function(cls, node: Node, source: Tensor, output: Tensor) -> Callable[[int], int]:
        """See ``TableLayer.function``."""
        del node
        factor = kernel_multiplier(to_float32(source.scale / output.scale))

        def of(steps: int) -> int:
            magnitude = abs(steps)
            if source.scale != output.scale:
                magnitude = requantise(magnitude, factor)
            return magnitude + output.zero_point

        return of


OPERATOR = Abs
