"""The loop itself, with an executor that answers at once and a clock that never waits."""

import itertools
import re
import sqlite3
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from contracts.faults import (
    DoesNotFit,
    DseError,
    FaultKind,
    StoreError,
    ToolCrashed,
    ToolMissing,
    ToolTimeout,
)
from contracts.measurement import Measurement, Outcome, outcome_of
from dse.campaign import Campaign, Timing, pausing
from dse.campaign.asking import Asker
from dse.campaign.events import AttemptEnded, CampaignEvent, Ending, Note, TrialReused
from dse.config import StudyConfig, load_config, with_budget
from dse.output.progress import event_text
from dse.output.report import front_data, front_text, status_data, status_text
from dse.output.trial_report import show_text
from dse.results.front import pareto_front
from dse.results.study_results import study_columns
from dse.space import Design
from dse.store import BY_HAND, NewTrial, RetryPolicy, Store, TrialState
from dse.suggest import Suggester, Suggestion, SuggestRequest, make_suggester
from runners.executors import Event, Finished
from runners.job import Job
from runners.tools.run import disk_full
from tests.campaign.fake_rooms import fake_space, measure

CONFIG = """
[study]
name = "night"
trials = 6
[suggest]
algorithm = "random"
[workload]
model = "net.tflite"
"""


def no_report(_event: object) -> None:
    return


def by_formula(job: Job) -> Outcome:
    try:
        return measure(job, report=no_report)
    except DseError as error:
        return outcome_of(error, Measurement(metrics=()))


@dataclass
class InstantExecutor:
    """Answers the oldest job at each poll; remembers how many ran at the same time."""

    answer: Callable[[Job], Outcome] = by_formula
    jobs: deque[tuple[int, Job]] = field(default_factory=deque)
    submitted: list[Job] = field(default_factory=list)
    most_at_once: int = 0
    cancelled: list[int] = field(default_factory=list)
    hangs: bool = False

    def submit(self, ticket: int, job: Job) -> None:
        self.jobs.append((ticket, job))
        self.submitted.append(job)
        self.most_at_once = max(self.most_at_once, len(self.jobs))

    def poll(self, timeout_s: float) -> tuple[Event, ...]:
        del timeout_s
        if not self.jobs or self.hangs:
            return ()
        ticket, job = self.jobs.popleft()
        return (Finished(ticket=ticket, outcome=self.answer(job)),)

    def cancel(self, ticket: int) -> None:
        self.cancelled.append(ticket)
        self.jobs = deque(item for item in self.jobs if item[0] != ticket)

    def close(self) -> None:
        self.jobs.clear()


@dataclass
class Recorder:
    """A suggester that keeps every request and asks another one."""

    inner: Suggester
    requests: list[SuggestRequest] = field(default_factory=list)
    name: str = "recorder"

    def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
        self.requests.append(request)
        return self.inner.suggest(request)

    def close(self) -> None:
        self.inner.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "results.db") as opened:
        yield opened


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    (tmp_path / "net.tflite").write_bytes(b"net")
    (tmp_path / "night.toml").write_text(CONFIG)
    return load_config(tmp_path / "night.toml")[1]


