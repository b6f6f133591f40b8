"""TRANSPOSE: the dimensions in another order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from sw_templates.graph.host_steps import HostFunction
from sw_templates.layers.strided_view import MOVED_TYPES, ViewLayer, moved, positions, resolved_axis
from sw_templates.tflite_file import RawTensor
from sw_templates.tflite_node import Node

_TURNED = HostFunction(
    compute=lambda values, order: values.transpose([int(axis) for axis in order.reshape(-1)]),
    takes="order",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transpose(ViewLayer):
    """TRANSPOSE; the order is a constant."""

    operator: ClassVar[str] = "TRANSPOSE"
    kernel: ClassVar[str] = "transpose"
    folds: ClassVar[Literal["nothing", "integers", "elements", "values"]] = "elements"
    on_host: ClassVar[HostFunction | None] = _TURNED
    structure: ClassVar[str] = """
struct transpose_layer {
    int32_t outputs;      /* how many */
    const int32_t *views; /* [outputs][VIEW_WORDS]: see copy_view.inc */
};
"""
    prototype: ClassVar[str] = """
void transpose(const struct transpose_layer *layer, const void *input, void *output);
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
        return [np.transpose(values[0], values[1].reshape(-1))]

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(2, 2)
        source, output = node.activation(0, MOVED_TYPES), node.output(MOVED_TYPES)
        dimensions = len(source.shape)
        order = [resolved_axis(node, axis, dimensions) for axis in node.integer_list(1)]
        if sorted(order) != list(range(dimensions)):
            node.refuse(None, f"has the order {order} for {dimensions} dimensions")
        view = positions(source.shape).transpose(order)
        return cls(
            index=node.index,
            inputs=(source,),
            outputs=(output,),
            views=(moved(node, source, view, output),),
        )


OPERATOR = Transpose
