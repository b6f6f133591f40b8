"""How the hypervolume of a study grew."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.pareto import gains
from dse.results.columns import StudyColumns
from dse.results.front import goals_of, oriented_objectives


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How the hypervolume grew, one row for each trial that made it larger.

    Attributes:
        reference: The corner that volumes are measured from, one value an objective.
        ended: How many trials had ended.
        elapsed_s: Seconds since the first trial started.
        volume: As a share of the final one.
        trial: Number of the trial that did it.
        total_ended: Trials that have ended by now.
        total_s: Seconds until the last of them ended.
    """

    reference: tuple[float, ...]
    ended: tuple[int, ...]
    elapsed_s: tuple[float, ...]
    volume: tuple[float, ...]
    trial: tuple[int, ...]
    total_ended: int
    total_s: float


def growth_of(columns: StudyColumns) -> Growth | None:
    """Return how the hypervolume grew; None until a trial counts. See ``StudyColumns.growth``."""
    positions = np.flatnonzero(columns.standing.kept)
    if not positions.size:
        return None
    ended_s = np.array(
        [np.nan if trial.ended_s is None else trial.ended_s for trial in columns.trials]
    )
    began_s = min(trial.created_s for trial in columns.trials)
    if columns.attempts is not None and np.isfinite(columns.attempts.started_s).any():
        began_s = float(np.nanmin(columns.attempts.started_s))
    ends = np.argsort(ended_s, kind="stable")[: int(np.isfinite(ended_s).sum())]
    kept = columns.standing.kept[ends]
    points = oriented_objectives(columns)
    low, high = points[positions].min(axis=0), points[positions].max(axis=0)
    extent = np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
    bound = high + 0.01 * extent
    scaled = (points[ends[kept]] - low) / (bound - low)  # so that no objective's unit decides
    gained = gains(scaled, np.ones(len(bound)))
    steps = np.flatnonzero(gained > 0)
    trials = ends[kept][steps]
    volume = np.cumsum(gained[steps])
    signs = np.array([1.0 if g == "minimise" else -1.0 for g in goals_of(columns.config)])
    return Growth(
        reference=tuple((signs * bound).tolist()),
        ended=tuple((np.flatnonzero(kept)[steps] + 1).tolist()),
        elapsed_s=tuple((ended_s[trials] - began_s).tolist()),
        volume=tuple((volume / volume[-1]).tolist()),
        trial=tuple(columns.numbers[trials].tolist()),
        total_ended=len(ends),
        total_s=float(ended_s[ends[-1]] - began_s),
    )


def growth_rows(found: Growth | None) -> list[dict[str, Any]]:
    """Return the growth as rows of a table."""
    if found is None:
        return []
    return [
        {"trial": trial, "trials_ended": ended, "elapsed_s": round(at_s, 1), "share": share}
        for trial, ended, at_s, share in zip(
            found.trial, found.ended, found.elapsed_s, found.volume, strict=True
        )
    ]
