"""What a campaign decides that nobody sees until a night is lost."""

import itertools
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from contracts.measurement import Fidelity
from dse.campaign import Timing
from dse.campaign.asking import Asker
from dse.campaign.campaign import Campaign
from dse.campaign.events import (
    Asking,
    CampaignEvent,
    Ending,
    Note,
    Promoted,
    StageChanged,
    TrialStarted,
)
from dse.config import StudyConfig, with_budget
from dse.store import Claim, NewTrial, RetryPolicy, Store, TrialState
from dse.suggest import make_suggester
from runners.executors import Event, Progress
from runners.job import StageEvent, StageState
from tests.campaign.fake_rooms import fake_space, metrics_of
from tests.campaign.test_campaign import InstantExecutor, campaign, config, states, store
from tests.campaign.test_promotion import CONFIG, load
from tests.store.test_store_contract import CRASH

__all__ = ["config", "store"]


RESULTS = {"completed", "infeasible"}


def never_ends(most: int = 400) -> object:
    """Return a ``should_stop`` that fails the test of a loop that goes on for ever."""
    looks = itertools.count()

    def should_stop() -> bool:
        assert next(looks) < most, "the campaign does not end"
        return False

    return should_stop


def queue(store: Store, study_id: int, *, context: str = "context") -> None:
    design = fake_space().default()
    new = NewTrial(design_id=design.id, design_json=design.canonical, suggested_by="random")
    assert len(store.add_trials(study_id, [new], context=context, budget=None, now_s=0)) == 1


def claim(store: Store, study_id: int, worker: str) -> Claim:
    found = store.claim(study_id, worker=worker, now_s=900.0, lease_s=1e6)
    assert found is not None
    return found


def test_a_study_ends_while_another_one_waits_and_runs(store: Store, config: StudyConfig) -> None:
    other = store.create_study(
        name="other", config_toml="", config_json=config.to_json(), source_hash="", now_s=0
    )
    queue(store, other.id, context="elsewhere")
    claim(store, other.id, "somebody of another machine/1.1")
    ours = campaign(store, config)
    ours.should_stop = never_ends()  # type: ignore[assignment]
    assert ours.run() is Ending.BUDGET
    assert set(states(store)) <= RESULTS
    assert len(states(store)) == 6
    assert states(store, "other") == ["running"]


def test_a_trial_of_a_dead_worker_is_run_and_that_of_a_living_one_is_awaited(
    store: Store, config: StudyConfig
) -> None:
    code = "from dse.store.workers import worker_name; print(worker_name())"
    dead = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    events: list[CampaignEvent] = []
    loop = campaign(store, with_budget(config, trials=1), events=events)
    queue(store, loop.study.id)
    claim(store, loop.study.id, dead.stdout.strip())
    loop.should_stop = never_ends()  # type: ignore[assignment]

    assert loop.run() is Ending.BUDGET
    assert states(store) == ["completed"]
    assert "1 trials of dead workers are queued again" in [
        e.text for e in events if isinstance(e, Note)
    ]

    loop = campaign(store, with_budget(config, trials=1), name="second")
    queue(store, loop.study.id, context="other context")
    held = claim(store, loop.study.id, "another machine/1.1")
    looks = itertools.count()
    loop.should_stop = lambda: next(looks) > 50
    assert loop.run() is Ending.INTERRUPTED, "it waits for what somebody else measures"
    assert states(store, "second") == ["running"]
    assert store.heartbeat([held.attempt_id], now_s=1, lease_s=1) == {held.attempt_id}


def test_what_has_just_finished_at_an_interrupt_is_kept(store: Store, config: StudyConfig) -> None:
    executor = InstantExecutor(hangs=True)
    loop = campaign(store, with_budget(config, trials=1), executor=executor)
    looks = itertools.count()

    def interrupt() -> bool:
        executor.hangs = next(looks) < 5 or not executor.submitted
        return not executor.hangs  # the answer comes with the interrupt, not before

    loop.should_stop = interrupt
    assert loop.run() is Ending.INTERRUPTED
    assert states(store) == ["completed"]


