"""Ask, claim, run, record: until the budget is spent, the space is empty or a person stops it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from contracts.faults import Bug, Cancelled, ConfigError, FaultKind, InvalidDesign, Then
from contracts.measurement import Completed, Failed, Measurement, Outcome, outcome_of
from dse.campaign.asking import Asker
from dse.campaign.earlier import EarlierStudies
from dse.campaign.events import (
    Asking,
    AttemptEnded,
    CampaignEvent,
    Ending,
    Listener,
    Note,
    Promoted,
    StageChanged,
    TrialReused,
    TrialStarted,
)
from dse.campaign.knowledge import Knowledge
from dse.campaign.pausing import DiskPause
from dse.campaign.promotion import to_promote, wanted_clock_hz
from dse.campaign.trial_costs import TrialCosts
from dse.config import StudyConfig
from dse.results.front import missing_objectives
from dse.space import Design, Space
from dse.store import (
    BY_HAND,
    Claim,
    NewTrial,
    RetryPolicy,
    Store,
    StudyRecord,
    TrialRecord,
    TrialState,
    Unavailable,
)
from dse.store.workers import is_gone, worker_name
from dse.suggest.cost import CostModel
from dse.suggest.stopping import AGREEING, has_converged
from runners.executors import Executor, Finished, Progress
from runners.job import StageEvent, StageState
from runners.pipeline import default_root

_SLOW_S = 0.25
"""An algorithm that takes longer is asked ahead."""
_TOLD_AGAIN_S = 30.0
"""So often a campaign says that it waits for its database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How often a campaign polls its executor, prolongs its leases and looks at the store.

    Attributes:
        lease_s: A worker that is not heard of for so long has lost its trial. With ``look_s`` it
            is less than three heartbeats, within which a dead worker is to be noticed.
        heartbeat_s: How often a worker is heard of.
        poll_s: How long the loop waits for events; an interrupt is noticed within it.
        look_s: How often the store is asked whether somebody wants the study to stop, and which
            workers are dead.
        progress_s: How often it is stored how far running stages are.
    """

    lease_s: float = 42.0
    heartbeat_s: float = 15.0
    poll_s: float = 0.2
    look_s: float = 1.0
    progress_s: float = 2.0


@dataclass(slots=True)
class _Running:
    claim: Claim
    started_s: float
    untold: StageEvent | None = None
    """How far its stage is, where that is newer than what is stored."""


@dataclass(slots=True, kw_only=True)
class Campaign:
    """Runs one study with some workers; several campaigns may share a study and a database.

    Args:
        store: The truth; used from this thread alone.
        study: What to run.
        config: Its config.
        context: Hash of what results depend on beside the design.
        space: Where designs come from.
        asker: The search algorithm.
        executor: Runs the trials.
        listen: Is told what happens; quick.
        should_stop: Asked often; True ends the campaign after cancelling what runs.
        retry: For faults of the infrastructure.
        timing: Leases and waits.
        now_s: The clock.
        pause: Whether a full disk has got room again.

    Attributes:
        stand_ins: Designs of this run that were drawn at random because the search failed.
    """

    store: Store
    study: StudyRecord
    config: StudyConfig
    context: str
    space: Space
    asker: Asker
    executor: Executor
    listen: Listener = lambda _event: None
    should_stop: Callable[[], bool] = lambda: False
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timing: Timing = field(default_factory=Timing)
    now_s: Callable[[], float] = time.time
    pause: DiskPause = field(default_factory=lambda: DiskPause({"cache": default_root()}))
    stand_ins: int = field(default=0, init=False)
    _running: dict[int, _Running] = field(default_factory=dict, init=False)
    _knowledge: Knowledge = field(init=False)
    _earlier: EarlierStudies = field(init=False)
    _costs: TrialCosts = field(init=False)
    _promotion_costs: TrialCosts = field(init=False)
    _is_exhausted: bool = field(default=False, init=False)
    _next_beat_s: float = field(default=0.0, init=False)
    _is_spent: bool = field(default=False, init=False)
    _is_waiting: bool = field(default=False, init=False)
    _has_converged: bool = field(default=False, init=False)
    _next_look_s: float = field(default=0.0, init=False)
    _next_ahead_s: float = field(default=0.0, init=False)
    _is_stop_requested: bool = field(default=False, init=False)
    _has_no_room: bool = field(default=False, init=False)
    _next_room_s: float = field(default=0.0, init=False)
    _next_told_s: float = field(default=0.0, init=False)
    _next_progress_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._knowledge = Knowledge(
            self.study.name,
            self.config,
            self.space,
            is_ours=lambda trial: self._refusal(trial) is None,
            newest_untold=self.config.workers - 1 if self.config.suggest.reproducible else None,
        )
        self._earlier = EarlierStudies(self.config, self.space, self.store)
        self._costs = TrialCosts(self.study.id)
        self._promotion_costs = TrialCosts(self.study.id, of_promotions=True)

    def run(self) -> Ending:
        """Run to the end.

        Raises:
            DseError: Something that no retry helps against; what ran goes back to the queue.
        """
        self.store.wait_while(self._waits_for_the_database)
        self._take_back()
        try:
            while not self.should_stop():
                is_stopping = self._is_stopping()
                if is_stopping:
                    if not self._running:
                        return Ending.STOPPED
                elif not self._is_paused():
                    self._settle()
                if not is_stopping and self._is_over() and not self._promote():
                    return self._ending()
                self._take_events(self._wait_s())
                self._beat()
            self._take_events(0.0)  # what has just finished is not to be run again
            return Ending.INTERRUPTED
        finally:
            self._cancel_all()

    def _waits_for_the_database(self, error: Unavailable) -> bool:
        """Wait as long as it takes, unless a person has stopped this: trials run meanwhile."""
        if self.should_stop():
            return False
        now_s = time.monotonic()
        if error.has_waited or now_s >= self._next_told_s:
            self._next_told_s = now_s + _TOLD_AGAIN_S
            self._tell(Note(text=f"{error.what}; waiting for it"))
        return True

    def _ending(self) -> Ending:
        if self._is_exhausted:
            return Ending.EXHAUSTED
        return Ending.CONVERGED if self._has_converged else Ending.BUDGET

    def _wait_s(self) -> float:
        """Return how long to wait for trials: an answer of the algorithm wakes nobody."""
        return min(self.timing.poll_s, 0.02) if self.asker.is_asking else self.timing.poll_s

    # --- what to run

    def _settle(self) -> None:
        """Give the free workers something to do: a queued trial, else a new suggestion."""
        self._take_answer()
        if len(self._running) >= self.config.workers:
            self._ask_ahead()
            return
        start_s = self.store.next_start_s(self.study.id)
        if start_s is None or start_s > self.now_s():
            self._ask()
            return
        for trial in self.store.reuse_results(self.study.id, now_s=self.now_s()):
            self._tell(TrialReused(trial=trial))
        while len(self._running) < self.config.workers:
            claim = self.store.claim(
                self.study.id,
                worker=worker_name(),
                context=self.context,
                now_s=self.now_s(),
                lease_s=self.timing.lease_s,
            )
            if claim is None:
                self._ask()
                return
            self._start(claim)

    def _start(self, claim: Claim) -> None:
        running = _Running(claim, self.now_s())
        fault = self._refusal(claim.trial)
        if fault is not None:
            self._tell(TrialStarted(trial=claim.trial, attempt=claim.attempt_number))
            self._record(running, outcome_of(fault, Measurement(metrics=())))
            return
        self._running[claim.attempt_id] = running
        self._knowledge.update(self.store)
        expected = self._knowledge.expected_cycles(Design.from_canonical(claim.trial.design_json))
        job = self.config.job(claim.trial.design, claim.trial.fidelity)
        job = replace(job, expected_cycles=expected)
        if claim.trial.promotes is not None:
            wanted_hz = wanted_clock_hz(self._knowledge.columns(), claim.trial.design_id)
            job = replace(job, wanted_clock_hz=wanted_hz)
        self.executor.submit(claim.attempt_id, job)
        self._tell(TrialStarted(trial=claim.trial, attempt=claim.attempt_number))

    def _refusal(self, trial: TrialRecord) -> InvalidDesign | None:
        """Return why a design that a person queued is none of this space, or None.

        A page cannot tell: the rules of a user's families are code, which it does not run.
        """
        if trial.suggested_by != BY_HAND:
            return None
        try:
            self.space.design(trial.design)
        except ConfigError as error:
            return InvalidDesign(f"queued by hand, but {error.what}", fix=error.fix)
        return None

    def _ask_ahead(self) -> None:
        """Let a slow algorithm think while all workers are busy, so that none waits for it.

        One design ahead: it is chosen without what runs now has to tell. A quick algorithm is
        asked when there is room, and knows all.
        """
        now_s = self.now_s()
        if self.asker.took_s < _SLOW_S or self.asker.is_asking or now_s < self._next_ahead_s:
            return
        self._next_ahead_s = now_s + self.timing.look_s
        if self.store.next_start_s(self.study.id) is None:
            self._ask(at_least=1)

    def _ask(self, *, at_least: int = 0) -> None:
        if self.asker.is_asking or self._is_exhausted or self._is_spent:
            return
        self._knowledge.update(self.store)
        left = self.config.trials - self._knowledge.designs
        stop_gain = self.config.suggest.stop_gain
        if left > 0 and stop_gain > 0:
            gains = self.store.gains(self.study.id, most=AGREEING)
            self._has_converged = has_converged(gains, stop_gain)
        budget_s = self.config.budget_s
        is_late = budget_s is not None and budget_s <= self.store.worked_s(
            self.study.id, now_s=self.now_s()
        )
        self._is_spent = left <= 0 or is_late or self._has_converged
        self._is_waiting = not self._is_spent and not self._knowledge.is_ready
        if self._is_spent or self._is_waiting:
            return
        count = min(max(self.config.workers - len(self._running), at_least), left)
        if self.config.suggest.reproducible:
            count = min(count, 1)  # the next one is told of one design more
        if count > 0:
            self._earlier.update(self.store)
            self.asker.ask(
                self._knowledge.request(
                    count,
                    earlier=self._earlier.studies(),
                    costs=self._costs.update(self.store),
                )
            )
            self._tell(Asking(algorithm=self.config.suggest.algorithm, count=count))

    def _take_answer(self) -> None:
        """Queue what the algorithm suggests.

        The store leaves out what the study has got meanwhile from another process; those trials
        are known when the algorithm is asked again, so the same answer does not come twice.
        """
        answer = self.asker.answer()
        if answer is None:
            return
        if answer.note:
            self._tell(Note(text=answer.note))
        self._is_exhausted = not answer.suggestions
        added = self.store.add_trials(
            self.study.id,
            [
                NewTrial(
                    design_id=suggestion.design.id,
                    design_json=suggestion.design.canonical,
                    suggested_by=suggestion.suggested_by,
                    fidelity=self.config.first_fidelity,
                    belief=suggestion.belief,
                )
                for suggestion in answer.suggestions
            ],
            context=self.context,
            budget=self.config.trials,
            now_s=self.now_s(),
        )
        self.stand_ins += sum(trial.is_stand_in for trial in added)
        importance = next((s.importance for s in answer.suggestions if s.importance), None)
        if importance is not None:
            self.store.describe_importance(self.study.id, importance)

    def _promote(self) -> bool:
        """Queue the best designs for a higher fidelity; tell whether there were any."""
        if not self.config.promotes:
            return False
        self._knowledge.update(self.store)
        costs = CostModel(self.space, self._promotion_costs.update(self.store))
        promoted = self.store.add_trials(
            self.study.id,
            to_promote(
                self._knowledge.columns(), costs=costs.predict_s if costs.is_known else None
            ),
            context=self.context,
            budget=self.config.trials,
            now_s=self.now_s(),
        )
        if promoted:
            self._tell(Promoted(trials=promoted))
        return bool(promoted)

    def _is_stopping(self) -> bool:
        """Tell whether somebody asked for no further trials; looked up once a second.

        The same look finds dead workers: one of this machine at once, of another when its lease
        has run out; and trials of ours that a person has cancelled.
        """
        now_s = self.now_s()
        if now_s >= self._next_look_s:
            self._next_look_s = now_s + self.timing.look_s
            self._is_stop_requested = self.store.is_stop_requested(self.study.id)
            self._take_back()
            self._drop_cancelled()
        return self._is_stop_requested

    def _is_paused(self) -> bool:
        """Tell whether trials wait for a full disk to get room; looked up once a second."""
        if not self._has_no_room:
            return False
        now_s = self.now_s()
        if now_s >= self._next_room_s:
            self._next_room_s = now_s + self.timing.look_s
            self._has_no_room = self.pause.is_on(now_s=now_s)
            if not self._has_no_room:
                self._tell(Note(text="trials start again: there is room, or it is time to try"))
        return self._has_no_room

    def _take_back(self) -> None:
        lost = self.store.take_back(now_s=self.now_s(), retry=self.retry, is_gone=is_gone)
        if lost:
            self._tell(Note(text=f"{lost} trials of dead workers are queued again"))

    def _drop_cancelled(self) -> None:
        """Stop the trials that a person has cancelled; the store has their end already."""
        for attempt_id in self.store.cancelled(self._running) if self._running else ():
            running = self._running.pop(attempt_id)
            self.executor.cancel(attempt_id)
            fault = Cancelled("a person cancelled it", fix="queue its design again")
            self._tell(
                AttemptEnded(
                    trial=running.claim.trial,
                    outcome=outcome_of(fault, Measurement(metrics=())),
                    state=TrialState.FAILED,
                    wall_s=self.now_s() - running.started_s,
                )
            )

    def _is_over(self) -> bool:
        """Tell whether nothing runs, waits or is being thought about, here or elsewhere."""
        return (
            not self._running
            and not self.asker.is_asking
            and not self._is_waiting
            and self.store.open_trials(self.study.id) == 0
        )

    # --- what came out

    def _take_events(self, timeout_s: float) -> None:
        for event in self.executor.poll(timeout_s):
            if isinstance(event, Progress):
                self._on_progress(event)
            else:
                self._on_finished(event)

    def _on_progress(self, event: Progress) -> None:
        running = self._running.get(event.ticket)
        if running is not None:
            stage = event.event
            running.untold = stage if stage.is_progress else None
            if stage.state is StageState.STARTED and not stage.is_progress:
                self.store.note_stage(event.ticket, stage.stage, now_s=self.now_s())
            self._tell(StageChanged(number=running.claim.trial.number, event=stage))

    def _on_finished(self, event: Finished) -> None:
        running = self._running.pop(event.ticket)
        self._record(running, event.outcome)
        if isinstance(event.outcome, Failed) and event.outcome.fault.then is Then.STOP:
            raise event.outcome.fault.error()  # every trial would meet it
        if isinstance(event.outcome, Failed) and event.outcome.fault.kind is FaultKind.DISK_FULL:
            self._has_no_room = True  # every trial would meet it until somebody makes room
            told = self.pause.begin(now_s=self.now_s())
            if told:
                self._tell(Note(text=told))

    def _record(self, running: _Running, outcome: Outcome) -> None:
        now_s = self.now_s()
        if isinstance(outcome, Completed):
            outcome = _with_objectives(outcome, self.config)
        state = self.store.finish(running.claim.attempt_id, outcome, now_s=now_s, retry=self.retry)
        self._tell(
            AttemptEnded(
                trial=running.claim.trial,
                outcome=outcome,
                state=state,
                wall_s=now_s - running.started_s,
            )
        )

    def _beat(self) -> None:
        """Prolong our leases, drop trials whose lease was taken away, tell how far stages are."""
        now_s = self.now_s()
        if now_s >= self._next_progress_s:
            self._next_progress_s = now_s + self.timing.progress_s
            self._note_progress()
        if now_s < self._next_beat_s:
            return
        self._next_beat_s = now_s + self.timing.heartbeat_s
        self._drop_cancelled()
        held = self.store.heartbeat(self._running, now_s=now_s, lease_s=self.timing.lease_s)
        for attempt_id in self._running.keys() - held:
            running = self._running.pop(attempt_id)
            self.executor.cancel(attempt_id)
            number = running.claim.trial.number
            self._tell(Note(text=f"trial {number} was taken over by another worker"))

    def _note_progress(self) -> None:
        """Store how far running stages are, of those that told since it was stored last."""
        told = {key: each.untold for key, each in self._running.items() if each.untold is not None}
        for key in told:
            self._running[key].untold = None
        if told:
            self.store.note_progress(told)

    def _cancel_all(self) -> None:
        """End what runs and give it back; nothing runs after a normal end."""
        self.executor.close()
        fault = Cancelled("the trial was interrupted", fix="`resume` the study to run it")
        while self._running:
            _, running = self._running.popitem()
            self._record(running, outcome_of(fault, Measurement(metrics=())))

    def _tell(self, event: CampaignEvent) -> None:
        self.listen(event)


def _with_objectives(outcome: Completed, config: StudyConfig) -> Outcome:
    """Return the outcome, or a bug where an objective has no finite value."""
    values = {metric.name: metric.value for metric in outcome.measurement.metrics}
    missing = missing_objectives(values, config)
    if not missing:
        return outcome
    fault = Bug(
        f"the trial completed without a finite value of {', '.join(missing)}",
        fix="report it with the output of `show`",
    )
    return outcome_of(fault, outcome.measurement)
