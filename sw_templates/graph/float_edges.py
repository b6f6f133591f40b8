"""Between float32 and a quantised tensor, as TFLite's QUANTIZE and DEQUANTIZE do it.

A network may take and give float32 around an integer graph. The host then does what the first and
the last operator would: the firmware has no floating point.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.faults import ConfigError
from sw_templates.tensor import Tensor


def quantise_values(tensor: Tensor, values: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
    """Return numbers as elements of a tensor: to the nearest step, ties away from zero.

    Args:
        tensor: Of an integer type with one scale.
        values: Any numbers; those beyond the tensor's range become its ends, also where TFLite's
            kernel overflows (from 2^31 steps).

    Returns:
        The elements, in the shape of ``values`` and of the tensor's type.

    Raises:
        ConfigError: One of the numbers is none (NaN), or the tensor's scale is 0.
    """
    if tensor.scale == 0:
        raise ConfigError(
            f"the tensor {tensor.name!r} has the scale 0, at which no value has an element",
            fix="convert the model again",
        )
    if np.isnan(values).any():
        raise ConfigError(
            f"a value for the tensor {tensor.name!r} is not a number", fix="correct the sample"
        )
    with np.errstate(over="ignore"):  # what becomes infinite is limited below
        steps = values.astype(np.float32) / np.float32(tensor.scale)
    # in float32 a half added to what is just below one would round up
    rounded = np.copysign(np.floor(np.abs(steps.astype(np.float64)) + 0.5), steps)
    kind = np.dtype(tensor.type.numpy_name)
    limits = np.iinfo(kind)
    elements = np.clip(rounded + tensor.zero_point, limits.min, limits.max)
    quantised: npt.NDArray[Any] = elements.astype(kind)
    return quantised


def dequantise_values(tensor: Tensor, elements: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return the numbers that the elements of a tensor with one scale stand for."""
    steps = elements.astype(np.int32) - tensor.zero_point
    numbers: npt.NDArray[np.float32] = (steps * np.float64(np.float32(tensor.scale))).astype(
        np.float32
    )
    return numbers
