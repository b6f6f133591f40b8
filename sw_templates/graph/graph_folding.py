"""Operators whose results are known before the network runs: they become constants.

Keras writes ``Flatten`` and ``Reshape`` as the input's shape, a slice of it, and a pack with -1;
all of that is known once the batch is 1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.faults import ConfigError
from sw_templates.layer import Layer
from sw_templates.tensor import ElementType
from sw_templates.tflite_file import RawModel, RawOperator, RawTensor

_FOLDED_ONLY = ("SHAPE", "CAST", "FILL", "RANGE", "BROADCAST_TO", "REDUCE_PROD")
"""The operators that are never run; those that are say themselves how they fold."""

_MAX_ELEMENTS = 1 << 20
_MOVE_ELEMENTS = ("FILL", "BROADCAST_TO")
_PLAIN = ("INT32", "INT64")
_TYPES = {element.value: element for element in ElementType}
_NONSENSE = (
    ArithmeticError,
    ConfigError,
    IndexError,
    KeyError,
    MemoryError,
    NotImplementedError,
    TypeError,
    ValueError,
)
"""What a fold raises at values that a damaged file may hold."""

Array = npt.NDArray[Any]


def fold_constants(raw: RawModel, layers: Mapping[str, type[Layer]]) -> RawModel:
    """Compute what depends on constants and shapes only, and leave its operators out.

    What cannot be folded stays as it is, whatever the reason: the import says what is wrong.

    Args:
        raw: The graph as the file states it.
        layers: TFLite's name of each operator that is supported to its class.
    """
    tensors = list(raw.tensors)
    operators = []
    for operator in raw.operators:
        results = _results(tensors, operator, layers)
        if results is None:
            operators.append(operator)
            continue
        for number, values in zip(operator.outputs, results, strict=True):
            tensors[number] = replace(tensors[number], signature=(), data=values.tobytes())
    return replace(raw, tensors=tuple(tensors), operators=tuple(operators))


def _results(
    tensors: Sequence[RawTensor], operator: RawOperator, layers: Mapping[str, type[Layer]]
) -> Sequence[Array] | None:
    """Return the values of an operator's outputs; None where they are not known."""
    layer = layers.get(operator.name)
    if operator.name not in _FOLDED_ONLY and (layer is None or layer.folds == "nothing"):
        return None
    numbers = (*operator.inputs, *operator.outputs)
    if not all(0 <= number < len(tensors) for number in numbers):
        return None
    inputs = [tensors[number] for number in operator.inputs]
    outputs = [tensors[number] for number in operator.outputs]
    if not inputs or not outputs or operator.options.get("FusedActivationFunction", 0):
        return None
    try:
        if operator.name == "SHAPE":
            results: Sequence[Array] = [np.array(inputs[0].shape, _dtype(outputs[0]))]
        elif not _is_exact(inputs, outputs, operator, layer):
            return None
        elif layer is None:
            results = [_folded(operator, [_values(tensor) for tensor in inputs], outputs[0])]
        else:
            values = [_values(tensor) for tensor in inputs]
            results = layer.fold(values, operator.options, outputs[0])
        is_as_declared = len(results) == len(outputs) and all(
            _fits(values, tensor) for values, tensor in zip(results, outputs, strict=True)
        )
    except _NONSENSE:
        return None
    return results if is_as_declared else None


def _is_exact(
    inputs: Sequence[RawTensor],
    outputs: Sequence[RawTensor],
    operator: RawOperator,
    layer: type[Layer] | None,
) -> bool:
    """Tell whether folding does what the operator does: quantised elements may only be moved."""
    if layer is not None and layer.folds == "values":
        return True
    quantised = [tensor for tensor in (*inputs, *outputs) if tensor.scales]
    if not quantised:
        return all(tensor.type_name in _PLAIN for tensor in (*inputs, *outputs))
    moves = operator.name in _MOVE_ELEMENTS if layer is None else layer.folds == "elements"
    first = quantised[0]
    return moves and all(
        (tensor.scales, tensor.zero_points) == (first.scales, first.zero_points)
        and len(tensor.scales) == 1
        for tensor in quantised
    )


def _fits(values: Array, tensor: RawTensor) -> bool:
    """Tell whether values have the type and shape that the file says."""
    return (
        tensor.data is None
        and not tensor.is_variable
        and values.dtype == _dtype(tensor)
        and values.shape == tensor.shape
        and 0 < values.size <= _MAX_ELEMENTS
    )


def _dtype(tensor: RawTensor) -> "np.dtype[Any]":
    return np.dtype(_TYPES[tensor.type_name].numpy_name)


def _values(tensor: RawTensor) -> Array:
    """Return a constant's contents; ValueError for what is none."""
    kind = _dtype(tensor)
    if tensor.data is None or tensor.is_sparse or min((*tensor.shape, 1)) < 1:
        raise ValueError("not a constant")
    if math.prod(tensor.shape) > _MAX_ELEMENTS:
        raise ValueError("too large")
    return np.frombuffer(tensor.data, kind).reshape(tensor.shape)


def _folded(operator: RawOperator, values: Sequence[Array], output: RawTensor) -> Array:
    """Return the result of one of ``_FOLDED_ONLY``."""
    first = values[0]
    match operator.name:
        case "CAST":
            return first.astype(_dtype(output))
        case "FILL":
            return np.full(_shape(first), values[1].reshape(()), values[1].dtype)
        case "BROADCAST_TO":
            return np.ascontiguousarray(np.broadcast_to(first, _shape(values[1])))
        case "RANGE":
            span = range(*(int(value.reshape(())) for value in values))
            if len(span) > _MAX_ELEMENTS:
                raise ValueError("too large")
            return np.array(span, first.dtype)
        case "REDUCE_PROD":
            axes = tuple(int(axis) for axis in values[1].reshape(-1))
            keeps = len(output.shape) == len(first.shape)
            return np.asarray(np.prod(first, axis=axes, keepdims=keeps, dtype=first.dtype))
        case name:
            raise NotImplementedError(name)


def _shape(sizes: Array) -> list[int]:
    shape = [int(size) for size in sizes.reshape(-1)]
    if math.prod(shape) > _MAX_ELEMENTS or min((*shape, 1)) < 1:
        raise ValueError("too large")
    return shape
