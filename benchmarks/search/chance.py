"""What some studies say of all: how far a mean may be off, when half of them are good enough."""

import math
import statistics
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t  # type: ignore[import-untyped]

ENOUGH = 0.95
"""Share of the true hypervolume that a study is played to."""


def half_width(values: Sequence[float]) -> float:
    """Return half of the 95 % confidence interval of a mean, by Student's distribution."""
    quantile = float(t.ppf(0.975, len(values) - 1))
    return quantile * statistics.stdev(values) / math.sqrt(len(values))


def trials_to(courses: NDArray[np.float64], share: float = ENOUGH) -> float:
    """Return after how many trials the median study has a share; infinite where it never has.

    Args:
        courses: Share of the true hypervolume after each trial, studies x trials.
        share: Wanted.
    """
    reached = courses >= share
    first = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)
    return float(np.median(first))


def trials_text(trials: float, most: int) -> str:
    """Write after how many trials of ``most``."""
    return f"{trials:.0f}" if np.isfinite(trials) else f"over {most}"
