"""What a search process is told, as arrays: no space, no rules, which cannot cross a process."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.suggest.features import FeatureTable


@dataclass(frozen=True, slots=True)
class EarlierEvidence:
    """What another study found in the same space.

    Attributes:
        study: Its name.
        features: Of its finished designs.
        values: Designs x metrics, as measured; NaN where a design has no value.
        feasible: One flag for each finished design.
    """

    study: str
    features: FeatureTable
    values: NDArray[np.float64]
    feasible: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a policy is fitted to.

    Attributes:
        features: Of the finished designs.
        values: Designs x objectives, as measured; rows of infeasible designs are ignored.
        signs: One for each objective: 1 where less is better, -1 where more is.
        feasible: One flag for each finished design; at least two are set.
        pending: Features of the designs that are being measured.
        seed: Of the fits.
        earlier: What other studies found.
    """

    features: FeatureTable
    values: NDArray[np.float64]
    signs: NDArray[np.float64]
    feasible: NDArray[np.bool_]
    pending: FeatureTable
    seed: int
    earlier: tuple[EarlierEvidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """Begin a search; answered by None."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Assume:
    """Count this one design as pending from now on; answered by None."""

    design: FeatureTable


@dataclass(frozen=True, slots=True)
class Score:
    """Value candidates; answered by an array, more is better."""

    candidates: FeatureTable


@dataclass(frozen=True, slots=True)
class Explain:
    """Say what is believed of designs; answered by an ``Explanation``."""

    designs: FeatureTable


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is believed of some designs, one a row.

    Attributes:
        middle: Designs x objectives: medians of what will be measured, in its unit.
        low: Likewise, quantiles of 5 %.
        high: Likewise, quantiles of 95 %.
        feasible: Probability of each design to be feasible.
        gain: Expected gain of each, times that probability, as a share of the front's hypervolume.
        learned_from: Names of the other studies that the models rest on.
    """

    middle: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    feasible: NDArray[np.float64]
    gain: NDArray[np.float64]
    learned_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weigh:
    """Tell what each feature explains of the predictions for designs drawn evenly from a space.

    Answered by an array, objectives x features (continuous ones first): shares of the variance.
    """

    sample: FeatureTable


Message = Fit | Assume | Score | Explain | Weigh
