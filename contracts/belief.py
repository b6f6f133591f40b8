"""What a search believed of a design when it suggested it: plain data for all who pass it on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

COVERED = 0.9
"""Share of the measured values that a calibrated search finds between ``low`` and ``high``."""

EXPECTED_GAIN = "expected gain"
RANDOM_START = "random start"
DEFAULT_START = "default start"
END_START = "end of all scales"
AT_RANDOM = "at random"
IN_ORDER = "next in order"
ITS_OWN = "the sampler's own"
STOOD_IN = "at random, since the search failed"
BY_HAND = "by hand"
"""Reasons for which a design is tried, see ``Belief.reason``."""


def known_from(studies: Sequence[str]) -> str:
    """Return the reason, or the part of one, that other studies are."""
    return f"known from {', '.join(studies)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a model expects one objective of a design to be measured as, in the metric's unit.

    Attributes:
        metric: Name of the objective.
        middle: Median.
        low: Quantile of 5 %.
        high: Quantile of 95 %.
    """

    metric: str
    middle: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """Why a design was suggested and what was expected of it.

    Attributes:
        reason: In words, for example ``EXPECTED_GAIN``.
        predictions: One for each objective; empty where no model was asked.
        feasible: Probability that the design is feasible, 0 to 1; None where no model was asked.
        gain: Expected gain of hypervolume, times that probability, as a share of what the front
            has already; None where no model was asked. Where all values of an objective are
            positive, volumes are of its logarithm.
        cost_s: CPU-seconds that its trial was predicted to take, with all that was built already;
            None before enough trials have ended.
    """

    reason: str
    predictions: tuple[Prediction, ...] = ()
    feasible: float | None = None
    gain: float | None = None
    cost_s: float | None = None


Importance = Mapping[str, Mapping[str, float]]
"""Objective to parameter to the share, 0 to 1, of the variance of the model's predictions over the
whole space that the parameter's values explain by themselves."""