def campaign(
    store: Store,
    config: StudyConfig,
    *,
    executor: InstantExecutor | None = None,
    suggester: Suggester | None = None,
    events: list[CampaignEvent] | None = None,
    name: str | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Campaign:
    clock = itertools.count(1000.0, 0.5)
    study = store.create_study(
        name=name or config.name,
        config_toml="",
        config_json=config.to_json(),
        source_hash="",
        now_s=0,
    )
    return Campaign(
        store=store,
        study=study,
        config=config,
        context="context",
        space=fake_space(config),
        asker=Asker(suggester or make_suggester("random")),
        executor=executor or InstantExecutor(),
        listen=(lambda _: None) if events is None else events.append,
        should_stop=should_stop,
        timing=Timing(lease_s=1e6, heartbeat_s=10.0, poll_s=0.01),
        now_s=lambda: next(clock),
    )


def states(store: Store, name: str = "night") -> list[str]:
    return [r.trial.state.value for r in store.results(store.study(name).id)]


def test_a_campaign_runs_until_its_budget_is_spent(store: Store, config: StudyConfig) -> None:
    executor = InstantExecutor()

    assert campaign(store, config, executor=executor).run() is Ending.BUDGET
    assert len(states(store)) == 6
    assert set(states(store)) <= {"completed", "infeasible"}
    assert executor.most_at_once == config.workers == 2


def test_a_larger_budget_continues_where_the_study_stood(store: Store, config: StudyConfig) -> None:
    campaign(store, config).run()
    before = store.results(store.study("night").id)
    executor = InstantExecutor()

    campaign(store, with_budget(config, trials=9), executor=executor).run()

    assert len(executor.submitted) == 3
    assert store.results(store.study("night").id)[:6] == before


def test_a_spent_space_ends_the_campaign(store: Store, config: StudyConfig) -> None:
    big = with_budget(config, trials=100)

    assert campaign(store, big).run() is Ending.EXHAUSTED
    assert len(states(store)) == fake_space().count()


def test_the_suggester_is_told_everything_that_is_stored(store: Store, config: StudyConfig) -> None:
    campaign(store, config).run()
    recorder = Recorder(make_suggester("random"))

    campaign(store, with_budget(config, trials=7), suggester=recorder).run()

    (request,) = recorder.requests
    results = store.results(store.study("night").id)[:6]
    told = {o.design.id: o.values for o in request.observations}
    assert told == {
        r.trial.design_id: {name: r.metrics[name] for name in config.objectives}
        if r.trial.state is TrialState.COMPLETED
        else None
        for r in results
    }
    assert request.seed == config.seed


def test_a_design_above_a_constraint_is_told_as_infeasible(
    store: Store, tmp_path: Path, config: StudyConfig
) -> None:
    (tmp_path / "night.toml").write_text(CONFIG + "[constraints]\nmult18x18d = 1\n")
    config = with_budget(load_config(tmp_path / "night.toml")[1], trials=20)
    recorder = Recorder(make_suggester("random"))

    campaign(store, config, suggester=recorder).run()

    for observation in recorder.requests[-1].observations:
        width = int(observation.design.values.get("simd_width", 0))
        assert (observation.values is None) == (width > 1)


def test_an_infrastructure_fault_is_tried_again_and_never_told(
    store: Store, config: StudyConfig
) -> None:
    seen: set[str] = set()

    def crash_once(job: Job) -> Outcome:
        text = str(sorted(job.design.items()))
        if text in seen:
            return by_formula(job)
        seen.add(text)
        return outcome_of(ToolCrashed("yosys failed", fix="-"), Measurement(metrics=()))

    recorder = Recorder(make_suggester("random"))
    ending = campaign(store, config, executor=InstantExecutor(crash_once), suggester=recorder).run()

    assert ending is Ending.BUDGET
    assert set(states(store)) <= {"completed", "infeasible"}
    study = store.study("night")
    assert all(len(store.detail(study, n).attempts) == 2 for n in range(1, 7))


def test_a_trial_that_keeps_failing_is_left_for_resume(store: Store, config: StudyConfig) -> None:
    crash = outcome_of(ToolCrashed("yosys failed", fix="-"), Measurement(metrics=()))
    small = with_budget(config, trials=2)

    assert campaign(store, small, executor=InstantExecutor(lambda _: crash)).run() is Ending.BUDGET
    assert states(store) == ["failed", "failed"]

    study = store.study("night")
    assert store.requeue(study.id, context="context", now_s=0) == 2
    campaign(store, small).run()
    assert set(states(store)) <= {"completed", "infeasible"}


def test_a_design_that_reaches_a_limit_twice_is_told_to_the_search_and_not_run_again(
    store: Store, config: StudyConfig
) -> None:
    def answer(job: Job) -> Outcome:
        if job.design["cfu"] != "simd":
            return by_formula(job)
        limit = ToolTimeout("nextpnr was stopped after 900 s", fix="-")
        limit.stage, limit.is_own_limit = "place-and-route", True
        return outcome_of(limit, Measurement(metrics=()))

    executor, events = InstantExecutor(answer), []  # type: ignore[var-annotated]
    recorder = Recorder(make_suggester("random"))
    campaign(store, config, executor=executor, suggester=recorder, events=events).run()

    results = store.results(store.study("night").id)
    slow = [r for r in results if r.trial.design["cfu"] == "simd"]
    assert slow
    assert {r.trial.state for r in slow} == {TrialState.INFEASIBLE}
    assert {r.kind for r in slow} == {FaultKind.TOO_SLOW_TO_BUILD}
    assert len(executor.submitted) == len(results) + len(slow)  # two attempts, not three
    told = {o.design.id: o.values for o in recorder.requests[-1].observations}
    assert {told[r.trial.design_id] for r in slow if r.trial.design_id in told} == {None}
    lines = [event_text(e, config) or "" for e in events if isinstance(e, AttemptEnded)]
    assert sum("infeasible" in line and "reached before" in line for line in lines) == len(slow)

    study, again = store.study("night"), InstantExecutor(answer)
    assert store.requeue(study.id, context="context", now_s=0) == 0
    campaign(store, config, executor=again).run()
    assert again.submitted == []


def test_a_missing_tool_stops_everything_and_blames_no_trial(
    store: Store, config: StudyConfig
) -> None:
    missing = outcome_of(ToolMissing("no verilator", fix="make setup"), Measurement(metrics=()))

    with pytest.raises(ToolMissing, match="no verilator\n  fix: make setup"):
        campaign(store, config, executor=InstantExecutor(lambda _: missing)).run()
    assert states(store) == ["waiting", "waiting"]


def test_a_full_disk_pauses_the_study_and_costs_no_trial_an_attempt(
    store: Store, config: StudyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = outcome_of(disk_full("stage cpu", Path("/")), Measurement(metrics=()))
    free, rounds = [12_000], itertools.count()
    monkeypatch.setattr(pausing, "free_bytes", lambda _folder: free[0])

    def answer(job: Job) -> Outcome:
        return full if free[0] < pausing.ROOM_BYTES else by_formula(job)

    def no_stop_but_room_after_a_while() -> bool:
        if next(rounds) == 30:
            assert len(executor.submitted) == config.workers, "nothing starts on a full disk"
            assert states(store) == ["waiting", "waiting"]
            free[0] = 2 * pausing.ROOM_BYTES
        return False

    executor, events = InstantExecutor(answer), list[CampaignEvent]()
    ending = campaign(
        store, config, executor=executor, events=events, should_stop=no_stop_but_room_after_a_while
    ).run()

    assert ending is Ending.BUDGET
    assert set(states(store)) == {"completed", "infeasible"}
    assert {r.trial.failures for r in store.results(store.study("night").id)} == {0}
    told = [event.text for event in events if isinstance(event, Note)]
    assert len(told) == 2, "once that it pauses, once that it goes on"
    assert "paused, the disk is full (12 kB free for the cache in /" in told[0]
    assert "there is room" in told[1]


def test_where_the_free_space_says_nothing_a_full_disk_is_tried_again(
    store: Store, config: StudyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = outcome_of(disk_full("stage cpu", Path("/")), Measurement(metrics=()))
    monkeypatch.setattr(pausing, "free_bytes", lambda _folder: 10**12)  # it was a quota
    monkeypatch.setattr(pausing, "RETRY_S", 20.0)
    answers = itertools.chain([full] * 4, itertools.repeat(None))
    executor = InstantExecutor(lambda job: next(answers) or by_formula(job))

    assert campaign(store, config, executor=executor).run() is Ending.BUDGET
    assert set(states(store)) == {"completed", "infeasible"}
    assert len(executor.submitted) == 10


def test_a_stop_gives_running_trials_back(store: Store, config: StudyConfig) -> None:
    executor = InstantExecutor(hangs=True)
    events: list[CampaignEvent] = []

    def both_run() -> bool:
        return len(executor.submitted) == 2

    ending = campaign(store, config, executor=executor, should_stop=both_run, events=events).run()

    assert ending is Ending.INTERRUPTED
    assert states(store) == ["waiting", "waiting"]
    kinds = [e.outcome.fault.kind for e in events if isinstance(e, AttemptEnded)]  # type: ignore[union-attr]
    assert kinds == [FaultKind.CANCELLED, FaultKind.CANCELLED]


def test_a_design_measured_by_another_study_is_reused_and_said_to_be(
    store: Store, config: StudyConfig
) -> None:
    full = with_budget(config, trials=48)
    campaign(store, full, name="first").run()
    executor, events = InstantExecutor(), []  # type: ignore[var-annotated]

    campaign(store, full, executor=executor, events=events, name="second").run()

    assert executor.submitted == []
    assert sum(isinstance(event, TrialReused) for event in events) == 48
    first = {r.trial.design_id: r.metrics for r in store.results(store.study("first").id)}
    second = store.results(store.study("second").id)
    assert {r.trial.design_id: r.metrics for r in second} == first
    assert {r.reused_from[0] for r in second if r.reused_from} == {"first"}


def test_equal_designs_are_never_measured_twice(store: Store, config: StudyConfig) -> None:
    class Stubborn:
        name = "stubborn"

        def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
            default = Suggestion(design=request.space.default(), suggested_by=self.name)
            return (default,) * request.count

        def close(self) -> None: ...

    executor = InstantExecutor()
    campaign(store, config, executor=executor, suggester=Stubborn()).run()

    designs = [tuple(sorted(job.design.items())) for job in executor.submitted]
    assert len(designs) == len(set(designs)) == 6
    results = store.results(store.study("night").id)
    assert results[-1].trial.suggested_by == "random instead of stubborn"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ToolTimeout("no answer", fix="raise suggest.timeout_s"), "no answer"),
        (KeyError("depth"), "vizier ended with KeyError: 'depth'"),
    ],
)
def test_a_suggester_that_fails_does_not_end_the_night(
    store: Store, config: StudyConfig, error: Exception, told: str
) -> None:
    class Hanging:
        name = "vizier"

        def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
            assert request.count
            raise error

        def close(self) -> None: ...

    events: list[CampaignEvent] = []
    loop = campaign(store, config, suggester=Hanging(), events=events)
    assert loop.run() is Ending.BUDGET

    results = store.results(store.study("night").id)
    assert {r.trial.suggested_by for r in results} == {"random instead of vizier"}
    notes = [e.text for e in events if isinstance(e, Note)]
    assert any("drawn at random" in text and told in text for text in notes)
    assert loop.stand_ins == len(results) == 6


