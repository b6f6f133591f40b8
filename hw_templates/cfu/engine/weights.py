"""Weights as WEIGHTS holds them: int8, or two of 4 bits in a byte."""

import numpy as np
import numpy.typing as npt

Int8s = npt.NDArray[np.int8]


def limits(bits: int) -> tuple[int, int]:
    """Return the least and the greatest weight of so many bits."""
    return -(1 << bits - 1), (1 << bits - 1) - 1


def stored(weights: Int8s, *, bits: int) -> Int8s:
    """Return the bytes of rows of weights, of which each has an even number.

    Args:
        weights: Within ``limits``.
        bits: 4 or 8 of a weight.
    """
    if bits == 8:
        return weights
    return (weights[..., 0::2] & 0xF) | np.left_shift(weights[..., 1::2], 4)


def as_int8(held: Int8s, *, bits: int) -> Int8s:
    """Return the weights that bytes hold: what ``stored`` was given, without its shape."""
    if bits == 8:
        return held
    return np.stack([np.left_shift(held, 4) >> 4, held >> 4], axis=-1).reshape(-1)
