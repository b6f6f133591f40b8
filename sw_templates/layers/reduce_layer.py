"""What sums over dimensions share: which elements belong together, and the scaling of a sum."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod
from typing import Self

from sw_templates.constants import Constant
from sw_templates.layer import Layer
from sw_templates.layers.walk import WALK_MEMBERS, Walk, strides_of, walk
from sw_templates.quantise import INT32_MAX, Multiplier, kernel_multiplier, wrap_int32
from sw_templates.tflite_node import INT8, INT16, Node

REDUCE_FIELDS = ("KeepDims",)
"""What is read of the options."""


def reduce_structure(kernel: str) -> str:
    """Return the C structure of the kernel of a :class:`ReduceLayer`."""
    return f"""
struct {kernel}_layer {{
{WALK_MEMBERS}    int32_t size; /* elements of the output */
    int32_t bias; /* what is added to each sum: minus the zero points in it */
    int32_t output_zero_point;
    int32_t output_multiplier, output_shift;
    int32_t scratch_bytes; /* at least 4 x size */
}};
"""


def reduce_prototype(kernel: str, element: str = "int8_t") -> str:
    """Return the C prototype of the kernel of a :class:`ReduceLayer`."""
    indent = " " * len(f"void {kernel}(")
    return (
        f"void {kernel}(const struct {kernel}_layer *layer, const {element} *input,\n"
        f"{indent}{element} *output, int8_t *scratch);\n"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReduceLayer(Layer, ABC):
    """A layer that adds up all elements of some dimensions.

    Its C template sets ``kernel`` and ``element`` and includes ``reduce.inc``.

    Attributes:
        axes: The dimensions that are added up, each once, in order.
        scaling: What a sum without zero points is multiplied by.
    """

    axes: tuple[int, ...]
    scaling: Multiplier

    @classmethod
    @abstractmethod
    def output_scaling(cls, factor: Multiplier, count: int) -> Multiplier:
        """Return what a sum without zero points is multiplied by.

        Args:
            factor: The input's scale by the output's.
            count: How many elements are added up.
        """

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(2, 2)
        types = INT16 if cls.for_int16 else INT8
        source, output = node.activation(0, types), node.output(types)
        axes = node.axes(1, source)
        kept = 1 if node.option("KeepDims") else None
        shape = (kept if d in axes else size for d, size in enumerate(source.shape))
        node.require_shape(output, tuple(size for size in shape if size is not None))
        count = prod(source.shape[axis] for axis in axes)
        least, greatest = source.type.limits
        if (greatest - least) * count > INT32_MAX:
            raise ValueError(f"a sum of {count} elements does not fit an int32")
        factor = kernel_multiplier(source.scale / output.scale)
        return cls(
            index=node.index,
            inputs=(source,),
            outputs=(output,),
            axes=axes,
            scaling=cls.output_scaling(factor, count),
        )

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        count = self.input.elements // self.output.elements
        return {
            **self._walk().fields(f"{self.name}_loops"),
            "size": self.output.elements,
            "bias": wrap_int32(-self.input.zero_point * count),
            "output_zero_point": self.output.zero_point,
            "output_multiplier": self.scaling.multiplier,
            "output_shift": self.scaling.shift,
        }

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return the table of the loops."""
        del row_align_bytes
        return (self._walk().array(f"{self.name}_loops"),)

    def scratch_bytes(self, *, row_align_bytes: int, scratch_rows: int) -> int:
        """Return room for an int32 sum of each element of the output."""
        del row_align_bytes, scratch_rows
        return 4 * self.output.elements

    def _walk(self) -> Walk:
        shape = self.input.shape
        kept = [1 if d in self.axes else size for d, size in enumerate(shape)]
        sums = strides_of(kept, still=self.axes)
        return walk(shape, list(zip(strides_of(shape), sums, strict=True)))
