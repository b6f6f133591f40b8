"""What ARG_MAX and ARG_MIN share: the position of an extreme along one dimension."""

from abc import ABC
from dataclasses import dataclass
from math import prod
from typing import ClassVar, Self

from sw_templates.layer import Layer
from sw_templates.tflite_node import Node


def extreme_structure(kernel: str) -> str:
    """Return the C structure of the kernel of an :class:`ExtremeLayer`."""
    return f"""
struct {kernel}_layer {{
    int32_t outer, size, inner; /* elements before, along and behind the dimension */
    int32_t output_words;       /* of 32 bits a position: 1, or 2 for int64 */
}};
"""


def extreme_prototype(kernel: str) -> str:
    """Return the C prototype of the kernel of an :class:`ExtremeLayer`."""
    indent = " " * len(f"void {kernel}(")
    return (
        f"void {kernel}(const struct {kernel}_layer *layer, const int8_t *input,\n"
        f"{indent}int8_t *const *outputs);\n"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtremeLayer(Layer, ABC):
    """A layer that finds the first position of an extreme; the output is int32 or int64.

    Its C template sets ``kernel`` and ``order`` and includes ``extreme.inc``.

    Attributes:
        axis: The dimension.
    """

    has_output_list: ClassVar[bool] = True  # for its two types

    axis: int

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(2, 2)
        source, output = node.activation(0), node.integer_output()
        axes = node.axes(1, source)
        if len(axes) != 1:
            node.refuse(source.index, f"is searched along {len(axes)} dimensions, not one")
        (axis,) = axes
        node.require_shape(output, source.shape[:axis] + source.shape[axis + 1 :])
        return cls(index=node.index, inputs=(source,), outputs=(output,), axis=axis)

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        shape = self.input.shape
        return {
            "outer": prod(shape[: self.axis]),
            "size": shape[self.axis],
            "inner": prod(shape[self.axis + 1 :]),
            "output_words": self.output.element_bytes // 4,
        }
