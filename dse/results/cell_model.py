"""The cells that an unplaced design would take, learned from the trials that were placed.

Packing takes some more sites than synthesis counts cells. How much more is a factor for each
metric: the median over the designs of the study that were measured both ways. Its error is what it
misses each of them by when it is learned from the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from contracts.measurement import Fidelity
from dse.results.clock_model import MIN_TRIALS

if TYPE_CHECKING:
    from dse.results.columns import MetricColumn

_FIDELITIES = tuple(Fidelity)
_SYNTHESISED = _FIDELITIES.index(Fidelity.SYNTHESISED)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellModel:
    """How much more of a resource placed designs take than synthesised ones.

    Attributes:
        trials: How many designs it was learned from.
        factor: Placed by synthesised.
        error: Mean absolute error, as a share, when each of them is predicted from the others.
    """

    trials: int
    factor: float
    error: float

    def predict(self, synthesised: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return what designs are expected to take, in whole cells."""
        expected: npt.NDArray[np.float64] = np.round(synthesised * self.factor)
        return expected


def fit_cells(pairs: Sequence[tuple[float, float]]) -> CellModel | None:
    """Learn from what designs took when they were synthesised and when they were placed.

    Returns:
        None for fewer than ``MIN_TRIALS`` designs that take any.
    """
    ratios = np.array([placed / cells for cells, placed in pairs if cells > 0])
    if len(ratios) < MIN_TRIALS:
        return None
    others = [float(np.median(np.delete(ratios, at))) for at in range(len(ratios))]
    return CellModel(
        trials=len(ratios),
        factor=float(np.median(ratios)),
        error=float(np.mean(np.abs(np.array(others) / ratios - 1))),
    )


def cell_models(
    metrics: Mapping[str, "MetricColumn"],
    names: Sequence[str],
    *,
    ids: npt.NDArray[np.int64],
    promotes: npt.NDArray[np.int64],
) -> dict[str, CellModel]:
    """Return a model of each of some metrics that enough designs of a study were measured in twice.

    Args:
        metrics: Columns of the study.
        names: Of the metrics that count cells.
        ids: Keys of the trials.
        promotes: Keys of the trials that they measure further; 0 where there is none.
    """
    known = [name for name in names if name in metrics]
    models = {
        name: fit_cells(measured_twice(metrics[name], ids=ids, promotes=promotes)) for name in known
    }
    return {name: model for name, model in models.items() if model is not None}


def measured_twice(
    column: "MetricColumn", *, ids: npt.NDArray[np.int64], promotes: npt.NDArray[np.int64]
) -> list[tuple[float, float]]:
    """Return what designs took when they were synthesised and when they were placed.

    Args:
        column: Of the metric.
        ids: As of ``cell_models``.
        promotes: As of ``cell_models``.
    """
    further = np.flatnonzero(promotes > 0)
    place_of = {int(key): place for place, key in enumerate(ids.tolist())}
    first = np.array([place_of.get(int(key), -1) for key in promotes[further]], dtype=np.intp)
    further, first = further[first >= 0], first[first >= 0]
    both = (column.fidelity[first] == _SYNTHESISED) & (column.fidelity[further] > _SYNTHESISED)
    pairs = zip(column.values[first[both]], column.values[further[both]], strict=True)
    return [(float(cells), float(placed)) for cells, placed in pairs]
