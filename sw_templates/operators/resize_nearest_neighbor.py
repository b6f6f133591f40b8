"""RESIZE_NEAREST_NEIGHBOR: each pixel is a copy of one of the input."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.layers.pick_layer import PickLayer, pick_prototype, pick_structure
from sw_templates.layers.resize import RESIZE_FIELDS, Resizing, read_resizing
from sw_templates.quantise import round_half_away, to_float32
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import INT8, INT16, Node


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeNearestNeighbor(PickLayer):
    """RESIZE_NEAREST_NEIGHBOR."""

    operator: ClassVar[str] = "RESIZE_NEAREST_NEIGHBOR"
    kernel: ClassVar[str] = "resize_nearest_neighbor"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="ResizeNearestNeighborOptions", fields=RESIZE_FIELDS
    )
    structure: ClassVar[str] = pick_structure("resize_nearest_neighbor")
    prototype: ClassVar[str] = pick_prototype("resize_nearest_neighbor")

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        resizing = read_resizing(node, (*INT8, *INT16))
        batches, _, _, channels = resizing.image.shape
        return cls(
            index=node.index,
            inputs=(resizing.image,),
            outputs=(resizing.output,),
            picks=(
                tuple(range(batches)),
                _nearest(resizing, dimension=1),
                _nearest(resizing, dimension=2),
                tuple(range(channels)),
            ),
        )


def _nearest(resizing: Resizing, *, dimension: int) -> tuple[int, ...]:
    """Return the index in the input for each in the output; floats as in TFLite."""
    size, output_size = (t.shape[dimension] for t in (resizing.image, resizing.output))
    aligned = resizing.has_aligned_corners
    spans = (size - 1, output_size - 1) if aligned and output_size > 1 else (size, output_size)
    scale = to_float32(spans[0] / spans[1])
    offset = 0.5 if resizing.has_half_pixel_centers else 0.0
    positions = (to_float32((index + offset) * scale) for index in range(output_size))
    whole = (round_half_away(p) if aligned else math.floor(p) for p in positions)
    return tuple(min(index, size - 1) for index in whole)


OPERATOR = ResizeNearestNeighbor
