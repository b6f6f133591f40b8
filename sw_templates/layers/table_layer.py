"""What unary operators share: an int8 has 256 values, so each of them is a table made at import."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from sw_templates.constants import Constant, table_constant
from sw_templates.layer import Layer
from sw_templates.quantise import clamp_int8
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import Node


def table_structure(kernel: str) -> str:
    """Return the C structure of the kernel of a :class:`TableLayer`."""
    return f"""
struct {kernel}_layer {{
    int32_t size;        /* elements */
    const int8_t *table; /* [256]: the output for each input from -128 up */
}};
"""


def table_prototype(kernel: str) -> str:
    """Return the C prototype of the kernel of a :class:`TableLayer`."""
    return f"""
void {kernel}(const struct {kernel}_layer *layer, const int8_t *input, int8_t *output);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLayer(Layer, ABC):
    """A layer of which each output element is a function of one input element.

    Its C template sets ``kernel`` and includes ``table_lookup.inc``.

    Attributes:
        table: The output for each input from -128 to 127.
    """

    keeps_shape: ClassVar[bool] = True

    table: tuple[int, ...]

    @classmethod
    @abstractmethod
    def function(cls, node: Node, source: Tensor, output: Tensor) -> Callable[[int], int]:
        """Return the function of one element.

        Args:
            node: The operator.
            source: Its input.
            output: Its output, of the input's shape.

        Returns:
            From the input without its zero point, in steps of its scale, to the output before it
            is limited to int8.

        Raises:
            ConfigError: The kernel cannot compute it.
            ValueError: It cannot be quantised.
        """

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(1, 1)
        source, output = node.activation(0), node.output()
        node.require_shape(output, source.shape)
        function = cls.function(node, source, output)
        return cls(
            index=node.index,
            inputs=(source,),
            outputs=(output,),
            table=tuple(
                clamp_int8(function(value - source.zero_point)) for value in range(-128, 128)
            ),
        )

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        return {"size": self.output.elements, "table": f"{self.name}_table"}

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return the table."""
        del row_align_bytes
        rows = np.array(self.table, dtype=np.int8).reshape(16, 16)
        return (table_constant(f"{self.name}_table", rows),)

    def evaluate(self, values: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.evaluate``."""
        return [np.array(self.table, dtype=np.int8)[values[0].astype(np.int64) + 128]]
