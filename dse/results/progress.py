"""Where a study stands: how much is done, what runs, how long the rest will take."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dse.results.columns import Mask, StudyColumns
from dse.store import HeldTrial, TrialState

ENDED = (TrialState.COMPLETED, TrialState.INFEASIBLE, TrialState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One look at a study.

    Attributes:
        counts: Trials in each state; every state is present.
        done: Trials that ended.
        expected: Trials that there will be: the budget and what is beside it, promotions and
            designs that a person queued; or those that are there if they are more.
        running: Attempts that hold a lease.
        eta_s: Seconds that the rest will take, or None while nothing runs or nothing is known.
        usual_s: Median wall time of a measured trial, or None.
        is_stopping: A person asked that no further trial starts, and it has not come to rest.
        is_stopped: The same, and nothing runs any more.
    """

    counts: dict[TrialState, int]
    done: int
    expected: int
    running: tuple[HeldTrial, ...]
    eta_s: float | None
    usual_s: float | None
    is_stopping: bool
    is_stopped: bool


def progress(columns: StudyColumns, running: Sequence[HeldTrial], *, now_s: float) -> Progress:
    """Return where a study stands."""
    counts = {state: int(columns.is_state(state).sum()) for state in TrialState}
    beside = int(((columns.promotes > 0) | columns.is_by_hand).sum())  # the budget
    expected = max(columns.config.trials + beside, len(columns))
    done = sum(counts[state] for state in ENDED)
    usual_s = _usual_s(columns)
    asked = columns.stop_requested_s is not None
    return Progress(
        counts=counts,
        done=done,
        expected=expected,
        running=tuple(running),
        eta_s=None if asked else _eta_s(expected - done, usual_s, running, columns, now_s),
        usual_s=usual_s,
        is_stopping=asked and bool(running),
        is_stopped=asked and not running,
    )


def _usual_s(columns: StudyColumns) -> float | None:
    """Return the median wall time of the trials that were measured here and have ended."""
    if columns.attempts is None:
        return None
    walls = columns.attempts.wall_s[(columns.reused_from == 0) & columns.is_state(*ENDED)]
    walls = walls[np.isfinite(walls)]
    return float(np.median(walls)) if walls.size else None


def _eta_s(
    left: int,
    usual_s: float | None,
    running: Sequence[HeldTrial],
    columns: StudyColumns,
    now_s: float,
) -> float | None:
    if usual_s is None or left <= 0 or not running:
        return None
    at_once = max(columns.config.workers, len(running))  # more where workers have joined
    spent_s = [now_s - trial.started_s for trial in running]
    of_stages_s = [
        0.0
        if trial.stage_since_s is None
        else stage_left_s(now_s - trial.stage_since_s, trial.fraction)
        for trial in running
    ]
    return time_left_s(
        left, usual_s=usual_s, spent_s=spent_s, of_stages_s=of_stages_s, at_once=at_once
    )


_OVERDUE = 0.1
"""What takes longer than usual is expected to need a tenth of its time until now again."""


def stage_left_s(spent_s: float, fraction: float | None) -> float:
    """Return the seconds that a stage will take yet, by its finished share; 0 where unknown."""
    return 0.0 if not fraction else spent_s * (1 - fraction) / fraction


def time_left_s(
    left: int,
    *,
    usual_s: float,
    spent_s: Sequence[float],
    of_stages_s: Sequence[float],
    at_once: int,
) -> float:
    """Return the seconds that trials will take, at least one: what runs has not ended.

    Args:
        left: Trials that have not ended, those that run included.
        usual_s: What one usually takes.
        spent_s: What those that run have taken.
        of_stages_s: What their stages will take yet at the least, see ``stage_left_s``.
        at_once: How many run at the same time.
    """
    running_s = [
        max(usual_s - spent, _OVERDUE * spent, of_stage, 0.0)
        for spent, of_stage in zip(spent_s, of_stages_s, strict=True)
    ]
    waiting_s = usual_s * max(left - len(spent_s), 0)
    all_s = (waiting_s + sum(running_s)) / max(min(at_once, left), 1)
    return max(all_s, *running_s, 1.0) if running_s else max(all_s, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCount:
    """How often one kind of fault ended a trial, with an example."""

    kind: str
    trials: int
    infeasible: bool
    example: int
    what: str


def fault_counts(columns: StudyColumns, chosen: Mask) -> list[FaultCount]:
    """Count the faults of the chosen trials that did not complete, the most frequent first."""
    faults = {} if columns.attempts is None else columns.attempts.faults
    by_kind: dict[str, list[int]] = {}
    for position in sorted(faults):
        if columns.trials[position].state is not TrialState.COMPLETED and chosen[position]:
            by_kind.setdefault(faults[position][0], []).append(position)
    found = [
        FaultCount(
            kind=kind,
            trials=len(positions),
            infeasible=columns.trials[positions[0]].state == TrialState.INFEASIBLE,
            example=columns.trials[positions[-1]].number,
            what=faults[positions[-1]][1],
        )
        for kind, positions in by_kind.items()
    ]
    return sorted(found, key=lambda count: (-count.trials, count.kind))
