"""Vizier's Gaussian process, fitted to labels of designs and asked about other designs.

The model (kernel, priors, posterior) is ``vizier.jax.models.VizierGaussianProcess``. Only its
fitting is driven from here: Vizier's own designers compile it anew for every suggestion, which is
most of what they cost. Arrays are padded to a few sizes, so that each is compiled once.

Imports jax: only the search process may import this module. It is also the only one that imports
``vizier._src``: of what a posterior takes, version 0.1.24 makes model and bounds public, but
not the padded arrays that the model is given nor the two classes that condition it on data.
``tests/suggest/test_vizier_names.py`` lists these imports for the pinned version.
"""

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]
from vizier._src.jax import types
from vizier._src.jax.stochastic_process_model import (
    StochasticProcessWithCoroutine,
    UniformEnsemblePredictive,
)
from vizier.jax import models as vizier_models

from dse.suggest.features import FeatureTable

jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]

Array = NDArray[np.float64]

_LENGTH_SCALE = 2.0
_LENGTH_SCALE_FACTOR = 2.5
"""Prior of every length scale: its median, and the factor of one standard deviation.

Parameters span a range of 1, so most are expected to act smoothly over all of it. Vizier's own
prior is nearly flat; with it the model is far too sure of itself until some 30 designs are known.
"""

_MOST_ITERATIONS = 60
_MOST_FITTED = 127
"""Designs that hyperparameters are fitted to: each of 60 steps factors their matrix, padded to 128.
Predictions rest on all designs."""

_SMALLEST_PADDING = 16
_CANDIDATE_BLOCK = 4095  # padded to 4096

_SQUARED_LENGTH_SCALES = ("continuous_length_scale_squared", "categorical_length_scale_squared")
_LOG_MEDIAN = 2 * math.log(_LENGTH_SCALE)
_LOG_DEVIATION = 2 * math.log(_LENGTH_SCALE_FACTOR)


@dataclass(frozen=True, slots=True)
class Posterior:
    """What the model believes about some designs, each on its own."""

    mean: Array
    deviation: Array


class Model:
    """A Gaussian process whose hyperparameters are fitted to some designs, or an even part of many.

    Args:
        table: Features of the designs.
        labels: One for each; scaled to about zero mean and unit variance.
        seed: Of the starting points.
        restarts: How many starting points; the best end is kept. The first is not random.
    """

    def __init__(self, table: FeatureTable, labels: Array, *, seed: int, restarts: int = 1) -> None:
        self._shape = (table.continuous.shape[1], table.categorical.shape[1])
        rows = _evenly(len(labels), _MOST_FITTED)
        fitted = _model_data(table[rows], labels[rows])
        self._parameters = _fitted(self._shape, fitted, seed=seed, restarts=restarts)
        self.condition(table, labels)

    def condition(self, table: FeatureTable, labels: Array) -> None:
        """Replace the data and keep the hyperparameters."""
        self._state = _precompute(self._shape, self._parameters, _model_data(table, labels))

    @property
    def noise_variance(self) -> float:
        """Variance of a label around the function, as fitted."""
        return float(self._parameters["observation_noise_variance"])

    def posterior(self, table: FeatureTable) -> Posterior:
        """Return mean and standard deviation of the function at these designs, without noise."""
        means, deviations = [], []
        for start in range(0, len(table), _CANDIDATE_BLOCK):
            block = table[start : start + _CANDIDATE_BLOCK]
            padded = _padded_size(len(block))
            mean, deviation = _predict(self._state, _padded_input(block, padded))
            means.append(np.asarray(mean)[: len(block)])
            deviations.append(np.asarray(deviation)[: len(block)])
        return Posterior(np.concatenate(means), np.concatenate(deviations))


