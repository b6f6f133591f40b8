"""Operators whose results are known before the network runs: they become constants.

Keras writes ``Flatten`` and ``Reshape`` as the input's shape, a slice of it, and a pack with -1;
all of that is known once the batch is 1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.faults import ConfigError
from sw_templates.float_edges import quantise_values
from sw_templates.tensor import ElementType, Tensor
from sw_templates.tflite_file import OptionsTable, RawModel, RawOperator, RawTensor

MASKS = ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask")
"""The options of STRIDED_SLICE that ``strided_slice`` takes."""

_MAX_ELEMENTS = 1 << 20
_TYPES = {element.value: element for element in ElementType}

Array = npt.NDArray[Any]

FOLDING_OPTIONS: Mapping[str, OptionsTable | None] = MappingProxyType(
    {
        "SHAPE": None,
        "CAST": None,
        "FILL": None,
        "RANGE": None,
        "BROADCAST_TO": None,
        "REDUCE_PROD": OptionsTable(name="ReducerOptions", fields=("KeepDims",)),
        "CONCATENATION": OptionsTable(name="ConcatenationOptions", fields=("Axis",)),
        "PACK": OptionsTable(name="PackOptions", fields=("Axis",)),
        "UNPACK": OptionsTable(name="UnpackOptions", fields=("Axis",)),
        "GATHER": OptionsTable(name="GatherOptions", fields=("Axis", "BatchDims")),
        "STRIDED_SLICE": OptionsTable(name="StridedSliceOptions", fields=MASKS),
    }
)
"""Options that folding reads, beside those of the operators that are layers too."""


def fold_constants(raw: RawModel) -> RawModel:
    """Compute what depends on constants and shapes only, and leave its operators out.

    What cannot be folded stays as it is, whatever the reason: the import says what is wrong.
    """
    tensors = list(raw.tensors)
    operators = []
    for operator in raw.operators:
        results = _results(tensors, operator)
        if results is None:
            operators.append(operator)
            continue
        for number, values in zip(operator.outputs, results, strict=True):
            tensors[number] = replace(
                tensors[number], shape=values.shape, signature=(), data=values.tobytes()
            )
    return replace(raw, tensors=tuple(tensors), operators=tuple(operators))


def _results(tensors: Sequence[RawTensor], operator: RawOperator) -> Sequence[Array] | None:
    """Return the values of an operator's outputs; None where they are not known."""
    numbers = (*operator.inputs, *operator.outputs)
    if not operator.inputs or not all(0 <= number < len(tensors) for number in numbers):
        return None
    inputs = [tensors[number] for number in operator.inputs]
    outputs = [tensors[number] for number in operator.outputs]
    results: list[Array] | None
    try:
        if operator.name == "SHAPE":
            results = [np.array(inputs[0].shape, _dtype(outputs[0]))]
        elif operator.name == "QUANTIZE":
            results = [_quantised(_values(inputs[0]), inputs[0], outputs[0])]
        else:
            values = [_values(tensor) for tensor in inputs]
            results = _folded(operator.name, values, operator.options, outputs[0])
    # a file may hold anything: what NumPy refuses is left for the import to refuse
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, ConfigError):
        return None
    if results is None:
        return None
    is_as_declared = len(results) == len(outputs) and all(
        _fits(values, tensor) for values, tensor in zip(results, outputs, strict=True)
    )
    return results if is_as_declared and _keeps_scales(inputs, outputs, operator) else None


def _fits(values: Array, tensor: RawTensor) -> bool:
    """Tell whether values have the type and shape that the file says."""
    return (
        tensor.data is None
        and not tensor.is_variable
        and values.dtype == _dtype(tensor)
        and values.shape == tensor.shape
        and 0 < values.size <= _MAX_ELEMENTS
    )


