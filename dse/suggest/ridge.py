"""What is expected of a design by what was measured of others: a factor for each value."""

import numpy as np
from numpy.typing import NDArray

from dse.suggest.features import Encoder

Array = NDArray[np.float64]
Codes = NDArray[np.int32]

_STRENGTHS = (0.1, 1.0, 10.0)
"""Of the ridge, in designs; the one that predicts each value best from the others is taken."""

_LEAST_FITTED = 4
"""Values that a line is drawn through; fewer have their mean alone."""

_BEYOND = 2.0
"""At most so many times more, or less, is predicted than there ever was."""


def feature_columns(encoder: Encoder, codes: Codes) -> Array:
    """Return the features as numbers: ranks, and a column for each category."""
    table = encoder.features(codes)
    kinds = [
        (table.categorical[:, place, np.newaxis] == np.arange(size)).astype(float)
        for place, size in enumerate(encoder.categories)
    ]
    return np.concatenate([table.continuous, *kinds], axis=1)


class LogRidge:
    """A ridge through the logarithms of positive values, or their mean where that is no worse.

    Args:
        features: Of the designs, a row for each.
        values: What was measured of each.
    """

    def __init__(self, features: Array, values: Array) -> None:
        self._limits = (0.0, 0.0)
        self._middle = 0.0
        self._offset = np.zeros(features.shape[1])
        self._weights = np.zeros(features.shape[1])
        count = len(values)
        if not count:
            return
        logs = np.log(values)
        self._limits = float(values.min()) / _BEYOND, float(values.max()) * _BEYOND
        self._middle = float(logs.mean())
        self._offset = features.mean(axis=0)
        x, y = features - self._offset, logs - self._middle
        best = float(y @ y) * (count / max(1, count - 1)) ** 2
        if count < _LEAST_FITTED:
            return
        scales, axes = np.linalg.eigh(x.T @ x)  # one decomposition for all strengths
        along = x @ axes
        for strength in _STRENGTHS:
            shrunk = along / (np.maximum(scales, 0.0) + strength)
            weights = axes @ (shrunk.T @ y)
            leverage = (shrunk * along).sum(axis=1) + 1.0 / count
            missed = (y - x @ weights) / np.maximum(1.0 - leverage, 1e-3)
            if float(missed @ missed) < best:
                best, self._weights = float(missed @ missed), weights

    def predict(self, features: Array) -> Array:
        """Return what is expected of each row of features."""
        logs = self._middle + (features - self._offset) @ self._weights
        return np.clip(np.exp(np.clip(logs, -50.0, 50.0)), *self._limits)
