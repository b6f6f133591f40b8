"""How a running campaign is shown: a live table on a terminal, one line per event elsewhere."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Protocol, Self, TextIO, assert_never

from contracts.measurement import Completed, Failed, Outcome
from dse.campaign.events import (
    Asking,
    AttemptEnded,
    CampaignEvent,
    Note,
    Promoted,
    StageChanged,
    TrialReused,
    TrialStarted,
)
from dse.config import StudyConfig
from dse.results.front import broken_constraints, missing_objectives
from dse.results.progress import stage_left_s, time_left_s
from dse.store import TrialRecord, TrialState
from dse.words import design_text, duration_text, metrics_text, plural, stage_text
from runners.job import SimulatedCycles, StageEvent, StageState

if TYPE_CHECKING:
    from rich.table import Table

    from dse.results.columns import StudyColumns


class Display(Protocol):
    """Shows a campaign from ``with`` to its end."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def listen(self, event: CampaignEvent) -> None:
        """Take one event of the campaign."""
        ...


@dataclass(slots=True)
class _RunningTrial:
    attempt: int
    started_s: float
    stage: str = "starting"
    stage_since_s: float = 0.0
    fraction: float | None = None
    cycles: SimulatedCycles | None = None


@dataclass(slots=True)
class Tally:
    """Counts the events of a campaign for a display: what ended, what runs, the time left.

    Attributes:
        config: Of the study.
        now_s: The clock.
        ended: Designs that ended, those of earlier runs included.
        promoted: Trials that measure a design of the front again, at a higher fidelity.
        promoted_ended: Those of them that ended.
        failed: Trials that failed, of both kinds.
        best: Best value of each objective so far, of the designs that keep the constraints.
    """

    config: StudyConfig
    now_s: Callable[[], float] = time.monotonic
    ended: int = 0
    promoted: int = 0
    promoted_ended: int = 0
    failed: int = 0
    best: dict[str, float] = field(default_factory=dict)
    running: dict[int, _RunningTrial] = field(default_factory=dict)
    asking: bool = False
    _durations_s: list[float] = field(default_factory=list)
    _promoted_durations_s: list[float] = field(default_factory=list)
    _stages_s: dict[str, list[float]] = field(default_factory=dict)

    def start_from(self, columns: "StudyColumns") -> None:
        """Count what earlier runs have done."""
        for trial in columns.trials:
            self.promoted += trial.promotes is not None
            if trial.state not in (TrialState.WAITING, TrialState.RUNNING):
                self._end(trial)
        self.failed += int(columns.is_state(TrialState.FAILED).sum())
        counted = columns.standing.kept
        for name in self.config.objectives if counted.any() else ():
            values = columns.column(name)[counted]
            best = values.max() if name in self.config.maximise else values.min()
            self.best[name] = float(best)

    def take(self, event: CampaignEvent) -> None:
        """Count one event."""
        self.asking = isinstance(event, Asking) or (
            self.asking and isinstance(event, StageChanged | Note)
        )
        match event:
            case TrialStarted():
                self.running[event.trial.number] = _RunningTrial(event.attempt, self.now_s())
            case StageChanged():
                trial = self.running.get(event.number)
                if trial is not None:
                    self._follow(trial, event.event)
            case AttemptEnded():
                self.running.pop(event.trial.number, None)
                if event.state in (None, TrialState.WAITING):
                    return
                self._end(event.trial)
                self.failed += event.state is TrialState.FAILED
                is_promoted = event.trial.promotes is not None
                times_s = self._promoted_durations_s if is_promoted else self._durations_s
                times_s.append(event.wall_s)
                if isinstance(event.outcome, Completed):
                    self._improve(metric_values(event.outcome))
            case TrialReused():
                self._end(event.trial)
            case Promoted():
                self.promoted += len(event.trials)
            case Asking() | Note():
                return
            case _ as never:
                assert_never(never)

    def _follow(self, trial: _RunningTrial, event: StageEvent) -> None:
        """Take one event of a stage: where a trial is, and how long a stage that was built took."""
        now_s = self.now_s()
        if event.stage != trial.stage:
            trial.stage_since_s = now_s
        elif event.state is StageState.DONE:
            self._stages_s.setdefault(event.stage, []).append(now_s - trial.stage_since_s)
        trial.stage, trial.fraction, trial.cycles = event.stage, event.fraction, event.cycles

    def stage_text(self, trial: _RunningTrial) -> str:
        """Say which stage a trial is in and how far; else for how long, and how long it takes."""
        if trial.fraction is not None or trial.cycles is not None:
            return stage_text(trial.stage, trial.fraction, trial.cycles)
        times_s = self._stages_s.get(trial.stage)
        if not times_s:
            return trial.stage
        for_s = self.now_s() - trial.stage_since_s
        return f"{trial.stage}, {duration_text(for_s)} of about {duration_text(median(times_s))}"

    def _end(self, trial: TrialRecord) -> None:
        if trial.is_by_hand:
            return  # beside the budget
        if trial.promotes is None:
            self.ended += 1
        else:
            self.promoted_ended += 1

    def eta_s(self) -> float | None:
        """Return the seconds that what is queued or asked for will take, None if unknown.

        Promotions count from when they are queued: before, nobody knows how many there will be.
        """
        left, times_s = self.config.trials - self.ended, self._durations_s
        if left <= 0:
            left, times_s = self.promoted - self.promoted_ended, self._promoted_durations_s
        if not times_s or left <= 0:
            return None
        usual_s = median(times_s)  # the first trial builds what the others share
        now_s = self.now_s()
        return time_left_s(
            left,
            usual_s=usual_s,
            spent_s=[now_s - trial.started_s for trial in self.running.values()],
            of_stages_s=[
                stage_left_s(now_s - trial.stage_since_s, trial.fraction)
                for trial in self.running.values()
            ],
            at_once=self.config.workers,
        )

    def summary(self) -> str:
        """Return done, failures and estimated time in one line."""
        parts = [f"{self.ended}/{self.config.trials} trials"]
        if self.promoted:
            parts.append(f"{self.promoted_ended}/{self.promoted} promoted")
        if self.failed:
            parts.append(f"{self.failed} failed")
        eta_s = self.eta_s()
        if eta_s is not None:
            parts.append(f"ETA {duration_text(eta_s)}")
        return ", ".join(parts)

    def best_text(self) -> str:
        """Return the best values so far in one line; empty while there is none."""
        best = {name: self.best[name] for name in self.config.objectives if name in self.best}
        return f"best so far: {metrics_text(best)}" if best else ""

    def _improve(self, metrics: dict[str, float]) -> None:
        if broken_constraints(metrics, self.config) or missing_objectives(metrics, self.config):
            return
        for name in self.config.objectives:
            better = max if name in self.config.maximise else min
            self.best[name] = better(self.best.get(name, metrics[name]), metrics[name])


