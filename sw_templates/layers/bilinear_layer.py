"""What RESIZE_BILINEAR shares: each pixel is a mean of four, with weights of 10 bits."""

from abc import ABC
from dataclasses import dataclass
from typing import Self

from sw_templates.constants import Constant, int32_constant
from sw_templates.layer import Layer
from sw_templates.layers.resize import Resizing, read_resizing
from sw_templates.tflite_node import INT8, INT16, Node

_ONE = 1 << 10


def bilinear_structure(kernel: str) -> str:
    """Return the C structure of the kernel of a :class:`BilinearLayer`."""
    return f"""
struct {kernel}_layer {{
    int32_t batches, channels;
    int32_t image_size; /* elements of one image of the input */
    int32_t output_height, output_width;
    /* [height or width of the output][3]: offsets of both neighbours, weight of the second */
    const int32_t *rows, *columns;
}};
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BilinearLayer(Layer, ABC):
    """A layer that resizes images; its C template sets some names and includes ``bilinear.inc``.

    Attributes:
        rows: For each row of the output the two of the input, and the weight of the second.
        columns: The same for each column.
    """

    rows: tuple[tuple[int, int, int], ...]
    columns: tuple[tuple[int, int, int], ...]

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        resizing = read_resizing(node, INT16 if cls.for_int16 else INT8)
        if resizing.has_aligned_corners and resizing.has_half_pixel_centers:
            node.refuse(None, "has aligned corners and half-pixel centers", fix="use one of them")
        return cls(
            index=node.index,
            inputs=(resizing.image,),
            outputs=(resizing.output,),
            rows=_neighbours(resizing, dimension=1),
            columns=_neighbours(resizing, dimension=2),
        )

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        batches, height, width, channels = self.input.shape
        return {
            "batches": batches,
            "channels": channels,
            "image_size": height * width * channels,
            "output_height": len(self.rows),
            "output_width": len(self.columns),
            "rows": f"{self.name}_rows",
            "columns": f"{self.name}_columns",
        }

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return the neighbours of rows and columns as offsets, with their weights."""
        del row_align_bytes
        _, _, width, channels = self.input.shape
        tables = (("rows", self.rows, width * channels), ("columns", self.columns, channels))
        return tuple(
            int32_constant(
                f"{self.name}_{name}",
                [
                    value
                    for first, second, weight in table
                    for value in (first * stride, second * stride, weight)
                ],
            )
            for name, table, stride in tables
        )


def _neighbours(resizing: Resizing, *, dimension: int) -> tuple[tuple[int, int, int], ...]:
    size, output_size = (t.shape[dimension] for t in (resizing.image, resizing.output))
    if resizing.has_aligned_corners and output_size > 1:
        step = (_ONE * (size - 1) + (output_size - 1) // 2) // (output_size - 1)
    else:
        step = (_ONE * size + output_size // 2) // output_size
    start = step // 2 - _ONE // 2 if resizing.has_half_pixel_centers else 0
    found = []
    for index in range(output_size):
        position = start + index * step
        first = max(position // _ONE, 0)
        second = min(-(-position // _ONE), size - 1)  # the same where it lies on a pixel
        found.append((first, second, position - _ONE * first))
    return tuple(found)
