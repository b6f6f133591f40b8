"""Trials on a real Dask cluster: a scheduler and workers as processes, killed and started again."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from distributed.comm import CommClosedError

from contracts.faults import ConfigError, FaultKind, ToolCrashed
from contracts.measurement import Completed, Failed, Outcome
from dse.store import Store
from runners.executors import Event, Finished, Progress, make_executor
from runners.executors.kinds import dask
from runners.executors.kinds.dask import DaskExecutor
from runners.job import Job, SimulatedCycles, StageEvent, StageState
from tests.commands.command_line import MEASURE
from tests.executors.test_executor import ROOT, a_job, is_running

pytestmark = pytest.mark.slow


def wait_for(condition: Callable[[], bool], within_s: float = 120) -> None:
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


class Cluster:
    """A scheduler and its workers, each with a home and a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.processes: list[subprocess.Popen[bytes]] = []

    def scheduler(self) -> "subprocess.Popen[bytes]":
        started = self._start("scheduler", "--host", "127.0.0.1", "--port", str(self.port))
        wait_for(self._listens)
        return started

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def worker(self, name: str, **environment: str) -> "subprocess.Popen[bytes]":
        home = self.folder / name
        home.mkdir(exist_ok=True)
        options = ["--nthreads", "1", "--no-nanny", "--local-directory", str(home / "dask")]
        own = {"HOME": str(home), "DSE_CACHE_DIR": str(home / "cache"), **environment}
        return self._start("worker", self.address, *options, **own)

    def _start(self, kind: str, *options: str, **environment: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{kind}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", kind, "--no-dashboard", *options],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    made.scheduler()
    yield made
    made.close()


@pytest.fixture
def executor(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[DaskExecutor]:
    monkeypatch.setattr(dask, "_LOOK_S", 0.2)
    monkeypatch.setattr(dask, "_RECONNECT_S", 0.5)
    made = DaskExecutor(MEASURE, cluster.address)
    yield made
    made.close()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "mine" / "net.tflite"
    path.parent.mkdir()
    path.write_bytes(b"net")
    return path


def job_of(model: Path, **design: int | str | bool) -> Job:
    job = a_job(**design)
    return replace(job, workload=replace(job.workload, model=model))


def events_of(executor: DaskExecutor, ticket: int, within_s: float = 120) -> list[Event]:
    found: list[Event] = []
    deadline_s = time.monotonic() + within_s
    while not any(isinstance(event, Finished) for event in found):
        assert time.monotonic() < deadline_s, found
        found += [event for event in executor.poll(0.1) if event.ticket == ticket]
    return found


def outcome_of(executor: DaskExecutor, ticket: int) -> Outcome:
    last = events_of(executor, ticket)[-1]
    assert isinstance(last, Finished)
    return last.outcome


def pid_of(path: Path, executor: DaskExecutor) -> int:
    """Return the process that a trial runs, once it has told."""

    def is_told() -> bool:
        executor.poll(0.1)
        return path.exists() and path.read_text().endswith("\n")

    wait_for(is_told)
    return int(path.read_text())


def test_a_trial_runs_at_a_worker_and_tells_what_a_local_one_does(
    cluster: Cluster, executor: DaskExecutor, model: Path
) -> None:
    cluster.worker("one")
    assert executor.poll(0.01) == ()
    executor.submit(7, job_of(model, cfu="simd", simd_width=4))
    events = events_of(executor, 7)

    stages = [(e.event.stage, e.event.state) for e in events if isinstance(e, Progress)]
    assert [each for each in stages if each[0] != "wait-for-a-worker"] == [
        ("core", StageState.STARTED),
        ("core", StageState.DONE),
        ("simulate", StageState.STARTED),
        ("simulate", StageState.DONE),
    ]
    last = events[-1]
    assert isinstance(last, Finished)
    assert isinstance(last.outcome, Completed)
    assert last.outcome.measurement.value("mult18x18d") == 4


def test_faults_of_designs_and_bugs_come_back_as_they_are(
    cluster: Cluster, executor: DaskExecutor, model: Path
) -> None:
    cluster.worker("one", FAKE_CRASH="exception")
    executor.submit(1, job_of(model))
    found = outcome_of(executor, 1)
    assert isinstance(found, Failed)
    assert found.fault.what == "unexpected ZeroDivisionError: a mistake in a stage"
    assert "_misbehave" in found.fault.detail


def test_a_killed_worker_is_worker_lost_and_the_trial_runs_on_another(
    cluster: Cluster, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask, "_LOOK_S", 0.2)
    pid_file = tmp_path / "pid"
    first = cluster.worker("one")
    executor = DaskExecutor("tests.campaign.fake_rooms:measure_with_tool", cluster.address)
    try:
        executor.submit(1, job_of(model, pid_file=str(pid_file)))
        tool = pid_of(pid_file, executor)
        first.kill()
        found = outcome_of(executor, 1)
        assert isinstance(found, Failed)
        assert found.fault.kind is FaultKind.WORKER_LOST
        wait_for(lambda: not is_running(tool))

        pid_file.unlink()
        cluster.worker("two")
        executor.submit(2, job_of(model, pid_file=str(pid_file)))
        tool = pid_of(pid_file, executor)
        executor.cancel(2)
        wait_for(lambda: not is_running(tool))
        assert executor.poll(0.5) == ()
    finally:
        executor.close()


@pytest.mark.parametrize("call", ["scheduler_info", "run", "scatter"])
def test_a_cluster_that_changes_under_a_call_costs_no_trial(
    cluster: Cluster,
    executor: DaskExecutor,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    """A worker that dies under a call closes the client's own connection: the call raises."""
    cluster.worker("one")
    failed: list[str] = []
    made = dask._connect

    def connect(*given: Any, **options: Any) -> Any:
        client = made(*given, **options)
        works = getattr(client, call)

        def fail_once(*given: Any, **options: Any) -> Any:
            if not failed:
                failed.append(call)
                raise CommClosedError("in <TCP (closed)>: Stream is closed")
            return works(*given, **options)

        monkeypatch.setattr(client, call, fail_once)
        return client

    monkeypatch.setattr(dask, "_connect", connect)
    executor.submit(1, job_of(model))
    assert isinstance(outcome_of(executor, 1), Completed)
    assert failed == [call]


def test_an_answer_that_went_away_with_its_worker_is_worker_lost(
    cluster: Cluster, executor: DaskExecutor, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = cluster.worker("one")
    executor.submit(1, job_of(model))
    hear = DaskExecutor._heard

    def heard(self: DaskExecutor, word: dask._Word) -> Iterator[Event]:
        if word.done is not None and one.poll() is None:
            one.kill()
            one.wait()
        return hear(self, word)

    monkeypatch.setattr(DaskExecutor, "_heard", heard)
    found = outcome_of(executor, 1)
    assert isinstance(found, Failed)
    assert found.fault.kind is FaultKind.WORKER_LOST


def test_a_worker_that_does_not_answer_is_no_mistake_of_the_config(
    cluster: Cluster, executor: DaskExecutor, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.worker("one")
    asked: list[int] = []
    ask = DaskExecutor._facts_of

    def facts_of(self: DaskExecutor, workers: list[str]) -> Mapping[str, Mapping[str, str]]:
        asked.append(len(workers))
        return {} if len(asked) == 1 else ask(self, workers)

    monkeypatch.setattr(DaskExecutor, "_facts_of", facts_of)
    executor.submit(1, job_of(model))
    assert isinstance(outcome_of(executor, 1), Completed)
    assert asked == [1, 1]


def test_the_end_of_the_scheduler_is_survived(
    cluster: Cluster, executor: DaskExecutor, model: Path
) -> None:
    cluster.worker("one", FAKE_TRIAL_S="600")
    executor.submit(1, job_of(model))
    started: list[Event] = []
    while not any(isinstance(e, Progress) and e.event.stage == "core" for e in started):
        started += executor.poll(0.1)
    cluster.processes[0].kill()
    found = outcome_of(executor, 1)
    assert isinstance(found, Failed)
    assert found.fault.kind is FaultKind.WORKER_LOST

    executor.submit(2, job_of(model))  # there is none yet, and that is no fault of the trial
    assert all(isinstance(event, Progress) for event in executor.poll(0.5))
    cluster.scheduler()
    cluster.worker("two")
    assert isinstance(outcome_of(executor, 2), Completed)


def test_a_worker_that_would_measure_something_else_gets_no_trial(
    cluster: Cluster,
    executor: DaskExecutor,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = dict(dask.facts())
    monkeypatch.setattr(dask, "facts", lambda: {**ours, "verilator": "9.999"})
    remote = _facts_at_the_worker(ours)
    monkeypatch.setattr(DaskExecutor, "_facts_of", remote)
    cluster.worker("one")
    executor.submit(1, job_of(model))
    with pytest.raises(ConfigError, match=r"verilator 9\.999 here, .* there"):
        events_of(executor, 1)


def _facts_at_the_worker(facts: Mapping[str, str]) -> Callable[..., Mapping[str, object]]:
    return lambda _self, addresses: dict.fromkeys(addresses, facts)


def test_no_scheduler_and_no_address_are_told_with_what_to_do(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask, "_CONNECT_S", 0.5)
    executor = make_executor("dask", measure=MEASURE, address="tcp://127.0.0.1:9")
    with pytest.raises(ToolCrashed, match=r"no Dask scheduler at tcp://127.0.0.1:9"):
        executor.submit(1, job_of(model))
    executor.close()
    with pytest.raises(ConfigError, match="needs the address of a scheduler"):
        make_executor("dask", measure=MEASURE)
    with pytest.raises(ConfigError, match="has no scheduler"):
        make_executor("local", measure=MEASURE, address="tcp://127.0.0.1:9")


STUDY = """\
[study]
name = "night"
trials = 12
workers = 2
executor = "dask"
scheduler = "{address}"
[suggest]
algorithm = "random"
[workload]
model = "mine/net.tflite"
"""


def test_a_study_keeps_its_budget_when_a_worker_dies_in_the_middle(
    cluster: Cluster, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "night.toml").write_text(STUDY.format(address=cluster.address))
    log = tmp_path / "trials"
    first = cluster.worker("one", FAKE_TRIAL_S="0.3", FAKE_LOG=str(log))
    cluster.worker("two", FAKE_TRIAL_S="0.3", FAKE_LOG=str(log))
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.commands.command_line",
            "start",
            str(tmp_path / "night.toml"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as campaign:
        wait_for(lambda: log.exists() and log.read_text().count("end ") >= 3)
        first.kill()
        out = campaign.communicate(timeout=300)[0]
    assert campaign.returncode == 0, out
    assert model.exists()
    with Store(tmp_path / "results.db") as store:
        results = store.results(store.study("night").id)
    assert len({result.trial.design_id for result in results}) == len(results) == 12
    assert {result.trial.state.value for result in results} <= {"completed", "infeasible"}


def test_how_far_a_stage_is_comes_as_it_was_told() -> None:
    told = StageEvent(
        stage="simulate",
        state=StageState.STARTED,
        fraction=0.25,
        cycles=SimulatedCycles(done=3, expected=None),
    )
    assert dask._stage_event("simulate", "started", 0.25, {"done": 3, "expected": None}) == told
    assert dask._stage_event("simulate", "started") == replace(told, fraction=None, cycles=None)
    assert dask._stage_event() is None
