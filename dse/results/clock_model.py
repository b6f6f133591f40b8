"""The clock that an unplaced design would reach, learned from the trials that were placed.

A ridge regression on the design's parameters. How strongly it is held back, up to predicting the
mean for every design, is chosen by the leave-one-out error, and that error is what it reports.
Source: Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, 2nd edition, sections
3.4.1 and 7.10.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from contracts.measurement import Fidelity
from contracts.metric import MetricDefinition
from contracts.parameter import Value
from dse.store import Reader
from dse.store.records import design_values

if TYPE_CHECKING:  # pydantic takes a while to import
    from dse.config import StudyConfig

PREDICTED_CLOCK_MHZ = MetricDefinition(
    name="predicted_clock_mhz",
    unit="MHz",
    description="the clock that a design which is not placed is expected to reach; computed when"
    " results are read, from the trials that were placed, and never stored",
    since=Fidelity.SIMULATED,
    better="higher",
)
MIN_TRIALS = 3
"""With fewer placed trials there is no estimate: the target's own clock stands."""
_PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 1e9)  # the last one predicts the mean


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockModel:
    """A fitted estimate.

    Attributes:
        trials: How many placed trials it was learned from.
        error_mhz: Mean absolute error when each of them is predicted from the others.
        names: Features, as ``_features`` names them.
        centre: Mean of each feature.
        scale: Standard deviation of each feature.
        weights: MHz for one standard deviation of each feature.
        mean_mhz: Of the trials it was learned from.
        range_mhz: Lowest and highest clock seen; no prediction leaves it.
    """

    trials: int
    error_mhz: float
    names: tuple[str, ...]
    centre: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    mean_mhz: float
    range_mhz: tuple[float, float]

    @property
    def is_one_clock(self) -> bool:
        """All trials have the same clock: they met all that was asked of them.

        Then an error of 0 says nothing of designs that would not.
        """
        return self.range_mhz[0] == self.range_mhz[1]

    def predict_mhz(self, design: Mapping[str, Value]) -> float:
        """Return the clock that ``design`` is expected to reach."""
        features = _features(design)
        row = np.array([features.get(name, 0.0) for name in self.names])
        guess = self.mean_mhz + float((row - self.centre) / self.scale @ self.weights)
        low, high = self.range_mhz
        return min(max(guess, low), high)

    def predict_all_mhz(
        self, parameters: Mapping[str, tuple[Sequence[Value], npt.NDArray[np.int16]]], *, count: int
    ) -> npt.NDArray[np.float64]:
        """Return the clocks that many designs are expected to reach.

        Args:
            parameters: Name to the values that it has in any design, and for each design the
                position of its value among them, -1 where it has none.
            count: How many designs there are.
        """
        slope = dict(zip(self.names, (self.weights / self.scale).tolist(), strict=True))
        guess = np.full(count, self.mean_mhz - float(self.centre / self.scale @ self.weights))
        for name, (values, codes) in parameters.items():
            terms = [
                sum(slope.get(feature, 0.0) * x for feature, x in _features({name: value}).items())
                for value in values
            ]
            guess += np.array([*terms, 0.0])[codes]  # -1 points to the last entry
        clocks: npt.NDArray[np.float64] = np.clip(guess, *self.range_mhz)
        return clocks


def fit_clock(placed: Sequence[tuple[Mapping[str, Value], float]]) -> ClockModel | None:
    """Learn from designs and the clocks, in MHz, that they were placed at.

    Returns:
        None for fewer than ``MIN_TRIALS`` designs.
    """
    if len(placed) < MIN_TRIALS:
        return None
    rows = [_features(design) for design, _ in placed]
    clocks = np.array([clock_mhz for _, clock_mhz in placed])
    names = sorted({name for row in rows for name in row})
    table = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    varying = np.ptp(table, axis=0) > 0  # rounding may leave equal values a deviation
    names = [name for name, varies in zip(names, varying, strict=True) if varies]
    table = table[:, varying]
    centre, scale = table.mean(axis=0), table.std(axis=0)
    x, y = (table - centre) / scale, clocks - clocks.mean()

    def solve(penalty: float) -> tuple[float, npt.NDArray[np.float64]]:
        inverse = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T)
        leverage = np.einsum("ij,ji->i", x, inverse) + 1 / len(y)
        weights = inverse @ y
        return float(np.mean(np.abs((y - x @ weights) / (1 - leverage)))), weights

    error_mhz, weights = min(map(solve, _PENALTIES), key=lambda found: found[0])
    return ClockModel(
        trials=len(placed),
        error_mhz=error_mhz,
        names=tuple(names),
        centre=centre,
        scale=scale,
        weights=weights,
        mean_mhz=float(clocks.mean()),
        range_mhz=(float(clocks.min()), float(clocks.max())),
    )


def _features(design: Mapping[str, Value]) -> dict[str, float]:
    """Return sizes by their logarithm, choices as one feature a value; absent ones are 0."""
    features = {}
    for name, value in design.items():
        if isinstance(value, int) and not isinstance(value, bool):
            features[name] = float(np.log2(1 + value))
        else:
            features[f"{name}={value}"] = 1.0
    return features


class PlacedClocks:
    """The placed trials of one target, each read once, and the model that they make."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._placed: dict[int, tuple[Mapping[str, Value], float]] = {}
        self.model: ClockModel | None = None

    def update(self, reader: Reader, config: "StudyConfig") -> bool:
        """Read what was placed since; fit anew and return True if there was anything.

        Args:
            reader: Of the database, whose studies on the same target all count.
            config: Of the study whose clocks are to be predicted; always the same.
        """
        self._seen, samples = reader.samples(
            "clock_mhz", target=config.resolved["target"], seen=self._seen
        )
        found = {}
        for sample in samples:
            if sample.fidelity in (Fidelity.PLACED, Fidelity.BOARD):
                with contextlib.suppress(ValueError):  # of a study that cannot be read
                    found[sample.trial_id] = design_values(sample.design_json), sample.value
        if not found:
            return False
        self._placed |= found
        self.model = fit_clock([self._placed[key] for key in sorted(self._placed)])
        return True


def clock_model(reader: Reader, config: "StudyConfig") -> ClockModel | None:
    """Learn from all trials in the database that were placed on the target of ``config``."""
    if config.target.clock_policy == "pinned":
        return None  # every design that counts has the same clock
    clocks = PlacedClocks()
    clocks.update(reader, config)
    return clocks.model
