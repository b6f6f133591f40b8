"""Models that begin with what other studies found, as far as that predicts this one.

Of every metric that another study measured there is a model of its own, fitted to that study
alone. What it predicts for a design is a number that we may know before the design is measured;
a line through those numbers and our own labels is then the prior mean of our model, which learns
what is left over. The slope is shrunk by how well the line predicts each of our labels from the
others, and is zero where that may be chance: then the model is the one it is without.

Imports jax, through the models: only the search process may import this module.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dse.suggest.features import FeatureTable
from dse.suggest.messages import EarlierEvidence
from dse.suggest.models import Model, Posterior
from dse.suggest.relevance import predicted_share

Array = NDArray[np.float64]

_CHANCE = 0.05
"""Other studies that have nothing to do with this one are believed so often at most."""

_LEAST_DESIGNS = 5
"""A metric that another study knows of fewer designs tells nothing."""

_LEAST_UNIT = 0.05
"""Smallest unit of what is left over, in deviations of the labels: no line is exact."""


class Hint:
    """What the model of another study's metric predicts; fitted when it is first asked.

    Args:
        study: Name of the other study.
        table: Features of its designs.
        labels: One for each.
        seed: Of the fit.
    """

    def __init__(self, study: str, table: FeatureTable, labels: Array, *, seed: int) -> None:
        self.study = study
        spread = float(labels.std())
        self._labels = (labels - labels.mean()) / (spread if spread > 0 else 1.0)
        self._table = table
        self._seed = seed
        self._model: Model | None = None

    def at(self, table: FeatureTable) -> Array:
        """Return what it predicts for designs, in deviations from its mean."""
        if self._model is None:
            self._model = Model(self._table, self._labels, seed=self._seed)
        return self._model.posterior(table).mean


@dataclass(frozen=True, slots=True)
class Line:
    """A prior mean: ``offset + slope * hint``."""

    hint: Hint
    offset: float
    slope: float

    def at(self, table: FeatureTable) -> Array:
        """Return the prior mean of designs."""
        return self.offset + self.slope * self.hint.at(table)


class GuidedModel:
    """A model of labels whose prior mean is the best line through the hints, or zero.

    Args:
        table: Features of the designs.
        labels: One for each; scaled to about zero mean and unit variance.
        hints: From other studies.
        seed: Of the fits.
    """

    def __init__(
        self, table: FeatureTable, labels: Array, *, hints: Sequence[Hint], seed: int
    ) -> None:
        self._line = best_line(table, labels, hints)
        self._unit = 1.0
        if self._line is not None:
            self._unit = max(float((labels - self._line.at(table)).std()), _LEAST_UNIT)
        self._model = Model(table, self._left_over(table, labels), seed=seed)

    @property
    def learned_from(self) -> str | None:
        """Name of the study that the prior mean comes from, or None."""
        return None if self._line is None else self._line.hint.study

    @property
    def noise_variance(self) -> float:
        """Variance of a label around the function, as fitted."""
        return self._model.noise_variance * self._unit**2

    def condition(self, table: FeatureTable, labels: Array) -> None:
        """Replace the data; keep the hyperparameters and the prior mean."""
        self._model.condition(table, self._left_over(table, labels))

    def posterior(self, table: FeatureTable) -> Posterior:
        """Return mean and standard deviation of the function at these designs, without noise."""
        found = self._model.posterior(table)
        if self._line is None:
            return found
        return Posterior(
            mean=self._line.at(table) + self._unit * found.mean,
            deviation=self._unit * found.deviation,
        )

    def _left_over(self, table: FeatureTable, labels: Array) -> Array:
        if self._line is None:
            return labels
        left: Array = (labels - self._line.at(table)) / self._unit
        return left


def best_line(table: FeatureTable, labels: Array, hints: Sequence[Hint]) -> Line | None:
    """Return the line through the hint that predicts the labels best, None where none does."""
    best, most = None, 0.0
    for hint in hints:
        predicted = hint.at(table)
        share = predicted_share(predicted, labels, chance=_CHANCE / len(hints))
        if share > most:
            centred = predicted - predicted.mean()
            slope = share * float(centred @ labels) / float(centred @ centred)
            best = Line(hint, float(labels.mean()) - slope * float(predicted.mean()), slope)
            most = share
    return best


def metric_hints(earlier: EarlierEvidence, *, seed: int) -> tuple[Hint, ...]:
    """Return a hint for each metric of another study, in logarithms where all are positive."""
    hints = []
    for values in earlier.values.T:
        known = np.flatnonzero(np.isfinite(values))
        if len(known) < _LEAST_DESIGNS:
            continue
        labels = values[known]
        if (labels > 0).all():
            labels = np.log(labels)
        hints.append(_hint(earlier.study, earlier.features[known], labels, seed=seed))
    return tuple(hints)


def feasibility_hints(
    earlier: EarlierEvidence, *, labels: tuple[float, float], seed: int
) -> tuple[Hint, ...]:
    """Return a hint of which designs are feasible, none where the other study met one kind only.

    Args:
        earlier: What the other study found.
        labels: Of infeasible and of feasible designs.
        seed: Of the fit.
    """
    feasible = earlier.feasible
    if feasible.all() or not feasible.any() or len(feasible) < _LEAST_DESIGNS:
        return ()
    each = np.where(feasible, labels[1], labels[0])
    return (_hint(earlier.study, earlier.features, each, seed=seed),)


def _hint(study: str, table: FeatureTable, labels: Array, *, seed: int) -> Hint:
    shapes = table.continuous.shape, table.categorical.shape
    parts = table.continuous.tobytes(), table.categorical.tobytes(), labels.tobytes()
    return _kept_hint(study, shapes, parts, seed)


@lru_cache(maxsize=64)
def _kept_hint(
    study: str,
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    parts: tuple[bytes, bytes, bytes],
    seed: int,
) -> Hint:
    """Return a hint; equal evidence is fitted once, and not anew at every suggestion."""
    continuous, categorical, labels = parts
    table = FeatureTable(
        np.frombuffer(continuous).reshape(shapes[0]),
        np.frombuffer(categorical, dtype=np.int32).reshape(shapes[1]),
    )
    return Hint(study, table, np.frombuffer(labels), seed=seed)
