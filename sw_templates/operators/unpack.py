"""UNPACK: each element of one dimension as a tensor of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from sw_templates.layers.strided_view import MOVED_TYPES, ViewLayer, moved, positions, resolved_axis
from sw_templates.tflite_file import OptionsTable, RawTensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpack(ViewLayer):
    """UNPACK along the option Axis."""

    operator: ClassVar[str] = "UNPACK"
    kernel: ClassVar[str] = "unpack"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="UnpackOptions", fields=("Axis",))
    folds: ClassVar[Literal["nothing", "integers", "elements", "values"]] = "elements"
    structure: ClassVar[str] = """
struct unpack_layer {
    int32_t outputs;      /* how many */
    const int32_t *views; /* [outputs][VIEW_WORDS]: see copy_view.inc */
};
"""
    prototype: ClassVar[str] = """
void unpack(const struct unpack_layer *layer, const void *input, int8_t *const *outputs);
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
        return list(np.moveaxis(values[0], int(options["Axis"]), 0))

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(1, 1)
        source = node.activation(0, MOVED_TYPES)
        if not source.shape:
            node.refuse(source.index, "has no dimension to unpack")
        axis = resolved_axis(node, int(node.option("Axis")), len(source.shape))
        outputs = node.outputs(source.shape[axis], MOVED_TYPES)
        parts = np.moveaxis(positions(source.shape), axis, 0)
        return cls(
            index=node.index,
            inputs=(source,),
            outputs=outputs,
            views=tuple(
                moved(node, source, part, output)
                for part, output in zip(parts, outputs, strict=True)
            ),
        )


OPERATOR = Unpack
