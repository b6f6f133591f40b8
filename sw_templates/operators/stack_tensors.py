"""PACK: tensors of one shape along a new dimension."""

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
class StackTensors(JoiningLayer):
    """PACK; all inputs have the output's scale and zero point."""

    operator: ClassVar[str] = "PACK"
    kernel: ClassVar[str] = "stack_tensors"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="PackOptions", fields=("Axis",))
    folds: ClassVar[Literal["nothing", "integers", "elements", "values"]] = "elements"
    structure: ClassVar[str] = """
struct stack_tensors_layer {
    int32_t inputs;       /* how many */
    int32_t rows;         /* of the output, before the axis */
    const int32_t *bytes; /* [inputs]: what each gives to a row */
};
"""
    prototype: ClassVar[str] = """
void stack_tensors(const struct stack_tensors_layer *layer, const int8_t *const *inputs,
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
        return [np.stack(values, axis=int(options["Axis"]))]

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        count = len(node.inputs(1, MAX_INPUTS))
        output = node.output(MOVED_TYPES)
        axis = resolved_axis(node, int(node.option("Axis")), len(output.shape))
        inputs = tuple(node.activation(position, MOVED_TYPES) for position in range(count))
        for tensor in inputs:
            require_same_values(node, tensor, output)
            node.require_shape(tensor, (*output.shape[:axis], *output.shape[axis + 1 :]))
        if output.shape[axis] != count:
            node.refuse(output.index, f"has size {output.shape[axis]}, but {count} inputs")
        return cls(index=node.index, inputs=inputs, outputs=(output,), axis=axis)


OPERATOR = StackTensors
