"""Which design to measure next: Vizier's models of objectives and feasibility, joined.

Each objective has its own model, in logarithms where all its values are positive; where designs
were infeasible another model gives the probability that a design is not. A candidate is worth its
expected gain of hypervolume times that probability. Designs that are being measured count as if
they had come out as the models expect, so several workers get different designs.
"""

import numpy as np
from scipy.special import ndtr  # type: ignore[import-untyped]

from dse.pareto import non_dominated
from dse.suggest.features import FeatureTable
from dse.suggest.improvement import Array, expected_gain, open_boxes
from dse.suggest.messages import Evidence
from dse.suggest.models import Model

_REFERENCE_MARGIN = 0.1
"""Distance of the reference point beyond the worst observation, in standard deviations."""

_FEASIBLE_LABEL = 0.5
_INFEASIBLE_LABEL = -1.5


class Policy:
    """Values candidates in the light of evidence."""

    def __init__(self, evidence: Evidence) -> None:
        measured = np.flatnonzero(evidence.feasible)
        self._features = evidence.features[measured]
        self._labels = _losses(evidence.values[measured], evidence.signs)
        self._reference = self._labels.max(axis=0) + _REFERENCE_MARGIN
        self._models = [
            Model(self._features, column, seed=evidence.seed) for column in self._labels.T
        ]
        self._feasibility = None
        if not evidence.feasible.all():
            labels = np.where(evidence.feasible, _FEASIBLE_LABEL, _INFEASIBLE_LABEL)
            self._feasibility = Model(evidence.features, labels, seed=evidence.seed)
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
        posteriors = [model.posterior(candidates) for model in self._models]
        mean = np.stack([posterior.mean for posterior in posteriors], axis=1)
        deviation = np.stack([posterior.deviation for posterior in posteriors], axis=1)
        boxes = open_boxes(self._labels[non_dominated(self._labels)], self._reference)
        worth: Array = np.log(expected_gain(mean, deviation, boxes) + 1e-300)
        if self._feasibility is not None:
            posterior = self._feasibility.posterior(candidates)
            # Labels are 2 apart, so the boundary lies 1 below the feasible label.
            margin = posterior.mean - (_FEASIBLE_LABEL - 1.0)
            worth += np.log(ndtr(margin / np.sqrt(posterior.deviation**2 + 0.1)) + 1e-12)
        return worth


def _losses(values: Array, signs: Array) -> Array:
    """Return each objective to be minimised, with zero mean and unit variance."""
    columns = np.where(np.all(values > 0, axis=0), np.log(np.maximum(values, 1e-300)), values)
    spread = columns.std(axis=0)
    scaled: Array = (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return scaled * signs
