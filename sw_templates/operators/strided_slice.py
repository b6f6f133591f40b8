"""STRIDED_SLICE: as an index with colons in Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy.typing as npt

from sw_templates.layers.strided_view import MOVED_TYPES, ViewLayer, moved, positions
from sw_templates.tflite_file import OptionsTable, RawTensor
from sw_templates.tflite_node import Node

MASKS = ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask")
"""The options of STRIDED_SLICE that ``strided_slice`` takes."""


def strided_slice(
    values: npt.NDArray[Any],
    begin: Sequence[int],
    end: Sequence[int],
    stride: Sequence[int],
    masks: Mapping[str, float],
) -> npt.NDArray[Any]:
    """Return what TFLite's STRIDED_SLICE takes of an array, as a view of it.

    Args:
        values: What is sliced.
        begin: First index by position; dimensions beyond are taken whole.
        end: Index behind the last.
        stride: Step, not 0.
        masks: The operator's options ``MASKS``.

    Raises:
        IndexError: There are more positions than dimensions, or an index lies outside.
        ValueError: A stride is 0.
    """
    begin_mask, end_mask, ellipsis, new_axis, shrink = (int(masks[name]) for name in MASKS)
    index: list[Any] = []
    for position, (first, behind, step) in enumerate(zip(begin, end, stride, strict=True)):
        bit = 1 << position
        if ellipsis & bit:
            index.append(Ellipsis)
        elif new_axis & bit:
            index.append(None)
        elif shrink & bit:
            index.append(first)
        else:
            index.append(
                slice(None if begin_mask & bit else first, None if end_mask & bit else behind, step)
            )
    # the ellipsis keeps the result a view where every dimension shrinks
    return values[(*index, *([] if Ellipsis in index else [Ellipsis]))]


@dataclass(frozen=True, slots=True, kw_only=True)
class StridedSlice(ViewLayer):
    """STRIDED_SLICE; begin, end and strides are constants."""

    operator: ClassVar[str] = "STRIDED_SLICE"
    kernel: ClassVar[str] = "strided_slice"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="StridedSliceOptions", fields=(*MASKS, "Offset")
    )
    folds: ClassVar[Literal["nothing", "integers", "elements", "values"]] = "elements"
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
    def fold(
        cls,
        values: Sequence[npt.NDArray[Any]],
        options: Mapping[str, float],
        output: RawTensor,
    ) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.fold``."""
        del output
        begin, end, stride = (values[position].reshape(-1).tolist() for position in (1, 2, 3))
        return [strided_slice(values[0], begin, end, stride, options)]

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