@dataclass
class SlowExecutor(InstantExecutor):
    """Each poll takes as long as it may; a trial takes many of them."""

    polls: int = 200
    clock_s: float = 1000.0
    reader: Store | None = None
    waits_s: list[float] = field(default_factory=list)

    def poll(self, timeout_s: float) -> tuple[Event, ...]:
        assert self.reader is not None
        self.waits_s.append(timeout_s)
        self.clock_s += timeout_s
        lost = self.reader.take_back(now_s=self.clock_s, retry=RetryPolicy())
        assert lost == 0, "somebody else took a trial that is being measured"
        if len(self.waits_s) % self.polls:
            return ()
        return InstantExecutor.poll(self, timeout_s)


def test_a_lease_never_runs_out_while_its_trial_is_measured(
    store: Store, config: StudyConfig
) -> None:
    """With the timing of real campaigns, except that they wait longer between two looks."""
    executor = SlowExecutor(reader=store)
    study = store.create_study(
        name="night", config_toml="", config_json=config.to_json(), source_hash="", now_s=0
    )
    loop = Campaign(
        store=store,
        study=study,
        config=with_budget(config, trials=2),
        context="context",
        space=fake_space(config),
        asker=Asker(make_suggester("random")),
        executor=executor,
        timing=Timing(poll_s=1.0),
        now_s=lambda: executor.clock_s,
    )
    assert loop.run() is Ending.BUDGET
    assert set(states(store)) <= RESULTS
    assert executor.clock_s > 1000 + 3 * Timing().lease_s, "else nothing was shown"
    assert Timing().lease_s + Timing().look_s < 3 * Timing().heartbeat_s
    assert 2 * Timing().heartbeat_s < Timing().lease_s, "one that is missed costs no trial"


def test_no_more_trials_run_at_once_than_there_are_workers(
    store: Store, config: StudyConfig
) -> None:
    loop = campaign(store, config)
    executor = loop.executor
    assert isinstance(executor, InstantExecutor)
    for _ in range(3):  # what others queued does not change it
        new = [
            NewTrial(design_id=d.id, design_json=d.canonical, suggested_by="random")
            for d in map(fake_space().at, range(5))
        ]
        store.add_trials(loop.study.id, new, context="context", budget=None, now_s=0)
    loop.run()
    assert executor.most_at_once == config.workers == 2
    assert len(executor.submitted) == 6


@dataclass
class Talking(InstantExecutor):
    """Tells the stages of the oldest job before its answer."""

    told: list[Event] = field(default_factory=list)

    def poll(self, timeout_s: float) -> tuple[Event, ...]:
        if self.jobs and not self.told:
            ticket, _ = self.jobs[0]
            self.told = [
                Progress(ticket=ticket, event=StageEvent(stage=stage, state=state, fraction=share))
                for stage, state, share in (
                    ("core", StageState.STARTED, None),
                    ("core", StageState.DONE, None),
                    ("soc", StageState.STARTED, None),
                    ("route", StageState.STARTED, 0.5),
                )
            ]
            self.told.append(Progress(ticket=99, event=self.told[0].event))  # of a cancelled one
            return tuple(self.told)
        self.told = []
        return InstantExecutor.poll(self, timeout_s)


def test_the_stage_that_runs_is_noted_and_told(store: Store, config: StudyConfig) -> None:
    events: list[CampaignEvent] = []
    noted: list[str | None] = []
    loop = campaign(store, with_budget(config, trials=1), executor=Talking(), events=events)

    def listen(event: CampaignEvent) -> None:
        events.append(event)
        if isinstance(event, StageChanged):
            noted.extend(h.stage for h in store.held_trials(loop.study.id, now_s=1000))

    loop.listen = listen
    loop.run()
    told = [(e.number, e.event.stage) for e in events if isinstance(e, StageChanged)]
    assert told == [(1, "core"), (1, "core"), (1, "soc"), (1, "route")]
    assert noted == ["core", "core", "soc", "soc"], "progress is not a new stage"
    (asked,) = (e for e in events if isinstance(e, Asking))
    assert (asked.algorithm, asked.count) == ("random", 1)
    (started,) = (e for e in events if isinstance(e, TrialStarted))
    assert (started.trial.number, started.attempt) == (1, 1)


