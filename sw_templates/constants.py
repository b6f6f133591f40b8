"""The arrays behind each layer: what ``weights.c`` holds and what the kernels' structures name."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sw_templates import quantise
from sw_templates.memory_plan import padded
from sw_templates.model import (
    Add,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    Layer,
    Softmax,
    Tensor,
    WeightedLayer,
)

_VALUES_PER_LINE = {"int8_t": 16, "int32_t": 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """One C array.

    Attributes:
        name: A C identifier.
        type: ``int8_t`` or ``int32_t``.
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
        return self.count * (1 if self.type == "int8_t" else 4)


def layer_constants(layer: Layer, row_align_bytes: int) -> tuple[Constant, ...]:
    """Return the arrays that the structure of ``layer`` points to, named after the layer."""
    match layer:
        case Conv2d() | DepthwiseConv2d() | FullyConnected():
            return _weighted(layer, row_align_bytes)
        case Softmax():
            table = quantise.softmax_exponentials(layer.beta, layer.input.scale)
            return (_constant(f"{layer.name}_exponentials", "int32_t", table),)
        case Add():
            return tuple(
                tensor_constant(tensor) for tensor in layer.inputs if tensor.data is not None
            )
        case _:
            return ()


def tensor_constant(tensor: Tensor) -> Constant:
    """Return the array of a constant activation, with room to read beyond its end."""
    values = _int8(tensor).reshape(-1)
    return _constant(f"tensor_{tensor.index}", "int8_t", [*values.tolist(), *([0] * 64)])


def multipliers(layer: WeightedLayer) -> tuple[quantise.Multiplier, ...]:
    """Return one multiplier per output channel; the import has seen to it that each exists."""
    channels = layer.weights.shape[-1 if isinstance(layer, DepthwiseConv2d) else 0]
    return quantise.channel_multipliers(
        layer.input.scale, layer.weights.scales, layer.output.scale, channels
    )


def _int8(tensor: Tensor) -> npt.NDArray[np.int8]:
    return np.frombuffer(tensor.data or b"", dtype=np.int8).reshape(tensor.shape)


def _weighted(layer: WeightedLayer, row_align_bytes: int) -> tuple[Constant, ...]:
    weights = _int8(layer.weights)
    if isinstance(layer, DepthwiseConv2d):
        rows = weights.reshape(-1, weights.shape[-1])
        sums = rows.sum(axis=0, dtype=np.int64)
    else:
        rows = weights.reshape(weights.shape[0], -1)
        sums = rows.sum(axis=1, dtype=np.int64)
    width = padded(rows.shape[1], row_align_bytes)
    table = np.zeros((rows.shape[0], width), dtype=np.int8)
    table[:, : rows.shape[1]] = rows
    bias = np.zeros(len(sums), dtype=np.int64)
    if layer.bias is not None:
        bias += np.frombuffer(layer.bias.data or b"", dtype="<i4")
    folded = (bias - layer.input.zero_point * sums).tolist()
    factors = multipliers(layer)
    name = layer.name
    return (
        Constant(
            name=f"{name}_weights",
            type="int8_t",
            rows=tuple(line for row in table.tolist() for line in _lines(row, 32)),
            count=table.size,
        ),
        _constant(f"{name}_bias", "int32_t", [quantise.wrap_int32(value) for value in folded]),
        _constant(f"{name}_multipliers", "int32_t", [factor.multiplier for factor in factors]),
        _constant(f"{name}_shifts", "int32_t", [factor.shift for factor in factors]),
    )


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
