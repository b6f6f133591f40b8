"""The night of a study by worker: which trial was in which stage when."""

from collections.abc import Sequence
from dataclasses import dataclass

from dse.store import TimedAttempt, TrialState

MOST_ATTEMPTS = 400
"""So many of the newest are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stage of an attempt, from when to when.

    Attributes:
        stage: Its name.
        start_s: Seconds since 1970.
        end_s: Of one that runs, the moment that was looked at.
        is_cached: Whether its result was there already.
    """

    stage: str
    start_s: float
    end_s: float
    is_cached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptSpan:
    """An attempt at a trial, from when to when.

    Attributes:
        trial: Number of the trial.
        attempt: Its own number, from 1 in the trial.
        start_s: Seconds since 1970.
        end_s: Of one that runs, the moment that was looked at.
        outcome: How it ended; None while it runs.
        stages: In order. The store has how long each took, and that one follows the other.
    """

    trial: int
    attempt: int
    start_s: float
    end_s: float
    outcome: TrialState | None
    stages: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Attempts of one worker of which none overlaps another: a worker may run several at once."""

    worker: str
    attempts: tuple[AttemptSpan, ...]

    @property
    def busy_s(self) -> float:
        """Return how long it worked, seconds."""
        return sum(attempt.end_s - attempt.start_s for attempt in self.attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A night.

    Attributes:
        since_s: When its first attempt began, seconds since 1970.
        until_s: When its last one ended.
        lanes: By worker.
        stages: Their names, the one that took longest in all first.
    """

    since_s: float
    until_s: float
    lanes: tuple[Lane, ...]
    stages: tuple[str, ...]


def timeline_of(attempts: Sequence[TimedAttempt], *, now_s: float) -> Timeline | None:
    """Return the night of some attempts, None where there are none."""
    spans = [(each.worker, _span(each, now_s)) for each in attempts]
    if not spans:
        return None
    lanes: dict[str, list[list[AttemptSpan]]] = {}
    for worker, span in sorted(spans, key=lambda pair: (pair[1].start_s, pair[1].trial)):
        of_worker = lanes.setdefault(worker, [])
        free = next((lane for lane in of_worker if lane[-1].end_s <= span.start_s), None)
        if free is None:
            of_worker.append([span])
        else:
            free.append(span)
    took_s: dict[str, float] = {}
    for _, span in spans:
        for stage in span.stages:
            took_s[stage.stage] = took_s.get(stage.stage, 0.0) + stage.end_s - stage.start_s
    return Timeline(
        since_s=min(span.start_s for _, span in spans),
        until_s=max(span.end_s for _, span in spans),
        lanes=tuple(
            Lane(worker=worker, attempts=tuple(lane))
            for worker in sorted(lanes)
            for lane in lanes[worker]
        ),
        stages=tuple(sorted(took_s, key=lambda name: (-took_s[name], name))),
    )


def _span(attempt: TimedAttempt, now_s: float) -> AttemptSpan:
    start_s = attempt.started_s
    end_s = max(now_s if attempt.ended_s is None else attempt.ended_s, start_s)
    stages, at_s = [], start_s
    for stage, wall_s, is_cached in attempt.stages:
        until_s = min(at_s + max(wall_s, 0.0), end_s)
        stages.append(Span(stage=stage, start_s=at_s, end_s=until_s, is_cached=is_cached))
        at_s = until_s
    is_timed = attempt.stage in {span.stage for span in stages}
    if not is_timed and attempt.stage is not None and attempt.stage_since_s is not None:
        # the stage that runs, or that a fault or the worker's death ended, has no time of its own
        since_s = min(max(attempt.stage_since_s, at_s), end_s)
        stages.append(Span(stage=attempt.stage, start_s=since_s, end_s=end_s, is_cached=False))
    return AttemptSpan(
        trial=attempt.trial,
        attempt=attempt.number,
        start_s=start_s,
        end_s=end_s,
        outcome=attempt.outcome,
        stages=tuple(stages),
    )
