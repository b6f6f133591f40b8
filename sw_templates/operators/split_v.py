"""SPLIT_V into parts of given sizes along one dimension."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from sw_templates.layers.strided_view import MOVED_TYPES, ViewLayer, moved, positions, resolved_axis
from sw_templates.tflite_file import OptionsTable, RawTensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitV(ViewLayer):
    """SPLIT_V; sizes and axis are constants, one size may be -1 for the rest."""

    operator: ClassVar[str] = "SPLIT_V"
    kernel: ClassVar[str] = "split_v"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="SplitVOptions", fields=("NumSplits",)
    )
    folds: ClassVar[Literal["nothing", "integers", "elements", "values"]] = "elements"
    structure: ClassVar[str] = """
struct split_v_layer {
    int32_t outputs;      /* how many */
    const int32_t *views; /* [outputs][VIEW_WORDS]: see copy_view.inc */
};
"""
    prototype: ClassVar[str] = """
void split_v(const struct split_v_layer *layer, const void *input, int8_t *const *outputs);
"""
    has_output_list: ClassVar[bool] = True

    @classmethod
    def fold(
        cls,
        values: Sequence[npt.NDArray[Any]],
        options: Mapping[str, float],
        output: RawTensor,
    ) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.fold``."""
        del options, output
        sizes, axis = values[1].reshape(-1).tolist(), int(values[2].reshape(()))
        if -1 in sizes:
            sizes[sizes.index(-1)] = values[0].shape[axis] - sum(sizes) - 1
        return np.split(values[0], np.cumsum(sizes)[:-1], axis=axis)

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(3, 3)
        source = node.activation(0, MOVED_TYPES)
        outputs = node.outputs(int(node.option("NumSplits")), MOVED_TYPES)
        sizes = list(node.integer_list(1, count=len(outputs)))
        (axis,) = node.integer_list(2, count=1)
        axis = resolved_axis(node, axis, len(source.shape))
        whole = source.shape[axis]
        if sizes.count(-1) == 1:
            sizes[sizes.index(-1)] = whole - sum(size for size in sizes if size != -1)
        if sum(sizes) != whole or min(sizes, default=0) < 1:
            node.refuse(source.index, f"has the size {whole}, which {sizes} do not part")
        ends = np.cumsum(sizes)[:-1]
        parts = np.split(positions(source.shape), ends, axis=axis)
        return cls(
            index=node.index,
            inputs=(source,),
            outputs=outputs,
            views=tuple(
                moved(node, source, part, output)
                for part, output in zip(parts, outputs, strict=True)
            ),
        )


OPERATOR = SplitV