def test_designs_that_the_search_did_not_choose_are_marked_wherever_they_are_shown(
    store: Store, config: StudyConfig
) -> None:
    class FailsLater:
        name = "vizier"

        def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
            if len(request.taken()) >= 3:
                raise ToolCrashed("the search process ended", fix="try again")
            return make_suggester("random").suggest(request)

        def close(self) -> None: ...

    campaign(store, config, suggester=FailsLater()).run()

    study = store.study("night")
    results = store.results(study.id)
    drawn = [r.trial.number for r in results if r.trial.suggested_by.startswith("random instead")]
    assert 0 < len(drawn) < len(results)
    listed = f"{len(drawn)} design{'s' if len(drawn) > 1 else ''} drawn at random instead, trials"
    columns = study_columns(store, "night")
    status = status_data(columns)
    assert status["stand_ins"] == drawn
    assert f"* the search failed: {listed} {drawn[0]}" in status_text(status)
    found = pareto_front(columns)
    front = front_data(found, config)
    assert front["stand_ins"] == drawn
    words = {point["trial"]: point["suggested_by"] for point in front["front"]}
    assert {n for n, by in words.items() if by == "random instead of vizier"} == {*words} & {*drawn}
    text = front_text(found, config)
    assert listed in text
    marked = {int(n) for n in re.findall(r"^ *\*(\d+) ", text, flags=re.MULTILINE)}
    assert marked == {*words} & {*drawn}
    shown = show_text(store.detail(study, drawn[0]), config.target)
    assert "the search failed" in shown


