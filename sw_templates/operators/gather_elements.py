"""GATHER: chosen elements of one dimension, in any order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from sw_templates.constants import Constant, int32_constant
from sw_templates.layer import Layer
from sw_templates.layers.strided_view import MOVED_TYPES, require_same_values, resolved_axis
from sw_templates.tflite_file import OptionsTable, RawTensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather(Layer):
    """GATHER without batches; the indices are constants."""

    operator: ClassVar[str] = "GATHER"
    kernel: ClassVar[str] = "gather_elements"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="GatherOptions", fields=("Axis", "BatchDims")
    )
    folds: ClassVar[Literal["nothing", "integers", "elements", "values"]] = "elements"
    structure: ClassVar[str] = """
struct gather_elements_layer {
    int32_t rows;           /* before the axis */
    int32_t row_bytes;      /* of the input */
    int32_t element_bytes;  /* behind the axis */
    int32_t count;          /* chosen of a row */
    const int32_t *offsets; /* [count]: bytes from the start of a row */
};
"""
    prototype: ClassVar[str] = """
void gather_elements(const struct gather_elements_layer *layer, const void *input, void *output);
"""

    axis: int
    indices: tuple[int, ...]

    @classmethod
    def fold(
        cls,
        values: Sequence[npt.NDArray[Any]],
        options: Mapping[str, float],
        output: RawTensor,
    ) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.fold``."""
        del output
        if options["BatchDims"]:
            raise ValueError("batches of indices")
        return [np.take(values[0], values[1], axis=int(options["Axis"]))]

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(2, 2)
        source, output = node.activation(0, MOVED_TYPES), node.output(MOVED_TYPES)
        require_same_values(node, source, output)
        if node.option("BatchDims"):
            node.refuse(None, "has batches of indices", fix="gather without batch_dims")
        axis = resolved_axis(node, int(node.option("Axis")), len(source.shape))
        indices = node.integer_list(1)
        if not all(0 <= index < source.shape[axis] for index in indices):
            node.refuse(None, f"has an index outside 0 to {source.shape[axis] - 1}")
        if output.elements * source.shape[axis] != source.elements * len(indices):
            node.refuse(output.index, f"has the shape {output.shape}, the input {source.shape}")
        return cls(
            index=node.index, inputs=(source,), outputs=(output,), axis=axis, indices=indices
        )

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        return {
            "rows": prod(self.input.shape[: self.axis]),
            "row_bytes": prod(self.input.shape[self.axis :]) * self.input.element_bytes,
            "element_bytes": self._element_bytes,
            "count": len(self.indices),
            "offsets": f"{self.name}_offsets",
        }

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return where in a row each chosen element begins."""
        del row_align_bytes
        offsets = [index * self._element_bytes for index in self.indices]
        return (int32_constant(f"{self.name}_offsets", offsets),)

    @property
    def _element_bytes(self) -> int:
        return prod(self.input.shape[self.axis + 1 :]) * self.input.element_bytes


OPERATOR = Gather
