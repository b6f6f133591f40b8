"""Inputs of many kinds, from which the golden ones are chosen: networks differ in what they hide.

Noise alone saturates most classifiers, whose output is then the same for almost any fault.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from sw_templates.model import Model
from sw_templates.tensor import Tensor

Values = npt.NDArray[np.float64]
"""A tensor's values in its own shape, from -1 to 1: fractions of the range of its type."""

_CONTRASTS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
_SMOOTHINGS = (1, 9, 17)
_SHARES = (0.01, 0.1, 0.5)
_CELLS = (2, 4, 8)


def candidate_inputs(model: Model, *, seed: int, rounds: int = 2) -> tuple[bytes, ...]:
    """Return raw input tensors: the same for the same model and seed.

    Args:
        model: The shapes of its inputs count; an image (height, width, channels) gets edges and
            spots.
        seed: Of everything that is random.
        rounds: How often each kind with something random in it is drawn.

    Returns:
        Bytes of all input tensors, one after the other; each candidate once. Noise from faint to
        full contrast and from rough to smooth around various levels, clouds, sparse and extreme
        inputs, constants, ramps, stripes, single spots and bright borders. All inputs that there
        are where the input is a single byte.
    """
    generator = np.random.default_rng(seed)
    if model.input_bytes == 1:
        return tuple(bytes([value]) for value in generator.permutation(256))
    made = [_of_tensor(tensor, generator, rounds) for tensor in model.inputs]
    count = max(len(contents) for contents in made)
    joined = (
        # with the next kind at each further input, so that they are not all alike
        b"".join(contents[(number + place) % len(contents)] for place, contents in enumerate(made))
        for number in range(count)
    )
    return tuple(dict.fromkeys(joined))


def _of_tensor(tensor: Tensor, generator: np.random.Generator, rounds: int) -> list[bytes]:
    """Return contents of one input tensor."""
    shape = tensor.shape or (1,)
    least, greatest = tensor.type.limits
    middle, half = (least + greatest + 1) / 2, (greatest - least + 1) / 2
    zero = (tensor.zero_point - middle) / half
    made = [
        *(values for _ in range(rounds) for values in _random(generator, shape, zero)),
        *_structured(shape, zero),
    ]
    return [
        np.clip(np.rint(values * half + middle), least, greatest)
        .astype(tensor.type.numpy_name)
        .tobytes()
        for values in made
    ]


def _random(
    generator: np.random.Generator, shape: tuple[int, ...], zero: float
) -> Iterator[Values]:
    for contrast in _CONTRASTS:
        for smoothing in _SMOOTHINGS:
            noise = _smoothed(generator.normal(size=shape), smoothing)
            level = generator.uniform(-0.5, 0.5)
            yield noise * (contrast / max(1e-9, float(np.abs(noise).max()))) + level
    for cells in _CELLS:
        for contrast in (0.25, 1.0):
            yield contrast * _clouds(generator, shape, cells) + generator.uniform(-0.3, 0.3)
    for share in _SHARES:  # mostly the zero point, as after a ReLU
        spots = generator.random(shape) < share
        yield np.where(spots, generator.uniform(-1, 1, shape), zero)
    yield np.where(generator.random(shape) < 0.5, -1.0, 1.0)
    yield generator.uniform(-1, 1, shape)


def _smoothed(values: Values, width: int) -> Values:
    """Average over ``width`` neighbours of the flattened tensor, as far as it has so many."""
    flat = values.reshape(-1)
    window = np.ones(min(width, flat.size)) / min(width, flat.size)
    return np.convolve(flat, window, mode="same").reshape(values.shape)


def _clouds(generator: np.random.Generator, shape: tuple[int, ...], cells: int) -> Values:
    """Draw a coarse grid and interpolate it along every axis but the last, as images are smooth."""
    coarse = [min(cells, size) for size in shape[:-1]]
    values = generator.uniform(-1, 1, (*coarse, shape[-1]))
    for axis, size in enumerate(shape[:-1]):
        at = np.linspace(0, values.shape[axis] - 1, size)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, values.shape[axis] - 1)
        part = (at - low).reshape([-1 if other == axis else 1 for other in range(len(shape))])
        values = values.take(low, axis) * (1 - part) + values.take(high, axis) * part
    return values


def _structured(shape: tuple[int, ...], zero: float) -> Iterator[Values]:
    for level in (-1.0, -0.5, 0.0, zero, 0.5, 1.0):
        yield np.full(shape, level)
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        position = _along(shape, axis, lambda index, size: 2 * index / (size - 1) - 1)
        yield position
        yield -position
        yield _along(shape, axis, lambda index, _: index % 2 * 2.0 - 1)
        spot = np.full(shape, zero)
        for end in (0, size - 1):  # what stands at one edge only shows how the edge is treated
            edge = spot.copy()
            edge[(slice(None),) * axis + (end,)] = 1.0
            yield edge
    middle = np.full(shape, zero)
    middle[tuple(size // 2 for size in shape)] = 1.0
    yield middle
    yield 2 * zero - middle


def _along(shape: tuple[int, ...], axis: int, value: Callable[[Values, int], Values]) -> Values:
    index = np.arange(shape[axis], dtype=np.float64)
    column = [1] * len(shape)
    column[axis] = shape[axis]
    return np.broadcast_to(value(index, shape[axis]).reshape(column), shape).copy()