def test_a_completed_trial_without_an_objective_is_a_bug_and_not_a_result(
    store: Store, config: StudyConfig
) -> None:
    def forgetful(job: Job) -> Outcome:
        outcome = by_formula(job)
        measurement = Measurement(metrics=outcome.measurement.metrics[:1])
        return type(outcome)(measurement=measurement)  # type: ignore[call-arg]

    simd_free = with_budget(config, trials=1)
    campaign(store, simd_free, executor=InstantExecutor(forgetful)).run()

    (result,) = store.results(store.study("night").id)
    assert result.trial.state is TrialState.FAILED
    assert result.kind is FaultKind.BUG
    assert result.what is not None
    assert "without a finite value of latency_us, lut4" in result.what


def test_a_lost_lease_cancels_the_trial_here(store: Store, config: StudyConfig) -> None:
    executor = InstantExecutor(hangs=True)
    events: list[CampaignEvent] = []
    loop = campaign(store, with_budget(config, trials=1), executor=executor, events=events)

    def take_over() -> bool:
        if executor.submitted and not executor.cancelled:
            store.take_back(now_s=1100.0, retry=RetryPolicy(backoff_s=0.0), is_gone=bool)
            loop._next_beat_s = 0.0
        executor.hangs = not executor.cancelled
        return False

    loop.should_stop = take_over
    assert loop.run() is Ending.BUDGET
    assert any(isinstance(e, Note) and "taken over" in e.text for e in events)
    assert len(store.detail(store.study("night"), 1).attempts) == 2


