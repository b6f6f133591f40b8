"""Operators on float32 that the host does, at the edges of a file.

Before its first QUANTIZE and behind its last DEQUANTIZE, converters leave what a network normalises
its input with, the reshapes around it, and a last activation. Each is done as TFLite's reference
kernel does it, to the last bit.
"""

import ctypes
import ctypes.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from sw_templates.tensor import ElementType
from sw_templates.tflite_file import OptionsTable, RawOperator, RawTensor

Floats = npt.NDArray[np.float32]

_RESHAPES = ("RESHAPE", "EXPAND_DIMS", "SQUEEZE")
_ARITHMETIC: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "DIV": np.divide,
}
_FUNCTIONS = ("SOFTMAX", "LOGISTIC", "TANH")
BEFORE = (*_RESHAPES, "TRANSPOSE", "CAST", *_ARITHMETIC)
"""What may stand between a file's input and the first QUANTIZE."""
BEHIND = (*_RESHAPES, "TRANSPOSE", *_ARITHMETIC, *_FUNCTIONS)
"""What may stand between the last DEQUANTIZE and a file's output."""
OPTIONS: Mapping[str, OptionsTable] = {
    "DIV": OptionsTable(name="DivOptions", fields=("FusedActivationFunction",))
}
"""Options tables of those that no layer reads."""