class PlainDisplay:
    """One line per event, without control codes: for pipes, logs and screen readers."""

    def __init__(self, tally: Tally, stream: TextIO | None = None) -> None:
        self._tally = tally
        self._stream = stream or sys.stderr
        self._started_s = tally.now_s()
        self._best = tally.best_text()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def listen(self, event: CampaignEvent) -> None:
        """See ``Display.listen``."""
        self._tally.take(event)
        text = event_text(event, self._tally.config)
        if text is None:
            return
        if isinstance(event, AttemptEnded | TrialReused):
            text = f"{text} [{self._tally.summary()}]"
        self._say(text)
        best = self._tally.best_text()
        if best != self._best:
            self._best = best
            self._say(best)

    def _say(self, text: str) -> None:
        elapsed_s = self._tally.now_s() - self._started_s
        self._stream.write(f"{elapsed_s:7.1f} s  {text}\n")
        self._stream.flush()


class LiveDisplay:
    """A table of running trials that redraws itself, with finished ones scrolling above it."""

    def __init__(self, tally: Tally) -> None:
        from rich.console import Console
        from rich.live import Live

        self._tally = tally
        self._console = Console(stderr=True)
        self._live: Live = Live(
            get_renderable=self._table, console=self._console, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        self._console.print(self._title(), markup=False, highlight=False)

    def listen(self, event: CampaignEvent) -> None:
        """See ``Display.listen``."""
        self._tally.take(event)
        if isinstance(event, AttemptEnded | TrialReused | Note):
            text = event_text(event, self._tally.config)
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _title(self) -> str:
        return "\n".join(filter(None, (self._tally.summary(), self._tally.best_text())))

    def _table(self) -> "Table":
        from rich.table import Table

        table = Table(title=self._title(), title_justify="left", expand=False)
        for column in ("trial", "stage", "time"):
            table.add_column(column, justify="left")
        now_s = self._tally.now_s()
        for number, trial in sorted(self._tally.running.items()):
            again = f" (attempt {trial.attempt})" if trial.attempt > 1 else ""
            elapsed = duration_text(now_s - trial.started_s)
            table.add_row(f"{number}{again}", self._tally.stage_text(trial), elapsed)
        if self._tally.asking:
            algorithm = self._tally.config.suggest.algorithm
            table.add_row("-", f"{algorithm} thinks about the next design", "")
        return table


def event_text(event: CampaignEvent, config: StudyConfig) -> str | None:
    """Put an event into one line; None for what a log does not need."""
    match event:
        case Asking():
            return f"{event.algorithm} is asked for {plural(event.count, 'design')}"
        case Promoted():
            numbers = ", ".join(str(trial.number) for trial in event.trials)
            return f"all designs are measured; the best go on as {config.fidelity}: {numbers}"
        case TrialStarted():
            again = f", attempt {event.attempt}" if event.attempt > 1 else ""
            return f"trial {event.trial.number} starts{again}: {design_text(event.trial.design)}"
        case StageChanged():
            if event.event.state is StageState.CACHED:
                return None
            if event.event.is_progress:
                return None
            return f"trial {event.number}: {event.event.stage} {event.event.state}"
        case AttemptEnded():
            return f"trial {event.trial.number} {_ending(event, config)}"
        case TrialReused():
            return (
                f"trial {event.trial.number} is {event.trial.state}: its design was measured"
                " before, the result is reused"
            )
        case Note():
            return event.text


def metric_values(outcome: Outcome) -> dict[str, float]:
    """Return the metrics of an outcome by name."""
    return {metric.name: metric.value for metric in outcome.measurement.metrics}


def _ending(event: AttemptEnded, config: StudyConfig) -> str:
    took = duration_text(event.wall_s)
    if event.state is None:
        return f"ended after {took}, but was cancelled or taken over before: not recorded"
    outcome = event.outcome
    if isinstance(outcome, Completed):
        values = metric_values(outcome)
        shown = metrics_text({name: values[name] for name in config.objectives})
        return f"completed in {took}: {shown}"
    what = f"{outcome.fault.kind}: {outcome.fault.what}"
    if isinstance(outcome, Failed) and event.state is TrialState.INFEASIBLE:
        return f"infeasible after {took}, the same limit was reached before: {what}"
    if event.state is TrialState.WAITING:
        return f"will be tried again; after {took} {what}"
    return f"{event.state} after {took}: {what}"
