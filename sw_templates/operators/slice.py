"""SLICE: a box of a tensor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy.typing as npt

from sw_templates.layers.strided_view import MOVED_TYPES, ViewLayer, moved, positions
from sw_templates.tflite_file import RawTensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(ViewLayer):
    """SLICE; begin and sizes are constants, a size of -1 goes to the end."""

    operator: ClassVar[str] = "SLICE"
    kernel: ClassVar[str] = "slice"
    folds: ClassVar[Literal["nothing", "integers", "elements", "values"]] = "elements"
    structure: ClassVar[str] = """
struct slice_layer {
    int32_t outputs;      /* how many */
    const int32_t *views; /* [outputs][VIEW_WORDS]: see copy_view.inc */
};
"""
    prototype: ClassVar[str] = """
void slice(const struct slice_layer *layer, const void *input, void *output);
"""

    @classmethod
    def fold(
        cls,
        values: Sequence[npt.NDArray[Any]],
        options: Mapping[str, float],
        output: RawTensor,
    ) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.fold``."""
        del options, output
        pairs = zip(values[1].reshape(-1).tolist(), values[2].reshape(-1).tolist(), strict=True)
        box = tuple(slice(first, None if size == -1 else first + size) for first, size in pairs)
        return [values[0][box]]

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(3, 3)
        source, output = node.activation(0, MOVED_TYPES), node.output(MOVED_TYPES)
        begin, sizes = node.integer_list(1), node.integer_list(2)
        if not len(begin) == len(sizes) == len(source.shape):
            node.refuse(None, f"has {len(begin)} begins and {len(sizes)} sizes")
        box = []
        for first, size, whole in zip(begin, sizes, source.shape, strict=True):
            behind = whole if size == -1 else first + size
            if not 0 <= first < behind <= whole:
                node.refuse(None, f"takes {size} from {first} of {whole}")
            box.append(slice(first, behind))
        view = positions(source.shape)[tuple(box)]
        return cls(
            index=node.index,
            inputs=(source,),
            outputs=(output,),
            views=(moved(node, source, view, output),),
        )


OPERATOR = Slice
