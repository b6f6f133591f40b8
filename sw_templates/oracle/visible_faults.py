"""Which faults of a layer an inference would show: the measure of how telling an input is.

Every layer of a golden inference is compared by the CRC of its outputs. A fault in a layer is seen
if, on at least one golden input, it changes a byte of them. Whether it does can be told from the
right outputs for the kinds of fault that accelerators have: a channel that is off by one, two
channels swapped, the pixels of a border taken from their neighbours.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sw_templates.layer import Layer
from sw_templates.model import Model
from sw_templates.reference import Inference, Values
from sw_templates.tensor import ActivationRange, Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that a design could have.

    Attributes:
        layer: Name of the layer.
        what: What is wrong there, for people.
    """

    layer: str
    what: str


def faults_of(model: Model) -> tuple[Fault, ...]:
    """Return the faults whose visibility is measured, in the order of ``visible``."""
    return tuple(
        Fault(layer=layer.name, what=what)
        for layer in model.layers
        for tensor in layer.outputs
        for what in _kinds(tensor)
    )


def visible(model: Model, inference: Inference) -> npt.NDArray[np.bool_]:
    """Return which of ``faults_of`` one inference shows."""
    return np.concatenate([_seen(values, layer) for layer, values in _outputs(model, inference)])


def _outputs(model: Model, inference: Inference) -> Iterator[tuple[Layer, Values]]:
    for layer, outputs in zip(model.layers, inference.layers, strict=True):
        for tensor, values in zip(layer.outputs, outputs, strict=True):
            yield layer, values.reshape(tensor.shape or (1,))


def _kinds(tensor: Tensor) -> Iterator[str]:
    shape = tensor.shape or (1,)
    channels = shape[-1]
    for channel in range(channels):
        yield f"channel {channel} off by one"
    for channel in range(channels - 1):
        yield f"channels {channel} and {channel + 1} swapped"
    for axis in _spatial_axes(shape):
        yield f"first pixels along axis {axis} taken from their neighbours"
        yield f"last pixels along axis {axis} taken from their neighbours"


def _spatial_axes(shape: Sequence[int]) -> list[int]:
    """Return the axes between the image's number and the channel that have a border to miss."""
    return [axis for axis in range(1, len(shape) - 1) if shape[axis] > 1]


def _inside(values: Values, limits: ActivationRange) -> npt.NDArray[np.bool_]:
    """A value at a limit may have been clamped: a small fault before may not change it."""
    whole = values.astype(np.int64)
    return (whole > limits.minimum) & (whole < limits.maximum)


def _seen(values: Values, layer: Layer) -> npt.NDArray[np.bool_]:
    by_channel = values.reshape(-1, values.shape[-1])
    off_by_one = _inside(by_channel, layer.output_range).any(axis=0)
    swapped = (by_channel[:, 1:] != by_channel[:, :-1]).any(axis=0)
    borders = []
    for axis in _spatial_axes(values.shape):
        first, second = values.take(0, axis), values.take(1, axis)
        last, before = values.take(-1, axis), values.take(-2, axis)
        borders += [bool((first != second).any()), bool((last != before).any())]
    return np.concatenate([off_by_one, swapped, np.array(borders, dtype=np.bool_)])
