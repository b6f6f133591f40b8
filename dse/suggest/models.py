"""Vizier's Gaussian process, fitted to labels of designs and asked about other designs.

The model (kernel, priors, posterior) is ``vizier.jax.models.VizierGaussianProcess``. Only its
fitting is driven from here: Vizier's own designers compile it anew for every suggestion, which is
most of what they cost. Arrays are padded to a few sizes, so that each is compiled once.

Imports jax: only the search process may import this module.
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]
from vizier._src.jax import stochastic_process_model as stochastic
from vizier._src.jax import types
from vizier.jax import models as vizier_models

from dse.suggest.features import FeatureTable

jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]

Array = NDArray[np.float64]

_MOST_ITERATIONS = 60
_SMALLEST_PADDING = 16
_CANDIDATE_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Posterior:
    """What the model believes about some designs, each on its own."""

    mean: Array
    deviation: Array


class Model:
    """A Gaussian process whose hyperparameters are fitted to some designs.

    Args:
        table: Features of the designs.
        labels: One for each; scaled to about zero mean and unit variance.
        seed: Of the starting points.
        restarts: How many starting points; the best end is kept.
    """

    def __init__(self, table: FeatureTable, labels: Array, *, seed: int, restarts: int = 3) -> None:
        self._shape = (table.continuous.shape[1], table.categorical.shape[1])
        data = _model_data(table, labels)
        self._parameters = _fitted(self._shape, data, seed=seed, restarts=restarts)
        self._data = data

    def condition(self, table: FeatureTable, labels: Array) -> None:
        """Replace the data and keep the hyperparameters."""
        self._data = _model_data(table, labels)

    def posterior(self, table: FeatureTable) -> Posterior:
        """Return mean and standard deviation of the function at these designs, without noise."""
        state = _precompute(self._shape, self._parameters, self._data)
        means, deviations = [], []
        for start in range(0, len(table), _CANDIDATE_BLOCK):
            block = table[start : start + _CANDIDATE_BLOCK]
            padded = _padded_size(len(block))
            mean, deviation = _predict(state, _padded_input(block, padded))
            means.append(np.asarray(mean)[: len(block)])
            deviations.append(np.asarray(deviation)[: len(block)])
        return Posterior(np.concatenate(means), np.concatenate(deviations))


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
        model = stochastic.StochasticProcessWithCoroutine(_coroutine(shape), parameters)
        return model.loss_with_aux(data)[0]

    return jax.value_and_grad(loss)(logs)


@partial(jax.jit, static_argnums=0)
def _precompute(shape: tuple[int, int], parameters: Any, data: Any) -> Any:
    model = stochastic.StochasticProcessWithCoroutine(_coroutine(shape), parameters)
    return stochastic.UniformEnsemblePredictive(model.precompute_predictive(data))


@jax.jit
def _predict(state: Any, features: Any) -> Any:
    prediction = state.predict(features)
    return prediction.mean(), prediction.stddev()


def _fitted(shape: tuple[int, int], data: Any, *, seed: int, restarts: int) -> Any:
    coroutine = _coroutine(shape)
    lower, upper = stochastic.get_constraints(stochastic.StochasticProcessModel(coroutine)).bounds
    names = sorted(lower)
    sizes = [int(np.size(lower[name])) for name in names]
    shapes = {name: np.shape(lower[name]) for name in names}
    splits = np.cumsum(sizes)[:-1]

    def packed(values: Any) -> Array:
        return np.concatenate([np.ravel(np.asarray(values[n], dtype=np.float64)) for n in names])

    def unpacked(vector: Array) -> dict[str, Array]:
        parts = np.split(vector, splits)
        return {name: part.reshape(shapes[name]) for name, part in zip(names, parts, strict=True)}

    def objective(vector: Array) -> tuple[float, Array]:
        value, gradient = _loss_and_gradient(shape, unpacked(vector), data)
        if not np.isfinite(value):
            return 1e12, np.zeros_like(vector)
        return float(value), packed(gradient)

    low, high = np.log(packed(lower)), np.log(packed(upper))
    starts = [np.log(packed(_middle(names, shapes)))]
    rng = np.random.default_rng(seed)
    starts += [rng.uniform(low, high) for _ in range(restarts - 1)]
    ends = [
        minimize(
            objective,
            np.clip(start, low + 1e-6, high - 1e-6),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(low + 1e-6, high - 1e-6, strict=True)),
            options={"maxiter": _MOST_ITERATIONS},
        )
        for start in starts
    ]
    best = min(ends, key=lambda end: float(end.fun))
    return {name: np.exp(value) for name, value in unpacked(best.x).items()}


def _middle(names: list[str], shapes: dict[str, tuple[int, ...]]) -> dict[str, Array]:
    """Return the modes of Vizier's priors, with a signal for standardised labels."""
    modes = {"signal_variance": 1.0, "observation_noise_variance": 0.0039}
    return {name: np.full(shapes[name], modes.get(name, 0.5)) for name in names}
