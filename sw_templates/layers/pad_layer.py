"""What paddings with one number share."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sw_templates.constants import Constant, tensor_values
from sw_templates.layer import Layer
from sw_templates.layers.walk import WALK_MEMBERS, Loop, Walk, strides_of, walk
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import INT8, INT16, Node

MAX_DIMENSIONS = 5  # of TFLite's kernel


def pad_structure(kernel: str) -> str:
    """Return the C structure of the kernel of a :class:`PadLayer`."""
    return f"""
struct {kernel}_layer {{
{WALK_MEMBERS}    int32_t size;   /* elements of the output */
    int32_t offset; /* of the input's first element in the output */
    int32_t value;  /* of the padding */
}};
"""


def pad_prototype(kernel: str, element: str = "int8_t") -> str:
    """Return the C prototype of the kernel of a :class:`PadLayer`."""
    indent = " " * len(f"void {kernel}(")
    return (
        f"void {kernel}(const struct {kernel}_layer *layer, const {element} *input,\n"
        f"{indent}{element} *output);\n"
    )


def paddings(node: Node, source: Tensor, output: Tensor) -> tuple[tuple[int, int], ...]:
    """Return how many elements come before and behind each dimension, checked.

    Args:
        node: The operator; its second input holds them.
        source: Its first input.
        output: Its output.
    """
    values = node.integer_list(1, count=2 * len(source.shape))
    pairs = tuple(zip(values[::2], values[1::2], strict=True))
    if any(count < 0 for pair in pairs for count in pair):
        node.refuse(source.index, f"has a padding below 0: {pairs}", fix="use slices to cut off")
    sizes = zip(source.shape, pairs, strict=True)
    node.require_shape(output, tuple(size + before + behind for size, (before, behind) in sizes))
    return pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class PadLayer(Layer, ABC):
    """A layer that puts one number around its input.

    Its C template sets ``kernel`` and ``element`` and includes ``pad.inc``.

    Attributes:
        before: How many elements come before the input in each dimension.
        value: The number, as it is stored.
    """

    before: tuple[int, ...]
    value: int

    @classmethod
    @abstractmethod
    def padding_value(cls, node: Node, output: Tensor) -> int:
        """Return the number, as it is stored; checks how many inputs there are."""

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        types = INT16 if cls.for_int16 else INT8
        source, output = node.activation(0, types), node.output(types)
        dimensions = len(source.shape)
        if not 1 <= dimensions <= MAX_DIMENSIONS:
            node.refuse(
                source.index,
                f"has {dimensions} dimensions",
                fix=f"pad tensors of 1 to {MAX_DIMENSIONS} dimensions",
            )
        return cls(
            index=node.index,
            inputs=(source,),
            outputs=(output,),
            value=cls.padding_value(node, output),
            before=tuple(before for before, _ in paddings(node, source, output)),
        )

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        strides = strides_of(self.output.shape)
        return {
            **self._walk().fields(f"{self.name}_loops"),
            "size": self.output.elements,
            "offset": sum(b * stride for b, stride in zip(self.before, strides, strict=True)),
            "value": self.value,
        }

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return the table of the loops."""
        del row_align_bytes
        return (self._walk().array(f"{self.name}_loops"),)

    def evaluate(self, values: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.evaluate``."""
        whole = np.full(self.output.shape, self.value, dtype=values[0].dtype)
        places = zip(self.before, self.input.shape, strict=True)
        whole[tuple(slice(before, before + size) for before, size in places)] = values[0]
        return [whole]

    def _walk(self) -> Walk:
        shape = self.input.shape
        pairs = zip(strides_of(shape), strides_of(self.output.shape), strict=True)
        found = walk(shape, list(pairs))
        if found.row.strides == (1, 1):
            return found
        # The last dimension has size 1 and is padded: elements that follow one another lie apart.
        return Walk(row=Loop(turns=1, strides=(1, 1)), loops=(found.row, *found.loops))


@dataclass(frozen=True, slots=True, kw_only=True)
class PadWithLayer(PadLayer, ABC):
    """A padding with a number that the third input holds."""

    @classmethod
    def padding_value(cls, node: Node, output: Tensor) -> int:
        """Return the third input's only element, of the output's scale and zero point."""
        node.inputs(3, 3)
        constant = node.activation(2, (output.type,))
        if constant.data is None or constant.elements != 1:
            node.refuse(constant.index, "must be a constant of one element")
        if (constant.scale, constant.zero_point) != (output.scale, output.zero_point):
            node.refuse(constant.index, "must have the scale and zero point of the output")
        return int(tensor_values(constant).reshape(-1)[0])
