"""Which values occur in an inference: hardware may be wrong for one of them only."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sw_templates.model import Model
from sw_templates.reference import Inference, Values

VALUES = 256
"""Told apart in each tensor: all values of a byte, and the upper bytes of wider integers."""


def values_seen(model: Model, content: bytes, inference: Inference) -> npt.NDArray[np.bool_]:
    """Return which values occur in the inputs and in the outputs of each layer.

    Args:
        model: The network.
        content: Bytes of all input tensors.
        inference: What the reference kernels make of them.

    Returns:
        ``VALUES`` flags for each input, then for each output of each layer.
    """
    return np.concatenate([_seen(values) for values in _tensors(model, content, inference)])


def _tensors(model: Model, content: bytes, inference: Inference) -> Iterator[Values]:
    for tensor, offset in zip(model.inputs, model.input_offsets, strict=True):
        yield np.frombuffer(content, tensor.type.numpy_name, tensor.elements, offset)
    for outputs in inference.layers:
        yield from outputs


def _seen(values: Values) -> npt.NDArray[np.bool_]:
    whole = values.reshape(-1)
    shift = 8 * (whole.dtype.itemsize - 1)
    seen = np.zeros(VALUES, dtype=np.bool_)
    seen[(whole.astype(np.int64) >> shift) % VALUES] = True
    return seen