def queue_by_hand(store: Store, study_id: int, design: Design) -> None:
    new = NewTrial(design_id=design.id, design_json=design.canonical, suggested_by=BY_HAND)
    store.add_trials(study_id, [new], context="context", budget=None, now_s=0)


def test_designs_that_a_person_queued_leave_the_budget_to_the_search(
    store: Store, config: StudyConfig
) -> None:
    loop = campaign(store, config)
    for design in itertools.islice(loop.space.enumerate(), 2):
        queue_by_hand(store, loop.study.id, design)

    assert loop.run() is Ending.BUDGET
    suggested_by = Counter(r.trial.suggested_by for r in store.results(loop.study.id))
    assert suggested_by == {BY_HAND: 2, "random": config.trials}


def test_a_queued_design_of_another_space_is_a_result_and_stops_nothing(
    store: Store, config: StudyConfig
) -> None:
    asked: list[SuggestRequest] = []
    inner = make_suggester("random")

    class Listening:
        name = "random"

        def suggest(self, request: SuggestRequest) -> tuple[Design, ...]:
            asked.append(request)
            return inner.suggest(request)

        def close(self) -> None: ...

    made = campaign(store, config, suggester=Listening())
    foreign = Design({"icache_bytes": 0, "bypass": True, "cfu": "theirs", "their_depth": 3})
    ours = fake_space().default()
    queue_by_hand(store, made.study.id, foreign)
    queue_by_hand(store, made.study.id, ours)
    made.run()

    first, second, *_ = store.results(made.study.id)
    assert (first.trial.state, second.trial.state) == (
        TrialState.INFEASIBLE,
        TrialState.COMPLETED,
    )
    (attempt,) = store.detail(made.study, 1).attempts
    assert attempt.kind is FaultKind.INVALID_DESIGN
    assert attempt.what == "queued by hand, but the space has no parameter 'their_depth'"
    told = [o.design for request in asked for o in request.observations]
    assert foreign not in told
    assert ours in told


