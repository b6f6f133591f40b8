"""Which trials are on the front and how it grew: ``dse.results.front`` for whole columns.

A test holds the two against each other; here 10,000 trials take milliseconds.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.dashboard.data.columns import Floats, Mask, StudyColumns
from dse.pareto import Goal, hypervolume
from dse.results.front import goals_of
from dse.store import TrialState

Positions = NDArray[np.intp]


class Verdict(StrEnum):
    """What a trial is to the front of its study; the values are one letter for the charts."""

    FRONT = "f"
    DOMINATED = "d"
    EQUAL = "e"
    """The same design is on the front under another number."""
    EXCLUDED = "x"
    """It breaks a constraint of the study."""
    SUPERSEDED = "s"
    """Its design was measured at a higher fidelity: that result counts."""
    INFEASIBLE = "i"
    FAILED = "q"
    RUNNING = "r"
    WAITING = "w"


WORDS = {
    Verdict.FRONT: "on the front",
    Verdict.DOMINATED: "dominated",
    Verdict.EQUAL: "equal to a trial on the front",
    Verdict.EXCLUDED: "breaks a constraint",
    Verdict.SUPERSEDED: "measured further by a promotion",
    Verdict.INFEASIBLE: "infeasible",
    Verdict.FAILED: "failed",
    Verdict.RUNNING: "running",
    Verdict.WAITING: "waiting",
}
_OF_STATE = {
    TrialState.COMPLETED: Verdict.EXCLUDED,  # until it is found to keep the constraints
    TrialState.INFEASIBLE: Verdict.INFEASIBLE,
    TrialState.FAILED: Verdict.FAILED,
    TrialState.RUNNING: Verdict.RUNNING,
    TrialState.WAITING: Verdict.WAITING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What each trial of a study is to its front.

    Attributes:
        verdicts: One letter a trial, see ``Verdict``.
        front: Positions of the trials on the front, best in the first objective first.
        kept: Where a trial counts for the front.
    """

    verdicts: NDArray[np.str_]
    front: Positions
    kept: Mask


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


def standing(columns: StudyColumns) -> Standing:
    """Return what each trial is to the front; computed once for each revision."""
    if "standing" not in columns.cache:
        columns.cache["standing"] = _standing(columns)
    found: Standing = columns.cache["standing"]
    return found


def _standing(columns: StudyColumns) -> Standing:
    letters = np.array([_OF_STATE[TrialState(t.state)] for t in columns.trials], dtype="<U1")
    kept = columns.is_state(TrialState.COMPLETED)
    for metric, bounds in columns.config.constraints.items():
        values = columns.column(metric)  # NaN, where a trial has none, satisfies nothing
        kept &= (values >= bounds.min) & (values <= bounds.max)
    for metric in columns.config.objectives:
        kept &= np.isfinite(columns.column(metric))
    superseded = _superseded(columns)
    letters[superseded] = Verdict.SUPERSEDED
    kept &= ~superseded
    letters[kept] = Verdict.DOMINATED
    points, positions = _points(columns, kept)
    chosen, seen = [], set()
    for position in positions[non_dominated(points)].tolist():
        design_id = columns.trials[position].design_id
        if design_id in seen:
            continue
        seen.add(design_id)
        chosen.append(position)
    for position in positions.tolist() if seen else ():
        if columns.trials[position].design_id in seen:
            letters[position] = Verdict.EQUAL
    letters[chosen] = Verdict.FRONT
    return Standing(verdicts=letters, front=np.array(chosen, dtype=np.intp), kept=kept)


def _superseded(columns: StudyColumns) -> Mask:
    further = {
        trial.promotes
        for trial in columns.trials
        if trial.promotes is not None
        and trial.state in (TrialState.COMPLETED, TrialState.INFEASIBLE)
    }
    return np.array([trial.id in further for trial in columns.trials], dtype=np.bool_)


def _points(columns: StudyColumns, kept: Mask) -> tuple[Floats, Positions]:
    """Return the objectives of the kept trials, less is better, and where those trials stand."""
    positions = np.flatnonzero(kept)
    if not positions.size:
        return np.zeros((0, len(columns.config.objectives))), positions
    signs = [1.0 if goal == "minimise" else -1.0 for goal in goals_of(columns.config)]
    values = [
        sign * columns.column(name)[positions]
        for name, sign in zip(columns.config.objectives, signs, strict=True)
    ]
    return np.column_stack(values), positions


def non_dominated(points: Floats) -> Positions:
    """Return the positions of the points that no other dominates, where less is better.

    Sorted by the first coordinate, then the next ones, then by position, as ``pareto.front``.
    """
    if not len(points):
        return np.zeros(0, dtype=np.intp)
    order = np.lexsort(tuple(points.T[::-1]))
    kept = np.empty((0, points.shape[1]))
    found = []
    for position in order.tolist():
        point = points[position]
        covers = (kept <= point).all(axis=1) & (kept < point).any(axis=1)
        if not covers.any():
            found.append(position)
            kept = np.vstack([kept, point])
    return np.array(found, dtype=np.intp)


def growth(columns: StudyColumns) -> Growth | None:
    """Return how the hypervolume grew; None until a trial counts."""
    if "growth" not in columns.cache:
        columns.cache["growth"] = _growth(columns)
    found: Growth | None = columns.cache["growth"]
    return found


def _growth(columns: StudyColumns) -> Growth | None:
    kept = standing(columns).kept
    points, positions = _points(columns, kept)
    if not positions.size:
        return None
    ends = sorted((t.ended_s, n) for n, t in enumerate(columns.trials) if t.ended_s is not None)
    row_of = {position: row for row, position in enumerate(positions.tolist())}
    began_s = min(t.started_s or t.created_s for t in columns.trials)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
    bound = high + 0.01 * extent
    scaled = (points - low) / (bound - low)  # so that no objective's unit decides
    members = np.empty((0, points.shape[1]))
    volume, steps = 0.0, []
    for count, (ended_s, position) in enumerate(ends, start=1):
        row = row_of.get(position)
        if row is None:
            continue
        point = scaled[row]
        if (members <= point).all(axis=1).any():
            continue
        volume += _gain(point, members)
        members = np.vstack([members[~(members >= point).all(axis=1)], point])
        steps.append((count, ended_s - began_s, volume, columns.trials[position].number))
    signs = np.array([1.0 if g == "minimise" else -1.0 for g in goals_of(columns.config)])
    return Growth(
        reference=tuple((signs * bound).tolist()),
        ended=tuple(step[0] for step in steps),
        elapsed_s=tuple(step[1] for step in steps),
        volume=tuple(step[2] / volume for step in steps),
        trial=tuple(step[3] for step in steps),
        total_ended=len(ends),
        total_s=ends[-1][0] - began_s,
    )


def _gain(point: Floats, members: Floats) -> float:
    """Return what a point adds to the volume that the members dominate below (1, 1, ...).

    Source: While, Bradstreet, Barone, A Fast Way of Calculating Exact Hypervolumes, IEEE TEVC 2012.
    """
    goals: list[Goal] = ["minimise"] * len(point)
    corner = [1.0] * len(point)
    alone = float(np.prod(1.0 - point))
    shared = [tuple(row) for row in np.maximum(members, point).tolist()]
    return alone - hypervolume(shared, corner, goals)


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
