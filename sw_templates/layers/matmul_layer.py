"""What BATCH_MATMUL shares: products of matrices, batch by batch."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod
from typing import Self

import numpy as np

from sw_templates.constants import Constant, int32_constant
from sw_templates.layer import Layer
from sw_templates.layers.strided_view import positions
from sw_templates.quantise import Multiplier, quantise_multiplier, to_float32
from sw_templates.tflite_node import INT8, INT16, Node

_MAX_SHIFT = 30
_MAX_BATCHES = 1 << 16


def matmul_structure(kernel: str, members: str) -> str:
    """Return the C structure of a :class:`MatmulLayer`; ``members`` are of ``factors``."""
    return f"""
struct {kernel}_layer {{
    int32_t batches, rows, depth, columns;
    int32_t left_row, left_depth;     /* elements from one to the next */
    int32_t right_depth, right_column;
    {members}
    const int32_t *left_offsets;  /* [batches] */
    const int32_t *right_offsets; /* [batches] */
}};
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatmulLayer(Layer, ABC):
    """A layer of two inputs, either of which may be a constant; batches are broadcast.

    Attributes:
        are_transposed: Whether left and right are [columns, rows] instead of [rows, columns].
        scaling: From the products' scale to the output's.
    """

    are_transposed: tuple[bool, bool]
    scaling: Multiplier

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(2, 2)
        types = INT16 if cls.for_int16 else INT8
        left, right = node.activation(0, types), node.activation(1, types)
        output = node.output(types)
        transposed = bool(node.option("AdjX")), bool(node.option("AdjY"))
        for tensor in (left, right):
            if not 2 <= len(tensor.shape) <= 5:
                node.refuse(tensor.index, f"has the shape {tensor.shape}, not 2 to 5 sizes")
        rows, depth = left.shape[-2:][:: -1 if transposed[0] else 1]
        right_depth, columns = right.shape[-2:][:: -1 if transposed[1] else 1]
        try:
            batches = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        except ValueError:
            batches = (-1,)
        if depth != right_depth or -1 in batches:
            node.refuse(right.index, f"has the shape {right.shape}, the other {left.shape}")
        node.require_shape(output, (*batches, rows, columns))
        if prod(batches) > _MAX_BATCHES:
            node.refuse(output.index, f"has {prod(batches)} matrices")
        scaling = quantise_multiplier(to_float32(left.scale * right.scale) / output.scale)
        if scaling.shift > _MAX_SHIFT:
            raise ValueError(f"the output's scale {output.scale!r} is far below its inputs'")
        return cls(
            index=node.index,
            inputs=(left, right),
            outputs=(output,),
            are_transposed=transposed,
            scaling=scaling,
        )

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        left_steps, right_steps = (
            (1, tensor.shape[-1]) if transposed else (tensor.shape[-1], 1)
            for tensor, transposed in zip(self.inputs, self.are_transposed, strict=True)
        )
        rows, columns = self.output.shape[-2:]
        return {
            "batches": self._batches,
            "rows": rows,
            "depth": self._depth,
            "columns": columns,
            "left_row": left_steps[0],
            "left_depth": left_steps[1],
            "right_depth": right_steps[0],
            "right_column": right_steps[1],
            **self.factors(),
            "left_offsets": f"{self.name}_left_offsets",
            "right_offsets": f"{self.name}_right_offsets",
        }

    @abstractmethod
    def factors(self) -> dict[str, int | str]:
        """Return zero points, multiplier and shift as the kernel has them."""

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return where the matrices of each batch begin."""
        del row_align_bytes
        constants = []
        for side, tensor in zip(("left", "right"), self.inputs, strict=True):
            starts = positions(tensor.shape[:-2]) * prod(tensor.shape[-2:])
            offsets = np.broadcast_to(starts, self.output.shape[:-2]).reshape(-1).tolist()
            constants.append(int32_constant(f"{self.name}_{side}_offsets", offsets))
        return tuple(constants)

    @property
    def macs(self) -> int:
        """Multiply-accumulates by the operator's definition."""
        return self.output.elements * self._depth

    @property
    def _batches(self) -> int:
        return prod(self.output.shape[:-2])

    @property
    def _depth(self) -> int:
        return self.input.shape[-2 if self.are_transposed[0] else -1]
