"""Weak augmentation: the network has 78 k parameters and underfits, so no more than this.

A view is one crop of an image, mirrored or not: three small numbers ``(top, left, mirrored)``
with ``top`` and ``left`` from 0 to twice the margin, the image's own place being the margin.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Views = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]


def random_views(count: int, *, margin_px: int, rng: np.random.Generator) -> Views:
    """``count`` random views, count x 3."""
    places = rng.integers(0, 2 * margin_px + 1, size=(count, 2))
    mirrored = rng.integers(0, 2, size=(count, 1))
    return np.concatenate([places, mirrored], axis=1).astype(np.uint8)


def show(pixels: Pixels, views: Views, *, margin_px: int) -> Pixels:
    """Each image in its view; what a crop has beyond the border is reflected."""
    side = pixels.shape[1]
    pad = ((0, 0), (margin_px, margin_px), (margin_px, margin_px), (0, 0))
    padded = np.pad(pixels, pad, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
    crops = windows[np.arange(len(pixels)), views[:, 0], views[:, 1]].transpose(0, 2, 3, 1)
    mirrored = views[:, 2].astype(bool)[:, None, None, None]
    return np.ascontiguousarray(np.where(mirrored, crops[:, :, ::-1], crops))


def shuffled(count: int, *, batch: int, rng: np.random.Generator) -> Iterator[Indices]:
    """One epoch of batches of indices; a last partial batch is left out."""
    order = rng.permutation(count)
    for start in range(0, count - batch + 1, batch):
        yield order[start : start + batch]
