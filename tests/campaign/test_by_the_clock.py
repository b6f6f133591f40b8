"""When a campaign looks, waits, beats and asks, by a clock that only its own waiting moves."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from contracts.measurement import Measurement, Outcome, outcome_of
from dse.campaign import Timing
from dse.campaign.asking import Answer
from dse.campaign.campaign import Campaign
from dse.campaign.events import AttemptEnded, CampaignEvent, Ending, Note
from dse.config import StudyConfig, load_config, with_budget
from dse.store import NewTrial, Store, TrialState
from dse.suggest import SuggestRequest, make_suggester
from runners.executors import Event, Finished
from runners.job import Job
from runners.tools.run import disk_full
from tests.campaign.fake_rooms import fake_space
from tests.campaign.test_campaign import CONFIG, InstantExecutor, by_formula
from tests.campaign.test_hours import HOURS

START_S = 1000.0
TIMING = Timing(lease_s=1e6, heartbeat_s=10.0, poll_s=0.5, look_s=1.0)


@dataclass
class Clock:
    now_s: float = START_S


@dataclass
class TimedExecutor(InstantExecutor):
    """A job ends ``trial_s`` after its start; waiting takes as long as it may."""

    clock: Clock = field(default_factory=Clock)
    trial_s: float = 6.0
    started: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)

    def submit(self, ticket: int, job: Job) -> None:
        super().submit(ticket, job)
        self.started.append(self.clock.now_s)

    def poll(self, timeout_s: float) -> tuple[Event, ...]:
        self.waits_s.append(timeout_s)
        assert len(self.waits_s) < 2000, "the campaign does not end"
        self.clock.now_s += timeout_s
        running = self.started[len(self.started) - len(self.jobs) :]
        ended = sum(self.clock.now_s - start_s >= self.trial_s for start_s in running)
        found = [self.jobs.popleft() for _ in range(ended)]
        self.ended += [self.clock.now_s] * ended
        return tuple(Finished(ticket=ticket, outcome=self.answer(job)) for ticket, job in found)


@dataclass
class Thinker:
    """A search that answers after so many questions whether it has, and says what it took."""

    took_s: float = 0.0
    thinks: int = 0
    clock: Clock = field(default_factory=Clock)
    requests: list[tuple[float, int]] = field(default_factory=list)
    open: SuggestRequest | None = None
    left: int = 0

    @property
    def is_asking(self) -> bool:
        return self.open is not None

    def ask(self, request: SuggestRequest) -> None:
        assert self.open is None, "one question at a time"
        self.open, self.left = request, self.thinks
        self.requests.append((self.clock.now_s, request.count))

    def answer(self) -> Answer | None:
        if self.open is None:
            return None
        self.left -= 1
        if self.left >= 0:
            return None
        request, self.open = self.open, None
        return Answer(suggestions=make_suggester("random").suggest(request))


class WatchedStore(Store):
    """Notes when it is asked what costs a transaction."""

    clock = Clock()
    asked: dict[str, list[float]]

    def _note(self, what: str) -> None:
        self.asked.setdefault(what, []).append(self.clock.now_s)

    def is_stop_requested(self, study_id: int) -> bool:
        self._note("stop")
        return super().is_stop_requested(study_id)

    def heartbeat(
        self, attempt_ids: object, *, now_s: float, lease_s: float
    ) -> frozenset[int] | set[int]:
        self._note("heartbeat")
        return super().heartbeat(attempt_ids, now_s=now_s, lease_s=lease_s)  # type: ignore[arg-type,return-value]

    def next_start_s(self, study_id: int) -> float | None:
        self._note("next")
        return super().next_start_s(study_id)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[WatchedStore]:
    with WatchedStore(tmp_path / "results.db") as opened:
        opened.clock, opened.asked = clock, {}
        yield opened


def read(folder: Path, text: str = CONFIG) -> StudyConfig:
    (folder / "net.tflite").write_bytes(b"net")
    (folder / "night.toml").write_text(text)
    return load_config(folder / "night.toml")[1]


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    return read(tmp_path)


def timed(
    store: WatchedStore,
    config: StudyConfig,
    executor: TimedExecutor | None = None,
    thinker: Thinker | None = None,
    *,
    events: list[CampaignEvent] | None = None,
    timing: Timing = TIMING,
) -> Campaign:
    clock = store.clock
    executor, thinker = executor or TimedExecutor(), thinker or Thinker()
    executor.clock = thinker.clock = clock
    study = store.create_study(
        name="night", config_toml="", config_json=config.to_json(), source_hash="", now_s=0
    )
    return Campaign(
        store=store,
        study=study,
        config=config,
        context="context",
        space=fake_space(config),
        asker=thinker,  # type: ignore[arg-type]
        executor=executor,
        listen=(lambda _: None) if events is None else events.append,
        timing=timing,
        now_s=lambda: clock.now_s,
    )


def designs(count: int) -> list[NewTrial]:
    return [
        NewTrial(design_id=d.id, design_json=d.canonical, suggested_by="random")
        for d in map(fake_space().at, range(count))
    ]


def seconds(first: float, last: float, step: float) -> list[float]:
    return [first + step * n for n in range(int((last - first) / step) + 1)]


def queued(store: WatchedStore, loop: Campaign, count: int) -> None:
    """Queue trials from now on, so that the search is not asked for them."""
    new = designs(count)
    added = store.add_trials(
        loop.study.id, new, context="context", budget=None, now_s=store.clock.now_s
    )
    assert len(added) == count


def test_the_store_is_looked_at_once_a_second_and_heard_of_each_heartbeat(
    store: WatchedStore, config: StudyConfig
) -> None:
    executor, events = TimedExecutor(trial_s=35.0), list[CampaignEvent]()
    loop = timed(store, with_budget(config, trials=1), executor, events=events)
    queued(store, loop, 1)
    assert loop.run() is Ending.BUDGET
    assert executor.started == [START_S], "a trial that may start now does"
    end_s = START_S + 35.0
    assert store.asked["stop"] == seconds(START_S, end_s, TIMING.look_s)
    assert store.asked["heartbeat"] == seconds(START_S + 0.5, end_s, TIMING.heartbeat_s)
    assert [e.wall_s for e in events if isinstance(e, AttemptEnded)] == [35.0]


def test_a_trial_that_was_queued_under_other_conditions_is_stored_under_those_of_its_run(
    store: WatchedStore, config: StudyConfig
) -> None:
    loop = timed(store, with_budget(config, trials=2))
    store.add_trials(loop.study.id, designs(1), context="before", budget=None, now_s=START_S)
    assert loop.run() is Ending.BUDGET
    assert [r.trial.context for r in store.results(loop.study.id)] == ["context"] * 2


def test_what_the_search_thinks_about_is_looked_for_often_and_a_trial_as_often_as_told(
    store: WatchedStore, config: StudyConfig
) -> None:
    executor = TimedExecutor()
    timed(store, with_budget(config, trials=1), executor, Thinker(thinks=3)).run()
    assert executor.waits_s[:6] == [0.02] * 4 + [0.5] * 2
    assert set(executor.waits_s[6:]) == {0.5}


def test_a_poll_that_is_quicker_stays_so_while_the_search_thinks(
    store: WatchedStore, config: StudyConfig
) -> None:
    executor = TimedExecutor(trial_s=0.5)
    timing = replace(TIMING, poll_s=0.01)
    timed(store, with_budget(config, trials=1), executor, Thinker(thinks=3), timing=timing).run()
    assert set(executor.waits_s) == {0.01}


def test_at_an_interrupt_nothing_is_waited_for(store: WatchedStore, config: StudyConfig) -> None:
    executor = TimedExecutor()
    loop = timed(store, config, executor)
    queued(store, loop, 1)
    loop.should_stop = lambda: len(executor.waits_s) > 3
    assert loop.run() is Ending.INTERRUPTED
    assert executor.waits_s[-1] == 0.0
    assert 0.0 not in executor.waits_s[:-1]


@pytest.mark.parametrize(("took_s", "is_asked_ahead"), [(0.2499, False), (0.25, True)])
def test_a_slow_search_is_asked_for_one_design_while_all_workers_are_busy(
    store: WatchedStore, config: StudyConfig, took_s: float, is_asked_ahead: bool
) -> None:
    thinker, executor = Thinker(took_s=took_s, thinks=2), TimedExecutor(trial_s=6.0)
    loop = timed(store, replace(config, workers=1, trials=3), executor, thinker)
    queued(store, loop, 1)
    assert loop.run() is Ending.BUDGET
    assert [count for _, count in thinker.requests] == [1, 1]
    asked = [at_s for at_s, _ in thinker.requests]
    if is_asked_ahead:
        assert asked[0] == START_S + 0.5
        assert executor.started[0] < asked[0] < executor.started[1] < asked[1]
        assert executor.started[1:] == executor.ended[:-1], "no worker waits for the search"
    else:
        assert asked == executor.ended[:-1], "it knows all that ended"
        assert all(s > e for s, e in zip(executor.started[1:], executor.ended, strict=False))


def test_whether_a_design_waits_is_looked_up_once_a_second_while_all_are_busy(
    store: WatchedStore, config: StudyConfig
) -> None:
    executor = TimedExecutor(trial_s=8.0)
    loop = timed(store, replace(config, workers=1, trials=2), executor, Thinker(took_s=9.0))
    queued(store, loop, 2)
    assert loop.run() is Ending.BUDGET
    first = [at_s for at_s in store.asked["next"] if START_S < at_s < START_S + 8.0]
    assert first == seconds(START_S + 0.5, START_S + 7.5, TIMING.look_s)


def test_as_many_designs_are_asked_for_as_workers_are_free_and_no_more_than_are_left(
    store: WatchedStore, config: StudyConfig
) -> None:
    thinker = Thinker()
    loop = timed(store, replace(config, workers=3, trials=6), TimedExecutor(), thinker)
    queued(store, loop, 1)
    assert loop.run() is Ending.BUDGET
    assert [count for _, count in thinker.requests] == [2, 3]
    assert len(store.results(loop.study.id)) == 6

    more = timed(store, replace(config, workers=3, trials=8), TimedExecutor(), thinker)
    assert more.run() is Ending.BUDGET
    assert [count for _, count in thinker.requests] == [2, 3, 2]


def test_hours_that_are_spent_to_the_second_start_nothing_more(
    store: WatchedStore, tmp_path: Path
) -> None:
    config = read(tmp_path, HOURS)
    assert config.budget_s == 18.0
    loop = timed(store, config, TimedExecutor(trial_s=6.0))
    queued(store, loop, 3)
    assert loop.run() is Ending.BUDGET
    assert store.worked_s(loop.study.id, now_s=1e9) == 18.0
    assert len(store.results(loop.study.id)) == 3


@dataclass
class Pause:
    """A disk that has room again at some time."""

    clock: Clock
    room_s: float
    begun: list[float] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)

    def begin(self, *, now_s: float) -> str:
        self.begun.append(now_s)
        return "the disk is full"

    def is_on(self, *, now_s: float) -> bool:
        self.asked.append(now_s)
        return now_s < self.room_s


def test_room_is_looked_for_once_a_second_and_said_once(
    store: WatchedStore, config: StudyConfig
) -> None:
    full = outcome_of(disk_full("stage cpu", Path("/")), Measurement(metrics=()))
    pause = Pause(store.clock, room_s=START_S + 12.0)

    def answer(job: Job) -> Outcome:
        return by_formula(job) if pause.begun else full

    executor, events = TimedExecutor(answer), list[CampaignEvent]()
    loop = timed(store, with_budget(config, trials=1), executor, events=events)
    loop.pause = pause  # type: ignore[assignment]
    queued(store, loop, 1)
    assert loop.run() is Ending.BUDGET
    assert pause.begun == [START_S + 6.0]
    assert pause.asked == seconds(START_S + 6.0, START_S + 12.0, TIMING.look_s)
    assert executor.started == [START_S, START_S + 12.0]
    notes = [e.text for e in events if isinstance(e, Note)]
    assert notes == ["the disk is full", "trials start again: there is room, or it is time to try"]


def test_a_cancelled_trial_ends_within_a_second_and_says_how_long_it_took(
    store: WatchedStore, config: StudyConfig
) -> None:
    executor, events = TimedExecutor(trial_s=60.0), list[CampaignEvent]()
    loop = timed(store, with_budget(config, trials=1), executor, events=events)
    queued(store, loop, 1)

    def cancel_once() -> bool:
        if store.clock.now_s == START_S + 3.5:
            assert store.cancel(loop.study.id, 1, now_s=store.clock.now_s) is TrialState.RUNNING
        return False

    loop.should_stop = cancel_once
    assert loop.run() is Ending.BUDGET
    (ended,) = [event for event in events if isinstance(event, AttemptEnded)]
    assert (ended.state, ended.wall_s) == (TrialState.FAILED, 4.0)
    assert ended.trial.number == 1
    assert len(executor.cancelled) == 1


def test_what_the_newest_model_makes_of_the_parameters_is_kept(
    store: WatchedStore, config: StudyConfig
) -> None:
    class Modelling(Thinker):
        def answer(self) -> Answer | None:
            found = super().answer()
            if found is None:
                return None
            first, *rest = found.suggestions
            told = [replace(each, importance={"lut4": {"bypass": 0.5}}) for each in rest]
            return replace(found, suggestions=(first, *told))

    timed(store, with_budget(config, trials=1), thinker=Modelling()).run()
    assert store.study("night").importance_json is None, "none of them was from a model"
    timed(store, with_budget(config, trials=3), thinker=Modelling()).run()
    assert store.study("night").importance_json == '{"lut4": {"bypass": 0.5}}'
