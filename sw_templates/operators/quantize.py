"""QUANTIZE from one scale, zero point or integer type to another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from sw_templates.constants import Constant, int8_constant, int16_constant
from sw_templates.graph.float_edges import quantise_values
from sw_templates.layer import Layer
from sw_templates.quantise import Multiplier, quantise_multiplier, requantise
from sw_templates.tensor import ElementType, Tensor
from sw_templates.tflite_file import RawTensor
from sw_templates.tflite_node import Node

_BYTES = (ElementType.INT8, ElementType.UINT8)
_INT16 = (ElementType.INT16,)
_FROM_INT16 = (ElementType.INT8, *_INT16)
_MAX_SHIFT = 30  # what the kernel shifts an int32 by at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantize(Layer):
    """QUANTIZE of integers; from float32 it is done by the host, or refused.

    A byte has 256 values, so that the kernel looks its result up.
    """

    operator: ClassVar[str] = "QUANTIZE"
    kernel: ClassVar[str] = "quantize"
    is_host_edge: ClassVar[bool] = True
    folds: ClassVar[Literal["nothing", "integers", "elements", "values"]] = "values"
    keeps_shape: ClassVar[bool] = True
    structure: ClassVar[str] = """
struct quantize_layer {
    int32_t size; /* elements */
    int32_t flip; /* the table is value ^ 0x80 */
    int32_t output_bytes; /* 1 or 2 an element, from int16 */
    int32_t output_zero_point;
    int32_t output_multiplier, output_shift;
    int32_t output_min, output_max;
    const int8_t *table;       /* [256] by the byte that is read; 0 for other types */
    const int16_t *wide_table; /* the same from a byte to int16 */
};
"""
    prototype: ClassVar[str] = """
void quantize(const struct quantize_layer *layer, const void *input, void *output);
"""

    scaling: Multiplier

    @classmethod
    def fold(
        cls,
        values: Sequence[npt.NDArray[Any]],
        options: Mapping[str, float],
        output: RawTensor,
    ) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.fold``."""
        del options
        if values[0].dtype != np.float32 or len(output.scales) != 1:
            raise ValueError("not from float32, or not to one scale")
        target = Tensor(
            index=output.index,
            name=output.name,
            shape=output.shape,
            type=ElementType(output.type_name),
            scales=output.scales,
            zero_point=output.zero_points[0] if output.zero_points else 0,
            data=None,
        )
        return [quantise_values(target, values[0])]

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(1, 1)
        source = node.activation(0, (*_BYTES, *_INT16))
        output = node.output((*_BYTES, *_INT16) if source.type in _BYTES else _FROM_INT16)
        node.require_shape(output, source.shape)
        scaling = quantise_multiplier(source.scale / output.scale)
        if scaling.shift > _MAX_SHIFT:
            raise ValueError(f"the output's scale {output.scale!r} is far below its input's")
        return cls(index=node.index, inputs=(source,), outputs=(output,), scaling=scaling)

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        lowest, highest = _limits(self.output)
        is_wide = self.output.element_bytes == 2
        return {
            "size": self.output.elements,
            "flip": int(self.has_table and self.table == _FLIPPED),
            "output_bytes": self.output.element_bytes,
            "output_zero_point": self.output.zero_point,
            "output_multiplier": self.scaling.multiplier,
            "output_shift": self.scaling.shift,
            "output_min": lowest,
            "output_max": highest,
            "table": f"{self.name}_table" if self.has_table and not is_wide else 0,
            "wide_table": f"{self.name}_table" if self.has_table and is_wide else 0,
        }

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return the table, where there is one."""
        del row_align_bytes
        if not self.has_table:
            return ()
        constant = int16_constant if self.output.element_bytes == 2 else int8_constant
        return (constant(f"{self.name}_table", self.table),)

    def evaluate(self, values: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]] | None:
        """See ``Layer.evaluate``; from int16 there is nothing yet."""
        if not self.has_table:
            return None
        table = np.array(self.table).astype(f"<i{self.output.element_bytes}")
        return [table.view(self.output.type.numpy_name)[values[0].view(np.uint8)]]

    @property
    def has_table(self) -> bool:
        """Whether an input's element is a byte."""
        return self.input.type in _BYTES

    @property
    def table(self) -> tuple[int, ...]:
        """What to write for each byte that may be read; a byte as an int8."""
        lowest, highest = _limits(self.output)
        is_signed = self.input.type is ElementType.INT8
        results = []
        for byte in range(256):
            value = byte - 256 if is_signed and byte > 127 else byte
            scaled = requantise(value - self.input.zero_point, self.scaling)
            result = min(max(scaled + self.output.zero_point, lowest), highest)
            is_high = self.output.type is ElementType.UINT8 and result > 127
            results.append(result - 256 if is_high else result)
        return tuple(results)


_FLIPPED = tuple((byte ^ 0x80) - 256 if byte ^ 0x80 > 127 else byte ^ 0x80 for byte in range(256))


def _limits(tensor: Tensor) -> tuple[int, int]:
    bits = 8 * tensor.element_bytes
    if tensor.type is ElementType.UINT8:
        return 0, 255
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


OPERATOR = Quantize
