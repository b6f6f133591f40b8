"""How far a mean over some studies may be from that of many."""

import math
import statistics
from collections.abc import Sequence

from scipy.stats import t  # type: ignore[import-untyped]


def half_width(values: Sequence[float]) -> float:
    """Return half of the 95 % confidence interval of a mean, by Student's distribution."""
    quantile = float(t.ppf(0.975, len(values) - 1))
    return quantile * statistics.stdev(values) / math.sqrt(len(values))
