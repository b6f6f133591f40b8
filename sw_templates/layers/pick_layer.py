"""What operators share of which each dimension of the output picks indices of the input."""

from abc import ABC
from dataclasses import dataclass
from math import prod

from sw_templates.constants import Constant, int32_constant
from sw_templates.layer import Layer
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import Node


def pick_structure(kernel: str) -> str:
    """Return the C structure of the kernel of a :class:`PickLayer`."""
    return f"""
struct {kernel}_layer {{
    int32_t row;             /* bytes that lie together in input and output */
    int32_t dimensions;      /* around a row: at least one */
    const int32_t *sizes;    /* [dimensions] of the output, the innermost first */
    const int32_t *offsets;  /* [size] for each: bytes that an index adds to the input's offset */
}};
"""


def pick_prototype(kernel: str) -> str:
    """Return the C prototype of the kernel of a :class:`PickLayer`."""
    return f"""
void {kernel}(const struct {kernel}_layer *layer, const void *input, void *output);
"""


MAX_TABLE = 1 << 20


def require_small_tables(node: Node, output: Tensor) -> None:
    """Refuse an output whose dimensions together need more offsets than any SoC has room for.

    Without it a file of some bytes would keep the import busy with millions of them.
    """
    if sum(output.shape) > MAX_TABLE:
        node.refuse(
            output.index,
            f"has the shape {output.shape}, of which the sizes add up to more than {MAX_TABLE}",
            fix="use smaller tensors",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PickLayer(Layer, ABC):
    """A layer that copies elements of any type, picked in each dimension by itself.

    Its C template sets ``kernel`` and includes ``pick.inc``.

    Attributes:
        picks: For each dimension of the output and index in it, the index in the input.
    """

    picks: tuple[tuple[int, ...], ...]

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        return {
            "row": self._row(),
            "dimensions": len(self._tables()),
            "sizes": f"{self.name}_sizes",
            "offsets": f"{self.name}_offsets",
        }

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return sizes and offsets."""
        del row_align_bytes
        tables = self._tables()
        return (
            int32_constant(f"{self.name}_sizes", [len(table) for table in tables]),
            int32_constant(f"{self.name}_offsets", [o for table in tables for o in table]),
        )

    def _whole(self) -> int:
        """How many dimensions at the end are copied as they are, not counting the first."""
        whole = 0
        for size, picks in zip(reversed(self.input.shape[1:]), reversed(self.picks), strict=False):
            if picks != tuple(range(size)):
                break
            whole += 1
        return whole

    def _row(self) -> int:
        row = self.input.shape[len(self.picks) - self._whole() :]
        return prod(row) * self.input.element_bytes

    def _tables(self) -> list[list[int]]:
        """For each dimension around a row, from the inside, the bytes that its indices add."""
        shape, count = self.input.shape, len(self.picks) - self._whole()
        strides = [prod(shape[d + 1 :]) * self.input.element_bytes for d in range(count)]
        tables = [
            [index * stride for index in picks]
            for picks, stride in zip(self.picks, strides, strict=False)
        ]
        return [table for table in reversed(tables) if table != [0]] or [[0]]
