"""SPLIT into equal parts along one dimension."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from sw_templates.layers.strided_view import MOVED_TYPES, ViewLayer, moved, positions, resolved_axis
from sw_templates.tflite_file import OptionsTable, RawTensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(ViewLayer):
    """SPLIT; the axis is a constant, the first input."""

    operator: ClassVar[str] = "SPLIT"
    kernel: ClassVar[str] = "split"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="SplitOptions", fields=("NumSplits",)
    )
    folds: ClassVar[Literal["nothing", "integers", "elements", "values"]] = "elements"
    structure: ClassVar[str] = """
struct split_layer {
    int32_t outputs;      /* how many */
    const int32_t *views; /* [outputs][VIEW_WORDS]: see copy_view.inc */
};
"""
    prototype: ClassVar[str] = """
void split(const struct split_layer *layer, const void *input, int8_t *const *outputs);
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
        del output
        axis = int(values[0].reshape(()))
        return np.split(values[1], int(options["NumSplits"]), axis=axis)

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(2, 2)
        source = node.activation(1, MOVED_TYPES)
        count = int(node.option("NumSplits"))
        outputs = node.outputs(count, MOVED_TYPES)
        (axis,) = node.integer_list(0, count=1)
        axis = resolved_axis(node, axis, len(source.shape))
        if count < 1 or source.shape[axis] % count:
            node.refuse(source.index, f"has the shape {source.shape}, which {count} do not part")
        parts = np.split(positions(source.shape), count, axis=axis)
        return cls(
            index=node.index,
            inputs=(source,),
            outputs=outputs,
            views=tuple(
                moved(node, source, part, output)
                for part, output in zip(parts, outputs, strict=True)
            ),
        )


OPERATOR = Split
