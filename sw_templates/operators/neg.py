"""NEG: the stored number with the other sign, as TFLite's reference has it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from sw_templates.layers.table_layer import TableLayer, table_prototype, table_structure
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Neg(TableLayer):
    """NEG; right where the output has the input's scale and the opposite of its zero point."""

    operator: ClassVar[str] = "NEG"
    kernel: ClassVar[str] = "neg"
    on_integers: ClassVar[Callable[..., npt.NDArray[Any]] | None] = np.negative
    structure: ClassVar[str] = table_structure("neg")
    prototype: ClassVar[str] = table_prototype("neg")

    @classmethod
    def function(cls, node: Node, source: Tensor, output: Tensor) -> Callable[[int], int]:
        """See ``TableLayer.function``."""
        del node, output

        def of(steps: int) -> int:
            stored = steps + source.zero_point
            return -stored if stored > -128 else -128  # 128 wraps around

        return of


OPERATOR = Neg
