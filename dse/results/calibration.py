"""What a search believed of designs beside what was measured: how far it can be trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from contracts.belief import Belief
from dse.results.columns import StudyColumns
from dse.store import TrialState

MOST_TRIALS = 2000
"""The newest trials that are looked at: older ones were predicted from less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One objective of one trial, predicted and measured, in the metric's unit.

    Attributes:
        trial: Number of the trial.
        low: Quantile of 5 % of what was predicted.
        middle: Median of it.
        high: Quantile of 95 % of it.
        measured: What the trial came to.
    """

    trial: int
    low: float
    middle: float
    high: float
    measured: float

    @property
    def is_covered(self) -> bool:
        """Whether the measured value lies in the interval that was predicted."""
        return self.low <= self.measured <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """One objective of a study, predicted and measured.

    Attributes:
        metric: Name of the objective.
        unit: Of its values.
        pairs: By trial.
    """

    metric: str
    unit: str
    pairs: tuple[Pair, ...]

    @property
    def covered(self) -> int:
        """How many measured values lie in their interval; nine in ten should."""
        return sum(pair.is_covered for pair in self.pairs)

    @property
    def error(self) -> float:
        """Median distance of what was measured from what was expected, as a share of it."""
        shares = [abs(p.middle - p.measured) / abs(p.measured) for p in self.pairs if p.measured]
        return float(np.median(shares)) if shares else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feasibility:
    """How often designs were feasible that a model had an opinion about.

    Attributes:
        trials: How many of them have ended.
        expected: Sum of their probabilities to be feasible.
        feasible: How many of them were.
    """

    trials: int
    expected: float
    feasible: int


def calibrations(
    columns: StudyColumns, beliefs: Mapping[int, Belief]
) -> tuple[tuple[Calibration, ...], Feasibility]:
    """Compare what was believed of trials with what they came to.

    Args:
        columns: Of the study, with its objectives.
        beliefs: By trial, see ``Reader.beliefs``.

    Returns:
        One calibration for each objective, in the study's order, and that of feasibility.
    """
    pairs: dict[str, list[Pair]] = {name: [] for name in columns.config.objectives}
    has_completed = columns.is_state(TrialState.COMPLETED)
    is_out = columns.is_state(TrialState.INFEASIBLE) | (columns.standing.verdicts == "x")
    probabilities: list[float] = []
    feasible = 0
    for number, belief in beliefs.items():
        at = columns.index_of(number)
        if at is None or not (has_completed[at] or is_out[at]):
            continue
        if belief.feasible is not None:
            probabilities.append(belief.feasible)
            feasible += not is_out[at]
        for each in belief.predictions if has_completed[at] else ():
            measured = float(columns.column(each.metric)[at])
            if each.metric in pairs and np.isfinite(measured):
                pairs[each.metric].append(
                    Pair(
                        trial=number,
                        low=each.low,
                        middle=each.middle,
                        high=each.high,
                        measured=measured,
                    )
                )
    found = tuple(
        Calibration(
            metric=name,
            unit=columns.metrics[name].unit if name in columns.metrics else "",
            pairs=tuple(some),
        )
        for name, some in pairs.items()
    )
    counted = Feasibility(trials=len(probabilities), expected=sum(probabilities), feasible=feasible)
    return found, counted


def has_pairs(found: Sequence[Calibration]) -> bool:
    """Tell whether anything was predicted that has been measured since."""
    return any(calibration.pairs for calibration in found)
