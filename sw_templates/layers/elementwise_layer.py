"""What operators on two tensors, element by element, share: broadcasting."""

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sw_templates.constants import Constant
from sw_templates.layer import Layer
from sw_templates.layers.walk import WALK_MEMBERS, Walk, strides_of, walk
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import INT8, INT16, Node

_SIZE = "    int32_t size; /* elements of the output, and of both inputs of one shape */\n"
"""Enough for a kernel of a CFU family that does not broadcast."""


def elementwise_structure(kernel: str, members: str) -> str:
    """Return the C structure of the kernel of an :class:`ElementwiseLayer`.

    Args:
        kernel: Its name.
        members: What the operator has beside the loops, in C.
    """
    return f"struct {kernel}_layer {{\n{_SIZE}{WALK_MEMBERS}{members.strip(chr(10))}\n}};\n"


def elementwise_prototype(kernel: str, element: str = "int8_t") -> str:
    """Return the C prototype of the kernel of an :class:`ElementwiseLayer`."""
    indent = " " * len(f"void {kernel}(")
    return (
        f"void {kernel}(const struct {kernel}_layer *layer, const {element} *input1,\n"
        f"{indent}const {element} *input2, {element} *output);\n"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementwiseLayer(Layer, ABC):
    """A layer of two inputs; where one has size 1, its element serves all of the other's.

    Class attributes:
        second_is_int8: So it is on int16, too.
    """

    second_is_int8: ClassVar[bool] = False

    @classmethod
    def operands(cls, node: Node) -> tuple[Tensor, Tensor, Tensor]:
        """Return both inputs and the output, with their shapes checked."""
        node.inputs(2, 2)
        types = INT16 if cls.for_int16 else INT8
        left = node.activation(0, types)
        right = node.activation(1, INT8 if cls.second_is_int8 else types)
        output = node.output(types)
        shape = _broadcast(left.shape, right.shape)
        if shape is None:
            node.refuse(
                right.index,
                f"has the shape {right.shape}, which does not go with {left.shape}",
                fix="use tensors whose sizes are equal or 1",
            )
        node.require_shape(output, shape)
        return left, right, output

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """Return the size, the loops and the ``factors``."""
        del row_align_bytes
        return {
            "size": self.output.elements,
            **self._walk().fields(f"{self.name}_loops"),
            **self.factors(),
        }

    def factors(self) -> dict[str, int | str]:
        """Return the operator's own members of the structure."""
        return {}

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return the table of the loops."""
        del row_align_bytes
        return (self._walk().array(f"{self.name}_loops"),)

    def _walk(self) -> Walk:
        shape = self.output.shape
        left, right = (_padded(tensor.shape, len(shape)) for tensor in self.inputs)
        ones = ([d for d, size in enumerate(each) if size == 1] for each in (left, right))
        steps = (
            strides_of(each, still=still) for each, still in zip((left, right), ones, strict=True)
        )
        return walk(shape, list(zip(*steps, strict=True)))


def _padded(shape: Sequence[int], dimensions: int) -> tuple[int, ...]:
    return (1,) * (dimensions - len(shape)) + tuple(shape)


def _broadcast(left: Sequence[int], right: Sequence[int]) -> tuple[int, ...] | None:
    """Return the shape of the result; None where the shapes do not go together."""
    dimensions = max(len(left), len(right))
    pairs = list(zip(_padded(left, dimensions), _padded(right, dimensions), strict=True))
    if any(a != b and 1 not in (a, b) for a, b in pairs):
        return None
    return tuple(max(pair) for pair in pairs)
