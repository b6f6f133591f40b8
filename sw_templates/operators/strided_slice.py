"""STRIDED_SLICE: as an index with colons in Python."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.graph_folding import MASKS, strided_slice
from sw_templates.strided_view import MOVED_TYPES, ViewLayer, moved, positions
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class StridedSlice(ViewLayer):
    """STRIDED_SLICE; begin, end and strides are constants."""

    operator: ClassVar[str] = "STRIDED_SLICE"
    kernel: ClassVar[str] = "strided_slice"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="StridedSliceOptions", fields=(*MASKS, "Offset")
    )
    structure: ClassVar[str] = """
struct strided_slice_layer {
    int32_t outputs;      /* how many */
    const int32_t *views; /* [outputs][VIEW_WORDS]: see copy_view.inc */
};
"""
    prototype: ClassVar[str] = """
void strided_slice(const struct strided_slice_layer *layer, const void *input, void *output);
"""

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(4, 4)
        source, output = node.activation(0, MOVED_TYPES), node.output(MOVED_TYPES)
        begin, end, stride = (node.integer_list(position) for position in (1, 2, 3))
        if not len(begin) == len(end) == len(stride):
            node.refuse(None, f"has {len(begin)} begins, {len(end)} ends, {len(stride)} strides")
        if node.option("Offset"):
            node.refuse(None, "has ends that are counted from the begins")
        masks = {name: node.option(name) for name in MASKS}
        try:
            view = strided_slice(positions(source.shape), begin, end, stride, masks)
        except (IndexError, ValueError) as error:
            node.refuse(None, f"cannot be taken of the shape {source.shape}: {error}")
        return cls(
            index=node.index,
            inputs=(source,),
            outputs=(output,),
            views=(moved(node, source, view, output),),
        )


OPERATOR = StridedSlice
