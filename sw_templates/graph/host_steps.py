"""Operators on float32 that the host does, at the edges of a file.

Before its first QUANTIZE and behind its last DEQUANTIZE, converters leave what a network normalises
its input with, the reshapes around it, and a last activation. Each is done as TFLite's reference
kernel does it, to the last bit.
"""

import ctypes
import ctypes.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sw_templates.tensor import ElementType
from sw_templates.tflite_file import OptionsTable, RawOperator, RawTensor

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFunction:
    """What the host does for an operator on float32; an operator's file says so.

    Attributes:
        compute: The output of the input, and of the constant or of ``beta``.
        takes: What the function has beside its input: nothing, the constant operand of arithmetic,
            the constant order of dimensions, or a scalar of the options.
        is_before: It may also stand before the first QUANTIZE.
        keeps_numbers: The output has the same numbers in the same order.
    """

    compute: Callable[[Array, Array], Array]
    takes: Literal["nothing", "operand", "order", "beta"] = "nothing"
    is_before: bool = True
    keeps_numbers: bool = False


def arithmetic(function: Callable[[Array, Array], Array]) -> HostFunction:
    """Return what the host does for an operator of two operands, of which one is a constant."""
    return HostFunction(compute=function, takes="operand")


KEPT = HostFunction(compute=lambda values, _: values, keeps_numbers=True)
"""For operators that give the same numbers another shape."""
_CAST = HostFunction(compute=lambda values, _: values.astype(np.float32))
WITHOUT_LAYER: Mapping[str, HostFunction] = {"CAST": _CAST, "DIV": arithmetic(np.divide)}
"""Operators that the host does and the firmware does not."""
OPTIONS: Mapping[str, OptionsTable] = {
    "DIV": OptionsTable(name="DivOptions", fields=("FusedActivationFunction",))
}
"""Options tables of those."""

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
        function: What is done.
        shape: Of its output.
        constant: The second argument of the function.
        is_constant_first: The constant is the first operand.
        limits: Of a fused activation; None for none.
    """

    index: int
    operator: str
    function: HostFunction
    shape: tuple[int, ...]
    constant: Array
    is_constant_first: bool
    limits: tuple[float, float] | None

    def apply(self, values: Array) -> Array:
        """Return the output in ``shape``.

        Args:
            values: In the shape of the operator's input.
        """
        with np.errstate(all="ignore"):
            if self.is_constant_first:
                result = self.function.compute(self.constant, values)
            else:
                result = self.function.compute(values, self.constant)
        if self.limits is not None:
            least, greatest = self.limits
            result = np.clip(result, np.float32(least), np.float32(greatest))
        return np.ascontiguousarray(result).reshape(self.shape)


def applied(steps: Sequence[HostStep], values: Array) -> Array:
    """Return what operators make of a tensor, one after the other."""
    for step in steps:
        values = step.apply(values)
    return values


def host_step(
    operator: RawOperator,
    tensors: Sequence[RawTensor],
    number: int,
    function: HostFunction,
) -> HostStep | None:
    """Return the step of an operator; None where the host cannot do it exactly.

    Args:
        operator: Of the file.
        tensors: Of the file.
        number: Of the tensor that it is given; all others must be constants.
        function: What the host does for such an operator.
    """
    numbers = (*operator.inputs, *operator.outputs)
    if len(operator.outputs) != 1 or not all(0 <= each < len(tensors) for each in numbers):
        return None
    given, output = tensors[number], tensors[operator.outputs[0]]
    others = [tensors[each] for each in operator.inputs if each != number]
    is_cast = function is _CAST and given.type_name in _CAST_FROM
    code = int(operator.options.get("FusedActivationFunction", 0))
    if (
        operator.inputs.count(number) != 1
        or output.type_name != _FLOAT
        or not (is_cast or given.type_name == _FLOAT)
        or any(each.data is None or each.is_sparse for each in others)
        or any(_is_odd(each) for each in (given, output))
        or _size(given) != _size(output)
        or code not in _LIMITS
    ):
        return None
    constant = _second_argument(function, operator, others)
    if constant is None or not _fits(function, constant, given, output):
        return None
    return HostStep(
        index=operator.index,
        operator=operator.name,
        function=function,
        shape=output.shape,
        constant=constant,
        is_constant_first=function.takes == "operand" and operator.inputs[0] != number,
        limits=_LIMITS[code],
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


def _second_argument(
    function: HostFunction, operator: RawOperator, others: Sequence[RawTensor]
) -> Array | None:
    """Return what a function has beside its input; None where the file has it otherwise."""
    if function.takes == "nothing":
        return np.zeros(0, np.float32)
    if function.takes == "beta":
        beta = operator.options.get("Beta")
        return None if beta is None else np.array(beta, np.float32)
    is_order = function.takes == "order"
    if len(others) != 1 or not (is_order or "FusedActivationFunction" in operator.options):
        return None
    (other,) = others
    if other.type_name != ("INT32" if is_order else _FLOAT) or _is_odd(replace(other, data=None)):
        return None
    kind = np.dtype(ElementType(other.type_name).numpy_name)
    if len(other.data or b"") != _size(other) * kind.itemsize:
        return None
    return np.frombuffer(other.data or b"", kind).reshape(other.shape)


def _fits(function: HostFunction, constant: Array, given: RawTensor, output: RawTensor) -> bool:
    if function.takes == "order":
        order = [int(axis) for axis in constant.reshape(-1)]
        is_order = sorted(order) == list(range(len(given.shape)))
        return is_order and tuple(given.shape[axis] for axis in order) == output.shape
    if function.takes == "operand":
        try:
            return np.broadcast_shapes(constant.shape, given.shape) == output.shape
        except ValueError:
            return False
    return function.takes != "beta" or bool(output.shape)


# Functions as the reference kernels have them: of this system's C library, on single floats -------


def of_each(function: Callable[[float], float]) -> HostFunction:
    """Return what the host does for a function of single numbers behind the last DEQUANTIZE."""

    def compute(values: Array, _: Array) -> Array:
        return np.array([function(float(value)) for value in values.reshape(-1)], np.float32)

    return HostFunction(compute=compute, is_before=False)


@cache
def _c_function(name: str) -> Callable[[float], float]:
    function = getattr(ctypes.CDLL(ctypes.util.find_library("m")), name)
    function.argtypes, function.restype = [ctypes.c_float], ctypes.c_float
    return lambda value: float(function(value))


def hyperbolic_tangent_of(value: float) -> float:
    """Return it as the C library has it for a float."""
    return _c_function("tanhf")(value)


def logistic_of(value: float) -> float:
    """Return 1 / (1 + exp(-value)) in float32."""
    if value > _LARGEST_LOGIT:
        return 1.0
    exponential = _c_function("expf")
    if value < _SMALLEST_LOGIT:
        return exponential(value)
    one = np.float32(1.0)
    return float(one / (one + np.float32(exponential(-value))))


def softmax_of_rows(values: Array, beta: Array) -> Array:
    """Return the exponentials of each row's numbers by their sum, in float32."""
    return np.stack([_of_row(row, beta) for row in values.reshape(-1, values.shape[-1])])


def _of_row(row: Floats, beta: Array) -> Array:
    exponential = _c_function("expf")
    exponents = (row - row.max()) * beta
    values = np.array([exponential(float(value)) for value in exponents], np.float32)
    total = np.float32(0)
    for value in values:  # one after the other, as a sum of floats depends on it
        total += value
    divided: Array = values / total
    return divided
