"""What a metric is: defined once, beside the code that measures it."""

from dataclasses import dataclass
from typing import Literal

from contracts.faults import Bug
from contracts.measurement import Fidelity, Metric

Better = Literal["lower", "higher"]

_ORDER = tuple(Fidelity)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDefinition:
    """Everything about a metric but its values.

    Whoever measures it makes each value with ``measured``, so that name and unit are written
    nowhere else.

    Attributes:
        name: In configs, databases and tables; with its unit where it has one: ``latency_us``.
        unit: Of its values, for example ``us``, ``cells``; empty for a plain number.
        description: What it is and how it is obtained, in a few words.
        since: The cheapest fidelity at which it is measured.
        better: Which direction is better; None where neither is.
        role: Name of the metric that counts the same thing on every FPGA, for example ``luts``
            for a ``lut4``; None where there is no such thing.
    """

    name: str
    unit: str
    description: str
    since: Fidelity
    better: Better | None
    role: str | None = None

    def is_measured_at(self, fidelity: Fidelity) -> bool:
        """Tell whether a trial that reaches ``fidelity`` has this metric."""
        return _ORDER.index(self.since) <= _ORDER.index(fidelity)

    def measured(
        self, value: float, *, fidelity: Fidelity | None = None, estimate: bool = False
    ) -> Metric:
        """Return one value of it.

        Args:
            value: Finite, in the definition's unit.
            fidelity: How it was obtained; ``since`` unless told otherwise.
            estimate: The clock behind it is only wished for.

        Raises:
            Bug: The fidelity is below ``since``.
        """
        fidelity = fidelity or self.since
        if not self.is_measured_at(fidelity):
            raise Bug(
                f"{self.name} was measured at fidelity {fidelity}, below its {self.since}",
                fix="correct `since` in the metric's definition, or the code that measures it",
            )
        return Metric(
            name=self.name,
            value=float(value),
            unit=self.unit,
            fidelity=fidelity,
            estimate=estimate,
        )