def _evenly(count: int, most: int) -> NDArray[np.intp]:
    """Return at most ``most`` of the numbers from 0 to ``count``, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))


def _padded_size(rows: int) -> int:
    """Return a power of two above ``rows``: above, so that padding is always there."""
    return max(_SMALLEST_PADDING, 1 << rows.bit_length())


def _padded_input(table: FeatureTable, rows: int) -> Any:
    continuous = types.PaddedArray.from_array(
        table.continuous, (rows, table.continuous.shape[1]), fill_value=0.0
    )
    categorical = types.PaddedArray.from_array(
        table.categorical, (rows, table.categorical.shape[1]), fill_value=0
    )
    return types.ModelInput(continuous, categorical)


def _model_data(table: FeatureTable, labels: Array) -> Any:
    rows = _padded_size(len(labels))
    padded = types.PaddedArray.from_array(labels[:, np.newaxis], (rows, 1), fill_value=np.nan)
    return types.ModelData(_padded_input(table, rows), padded)


@lru_cache(maxsize=8)
def _coroutine(shape: tuple[int, int]) -> Any:
    return vizier_models.VizierGaussianProcess(
        _dim=types.ContinuousAndCategorical(*shape), _num_metrics=1
    )


@partial(jax.jit, static_argnums=0)
def _loss_and_gradient(shape: tuple[int, int], logs: Any, data: Any) -> Any:
    """Return negative log posterior density and its gradient by the parameters' logarithms."""

    def loss(logs: Any) -> Any:
        parameters = jax.tree.map(jax.numpy.exp, logs)
        model = StochasticProcessWithCoroutine(_coroutine(shape), parameters)
        scales = [logs[name] for name in _SQUARED_LENGTH_SCALES]
        prior = sum(jax.numpy.sum((scale - _LOG_MEDIAN) ** 2) for scale in scales)
        return model.loss_with_aux(data)[0] + prior / (2 * _LOG_DEVIATION**2)

    return jax.value_and_grad(loss)(logs)


@partial(jax.jit, static_argnums=0)
def _precompute(shape: tuple[int, int], parameters: Any, data: Any) -> Any:
    model = StochasticProcessWithCoroutine(_coroutine(shape), parameters)
    return UniformEnsemblePredictive(model.precompute_predictive(data))


@jax.jit
def _predict(state: Any, features: Any) -> Any:
    prediction = state.predict(features)
    return prediction.mean(), prediction.stddev()


def _fitted(shape: tuple[int, int], data: Any, *, seed: int, restarts: int) -> dict[str, Array]:
    """Return the most probable hyperparameters, from the modes of the priors and random starts."""
    packing = _packing(shape)

    def objective(vector: Array) -> tuple[float, Array]:
        value, gradient = _loss_and_gradient(shape, packing.unpacked(vector), data)
        if not np.isfinite(value):
            return 1e12, np.zeros_like(vector)
        return float(value), packing.packed(gradient)

    rng = np.random.default_rng(seed)
    starts = [
        packing.middle,
        *(rng.uniform(packing.low, packing.high) for _ in range(restarts - 1)),
    ]
    ends = [
        minimize(
            objective,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(packing.low, packing.high, strict=True)),
            options={"maxiter": _MOST_ITERATIONS},
        )
        for start in starts
    ]
    best = min(ends, key=lambda end: float(end.fun))
    return {name: np.exp(value) for name, value in packing.unpacked(best.x).items()}


class _Packing:
    """Vizier's named hyperparameters as one vector of logarithms, with its bounds."""

    def __init__(self, shape: tuple[int, int]) -> None:
        process = vizier_models.StochasticProcessModel(_coroutine(shape))
        lower, upper = vizier_models.get_constraints(process).bounds
        self._names = sorted(lower)
        self._shapes = {name: np.shape(lower[name]) for name in self._names}
        self._splits = np.cumsum([int(np.prod(self._shapes[name])) for name in self._names])[:-1]
        margin = 1e-6  # the model is not defined on the bounds themselves
        self.low = np.log(self.packed(lower)) + margin
        self.high = np.log(self.packed(upper)) - margin
        modes = {"signal_variance": 1.0, "observation_noise_variance": 0.0039}
        middle = {
            name: np.full(self._shapes[name], modes.get(name, _LENGTH_SCALE**2))
            for name in self._names
        }
        self.middle = np.clip(np.log(self.packed(middle)), self.low, self.high)

    def packed(self, values: Any) -> Array:
        parts = [np.ravel(np.asarray(values[name], dtype=np.float64)) for name in self._names]
        return np.concatenate(parts)

    def unpacked(self, vector: Array) -> dict[str, Array]:
        parts = np.split(vector, self._splits)
        return {
            n: part.reshape(self._shapes[n]) for n, part in zip(self._names, parts, strict=True)
        }


@lru_cache(maxsize=8)
def _packing(shape: tuple[int, int]) -> _Packing:
    return _Packing(shape)
