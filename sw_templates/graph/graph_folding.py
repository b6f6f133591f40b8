"""Operators whose results are known before the network runs: they become constants.

Keras writes ``Flatten`` and ``Reshape`` as the input's shape, a slice of it, and a pack with -1;
all of that is known once the batch is 1.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from contracts.faults import ConfigError
from sw_templates.tensor import ElementType
from sw_templates.tflite_file import RawModel, RawOperator, RawTensor

if TYPE_CHECKING:  # a layer's errors name what is computed here
    from sw_templates.layer import Layer

Array = npt.NDArray[Any]

_ELEMENTWISE: Mapping[str, Callable[..., Array]] = {
    "FLOOR_DIV": np.floor_divide,
    "FLOOR_MOD": np.mod,
    "EQUAL": np.equal,
    "NOT_EQUAL": np.not_equal,
    "LESS": np.less,
    "LESS_EQUAL": np.less_equal,
    "GREATER": np.greater,
    "GREATER_EQUAL": np.greater_equal,
    "LOGICAL_AND": np.logical_and,
    "LOGICAL_OR": np.logical_or,
    "LOGICAL_NOT": np.logical_not,
    "SELECT": np.where,
    "SELECT_V2": np.where,
}
_REDUCTIONS: Mapping[str, Callable[..., Array]] = {
    "REDUCE_PROD": np.prod,
    "REDUCE_MAX": np.max,
    "REDUCE_MIN": np.min,
}
FOLDED = (
    *("SHAPE", "RANK", "CAST", "DIV", "FILL", "RANGE", "BROADCAST_TO", "BROADCAST_ARGS", "TILE"),
    *("ZEROS_LIKE", *_ELEMENTWISE, *_REDUCTIONS),
)
"""Operators that are computed here and never run; of those that are, the layers say it."""

_MAX_ELEMENTS = 1 << 20
_MOVE_ELEMENTS = ("FILL", "BROADCAST_TO", "TILE")
_PLAIN = ("INT32", "INT64", "BOOL")
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


def fold_constants(raw: RawModel, layers: "Mapping[str, type[Layer]]") -> RawModel:
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
            _complete_shape(tensors, operator, layers.get(operator.name))
            continue
        for number, values in zip(operator.outputs, results, strict=True):
            tensors[number] = replace(tensors[number], signature=(), data=values.tobytes())
    return replace(raw, tensors=tuple(tensors), operators=tuple(operators))


def _complete_shape(
    tensors: list[RawTensor], operator: RawOperator, layer: "type[Layer] | None"
) -> None:
    """Give an output its sizes where they are known only now.

    A converter writes 1 for a size that the network computes, as for the batch.
    """
    numbers = (*operator.inputs, *operator.outputs)
    if len(operator.outputs) != 1 or not all(0 <= each < len(tensors) for each in numbers):
        return
    output = tensors[operator.outputs[0]]
    if -1 not in output.signature or output.data is not None or not operator.inputs:
        return
    given = tensors[operator.inputs[0]]
    if -1 in given.signature[1:]:
        return
    shape: tuple[int, ...] | None = None
    if layer is not None and len(operator.inputs) <= 2:
        shape = layer.known_shape(given.shape, _sizes(tensors, operator))
    elif operator.name == "DEQUANTIZE":
        shape = given.shape
    if shape is not None and len(shape) == len(output.shape):
        tensors[output.index] = replace(output, shape=shape, signature=())


def _sizes(tensors: Sequence[RawTensor], operator: RawOperator) -> Array | None:
    """Return the second input where it is a constant of integers."""
    if len(operator.inputs) < 2:
        return None
    try:
        sizes = _values(tensors[operator.inputs[1]])
    except _NONSENSE:
        return None
    return sizes if np.issubdtype(sizes.dtype, np.integer) else None


def _results(
    tensors: Sequence[RawTensor], operator: RawOperator, layers: "Mapping[str, type[Layer]]"
) -> Sequence[Array] | None:
    """Return the values of an operator's outputs; None where they are not known."""
    layer = layers.get(operator.name)
    if layer is None:
        if operator.name not in FOLDED:
            return None
    elif layer.folds == "nothing" and layer.on_integers is None:
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
        elif operator.name == "RANK":
            results = [np.array(len(inputs[0].shape), _dtype(outputs[0]))]
        elif not _is_exact(inputs, outputs, operator, layer):
            return None
        elif layer is not None and layer.on_integers is not None:
            values = [_values(tensor) for tensor in inputs]
            results = [_elementwise(layer.on_integers, values, outputs[0])]
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
    layer: "type[Layer] | None",
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
    """Return the result of one of ``FOLDED``."""
    first = values[0]
    if operator.name in _ELEMENTWISE:
        if operator.name in ("FLOOR_DIV", "FLOOR_MOD") and not values[1].all():
            raise ValueError("a division by zero")
        return _elementwise(_ELEMENTWISE[operator.name], values, output)
    if operator.name in _REDUCTIONS:
        return _elementwise(_REDUCTIONS[operator.name], values, output)
    match operator.name:
        case "CAST":
            return first.astype(_dtype(output))
        case "FILL":
            return np.full(_shape(first), values[1].reshape(()), values[1].dtype)
        case "BROADCAST_TO":
            return np.ascontiguousarray(np.broadcast_to(first, _shape(values[1])))
        case "BROADCAST_ARGS":
            sizes = np.broadcast_shapes(*(tuple(map(int, each)) for each in values))
            return np.array(sizes, first.dtype)
        case "TILE":
            _shape(np.array(first.shape) * values[1])
            return np.tile(first, [int(count) for count in values[1]])
        case "ZEROS_LIKE":
            return np.zeros_like(first)
        case "DIV":
            if not values[1].all():
                raise ValueError("a division by zero")
            quotient = np.abs(first) // np.abs(values[1])
            return np.asarray(quotient * np.sign(first) * np.sign(values[1])).astype(first.dtype)
        case "RANGE":
            span = range(*(int(value.reshape(())) for value in values))
            if len(span) > _MAX_ELEMENTS:
                raise ValueError("too large")
            return np.array(span, first.dtype)
        case name:
            raise NotImplementedError(name)


def _elementwise(
    function: Callable[..., Array], values: Sequence[Array], output: RawTensor
) -> Array:
    """Return a function of integers, or a reduction of the first along the axes of the second."""
    first = values[0]
    if not isinstance(function, np.ufunc) and function is not np.where:
        axes = tuple(int(axis) for axis in values[1].reshape(-1))
        keeps = len(output.shape) == len(first.shape)
        return np.asarray(function(first, axis=axes, keepdims=keeps)).astype(first.dtype)
    if math.prod(np.broadcast_shapes(*(each.shape for each in values))) > _MAX_ELEMENTS:
        raise ValueError("too large")
    return np.asarray(function(*values))


def _shape(sizes: Array) -> list[int]:
    shape = [int(size) for size in sizes.reshape(-1)]
    if math.prod(shape) > _MAX_ELEMENTS or min((*shape, 1)) < 1:
        raise ValueError("too large")
    return shape
