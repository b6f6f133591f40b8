"""What a night brought: what improved, what failed and why. Computed from a study's columns."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from contracts.faults import ConfigError, FaultKind
from dse.pareto import Goal
from dse.results.columns import Floats, Mask, StudyColumns
from dse.results.front import goals_of
from dse.results.progress import FaultCount, Progress, fault_counts, progress
from dse.results.study_results import study_columns
from dse.store import HeldTrial, Reader, TrialResult, TrialState

PAUSE_S = 3600.0
"""A study in which nothing ran for so long has had two nights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """The best value of an objective before a night and after it.

    Attributes:
        metric: The objective.
        unit: Of the values.
        goal: Its direction.
        before: Best value until then, or None.
        after: Best value now.
        trial: Number of the trial that has it.
        is_estimate: Whether that value rests on a clock that is only requested or predicted.
    """

    metric: str
    unit: str
    goal: Goal
    before: float | None
    after: float
    trial: int
    is_estimate: bool

    @property
    def is_better(self) -> bool:
        """Whether the night brought it."""
        return self.before is None or self.before != self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPoint:
    """A trial on the front, and whether it ended in the night."""

    result: TrialResult
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Trials that one kind of fault ended, and what is told to do about the last of them."""

    count: FaultCount
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """What a night brought to a study.

    Attributes:
        columns: The study.
        now_s: When it was looked at, seconds since 1970.
        since_s: When the night began.
        until_s: When it ended: its last trial, or now while some run.
        progress: Where the study stands.
        ended: Trials that ended in the night, by state.
        improvements: One for each objective that has a value.
        front: Best in the first objective first.
        volume_before: Hypervolume when the night began, as a share of now; None without a front.
        failures: Trials of the whole study that did not complete, the most frequent fault first.
        retried: Attempts of the night that failed by infrastructure, by fault.
    """

    columns: StudyColumns
    now_s: float
    since_s: float
    until_s: float
    progress: Progress
    ended: Mapping[TrialState, int]
    improvements: tuple[Improvement, ...]
    front: tuple[FrontPoint, ...]
    volume_before: float | None
    failures: tuple[Failures, ...]
    retried: Mapping[FaultKind, int]


def began_s(columns: StudyColumns) -> float:
    """Return when the last night of a study began: after its last pause of an hour or more."""
    if columns.attempts is None or not np.isfinite(columns.attempts.started_s).any():
        return columns.created_s
    starts, walls = columns.attempts.started_s, columns.attempts.wall_s
    known = np.isfinite(starts)
    order = np.argsort(starts[known], kind="stable")
    begins = starts[known][order]
    ends = np.maximum.accumulate(begins + np.nan_to_num(walls[known][order], nan=0.0))
    after_pause = np.flatnonzero(begins[1:] - ends[:-1] > PAUSE_S)
    return float(begins[after_pause[-1] + 1] if after_pause.size else begins[0])


def morning_of(
    columns: StudyColumns,
    running: Sequence[HeldTrial],
    *,
    since_s: float,
    now_s: float,
    fixes: Mapping[int, str],
    retried: Mapping[FaultKind, int],
) -> Morning:
    """Return what a night brought.

    Args:
        columns: The study, with its last attempts.
        running: Attempts that hold a lease.
        since_s: When the night began, see ``began_s``.
        now_s: The time.
        fixes: Number of a trial to what is told to do about its fault, see ``examples``.
        retried: Attempts since then that failed by infrastructure, by fault.
    """
    ended_s = _ended_s(columns)
    in_night = ended_s >= since_s
    ends = ended_s[np.isfinite(ended_s)]
    until_s = now_s if running or not ends.size else max(float(ends.max()), since_s)
    standing = columns.standing
    return Morning(
        columns=columns,
        now_s=now_s,
        since_s=since_s,
        until_s=until_s,
        progress=progress(columns, running, now_s=now_s),
        ended={
            state: int((columns.is_state(state) & in_night).sum())
            for state in (TrialState.COMPLETED, TrialState.INFEASIBLE, TrialState.FAILED)
        },
        improvements=_improvements(columns, before=standing.kept & ~in_night),
        front=tuple(
            FrontPoint(result=columns.result(position), is_new=bool(in_night[position]))
            for position in standing.front.tolist()
        ),
        volume_before=_volume_before(columns, ended_s, since_s),
        failures=tuple(
            Failures(count=count, fix=fixes.get(count.example, "")) for count in examples(columns)
        ),
        retried=retried,
    )


def study_morning(reader: Reader, name: str, *, hours: float | None, now_s: float) -> Morning:
    """Return what the last night of a study brought.

    Args:
        reader: The database.
        name: Of the study.
        hours: How far back it goes; None for the time since the last pause of an hour.
        now_s: The time.

    Raises:
        NotFound: There is no such study.
        StoreError: The database cannot be used.
    """
    return morning_from(reader, study_columns(reader, name), hours=hours, now_s=now_s)


def morning_from(
    reader: Reader, columns: StudyColumns, *, hours: float | None, now_s: float
) -> Morning:
    """Return what the last night of a study brought, whose columns are known already.

    Raises:
        ConfigError: ``hours`` is no number.
    """
    if hours is not None and not math.isfinite(hours):
        raise ConfigError(f"a report of {hours} hours has no beginning", fix="give a number")
    since_s = began_s(columns) if hours is None else now_s - 3600 * hours
    since_s = max(since_s, columns.created_s)
    study = reader.study(columns.config.name)
    fixes = {}
    for count in examples(columns):
        attempts = reader.detail(study, count.example).attempts
        fixes[count.example] = (attempts[-1].fix or "") if attempts else ""
    return morning_of(
        columns,
        reader.held_trials(columns.id, now_s=now_s),
        since_s=since_s,
        now_s=now_s,
        fixes=fixes,
        retried=reader.failed_attempts(columns.id, since_s=since_s),
    )


def examples(columns: StudyColumns) -> list[FaultCount]:
    """Return the faults of a study's trials, each with the number of one that has it."""
    return fault_counts(columns, np.ones(len(columns), dtype=np.bool_))


def _ended_s(columns: StudyColumns) -> Floats:
    return np.array(
        [np.nan if trial.ended_s is None else trial.ended_s for trial in columns.trials],
        dtype=np.float64,
    )


def _improvements(columns: StudyColumns, *, before: Mask) -> tuple[Improvement, ...]:
    kept = columns.standing.kept
    if not kept.any():
        return ()
    found = []
    for metric, goal in zip(columns.config.objectives, goals_of(columns.config), strict=True):
        column = columns.metrics[metric]
        sign = 1.0 if goal == "minimise" else -1.0
        best = int(np.argmin(np.where(kept, sign * column.values, np.inf)))
        earlier = column.values[before]
        found.append(
            Improvement(
                metric=metric,
                unit=column.unit,
                goal=goal,
                before=float(sign * (sign * earlier).min()) if earlier.size else None,
                after=float(column.values[best]),
                trial=int(columns.numbers[best]),
                is_estimate=bool(column.estimate[best]),
            )
        )
    return tuple(found)


def _volume_before(columns: StudyColumns, ended_s: Floats, since_s: float) -> float | None:
    growth = columns.growth
    if growth is None:
        return None
    shares = [
        share
        for number, share in zip(growth.trial, growth.volume, strict=True)
        if (position := columns.index_of(number)) is not None and ended_s[position] < since_s
    ]
    return max(shares, default=0.0)
