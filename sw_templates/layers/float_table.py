"""Tables that TFLite's reference kernels make of float functions, to the last bit.

The runtime calls the C library's own functions of floats, and so does this: another implementation
may differ in the last bit of a float, and that can move an entry of a table.
"""

import ctypes
from collections.abc import Callable

from sw_templates.quantise import round_half_away, to_float32
from sw_templates.tensor import Tensor

_LIBRARY = ctypes.CDLL(None)  # what the interpreter itself is linked with


def float_function(name: str) -> Callable[[float], float]:
    """Return a function of the C library from a float to a float.

    Args:
        name: In C, for example ``tanhf``.
    """
    function = _LIBRARY[name]
    function.argtypes, function.restype = [ctypes.c_float], ctypes.c_float
    return function


def quantised_function(
    function: Callable[[float], float], source: Tensor, output: Tensor
) -> Callable[[int], int]:
    """Return what ``TableLayer.function`` needs, from a function of real numbers.

    Args:
        function: Of floats.
        source: The input.
        output: The output.
    """
    inverse_scale = to_float32(1 / output.scale)

    def of(steps: int) -> int:
        value = function(to_float32(source.scale * steps))
        return round_half_away(to_float32(value * inverse_scale)) + output.zero_point

    return of
