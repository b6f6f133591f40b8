"""Workers that join a study: real processes, real SQLite, fake rooms, killed and stopped."""

import signal
import time
from pathlib import Path

import pytest

from dse.campaign import Timing
from dse.store import AttemptRecord, Store, TrialState
from tests.commands.test_command_line import ENDS, Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def attempts(shell: Shell) -> list[AttemptRecord]:
    with Store(shell.folder / "results.db") as store:
        study = store.study("night")
        numbers = [result.trial.number for result in store.results(study.id)]
        return [a for number in numbers for a in store.detail(study, number).attempts]


def wait_until_claimed(shell: Shell, count: int) -> None:
    deadline_s = time.monotonic() + 60
    while not shell.log.exists() or shell.log.read_text().count("start ") < count:
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_a_silent_worker_is_noticed_within_three_heartbeats() -> None:
    timing = Timing()

    assert timing.lease_s + timing.look_s <= 3 * timing.heartbeat_s


@pytest.mark.slow
def test_workers_share_a_study_and_measure_every_design_once(shell: Shell) -> None:
    slow = {"FAKE_TRIAL_S": "3"}
    processes = [shell.start("start", "night.toml", "--trials", "12", "--workers", "1", **slow)]
    wait_until_claimed(shell, 1)
    processes += [shell.start("work", "night", **slow) for _ in range(3)]
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err

    assert len(shell.results()) == 12
    assert all(result.trial.state in ENDS for result in shell.results())
    assert set(shell.measured().values()) == {1}
    assert len({attempt.worker for attempt in attempts(shell)}) == 4
    assert len(attempts(shell)) == 12


@pytest.mark.slow
def test_a_worker_goes_on_alone_when_the_one_that_started_the_study_is_killed(
    shell: Shell,
) -> None:
    starter = shell.start("start", "night.toml", FAKE_TRIAL_S="2")
    wait_until_claimed(shell, 2)
    worker = shell.start("work", "night", FAKE_TRIAL_S="0.2")
    wait_until_claimed(shell, 3)
    starter.kill()
    starter.communicate()

    _, err = worker.communicate(timeout=120)

    assert worker.returncode == 0, err
    assert "trials of dead workers are queued again" in err
    assert [result.trial.state in ENDS for result in shell.results()] == [True] * 8
    lost = [a for a in attempts(shell) if a.outcome is TrialState.FAILED]
    assert lost
    assert all(a.ended_s is not None and a.ended_s < a.lease_until_s for a in lost), (
        "same machine: not when the lease has run out"
    )


@pytest.mark.slow
def test_a_killed_worker_loses_no_trial(shell: Shell) -> None:
    starter = shell.start("start", "night.toml", "--workers", "1", FAKE_TRIAL_S="0.4")
    wait_until_claimed(shell, 1)
    worker = shell.start("work", "night", "--workers", "2", FAKE_TRIAL_S="3")
    wait_until_claimed(shell, 4)
    worker.kill()
    worker.communicate()

    _, err = starter.communicate(timeout=120)

    assert starter.returncode == 0, err
    assert [result.trial.state in ENDS for result in shell.results()] == [True] * 8


@pytest.mark.slow
def test_a_worker_that_is_stopped_past_its_lease_counts_nothing_twice(shell: Shell) -> None:
    quick = {"FAKE_LEASE_S": "1.5"}
    worker = shell.start("start", "night.toml", "--workers", "1", FAKE_TRIAL_S="1", **quick)
    wait_until_claimed(shell, 1)
    worker.send_signal(signal.SIGSTOP)
    try:
        _, err = shell.run("work", "night", FAKE_TRIAL_S="0.1", **quick)
        before = shell.results()
    finally:
        worker.send_signal(signal.SIGCONT)
    _, woken = worker.communicate(timeout=120)

    assert "trials of dead workers are queued again" in err
    assert worker.returncode == 0, woken
    assert [result.trial.state in ENDS for result in before] == [True] * 8
    assert shell.results() == before
    (lost,) = [a for a in attempts(shell) if a.outcome is TrialState.FAILED]
    assert lost.number == 1


@pytest.mark.slow
def test_a_worker_with_other_tools_is_refused_and_told_what_differs(shell: Shell) -> None:
    shell.run("start", "night.toml", "--trials", "2")

    _, err = shell.run("work", "night", code=3, FAKE_GCC="14.2")

    assert "results of this process would rest on other things" in err
    assert "tools gcc 12.2 (now 14.2)" in err
    assert "fix: give this process the sources and tools" in err


@pytest.mark.slow
def test_a_worker_leaves_the_study_as_a_person_left_it(shell: Shell) -> None:
    shell.run("start", "night.toml", "--trials", "1", code=6, FAKE_CRASH="tool-crashed")
    shell.run("work", "night", "--workers", "3", code=6)
    assert shell.states() == {"failed": 1}, "what failed is for `resume`"
    with Store(shell.folder / "results.db") as store:
        study = store.study("night")
        assert '"workers": 2' in study.config_json
        store.request_stop(study.id, now_s=1.0)

    _, err = shell.run("work", "night", code=6)

    assert "stopped as asked; go on with: python -m dse.study resume night" in err


def test_there_is_no_work_on_a_study_that_is_not_there(shell: Shell) -> None:
    _, err = shell.run("work", "night", code=4)
    assert "there is no database results.db" in err