def _keeps_scales(
    inputs: Sequence[RawTensor], outputs: Sequence[RawTensor], operator: RawOperator
) -> bool:
    """Tell whether moving elements is all that there is to do: arithmetic is for plain integers."""
    if operator.name in ("SHAPE", "QUANTIZE"):
        return True
    quantised = [tensor for tensor in (*inputs, *outputs) if tensor.scales]
    if not quantised:
        return all(tensor.type_name in ("INT32", "INT64") for tensor in (*inputs, *outputs))
    first = quantised[0]
    return operator.name in _MOVES and all(
        (tensor.scales, tensor.zero_points) == (first.scales, first.zero_points)
        and len(tensor.scales) == 1
        for tensor in quantised
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


def _quantised(values: Array, source: RawTensor, target: RawTensor) -> Array:
    if source.type_name != "FLOAT32" or len(target.scales) != 1 or not target.scales[0] > 0:
        raise ValueError("not from float32, or not of one scale")
    tensor = Tensor(
        index=target.index,
        name=target.name,
        shape=target.shape,
        type=_TYPES[target.type_name],
        scales=target.scales,
        zero_point=target.zero_points[0] if target.zero_points else 0,
        data=None,
    )
    return quantise_values(tensor, values)


def strided_slice(
    values: Array,
    begin: Sequence[int],
    end: Sequence[int],
    stride: Sequence[int],
    masks: Mapping[str, float],
) -> Array:
    """Return what TFLite's STRIDED_SLICE takes of an array, as a view of it.

    Args:
        values: What is sliced.
        begin: First index by position; dimensions beyond are taken whole.
        end: Index behind the last.
        stride: Step, not 0.
        masks: The operator's options ``MASKS``.

    Raises:
        IndexError: There are more positions than dimensions, or an index lies outside.
        ValueError: A stride is 0.
    """
    begin_mask, end_mask, ellipsis, new_axis, shrink = (int(masks[name]) for name in MASKS)
    index: list[Any] = []
    for position, (first, behind, step) in enumerate(zip(begin, end, stride, strict=True)):
        bit = 1 << position
        if ellipsis & bit:
            index.append(Ellipsis)
        elif new_axis & bit:
            index.append(None)
        elif shrink & bit:
            index.append(first)
        else:
            index.append(
                slice(None if begin_mask & bit else first, None if end_mask & bit else behind, step)
            )
    # the ellipsis keeps the result a view where every dimension shrinks
    return values[(*index, *([] if Ellipsis in index else [Ellipsis]))]


def _integers(values: Array) -> list[int]:
    if values.dtype.kind != "i":
        raise TypeError("not integers")
    return [int(value) for value in values.reshape(-1)]


def _fill(dims: Array, value: Array) -> Array:
    shape = _integers(dims)
    if math.prod(shape) > _MAX_ELEMENTS or min((*shape, 1)) < 1:
        raise ValueError("too large")
    return np.full(shape, value.reshape(()), value.dtype)


def _broadcast(values: Array, dims: Array) -> Array:
    shape = _integers(dims)
    if math.prod(shape) > _MAX_ELEMENTS:
        raise ValueError("too large")
    return np.ascontiguousarray(np.broadcast_to(values, shape))


def _range(first: Array, behind: Array, step: Array) -> Array:
    span = range(*(int(value.reshape(())) for value in (first, behind, step)))
    if len(span) > _MAX_ELEMENTS:
        raise ValueError("too large")
    return np.array(span, first.dtype)


def _gather(values: Array, indices: Array, options: Mapping[str, float]) -> Array:
    if int(options["BatchDims"]) != 0:
        raise ValueError("batches")
    return np.take(values, indices, axis=int(options["Axis"]))


def _product(values: Array, axes: Array, options: Mapping[str, float]) -> Array:
    result = np.prod(
        values,
        axis=tuple(_integers(axes)),
        keepdims=bool(options["KeepDims"]),
        dtype=values.dtype,
    )
    return np.asarray(result)


_MOVES = frozenset(
    {
        "RESHAPE",
        "EXPAND_DIMS",
        "SQUEEZE",
        "TRANSPOSE",
        "CONCATENATION",
        "PACK",
        "UNPACK",
        "GATHER",
        "STRIDED_SLICE",
        "FILL",
        "BROADCAST_TO",
    }
)
"""What moves elements; a quantised one stays what it is."""


def _folded(
    name: str, values: Sequence[Array], options: Mapping[str, float], output: RawTensor
) -> list[Array] | None:
    """Return an operator's results; None for one that is not folded.

    Args:
        name: TFLite's.
        values: Of its inputs.
        options: What was read of its options table.
        output: Its first output as the file states it.
    """
    first = values[0]
    if options.get("FusedActivationFunction", 0):
        return None
    match name:
        case "RESHAPE" | "EXPAND_DIMS" | "SQUEEZE":
            return [first.reshape(output.shape)]
        case "TRANSPOSE":
            return [np.transpose(first, _integers(values[1]))]
        case "CONCATENATION":
            return [np.concatenate(values, axis=int(options["Axis"]))]
        case "PACK":
            return [np.stack(values, axis=int(options["Axis"]))]
        case "UNPACK":
            return list(np.moveaxis(first, int(options["Axis"]), 0))
        case "GATHER":
            return [_gather(first, values[1], options)]
        case "STRIDED_SLICE":
            begin, end, stride = (_integers(each) for each in values[1:4])
            return [strided_slice(first, begin, end, stride, options)]
        case "FILL":
            return [_fill(first, values[1])]
        case "BROADCAST_TO":
            return [_broadcast(first, values[1])]
        case "CAST":
            return [first.astype(_dtype(output))]
        case "RANGE":
            return [_range(*values)]
        case "REDUCE_PROD":
            return [_product(first, values[1], options)]
        case "ADD":
            return [first + values[1]]
        case "SUB":
            return [first - values[1]]
        case "MUL":
            return [first * values[1]]
        case "MAXIMUM":
            return [np.maximum(first, values[1])]
        case "MINIMUM":
            return [np.minimum(first, values[1])]
        case _:
            return None