def test_a_database_that_is_locked_for_long_costs_time_and_no_trial(
    tmp_path: Path, config: StudyConfig
) -> None:
    locking = sqlite3.connect(tmp_path / "results.db", isolation_level=None)
    events: list[CampaignEvent] = []

    def lock_while_it_runs(job: Job) -> Outcome:
        if not locking.in_transaction and len(executor.submitted) == 3:
            locking.execute("BEGIN IMMEDIATE")
        return by_formula(job)

    def told(event: CampaignEvent) -> None:
        events.append(event)
        waits = [e for e in events if isinstance(e, Note) and "locked by another" in e.text]
        if locking.in_transaction and len(waits) == 2:
            locking.execute("ROLLBACK")

    executor = InstantExecutor(answer=lock_while_it_runs)
    with Store(tmp_path / "results.db", busy_timeout_s=0.05) as store:
        night = campaign(store, config, executor=executor)
        night.listen = told
        assert night.run() is Ending.BUDGET
        assert len(states(store)) == 6
        assert set(states(store)) <= {"completed", "infeasible"}
    locking.close()
    assert len(executor.submitted) == 6
    assert sum("locked by another" in e.text for e in events if isinstance(e, Note)) == 2


def test_a_person_can_stop_a_campaign_that_waits_for_the_database(
    tmp_path: Path, config: StudyConfig
) -> None:
    is_stopped = False
    with Store(tmp_path / "results.db", busy_timeout_s=0.05) as store:
        night = campaign(store, config, should_stop=lambda: is_stopped)
        locking = sqlite3.connect(tmp_path / "results.db", isolation_level=None)
        locking.execute("BEGIN IMMEDIATE")

        def stop(_event: CampaignEvent) -> None:
            nonlocal is_stopped
            is_stopped = True

        night.listen = stop
        with pytest.raises(StoreError, match="locked by another process"):
            night.run()
        locking.close()


def test_a_fault_of_the_design_is_a_result(store: Store, config: StudyConfig) -> None:
    fault = outcome_of(DoesNotFit("too wide", fix="narrower"), Measurement(metrics=()))
    campaign(store, config, executor=InstantExecutor(lambda _: fault)).run()

    assert states(store) == ["infeasible"] * 6


def test_a_trial_that_a_person_cancels_is_stopped_and_its_result_is_not_kept(
    store: Store, config: StudyConfig
) -> None:
    executor = InstantExecutor(hangs=True)
    events: list[CampaignEvent] = []
    loop = campaign(store, with_budget(config, trials=1), executor=executor, events=events)

    def cancel() -> bool:
        if executor.submitted and not executor.cancelled:
            was = store.cancel(loop.study.id, 1, now_s=1.0)
            assert was in (TrialState.RUNNING, None)
            loop._next_look_s = 0.0
        return False

    loop.should_stop = cancel
    assert loop.run() is Ending.BUDGET
    assert len(executor.cancelled) == 1
    (ended,) = [event for event in events if isinstance(event, AttemptEnded)]
    assert ended.state is TrialState.FAILED
    detail = store.detail(store.study("night"), 1)
    assert [a.kind for a in detail.attempts] == [FaultKind.CANCELLED] * 2
    assert store.requeue(loop.study.id, context="context", now_s=2.0) == 0
    assert (
        store.finish(1, by_formula(executor.submitted[0]), now_s=3.0, retry=RetryPolicy()) is None
    )
    assert states(store) == ["failed"]
