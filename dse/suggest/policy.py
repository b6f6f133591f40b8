"""Which design to measure next: Vizier's models of objectives and feasibility, joined.

Each objective has its own model, in logarithms where all its values are positive; where designs
were infeasible another model gives the probability that a design is not. A candidate is worth its
expected gain of hypervolume times that probability. What other studies found in the same space is
where the models begin, as far as it predicts this one (``dse.suggest.transfer``). Designs that are
being measured count as if they had come out as the models expect, so several workers get different
designs.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import ndtr, ndtri  # type: ignore[import-untyped]

from contracts.belief import COVERED
from dse.pareto import hypervolume, non_dominated
from dse.suggest.features import FeatureTable
from dse.suggest.improvement import Array, expected_gain, open_boxes
from dse.suggest.messages import Evidence, Explanation
from dse.suggest.transfer import GuidedModel, feasibility_hints, metric_hints

_REFERENCE_MARGIN = 0.1
"""Distance of the reference point beyond the worst observation, in standard deviations."""

_FEASIBLE_LABEL = 0.5
_INFEASIBLE_LABEL = -1.5

_INTERVAL = float(ndtri(0.5 + COVERED / 2))
"""Half of the interval that is told, in standard deviations."""


class Policy:
    """Values candidates in the light of evidence."""

    def __init__(self, evidence: Evidence) -> None:
        measured = np.flatnonzero(evidence.feasible)
        self._features = evidence.features[measured]
        self._scale = _Scale.of(evidence.values[measured], evidence.signs)
        self._labels = self._scale.losses(evidence.values[measured])
        self._reference = self._labels.max(axis=0) + _REFERENCE_MARGIN
        seed = evidence.seed
        hints = [hint for other in evidence.earlier for hint in metric_hints(other, seed=seed)]
        self._models = [
            GuidedModel(self._features, column, hints=hints, seed=seed) for column in self._labels.T
        ]
        self._feasibility = None
        if not evidence.feasible.all():
            labels = np.where(evidence.feasible, _FEASIBLE_LABEL, _INFEASIBLE_LABEL)
            both = (_INFEASIBLE_LABEL, _FEASIBLE_LABEL)
            hints = [
                hint
                for other in evidence.earlier
                for hint in feasibility_hints(other, labels=both, seed=seed)
            ]
            self._feasibility = GuidedModel(evidence.features, labels, hints=hints, seed=seed)
        for row in range(len(evidence.pending)):
            self.assume(evidence.pending[row : row + 1])

    def assume(self, pending: FeatureTable) -> None:
        """From now on, count one design as measured with the values that the models expect."""
        expected = np.stack([model.posterior(pending).mean for model in self._models], axis=1)
        self._features = self._features.extended(pending)
        self._labels = np.concatenate([self._labels, expected])
        for model, column in zip(self._models, self._labels.T, strict=True):
            model.condition(self._features, column)

    def score(self, candidates: FeatureTable) -> Array:
        """Return the worth of each candidate as a logarithm; more is better."""
        mean, deviation = self._predicted(candidates)
        worth: Array = np.log(self._gain(mean, deviation) + 1e-300)
        return worth + np.log(self._feasible(candidates) + 1e-12)

    def explain(self, designs: FeatureTable) -> Explanation:
        """Say what is believed of designs, in the units that they are measured in."""
        mean, deviation = self._predicted(designs)
        noise = np.array([model.noise_variance for model in self._models])
        half = _INTERVAL * np.sqrt(deviation**2 + noise)
        ends = np.stack([self._scale.values(mean - half), self._scale.values(mean + half)])
        feasible = self._feasible(designs)
        goals = ["minimise"] * len(self._models)
        has = hypervolume(self._labels, self._reference.tolist(), goals)  # type: ignore[arg-type]
        return Explanation(
            middle=self._scale.values(mean),
            low=ends.min(axis=0),
            high=ends.max(axis=0),
            feasible=feasible,
            gain=self._gain(mean, deviation) * feasible / has,
            learned_from=self._learned_from(),
        )

    def weigh(self, sample: FeatureTable) -> Array:
        """Return which share of the predictions' variance each feature explains by itself."""
        mean, _ = self._predicted(sample)
        columns = [*sample.continuous.T, *sample.categorical.T]
        shares = np.zeros((mean.shape[1], len(columns)))
        whole = mean.var(axis=0)
        for place, column in enumerate(columns):
            for level in np.unique(column):
                some = column == level
                distance = mean[some].mean(axis=0) - mean.mean(axis=0)
                shares[:, place] += some.mean() * distance**2
        shares /= np.where(whole > 0, whole, 1.0)[:, np.newaxis]
        return np.clip(shares, 0.0, 1.0)

    def _learned_from(self) -> tuple[str, ...]:
        """Return the names of the other studies that a model begins with, each once."""
        models = [*self._models, *([self._feasibility] if self._feasibility else [])]
        named = (model.learned_from for model in models)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    def _predicted(self, designs: FeatureTable) -> tuple[Array, Array]:
        """Return mean and deviation of the losses, designs x objectives."""
        posteriors = [model.posterior(designs) for model in self._models]
        mean = np.stack([posterior.mean for posterior in posteriors], axis=1)
        return mean, np.stack([posterior.deviation for posterior in posteriors], axis=1)

    def _gain(self, mean: Array, deviation: Array) -> Array:
        boxes = open_boxes(self._labels[non_dominated(self._labels)], self._reference)
        return expected_gain(mean, deviation, boxes)

    def _feasible(self, designs: FeatureTable) -> Array:
        """Return the probability of each design to be feasible."""
        if self._feasibility is None:
            return np.ones(len(designs))
        posterior = self._feasibility.posterior(designs)
        # Labels are 2 apart, so the boundary lies 1 below the feasible label.
        margin = posterior.mean - (_FEASIBLE_LABEL - 1.0)
        probability: Array = ndtr(margin / np.sqrt(posterior.deviation**2 + 0.1))
        return probability


@dataclass(frozen=True, slots=True)
class _Scale:
    """Between what was measured and losses: to be minimised, with zero mean and unit variance.

    An objective whose values are all positive is taken by its logarithm.
    """

    is_logarithm: Array
    mean: Array
    spread: Array
    signs: Array

    @classmethod
    def of(cls, values: Array, signs: Array) -> Self:
        """Return the scale of measured values."""
        is_logarithm = np.all(values > 0, axis=0)
        columns = np.where(is_logarithm, np.log(np.maximum(values, 1e-300)), values)
        spread = columns.std(axis=0)
        return cls(is_logarithm, columns.mean(axis=0), np.where(spread > 0, spread, 1.0), signs)

    def losses(self, values: Array) -> Array:
        """Return measured values as losses."""
        columns = np.where(self.is_logarithm, np.log(np.maximum(values, 1e-300)), values)
        scaled: Array = (columns - self.mean) / self.spread
        return scaled * self.signs

    def values(self, losses: Array) -> Array:
        """Return losses as values that could be measured; far beyond all numbers, the largest."""
        columns = losses * self.signs * self.spread + self.mean
        found: Array = np.where(
            self.is_logarithm, np.exp(np.minimum(columns, 700.0) * self.is_logarithm), columns
        )
        return found
