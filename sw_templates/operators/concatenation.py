"""CONCATENATION along any dimension."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from sw_templates.layers.joining_layer import MAX_INPUTS, JoiningLayer
from sw_templates.layers.strided_view import MOVED_TYPES, require_same_values, resolved_axis
from sw_templates.tflite_file import OptionsTable, RawTensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Concatenation(JoiningLayer):
    """CONCATENATION; all inputs have the output's scale and zero point, as TFLite wants it."""

    operator: ClassVar[str] = "CONCATENATION"
    kernel: ClassVar[str] = "concatenation"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="ConcatenationOptions", fields=("Axis", "FusedActivationFunction")
    )
    folds: ClassVar[Literal["nothing", "integers", "elements", "values"]] = "elements"
    structure: ClassVar[str] = """
struct concatenation_layer {
    int32_t inputs;       /* how many */
    int32_t rows;         /* of the output, before the axis */
    const int32_t *bytes; /* [inputs]: what each gives to a row */
};
"""
    prototype: ClassVar[str] = """
void concatenation(const struct concatenation_layer *layer, const int8_t *const *inputs,
                   void *output);
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
        return [np.concatenate(values, axis=int(options["Axis"]))]

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        count = len(node.inputs(1, MAX_INPUTS))
        output = node.output(MOVED_TYPES)
        axis = resolved_axis(node, int(node.option("Axis")), len(output.shape))
        if node.option("FusedActivationFunction"):
            node.refuse(None, "has a fused activation")
        inputs = tuple(node.activation(position, MOVED_TYPES) for position in range(count))
        along = 0
        for tensor in inputs:
            require_same_values(node, tensor, output)
            along += tensor.shape[axis] if len(tensor.shape) == len(output.shape) else 0
            needed = (
                *output.shape[:axis],
                *tensor.shape[axis : axis + 1],
                *output.shape[axis + 1 :],
            )
            node.require_shape(tensor, needed)
        if along != output.shape[axis]:
            node.refuse(output.index, f"has size {output.shape[axis]}, its inputs {along}")
        return cls(index=node.index, inputs=inputs, outputs=(output,), axis=axis)


OPERATOR = Concatenation