_FLOAT = "FLOAT32"
_CAST_FROM = ("UINT8", "INT8", "INT16", "INT32")
_MAX_ELEMENTS = 1 << 24
_LIMITS = {0: None, 1: (0.0, np.inf), 2: (-1.0, 1.0), 3: (0.0, 6.0)}
_LARGEST_LOGIT, _SMALLEST_LOGIT = 16.619047164916992188, -9.0
"""Beyond these the reference kernel of LOGISTIC answers 1, and the exponential."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HostStep:
    """One operator of a file that the host does.

    Attributes:
        index: Its number in the file.
        operator: TFLite's name.
        shape: Of its output.
        constant: The other operand of arithmetic, the order of TRANSPOSE; None for none.
        is_constant_first: The constant is the first operand.
        limits: Of a fused activation; None for none.
        beta: Of SOFTMAX.
    """

    index: int
    operator: str
    shape: tuple[int, ...]
    constant: npt.NDArray[Any] | None = None
    is_constant_first: bool = False
    limits: tuple[float, float] | None = None
    beta: float = 1.0

    @property
    def keeps_numbers(self) -> bool:
        """The output has the same numbers in the same order."""
        return self.operator in _RESHAPES

    def apply(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the output in ``shape``.

        Args:
            values: In the shape of the operator's input.
        """
        result = self._computed(values)
        if self.limits is not None:
            result = np.clip(result, *map(np.float32, self.limits))
        return np.ascontiguousarray(result).reshape(self.shape)

    def _computed(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if self.operator in _RESHAPES:
            return values
        if self.operator == "CAST":
            return values.astype(np.float32)
        if self.operator == "TRANSPOSE":
            assert self.constant is not None
            return values.transpose([int(axis) for axis in self.constant])
        if self.operator in _ARITHMETIC:
            assert self.constant is not None
            operands = (
                (self.constant, values) if self.is_constant_first else (values, self.constant)
            )
            with np.errstate(all="ignore"):
                return _ARITHMETIC[self.operator](*operands)
        if self.operator == "SOFTMAX":
            return np.stack(
                [_softmax(row, self.beta) for row in values.reshape(-1, self.shape[-1])]
            )
        function = _logistic if self.operator == "LOGISTIC" else _c_function("tanhf")
        flat = [function(float(value)) for value in values.reshape(-1)]
        return np.array(flat, np.float32)


def applied(steps: Sequence[HostStep], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return what operators make of a tensor, one after the other."""
    for step in steps:
        values = step.apply(values)
    return values


def host_step(
    operator: RawOperator, tensors: Sequence[RawTensor], number: int, names: Sequence[str]
) -> HostStep | None:
    """Return the step of an operator; None where the host cannot do it exactly.

    Args:
        operator: Of the file, with one output.
        tensors: Of the file.
        number: Of the tensor that it is given; all others must be constants.
        names: ``BEFORE`` or ``BEHIND``.
    """
    if operator.name not in names or len(operator.outputs) != 1:
        return None
    numbers = (*operator.inputs, *operator.outputs)
    if not all(0 <= each < len(tensors) for each in numbers):
        return None
    given, output = tensors[number], tensors[operator.outputs[0]]
    others = [tensors[each] for each in operator.inputs if each != number]
    is_cast = operator.name == "CAST" and given.type_name in _CAST_FROM
    code = int(operator.options.get("FusedActivationFunction", 0))
    if (
        operator.inputs.count(number) != 1
        or output.type_name != _FLOAT
        or not (is_cast or given.type_name == _FLOAT)
        or any(each.data is None or each.is_sparse for each in others)
        or any(_is_odd(each) for each in (given, output))
        or code not in _LIMITS
    ):
        return None
    constant = None
    if operator.name in _ARITHMETIC or operator.name == "TRANSPOSE":
        constant = _constant(others, operator.name)
        if constant is None or not _fits(operator.name, constant, given, output):
            return None
    if _size(given) != _size(output):
        return None
    if operator.name in _ARITHMETIC and "FusedActivationFunction" not in operator.options:
        return None
    if operator.name == "SOFTMAX" and not (output.shape and "Beta" in operator.options):
        return None
    return HostStep(
        index=operator.index,
        operator=operator.name,
        shape=output.shape,
        constant=constant,
        is_constant_first=operator.inputs[0] != number,
        limits=_LIMITS[code],
        beta=operator.options.get("Beta", 1.0),
    )


def _is_odd(tensor: RawTensor) -> bool:
    return (
        min((*tensor.shape, 1)) < 1
        or _size(tensor) > _MAX_ELEMENTS
        or tensor.data is not None
        or tensor.is_variable
        or tensor.is_sparse
        or -1 in tensor.signature[1:]
    )


def _size(tensor: RawTensor) -> int:
    return int(np.prod(tensor.shape, dtype=object))


def _constant(others: Sequence[RawTensor], name: str) -> npt.NDArray[Any] | None:
    """Return the contents of the one constant operand."""
    if len(others) != 1:
        return None
    (other,) = others
    kinds = ("INT32",) if name == "TRANSPOSE" else (_FLOAT,)
    if other.type_name not in kinds or _size(other) > _MAX_ELEMENTS or min((*other.shape, 1)) < 1:
        return None
    kind = np.dtype(ElementType(other.type_name).numpy_name)
    if len(other.data or b"") != _size(other) * kind.itemsize:
        return None
    return np.frombuffer(other.data or b"", kind).reshape(other.shape)


def _fits(name: str, constant: npt.NDArray[Any], given: RawTensor, output: RawTensor) -> bool:
    if name == "TRANSPOSE":
        order = [int(axis) for axis in constant.reshape(-1)]
        is_order = sorted(order) == list(range(len(given.shape)))
        return is_order and tuple(given.shape[axis] for axis in order) == output.shape
    try:
        return np.broadcast_shapes(constant.shape, given.shape) == output.shape
    except ValueError:
        return False


# Functions as the reference kernels have them: of this system's C library, on single floats -------


@cache
def _c_function(name: str) -> Callable[[float], float]:
    function = getattr(ctypes.CDLL(ctypes.util.find_library("m")), name)
    function.argtypes, function.restype = [ctypes.c_float], ctypes.c_float
    return lambda value: float(function(value))


def _logistic(value: float) -> float:
    if value > _LARGEST_LOGIT:
        return 1.0
    exponential = _c_function("expf")
    if value < _SMALLEST_LOGIT:
        return exponential(value)
    one = np.float32(1.0)
    return float(one / (one + np.float32(exponential(-value))))


def _softmax(row: Floats, beta: float) -> Floats:
    exponential = _c_function("expf")
    factor = np.float32(beta)
    exponents = (row - row.max()) * factor
    values = np.array([exponential(float(value)) for value in exponents], np.float32)
    total = np.float32(0)
    for value in values:
        total += value
    divided: Floats = values / total
    return divided
