"""MIRROR_PAD: around the input comes its own mirror image."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.layers.pad_layer import paddings
from sw_templates.layers.pick_layer import (
    PickLayer,
    pick_prototype,
    pick_structure,
    require_small_tables,
)
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import INT8, INT16, Node

_EDGE = {0: 1, 1: 0}
"""TFLite's code of the mode to how many elements of the edge are left out of the image:

REFLECT leaves out one, SYMMETRIC none.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorPad(PickLayer):
    """MIRROR_PAD in both modes."""

    operator: ClassVar[str] = "MIRROR_PAD"
    kernel: ClassVar[str] = "mirror_pad"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="MirrorPadOptions", fields=("Mode",))
    structure: ClassVar[str] = pick_structure("mirror_pad")
    prototype: ClassVar[str] = pick_prototype("mirror_pad")

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(2, 2)
        source = node.activation(0, (*INT8, *INT16))
        output = node.output((source.type,))
        mode = int(node.option("Mode"))
        if mode not in _EDGE:
            node.refuse(None, f"has the mode {mode}, neither REFLECT nor SYMMETRIC")
        require_small_tables(node, output)
        pairs, edge = paddings(node, source, output), _EDGE[mode]
        for size, pair in zip(source.shape, pairs, strict=True):
            if max(pair) > size - edge:
                node.refuse(
                    source.index, f"has size {size}, too little to mirror {max(pair)} elements"
                )
        return cls(
            index=node.index,
            inputs=(source,),
            outputs=(output,),
            picks=tuple(
                (
                    *range(before + edge - 1, edge - 1, -1),
                    *range(size),
                    *range(size - 1 - edge, size - 1 - edge - behind, -1),
                )
                for size, (before, behind) in zip(source.shape, pairs, strict=True)
            ),
        )


OPERATOR = MirrorPad
