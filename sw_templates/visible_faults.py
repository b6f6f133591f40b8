"""Which faults of a layer an inference would show: the measure of how telling an input is.

Every layer of a golden inference is compared by the CRC of its output. A fault in a layer is seen
if, on at least one golden input, it changes a byte of that layer's output. Whether it does can be
told from the right output for the kinds of fault that accelerators have: a channel that is off by
one, two channels swapped, the pixels of a border taken from their neighbours.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sw_templates.layer import Layer
from sw_templates.model import Model
from sw_templates.tensor import ActivationRange

Output = npt.NDArray[np.generic]
"""A layer's output in its own shape."""


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
        Fault(layer=layer.name, what=what) for layer in model.layers for what in _kinds(layer)
    )


def visible(model: Model, outputs: Sequence[Output]) -> npt.NDArray[np.bool_]:
    """Return which of ``faults_of`` one inference shows.

    Args:
        model: The network.
        outputs: What each layer answers, in execution order.
    """
    seen = [
        _seen(output.reshape(layer.output.shape or (1,)), layer.output_range)
        for layer, output in zip(model.layers, outputs, strict=True)
    ]
    return np.concatenate(seen)


def unclamped(model: Model, outputs: Sequence[Output]) -> int:
    """Return how many values of all layers are at no limit: what may show a wrong rounding."""
    return sum(
        int(_inside(output, layer.output_range).sum())
        for layer, output in zip(model.layers, outputs, strict=True)
    )


def _inside(output: Output, limits: ActivationRange) -> npt.NDArray[np.bool_]:
    """A value at a limit may have been clamped: a small fault before may not change it."""
    return np.asarray((output > limits.minimum) & (output < limits.maximum))


def _kinds(layer: Layer) -> Iterator[str]:
    shape = layer.output.shape or (1,)
    channels = shape[-1]
    for channel in range(channels):
        yield f"channel {channel} off by one"
    for channel in range(channels - 1):
        yield f"channels {channel} and {channel + 1} swapped"
    for axis in _spatial_axes(shape):
        yield f"first pixels along axis {axis} taken from their neighbours"
        yield f"last pixels along axis {axis} taken from their neighbours"


def _spatial_axes(shape: tuple[int, ...]) -> list[int]:
    """Return the axes between the image's number and the channel that have a border to miss."""
    return [axis for axis in range(1, len(shape) - 1) if shape[axis] > 1]


def _seen(output: Output, limits: ActivationRange) -> npt.NDArray[np.bool_]:
    by_channel = output.reshape(-1, output.shape[-1])
    off_by_one = _inside(by_channel, limits).any(axis=0)
    swapped = (by_channel[:, 1:] != by_channel[:, :-1]).any(axis=0)
    borders = []
    for axis in _spatial_axes(output.shape):
        first, second = output.take(0, axis), output.take(1, axis)
        last, before = output.take(-1, axis), output.take(-2, axis)
        borders += [bool((first != second).any()), bool((last != before).any())]
    return np.concatenate([off_by_one, swapped, np.array(borders, dtype=np.bool_)])
