"""A metric on an axis: in the unit that a person reads it in, with a label that says which."""

from dataclasses import dataclass

from dse.words import metric_title, unit_text
from runners.measuring.metrics import METRICS

_US_IN_MS = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A metric as a picture shows it: times in milliseconds, all else in its own unit.

    Attributes:
        title: What it is called.
        unit: Of the values on the axis; empty where the name says all.
        divisor: What the metric's values are divided by.
    """

    title: str
    unit: str
    divisor: float

    def label(self, *remarks: str) -> str:
        """Return what stands at the axis: ``latency (ms, minimise)``."""
        told = ", ".join(filter(None, (self.unit, *remarks)))
        return f"{self.title} ({told})" if told else self.title


def quantity(metric: str) -> Quantity:
    """Return how a picture shows a metric; one of a user's own has its unit in its name."""
    if metric_title(metric) != metric:
        return Quantity(title=metric_title(metric), unit="ms", divisor=_US_IN_MS)
    known = METRICS.get(metric)
    if known is None or metric.endswith("_percent"):
        return Quantity(title=metric, unit="", divisor=1.0)
    unit = unit_text(metric, known.unit)
    return Quantity(title=metric, unit=unit, divisor=1.0)
