"""Real trial processes: each promise of ``Executor``, kept by the local one."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from contracts.faults import FaultKind
from contracts.measurement import Completed, Failed, Infeasible, Outcome
from runners.executors import Event, Finished, Progress
from runners.executors.kinds.local import LocalExecutor
from runners.job import Job, StageState, Target, Workload
from tests.commands.command_line import MEASURE

ROOT = Path(__file__).parent.parent.parent


def a_job(**design: int | str | bool) -> Job:
    return Job(
        design={"icache_bytes": 4096, "bypass": True, "cfu": "none", **design},
        target=Target(name="t", part="LFE5U-85F", clock_hz=50_000_000),
        workload=Workload(model=Path("model.tflite"), model_sha256="0" * 64),
    )


def outcome_of(executor: LocalExecutor, ticket: int = 1) -> Outcome:
    deadline_s = time.monotonic() + 120  # a process imports all of it first
    while time.monotonic() < deadline_s:
        for event in executor.poll(0.2):
            if isinstance(event, Finished) and event.ticket == ticket:
                return event.outcome
    raise AssertionError("the trial did not end")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 120  # two processes import all of it first
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.fixture
def executor() -> Iterator[LocalExecutor]:
    made = LocalExecutor(MEASURE)
    yield made
    made.close()


def test_a_trial_reports_its_stages_and_then_its_outcome(executor: LocalExecutor) -> None:
    executor.submit(7, a_job(cfu="simd", simd_width=4))
    events: list[Event] = []
    while not any(isinstance(event, Finished) for event in events):
        events += executor.poll(1.0)

    assert {event.ticket for event in events} == {7}
    assert [(e.event.stage, e.event.state) for e in events if isinstance(e, Progress)] == [
        ("core", StageState.STARTED),
        ("core", StageState.DONE),
        ("simulate", StageState.STARTED),
        ("simulate", StageState.DONE),
    ]
    assert isinstance(events[-1], Finished)
    assert isinstance(events[-1].outcome, Completed)
    assert events[-1].outcome.measurement.value("mult18x18d") == 4


def test_a_design_fault_comes_back_as_infeasible(executor: LocalExecutor) -> None:
    executor.submit(1, a_job(cfu="simd", simd_width=16))
    outcome = outcome_of(executor)

    assert isinstance(outcome, Infeasible)
    assert (outcome.fault.kind, outcome.fault.what) == (
        FaultKind.DOES_NOT_FIT,
        "17 of 16 multipliers",
    )


def test_an_unexpected_exception_is_a_bug_with_its_traceback(
    executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_CRASH", "exception")
    executor.submit(1, a_job())
    outcome = outcome_of(executor)

    assert isinstance(outcome, Failed)
    assert outcome.fault.kind is FaultKind.BUG
    assert outcome.fault.what == "unexpected ZeroDivisionError: a mistake in a stage"
    assert "_misbehave" in outcome.fault.detail


def test_a_killed_trial_is_worker_lost_with_its_last_words(
    executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_CRASH", "killed")
    executor.submit(1, a_job())
    outcome = outcome_of(executor)

    assert isinstance(outcome, Failed)
    assert outcome.fault.kind is FaultKind.WORKER_LOST
    assert outcome.fault.what == "the trial's process was killed by SIGKILL"
    assert outcome.fault.detail == "last words"


def test_a_dead_launcher_is_noticed_and_started_again(
    executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("FAKE_LOG", str(log))
    monkeypatch.setenv("FAKE_TRIAL_S", "60")
    executor.submit(1, a_job())
    wait_for(log.exists)
    assert executor._launcher is not None
    executor._launcher.kill()
    outcome = outcome_of(executor)

    assert isinstance(outcome, Failed)
    assert outcome.fault.what.endswith("vanished together with the process that starts trials")
    monkeypatch.setenv("FAKE_TRIAL_S", "0")
    executor.submit(2, a_job())
    assert isinstance(outcome_of(executor, 2), Completed)


def test_cancel_ends_a_trial_and_what_it_runs(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    executor = LocalExecutor("tests.campaign.fake_rooms:measure_with_tool")
    job = a_job(pid_file=str(pid_file))
    try:
        executor.submit(1, job)
        wait_for(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"))
        tool = int(pid_file.read_text())
        assert is_running(tool)

        executor.cancel(1)

        wait_for(lambda: not is_running(tool))
        assert executor.poll(0.1) == ()
    finally:
        executor.close()


ABANDONED = """
import sys, time
from tests.executors.test_executor import a_job
from runners.executors.kinds.local import LocalExecutor
executor = LocalExecutor("tests.campaign.fake_rooms:measure_with_tool")
executor.submit(1, a_job(pid_file=sys.argv[1]))
time.sleep(300)
"""


def test_nothing_survives_a_campaign_that_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", ABANDONED, str(pid_file)], cwd=ROOT) as campaign:
        wait_for(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"))
        tool = int(pid_file.read_text())
        campaign.send_signal(signal.SIGKILL)

    wait_for(lambda: not is_running(tool))
