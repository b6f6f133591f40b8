"""Operators that only move elements: each output is a view of the input, written out.

SLICE, STRIDED_SLICE, TRANSPOSE, SPLIT and UNPACK are NumPy's views of an array whose elements are
their own positions. The view's sizes and strides are all that the kernel needs.
"""

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from sw_templates.constants import Constant, int32_constant
from sw_templates.layer import Layer
from sw_templates.tensor import ElementType, Tensor
from sw_templates.tflite_file import MAX_DIMENSIONS
from sw_templates.tflite_node import Node

MOVED_TYPES = (ElementType.INT8, ElementType.UINT8, ElementType.INT16)

Positions = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class StridedView:
    """Where the elements of an output lie in the input.

    Attributes:
        offset: Of the first element.
        sizes: By dimension; none of them is 1, and none can be joined with the next.
        strides: Elements from one to the next, by dimension.
    """

    offset: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def positions(self) -> npt.NDArray[np.int64]:
        """The position in the input of each element of the output, in order."""
        found = np.array([self.offset], dtype=np.int64)
        for size, stride in zip(self.sizes, self.strides, strict=True):
            found = np.add.outer(found, stride * np.arange(size)).reshape(-1)
        return found

    def words(self, element_bytes: int) -> list[int]:
        """Return the view as copy_view.inc reads it; every number is one of bytes or a count."""
        sizes, strides = list(self.sizes), list(self.strides)
        run = sizes.pop() if strides and strides[-1] == 1 else 1
        del strides[len(sizes) :]
        count, stride = (sizes.pop(), strides.pop()) if sizes else (1, 0)
        steps = [stride * element_bytes for stride in strides]
        return [
            self.offset * element_bytes,
            run * element_bytes,
            count,
            stride * element_bytes,
            len(sizes),
            prod(sizes),
            *sizes,
            *([1] * (MAX_DIMENSIONS - len(sizes))),
            *steps,
            *([0] * (MAX_DIMENSIONS - len(steps))),
        ]


VIEW_WORDS = 6 + 2 * MAX_DIMENSIONS


def positions(shape: Sequence[int]) -> Positions:
    """Return an array of a shape whose elements are their own positions."""
    return np.arange(prod(shape), dtype=np.int32).reshape(tuple(shape))


def strided_view(view: npt.NDArray[Any]) -> StridedView:
    """Return what a view of ``positions`` takes, with as few dimensions as possible."""
    sizes: list[int] = []
    strides: list[int] = []
    for size, stride_bytes in zip(view.shape, view.strides, strict=True):
        stride = stride_bytes // view.itemsize
        if size == 1:
            continue
        if strides and strides[-1] == size * stride:
            sizes[-1] *= size
            strides[-1] = stride
        else:
            sizes.append(size)
            strides.append(stride)
    return StridedView(offset=int(view.flat[0]), sizes=tuple(sizes), strides=tuple(strides))


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewLayer(Layer, ABC):
    """A layer whose outputs are views of its input: fields and arrays of all of them.

    A subclass has in its structure ``const int32_t *views;`` and in its kernel ``copy_view``.

    Attributes:
        views: One for each output.
    """

    views: tuple[StridedView, ...]

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        return {"outputs": len(self.outputs), "views": f"{self.name}_views"}

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return the views, one after the other."""
        del row_align_bytes
        element_bytes = self.input.element_bytes
        words = [word for view in self.views for word in view.words(element_bytes)]
        return (int32_constant(f"{self.name}_views", words),)

    def evaluate(self, values: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.evaluate``."""
        elements = values[0].reshape(-1)
        return [elements[view.positions] for view in self.views]


def require_same_values(node: Node, source: Tensor, output: Tensor) -> None:
    """Refuse an output whose elements stand for other numbers than the input's."""
    if (source.type, source.scale, source.zero_point) != (
        output.type,
        output.scale,
        output.zero_point,
    ):
        node.refuse(output.index, "must have the type, scale and zero point of the input")


def require_same_type(node: Node, source: Tensor, output: Tensor) -> None:
    """Refuse an output whose elements are of another type than the input's."""
    if source.type is not output.type:
        node.refuse(output.index, f"has type {output.type.value}, the input {source.type.value}")


def moved(node: Node, source: Tensor, view: npt.NDArray[Any], output: Tensor) -> StridedView:
    """Return a view of the input's ``positions`` that becomes ``output``, both checked."""
    require_same_values(node, source, output)
    if view.size == 0 or view.shape != output.shape:
        node.refuse(output.index, f"has the shape {output.shape}, needs {view.shape}")
    return strided_view(view)


def resolved_axis(node: Node, axis: int, dimensions: int) -> int:
    """Return an axis counted from the front; one below 0 is counted from behind."""
    if not -dimensions <= axis < dimensions:
        node.refuse(None, f"has the axis {axis} of {dimensions} dimensions")
    return axis % dimensions
