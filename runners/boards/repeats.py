"""How often to repeat a measurement: until its mean is known well enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.special import stdtrit  # type: ignore[import-untyped]

LEAST, MOST = 3, 30
WIDTH = 0.01
"""Of the mean: half the width of its 95 % confidence interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """The mean of several measurements of one thing.

    Attributes:
        mean: Of all of them.
        half_width: Half the width of the mean's 95 % confidence interval, by Student's t.
        count: How many there were.
    """

    mean: float
    half_width: float
    count: int

    @property
    def is_settled(self) -> bool:
        """Whether no more measurements are needed."""
        return self.count >= LEAST and self.half_width < WIDTH * self.mean


def repeated(values: Sequence[float]) -> Repeated:
    """Return the mean of at least two values, and how well it is known."""
    count = len(values)
    quantile = float(stdtrit(count - 1, 0.975))
    return Repeated(
        mean=fmean(values), half_width=quantile * stdev(values) / count**0.5, count=count
    )