def test_how_far_a_stage_is_is_stored_now_and_then(store: Store, config: StudyConfig) -> None:
    noted: list[float | None] = []

    @dataclass
    class Simulating(InstantExecutor):
        """Tells of its one job a hundred times how far it is."""

        told: int = 0

        def poll(self, timeout_s: float) -> tuple[Event, ...]:
            noted.extend(h.fraction for h in store.held_trials(loop.study.id, now_s=1000))
            if not self.jobs or self.told == 100:
                return InstantExecutor.poll(self, timeout_s)
            started = StageEvent(stage="simulate", state=StageState.STARTED)
            event = replace(started, fraction=self.told / 100) if self.told else started
            self.told += 1
            return (Progress(ticket=self.jobs[0][0], event=event),)

    loop = campaign(store, with_budget(config, trials=1), executor=Simulating())
    loop.timing = replace(loop.timing, progress_s=20.0)
    loop.run()
    shares = [share for share in noted if share is not None]
    assert shares == sorted(shares)
    assert 2 <= len(set(shares)) <= 20, "some of a hundred"
    assert max(shares) > 0.5


def test_what_trials_took_is_expected_of_the_next(store: Store, config: StudyConfig) -> None:
    executor = InstantExecutor()
    campaign(store, with_budget(config, trials=8), executor=executor).run()
    expected = [job.expected_cycles for job in executor.submitted]
    assert expected[:2] == [0, 0]
    took = [metrics_of(job)["cycles"] for job in executor.submitted]
    assert expected[-1] > 0
    assert min(took) / 2 <= expected[-1] <= 2 * max(took)


def test_a_stop_is_seen_and_starts_nothing_more(store: Store, config: StudyConfig) -> None:
    loop = campaign(store, config)
    executor = loop.executor
    assert isinstance(executor, InstantExecutor)

    def ask_to_stop() -> bool:
        if executor.submitted and not store.is_stop_requested(loop.study.id):
            store.request_stop(loop.study.id, now_s=1.0)
        return False

    loop.should_stop = ask_to_stop
    assert loop.run() is Ending.STOPPED
    assert len(executor.submitted) < 6
    assert set(states(store)) <= RESULTS
    store.request_stop(loop.study.id, now_s=None)
    assert campaign(store, config).run() is Ending.BUDGET
    assert len(states(store)) == 6


def test_a_trial_that_may_not_start_yet_is_not_started_and_another_is_asked_for(
    store: Store, config: StudyConfig
) -> None:
    loop = campaign(store, with_budget(config, trials=2))
    queue(store, loop.study.id)
    held = claim(store, loop.study.id, "w/1.1")
    state = store.finish(held.attempt_id, CRASH, now_s=1000, retry=RetryPolicy(backoff_s=40.0))
    assert state is TrialState.WAITING
    loop.should_stop = never_ends()  # type: ignore[assignment]
    assert loop.run() is Ending.BUDGET
    first, second = store.results(loop.study.id)
    assert {first.trial.state, second.trial.state} <= RESULTS
    assert first.started_s is not None
    assert second.started_s is not None
    assert first.started_s >= 1040 > second.started_s


@pytest.mark.parametrize("trials", [1, 5])
def test_a_promoted_design_is_run_at_the_fidelity_of_the_study(
    store: Store, tmp_path: Path, trials: int
) -> None:
    config = load(tmp_path, CONFIG.replace("trials = 12", f"trials = {trials}"))
    executor, events = InstantExecutor(), list[CampaignEvent]()
    assert campaign(store, config, executor=executor, events=events).run() is Ending.BUDGET
    told = [trial.number for e in events if isinstance(e, Promoted) for trial in e.trials]
    promoted = [r.trial for r in store.results(1) if r.trial.promotes is not None]
    assert told == [trial.number for trial in promoted]
    assert all(e.trials for e in events if isinstance(e, Promoted)), "nothing is no promotion"
    assert {trial.context for trial in promoted} == {"context"}
    wanted = {
        fidelity: [job.wanted_clock_hz for job in executor.submitted if job.fidelity is fidelity]
        for fidelity in Fidelity
    }
    assert wanted[Fidelity.SYNTHESISED] == [0] * trials
    placed = wanted[Fidelity.PLACED]
    assert placed
    assert placed[0] == 0.0, "nothing was placed before"
    assert len(executor.submitted) == trials + len(placed)
