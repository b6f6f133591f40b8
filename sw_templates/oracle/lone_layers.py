"""Inputs for each layer by itself: what no input of the network brings to it.

A layer deep in a network meets few of the inputs that it could have, so that a fault of one value
may stay hidden behind every candidate. Here each kernel gets inputs of its own, many where it does
little work.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sw_templates.layer import Layer
from sw_templates.model import Model
from sw_templates.tensor import ActivationRange, ElementType, Tensor

_WORK = 40_000_000
"""Multiply-accumulates and elements for the layers of one kernel together."""
_BYTES = 1 << 20
"""Inputs for the layers of one kernel together."""
_LEAST_LAPS, _MOST_LAPS = 6, 1 << 15
_WIDEST = 1 << 31
_FINEST = 8.0
"""The faintest noise spreads over this many powers of two less than the whole range."""

_Fractions = npt.NDArray[np.float64]
"""Rows of a tensor's elements, from -1 to 1: fractions of the range that they may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoneInput:
    """What one layer is given by itself.

    Attributes:
        position: Of the layer in the network.
        content: Bytes of the layer's ``activations``, one after the other.
    """

    position: int
    content: bytes


def lone_inputs(model: Model, *, seed: int) -> tuple[LoneInput, ...]:
    """Return inputs for every layer: the same for the same model and seed.

    Args:
        model: Of whose layers the shapes, types and fused activations count: a tensor holds no
            value that the layer which writes it cannot give.
        seed: Of everything that is random.

    Returns:
        In the order to be run: kernel after kernel, and lap after lap the layers of it in the order
        of the network, since a kernel may count its calls.
    """
    limits, owners = _limits(model), _owners(model)
    by_kernel: dict[str, list[int]] = {}
    for position, layer in enumerate(model.layers):
        if layer.activations:
            by_kernel.setdefault(layer.kernel, []).append(position)
    made: list[LoneInput] = []
    for number, positions in enumerate(by_kernel.values()):
        generator = np.random.default_rng((seed, number))
        laps = _laps([model.layers[position] for position in positions])
        contents = [
            _contents(model.layers[position], limits, owners, generator, laps)
            for position in positions
        ]
        made += [
            LoneInput(position=position, content=content[lap])
            for lap in range(laps)
            for position, content in zip(positions, contents, strict=True)
        ]
    return tuple(made)


def _laps(layers: list[Layer]) -> int:
    """Return how many inputs each of the layers of a kernel gets."""
    given = sum(tensor.size_bytes for layer in layers for tensor in layer.activations)
    work = sum(
        layer.macs + sum(tensor.elements for tensor in (*layer.activations, *layer.outputs))
        for layer in layers
    )
    return max(_LEAST_LAPS, min(_MOST_LAPS, _WORK // work, _BYTES // given))


def _limits(model: Model) -> dict[int, ActivationRange]:
    """Return number of each tensor to the values that it can hold."""
    found = {tensor.index: _range_of(tensor) for tensor in model.inputs}
    for layer in model.layers:
        for tensor in layer.outputs:
            passes = layer.aliases_input and layer.input.index in found
            written = found[layer.input.index] if passes else layer.output_range
            is_narrow = tensor.element_bytes <= 2 and tensor.type is layer.output.type
            found[tensor.index] = written if is_narrow else _range_of(tensor)
    return found


def _owners(model: Model) -> dict[int, int]:
    """Return number of each tensor to that of the one in whose memory it lives."""
    owners = {tensor.index: tensor.index for tensor in model.inputs}
    for layer in model.layers:
        for tensor in layer.outputs:
            shares = layer.aliases_input and layer.input.index in owners
            owners[tensor.index] = owners[layer.input.index] if shares else tensor.index
    return owners


def _range_of(tensor: Tensor) -> ActivationRange:
    least, greatest = tensor.type.limits
    # what is wider does not fit the numbers that inputs are made of
    return ActivationRange(minimum=max(least, -_WIDEST), maximum=min(greatest, _WIDEST - 1))


def _contents(
    layer: Layer,
    limits: dict[int, ActivationRange],
    owners: dict[int, int],
    generator: np.random.Generator,
    laps: int,
) -> list[bytes]:
    """Return the inputs of one layer; two that are the same memory have the same bytes."""
    made: dict[int, npt.NDArray[np.generic]] = {}
    for place, tensor in enumerate(layer.activations):
        rows = _rows(tensor, generator, laps, place=place)
        made.setdefault(owners[tensor.index], _elements(tensor, limits[tensor.index], rows))
    read = [made[owners[tensor.index]] for tensor in layer.activations]
    return [b"".join(rows[lap].tobytes() for rows in read) for lap in range(laps)]


def _elements(tensor: Tensor, limits: ActivationRange, rows: _Fractions) -> npt.NDArray[np.generic]:
    middle, half = (limits.minimum + limits.maximum) / 2, (limits.maximum - limits.minimum) / 2
    # between the fractions that stand for a value each, so that the ends are as likely as others
    values = np.clip(np.rint(middle + rows * (half + 0.499)), limits.minimum, limits.maximum)
    if tensor.type is ElementType.BOOL:
        return np.asarray(values != 0)
    elements: npt.NDArray[np.generic] = values.astype(tensor.type.numpy_name)
    return elements


def _rows(tensor: Tensor, generator: np.random.Generator, laps: int, *, place: int) -> _Fractions:
    """Return what a tensor holds in each lap: the first laps are the most telling kinds."""
    shape = (laps, tensor.elements)
    rows = generator.uniform(-1, 1, shape)
    special = list(_special(tensor, generator, place=place))[:laps]
    rest = slice(len(special) + 1, None)
    count = len(rows[rest])
    levels = generator.uniform(-1, 1, (count, 1))
    spreads = 2.0 ** generator.uniform(-_FINEST, 1, (count, 1))
    rows[rest] = np.where(
        np.arange(count)[:, None] % 2, np.clip(levels + spreads * rows[rest], -1, 1), rows[rest]
    )
    for lap, values in enumerate(special, 1):
        if lap < laps:
            rows[lap] = values
    return rows


def _special(
    tensor: Tensor, generator: np.random.Generator, *, place: int
) -> Iterator[_Fractions | float]:
    """Yield the laps behind the first one, which is noise over the whole range."""
    size = tensor.elements
    yield np.where(generator.random(size) < 0.5, -1.0, 1.0)
    yield 1.0
    yield -1.0
    yield np.where(generator.random(size) < 0.05, generator.uniform(-1, 1, size), -1.0)
    yield generator.uniform(-1, 1) + generator.uniform(-0.1, 0.1, size)
    yield 1.0 - 2.0 * (place % 2)  # where there are two inputs: the ends of both against each other
    yield 2.0 * (place % 2) - 1.0
