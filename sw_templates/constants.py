"""C arrays: what ``weights.c`` holds and what the structures of the layers name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sw_templates.tensor import ElementType, Tensor

_VALUES_PER_LINE = {"int8_t": 16, "uint8_t": 16, "int16_t": 12, "int32_t": 8, "int64_t": 4}
_ELEMENT_BYTES = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "int32_t": 4, "int64_t": 8}
_ROOM_BEHIND_A_TENSOR = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """One C array.

    Attributes:
        name: A C identifier.
        type: ``int8_t``, ``uint8_t``, ``int16_t``, ``int32_t`` or ``int64_t``.
        rows: The values by lines of text.
        count: How many values there are.
    """

    name: str
    type: str
    rows: tuple[tuple[int, ...], ...]
    count: int

    @property
    def size_bytes(self) -> int:
        """Bytes in memory."""
        return self.count * _ELEMENT_BYTES[self.type]


def padded(size_bytes: int, alignment_bytes: int) -> int:
    """Round up to a multiple."""
    return -(-size_bytes // alignment_bytes) * alignment_bytes


def int32_constant(name: str, values: Sequence[int]) -> Constant:
    """Return an array of int32."""
    return _constant(name, "int32_t", values)


def int8_constant(name: str, values: Sequence[int]) -> Constant:
    """Return an array of int8."""
    return _constant(name, "int8_t", values)


def int64_constant(name: str, values: Sequence[int]) -> Constant:
    """Return an array of int64."""
    return _constant(name, "int64_t", values)


def int16_constant(name: str, values: Sequence[int]) -> Constant:
    """Return an array of int16."""
    return _constant(name, "int16_t", values)


def table_constant(name: str, table: npt.NDArray[np.int8]) -> Constant:
    """Return an int8 array of two dimensions, each row on lines of its own."""
    return Constant(
        name=name,
        type="int8_t",
        rows=tuple(line for row in table.tolist() for line in _lines(row, 32)),
        count=table.size,
    )


def padded_rows(rows: npt.NDArray[np.int8], alignment_bytes: int) -> npt.NDArray[np.int8]:
    """Return a table whose rows end with zeros, so that each has a multiple of some bytes."""
    table = np.zeros((rows.shape[0], padded(rows.shape[1], alignment_bytes)), dtype=np.int8)
    table[:, : rows.shape[1]] = rows
    return table


def tensor_constant(tensor: Tensor) -> Constant:
    """Return the array of a constant activation, with room to read beyond its end."""
    values = tensor_values(tensor).reshape(-1).tolist()
    room = [0] * (_ROOM_BEHIND_A_TENSOR // tensor.element_bytes)
    return _constant(tensor_constant_name(tensor), tensor.type.c_name, [*values, *room])


def tensor_constant_name(tensor: Tensor) -> str:
    """Return the C identifier under which a constant activation is found."""
    return f"tensor_{tensor.index}"


def tensor_values(tensor: Tensor) -> npt.NDArray[Any]:
    """Return the contents of a constant tensor in its shape and of its type."""
    return np.frombuffer(tensor.data or b"", dtype=tensor.type.numpy_name).reshape(tensor.shape)


def int8_values(tensor: Tensor) -> npt.NDArray[np.int8]:
    """Return the contents of a constant int8 tensor in its shape, or those of int4 unpacked."""
    stored = np.frombuffer(tensor.data or b"", dtype=np.int8)
    if tensor.type is ElementType.INT4:
        stored = unpacked_int4(stored)[: tensor.elements]
    return stored.reshape(tensor.shape)


def unpacked_int4(packed: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Return twice as many numbers as bytes: the low half of each, then the high one."""
    low, high = np.left_shift(packed, 4) >> 4, packed >> 4
    return np.stack([low, high], axis=-1).reshape(*packed.shape[:-1], -1)


def packed_int4(rows: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Return a table of numbers from -8 to 7 with two in each byte, the first in its low half.

    A row of an odd number ends with a 0.
    """
    even = padded_rows(rows, 2)
    return (even[:, 0::2] & 0xF) | np.left_shift(even[:, 1::2], 4)


def _constant(name: str, type_name: str, values: Sequence[int]) -> Constant:
    return Constant(
        name=name,
        type=type_name,
        rows=_lines(values, _VALUES_PER_LINE[type_name]),
        count=len(values),
    )


def _lines(values: Sequence[int], per_line: int) -> tuple[tuple[int, ...], ...]:
    return tuple(
        tuple(values[start : start + per_line]) for start in range(0, len(values), per_line)
    )
