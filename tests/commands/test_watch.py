"""``python -m dse.study watch`` beside real processes that run, are killed, and end."""

import json
import os
import pty
import time
from pathlib import Path

import pytest

from dse.store import NewTrial, Store
from dse.words import plural
from runners.job import SimulatedCycles, StageEvent, StageState
from runners.pipeline import Machine
from runners.pipeline.machine import usable_cores
from tests.commands.test_command_line import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.slow
def test_a_night_is_watched_to_its_end_in_a_pipe(shell: Shell) -> None:
    night = shell.start("start", "night.toml", FAKE_TRIAL_S="4")
    shell.wait_for_ended_trials(1)
    out, err = shell.run("watch", "night", "--json", "--interval", "0.3")
    _, said = night.communicate(timeout=60)

    assert (night.returncode, err) == (0, ""), said
    looks = [json.loads(line) for line in out.splitlines()]
    first, last = looks[0], looks[-1]
    assert last["is_over"]
    assert not any(look["is_over"] for look in looks[:-1])
    assert (last["done"], last["expected"], last["running"]) == (8, 8, [])
    assert [look["done"] for look in looks] == sorted(look["done"] for look in looks)
    held = next(look for look in looks if look["running"])["running"]
    assert {each["worker"].rpartition("/")[2].partition(".")[0] for each in held} == {
        str(night.pid)
    }
    assert {each["stage"] for look in looks for each in look["running"]} & {"core", "simulate"}
    assert all(0 <= look["machine_cores"] <= look["cores"] + 0.5 for look in looks)
    assert any(look["busy_cores"] is not None for look in looks)
    assert [disk["what"] for disk in first["disks"]] == ["database", "cache"]
    assert last["best"].keys() == {"latency_us", "lut4"}


@pytest.mark.slow
def test_one_look_after_a_kill_says_that_nobody_runs_a_trial(shell: Shell) -> None:
    night = shell.start("start", "night.toml", FAKE_TRIAL_S="5")
    deadline_s = time.monotonic() + 60
    while not shell.log.exists() or shell.log.read_text().count("start ") < 2:
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    night.kill()
    night.communicate()
    before = shell.results()

    line, err = shell.run("watch", "night", "--once")

    assert err == ""
    assert line.count("\n") == 1
    assert "0 of 8 trials done" in line
    assert ", 0 running, " in line, "their process is seen to be dead"
    assert line.rstrip().endswith("nobody runs a trial now")
    assert "free for the database" in line
    assert shell.results() == before


@pytest.mark.slow
def test_failed_trials_and_a_wish_to_stop_are_told(shell: Shell) -> None:
    shell.run("start", "night.toml", "--trials", "1", code=6, FAKE_CRASH="tool-crashed")

    line, _ = shell.run("watch", "night")

    assert "1 of 1 trial done (1 failed)" in line
    assert "faults tool-crashed x1" in line
    assert line.rstrip().endswith("the study has ended")


@pytest.mark.slow
def test_what_stages_have_of_the_machine_is_told(shell: Shell, tmp_path: Path) -> None:
    shell.run("start", "night.toml", "--trials", "1")
    there = str(tmp_path / "machine")
    machine = Machine(Path(there), cores=3, memory_bytes=8 << 30)
    nobody, _ = shell.run("watch", "night", "--once", DSE_MACHINE_DIR=there)
    with (
        machine.share("simulate", cores=1, memory_bytes=1 << 30),
        machine.share("synthesise-soc", cores=1, memory_bytes=2 << 30),
    ):
        line, _ = shell.run("watch", "night", "--once", DSE_MACHINE_DIR=there)
        out, _ = shell.run("watch", "night", "--once", "--json", DSE_MACHINE_DIR=there)

    assert "stages have" not in nobody
    assert f"stages have 2 of {plural(usable_cores(), 'core')} and 3.22 GB of " in line
    taken = json.loads(out)["taken"]
    assert (taken["cores"], taken["memory_bytes"], taken["waiting"]) == (2, 3 << 30, 0)


@pytest.mark.slow
def test_how_far_a_simulation_is_is_told(shell: Shell) -> None:
    shell.run("start", "night.toml", "--trials", "1")
    with Store(shell.folder / "results.db") as store:
        study = store.study("night")
        other = store.results(study.id)[0].trial
        new = NewTrial(design_id="0" * 64, design_json=other.design_json, suggested_by="random")
        store.add_trials(study.id, [new], context="", budget=None, now_s=0)
        held = store.claim(study.id, worker="elsewhere", now_s=time.time(), lease_s=600)
        assert held is not None
        store.note_stage(held.attempt_id, "simulate", now_s=time.time())
        cycles = SimulatedCycles(done=3_000_000, expected=12_000_000)
        told = StageEvent(stage="simulate", state=StageState.STARTED, fraction=0.25, cycles=cycles)
        store.note_progress({held.attempt_id: told})

    line, _ = shell.run("watch", "night", "--once")
    out, _ = shell.run("watch", "night", "--once", "--json")

    assert "(2 simulate 25%, 3.0 of about 12.0 Mcycles, " in line
    (running,) = json.loads(out)["running"]
    assert (running["stage"], running["stage_fraction"]) == ("simulate", 0.25)
    assert (running["cycles"], running["expected_cycles"]) == (3_000_000, 12_000_000)


@pytest.mark.slow
def test_a_terminal_gets_a_table_that_replaces_itself(shell: Shell) -> None:
    shell.run("start", "night.toml", "--trials", "2")
    ours, theirs = pty.openpty()
    process = shell.start("watch", "night", stdout=theirs)
    os.close(theirs)
    process.communicate(timeout=60)
    shown = os.read(ours, 65536).decode()
    os.close(ours)

    assert process.returncode == 0
    assert "night: 2 of 2 trials done" in shown
    assert "the study has ended" in shown


@pytest.mark.parametrize("words", [["watch", "night"], ["watch", "night", "--once", "--json"]])
def test_there_is_nothing_to_watch_without_a_database(shell: Shell, words: list[str]) -> None:
    _, err = shell.run(*words, code=4)

    assert "there is no database results.db" in err
    assert not (shell.folder / "results.db").exists()
