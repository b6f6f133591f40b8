"""TRANSPOSE: the dimensions in another order."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.strided_view import MOVED_TYPES, ViewLayer, moved, positions, resolved_axis
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Transpose(ViewLayer):
    """TRANSPOSE; the order is a constant."""

    operator: ClassVar[str] = "TRANSPOSE"
    kernel: ClassVar[str] = "transpose"
    structure: ClassVar[str] = """
struct transpose_layer {
    int32_t outputs;      /* how many */
    const int32_t *views; /* [outputs][VIEW_WORDS]: see copy_view.inc */
};
"""
    prototype: ClassVar[str] = """
void transpose(const struct transpose_layer *layer, const void *input, void *output);
"""

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(2, 2)
        source, output = node.activation(0, MOVED_TYPES), node.output(MOVED_TYPES)
        dimensions = len(source.shape)
        order = [resolved_axis(node, axis, dimensions) for axis in node.integer_list(1)]
        if sorted(order) != list(range(dimensions)):
            node.refuse(None, f"has the order {order} for {dimensions} dimensions")
        view = positions(source.shape).transpose(order)
        return cls(
            index=node.index,
            inputs=(source,),
            outputs=(output,),
            views=(moved(node, source, view, output),),
        )


OPERATOR = Transpose
