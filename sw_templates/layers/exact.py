"""What layers compute, in NumPy and exact: the same integers as the kernels', without their C.

A ``Computation`` says in integers what each output element is; here it is done as it stands there.
Layers that are none of these say how in their own files, with the roundings below.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from contracts.network import (
    Alias,
    ChannelMaximum,
    ChannelSum,
    Computation,
    Image,
    Requantisation,
    Scale,
    TensorSum,
    Window,
    WindowSum,
)

Values = npt.NDArray[Any]
"""A tensor's elements."""
Int64s = npt.NDArray[np.int64]


def wrapped(values: Int64s) -> Int64s:
    """Keep the low 32 bits of each value as a number with a sign."""
    low: Int64s = ((values + (1 << 31)) & 0xFFFF_FFFF) - (1 << 31)
    return low


def doubling_high_multiply(left: Int64s, right: Int64s | np.int64) -> Int64s:
    """Return 2 * left * right / 2^32 of int32, rounded to nearest, ties away from zero."""
    products = left * right
    magnitudes = (np.abs(products) + (1 << 30) - (products < 0)) >> 31
    rounded: Int64s = np.where(products < 0, -magnitudes, magnitudes)
    return np.minimum(rounded, (1 << 31) - 1)


def divide_by_power_of_two(values: Int64s, exponents: Int64s | np.int64) -> Int64s:
    """Return values / 2^exponent, rounded to nearest, ties away from zero."""
    masks = (np.int64(1) << exponents) - 1
    return (values >> exponents) + ((values & masks) > (masks >> 1) + (values < 0))


def scaled(values: Int64s, scales: Sequence[Scale], *, rounds_once: bool = False) -> Int64s:
    """Return int32 times their scales, rounded as ``Requantisation`` says.

    Args:
        values: The last dimension is that of the channels.
        scales: One for each channel, or one for all.
        rounds_once: Only the whole scale is rounded at.
    """
    multipliers = np.array([scale.multiplier for scale in scales], dtype=np.int64)
    shifts = np.array([scale.shift for scale in scales], dtype=np.int64)
    if rounds_once:
        half = (np.int64(1) << (30 - shifts)) - (values < 0)
        return wrapped((values * multipliers + half) >> (31 - shifts))
    shifted = wrapped(values << np.maximum(shifts, 0))
    high = (shifted * multipliers + (1 << 30)) >> 31
    return divide_by_power_of_two(high, np.maximum(-shifts, 0))


def requantised(sums: Int64s, how: Requantisation) -> npt.NDArray[np.int8]:
    """Return sums as int8; the last dimension is that of the channels."""
    biased = wrapped(sums + np.array(how.biases, dtype=np.int64))
    moved = wrapped(scaled(biased, how.scales, rounds_once=how.rounds_once) + how.zero_point)
    return np.clip(moved, how.least, how.greatest).astype(np.int8)


def computed(computation: Computation, values: Sequence[Values]) -> Values:
    """Return what a computation gives for its inputs: its elements, in the order of the output.

    Args:
        computation: What to compute.
        values: Of the tensors that it reads, in its order.
    """
    first = values[0]
    match computation:
        case WindowSum():
            return _window_sum(computation, _as_image(first, computation.image))
        case ChannelSum():
            return _channel_sum(computation, _as_image(first, computation.image))
        case ChannelMaximum():
            taps = _taps(
                _as_image(first, computation.image),
                computation.window,
                computation.result,
                padding=-128,
            )
            most = np.maximum.reduce([tap for _, _, tap in taps])
            largest: Values = np.clip(most, computation.least, computation.greatest)
            return largest.astype(np.int8)
        case TensorSum():
            return _tensor_sum(computation, *values)
        case Alias():
            return first
        case _ as never:
            assert_never(never)


def window_means(values: Values, window: Window, result: Image) -> Int64s:
    """Return the mean of each channel below a window, ties away from zero; padding does not count.

    Args:
        values: Of one image, in its shape.
        window: That moves over it.
        result: The sizes of what comes out.
    """
    image = values.astype(np.int64)
    sums, counts = (
        np.sum([tap for _, _, tap in _taps(each, window, result, padding=0)], axis=0)
        for each in (image, np.ones_like(image))
    )
    means: Int64s = np.sign(sums) * ((np.abs(sums) + counts // 2) // counts)
    return means


def _as_image(values: Values, image: Image) -> Int64s:
    return values.reshape(image.height, image.width, image.channels).astype(np.int64)


def _taps(
    image: Int64s, window: Window, result: Image, *, padding: int
) -> list[tuple[int, int, Int64s]]:
    """Return of each tap its place in the kernel and what lies below it, for all output pixels."""
    rows = np.arange(result.height) * window.stride_height - window.pad_top
    columns = np.arange(result.width) * window.stride_width - window.pad_left
    found = []
    for y, x in product(range(window.kernel_height), range(window.kernel_width)):
        top, left = rows + y * window.dilation_height, columns + x * window.dilation_width
        inside = np.logical_and.outer(
            (top >= 0) & (top < image.shape[0]), (left >= 0) & (left < image.shape[1])
        )
        below = image[
            np.clip(top, 0, image.shape[0] - 1)[:, np.newaxis],
            np.clip(left, 0, image.shape[1] - 1),
        ]
        found.append((y, x, np.where(inside[..., np.newaxis], below, padding)))
    return found


def _window_sum(layer: WindowSum, image: Int64s) -> npt.NDArray[np.int8]:
    sums = np.zeros((layer.result.pixels, layer.result.channels), dtype=np.int64)
    for y, x, below in _taps(image, layer.window, layer.result, padding=layer.padding):
        # products of doubles are exact up to 2^53, and NumPy has a fast routine for them alone
        pixels = below.reshape(layer.result.pixels, -1).astype(np.float64)
        sums += (pixels @ layer.weights[:, y, x, :].T.astype(np.float64)).astype(np.int64)
    return requantised(sums, layer.requantisation)


def _channel_sum(layer: ChannelSum, image: Int64s) -> npt.NDArray[np.int8]:
    taps = _taps(image, layer.window, layer.result, padding=layer.padding)
    products = [below * layer.weights[y, x].astype(np.int64) for y, x, below in taps]
    return requantised(np.sum(products, axis=0), layer.requantisation)


def _tensor_sum(layer: TensorSum, *values: Values) -> npt.NDArray[np.int8]:
    parts = [
        scaled((each.astype(np.int64) - zero_point) << layer.left_shift, [scale])
        for each, zero_point, scale in zip(values, layer.zero_points, layer.scales, strict=True)
    ]
    return requantised(parts[0] + parts[1], layer.requantisation)
