"""No worker waits for a slow search: the next design is there when one has room."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import dse.campaign.campaign as loop
from dse.campaign.events import Ending
from dse.config import StudyConfig, load_config, with_budget
from dse.store import Store, TrialState
from dse.suggest import Suggestion, SuggestRequest, make_suggester
from runners.executors import Event, Finished
from runners.job import Job
from tests.campaign.test_campaign import CONFIG, by_formula, campaign


@dataclass
class Search:
    """Draws at random, after some seconds of thought."""

    seconds: float
    counts: list[int] = field(default_factory=list)
    name: str = "random"

    def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
        self.counts.append(request.count)
        time.sleep(self.seconds)
        return make_suggester("random").suggest(request)

    def close(self) -> None: ...


@dataclass
class Patient:
    """Ends a job when its successor waits, or some seconds after its beginning."""

    store: Store
    limit_s: float
    job: tuple[int, Job, float] | None = None
    had_successor: list[bool] = field(default_factory=list)

    def submit(self, ticket: int, job: Job) -> None:
        self.job = ticket, job, time.monotonic()

    def poll(self, timeout_s: float) -> tuple[Event, ...]:
        time.sleep(min(timeout_s, 0.01))
        if self.job is None:
            return ()
        ticket, job, began_s = self.job
        waits = self.store.count_trials(1, TrialState.WAITING) > 0
        if not waits and time.monotonic() - began_s < self.limit_s:
            return ()
        self.job = None
        self.had_successor.append(waits)
        return (Finished(ticket=ticket, outcome=by_formula(job)),)

    def cancel(self, ticket: int) -> None:
        raise AssertionError(ticket)

    def close(self) -> None: ...


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "results.db") as opened:
        yield opened


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    (tmp_path / "net.tflite").write_bytes(b"net")
    (tmp_path / "night.toml").write_text(CONFIG)
    return with_budget(load_config(tmp_path / "night.toml")[1], trials=5, workers=1)


def run(store: Store, config: StudyConfig, search: Search, limit_s: float) -> Patient:
    executor = Patient(store, limit_s)
    made = campaign(store, config, executor=executor, suggester=search)  # type: ignore[arg-type]
    made.now_s = time.time
    assert made.run() is Ending.BUDGET
    return executor


@pytest.mark.slow
def test_a_slow_search_thinks_while_all_workers_are_busy(store: Store, config: StudyConfig) -> None:
    search = Search(seconds=0.4)
    executor = run(store, config, search, limit_s=6.0)

    assert executor.had_successor == [True] * 4 + [False], "the last one has none"
    assert search.counts == [1] * 5
    assert len(store.results(store.study("night").id)) == 5


def test_a_quick_search_is_asked_when_there_is_room_and_knows_all(
    store: Store, config: StudyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_SLOW_S", 60.0)  # a busy machine is no slow search
    executor = run(store, config, Search(seconds=0.0), limit_s=0.2)

    assert executor.had_successor == [False] * 5
