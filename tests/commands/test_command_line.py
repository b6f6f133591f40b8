"""``python -m dse.study`` as a person runs it: real processes, fake rooms, plain output."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from dse.store import Store, TrialResult, TrialState
from tests.commands.command_line import fake_rooms
from tests.commands.here import call_here

LOOKS = ("--help", "cache", "export", "front", "list", "report", "show", "status")
REFUSED = (2, 3, 4)
ENDS = (TrialState.COMPLETED, TrialState.INFEASIBLE)
ROOT = Path(__file__).parent.parent.parent
CONFIG = """
[study]
name = "night"
trials = 8
[suggest]
algorithm = "random"
[workload]
model = "net.tflite"
"""


class Shell:
    """Runs commands in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "trials.log"
        (folder / "net.tflite").write_bytes(b"net")
        (folder / "night.toml").write_text(CONFIG)

    def start(
        self, *words: str, stdout: int = subprocess.PIPE, **environment: str
    ) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "tests.commands.command_line", *words],
            cwd=self.folder,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "FAKE_LOG": str(self.log),
                **environment,
            },
        )

    def run(self, *words: str, code: int = 0, **environment: str) -> tuple[str, str]:
        """Run to the end; in a process of its own what measures or may ask for a worker."""
        is_fake = any(name.startswith("FAKE_") for name in environment)
        if not is_fake and (words[0] in LOOKS or code in REFUSED):
            with fake_rooms():
                ended = call_here(*words, folder=self.folder, environment=environment)
            assert ended.returncode == code, ended.stderr
            return ended.stdout, ended.stderr
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, err
        return out, err

    def wait_for_ended_trials(self, count: int) -> None:
        deadline_s = time.monotonic() + 60
        while self.ended() < count:
            assert time.monotonic() < deadline_s
            time.sleep(0.02)

    def ended(self) -> int:
        return self.log.read_text().count("end ") if self.log.exists() else 0

    def results(self) -> tuple[TrialResult, ...]:
        with Store(self.folder / "results.db") as store:
            return store.results(store.study("night").id)

    def measured(self) -> Counter[str]:
        """Count how often each design was measured to the end."""
        lines = self.log.read_text().splitlines()
        return Counter(line.split()[1] for line in lines if line.startswith("end "))

    def states(self) -> dict[str, int]:
        counts: dict[str, int] = json.loads(self.run("status", "night", "--json")[0])["counts"]
        return {state: count for state, count in counts.items() if count}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.slow
def test_the_exit_code_tells_that_the_search_failed(shell: Shell) -> None:
    out, err = shell.run("start", "night.toml", code=8, FAKE_SEARCH="broken")
    assert "* the search failed: 8 designs drawn at random instead, trials 1, 2, 3" in out
    assert "the search failed: 8 designs of this run drawn at random" in err
    out, _ = shell.run("status", "night")
    assert "the search failed: 8 designs" in out
    shell.run("export", "night", "trials.csv")
    with (shell.folder / "trials.csv").open() as rows:
        assert {row["suggested_by"] for row in csv.DictReader(rows)} == {"random instead of vizier"}
    shell.run("resume", "night", "--trials", "9")  # of this run, none was


@pytest.mark.slow
def test_a_study_from_start_to_export(shell: Shell) -> None:
    out, err = shell.run("start", "night.toml")
    assert "\x1b" not in out + err
    assert "\r" not in err
    assert out.splitlines()[0].split() == ["trial", "latency", "lut4", "CFU"]
    assert "estimate at 50 MHz" in out
    assert err.count(" starts: ") == 8
    assert "[8/8 trials]\n" in err
    assert "best so far: latency " in err
    assert "python -m dse.study front night --plot front.svg" in err
    assert (shell.folder / "results.db").exists()

    front = json.loads(shell.run("front", "night", "--json", "--plot", "front.svg")[0])
    assert [o["metric"] for o in front["objectives"]] == ["latency_us", "lut4"]
    latencies = [point["metrics"]["latency_us"] for point in front["front"]]
    assert latencies == sorted(latencies)
    assert "<svg" in (shell.folder / "front.svg").read_text()

    best = front["front"][0]["trial"]
    shown = json.loads(shell.run("show", "night", str(best), "--json")[0])
    assert shown["design"] == front["front"][0]["design"]
    assert {m["name"]: m["fidelity"] for m in shown["metrics"]}["lut4"] == "synthesised"
    text, _ = shell.run("show", "night", str(best))
    assert "conv2d_0  1x32x32x16  442,368" in text

    (study,) = json.loads(shell.run("list", "--json")[0])
    assert study["study"] == "night"
    assert study["completed"] + study["infeasible"] == 8
    assert "night" in shell.run("list")[0]
    assert "8 of 8 done" in shell.run("status", "night")[0]

    shell.run("export", "night", "trials.csv")
    with (shell.folder / "trials.csv").open() as rows:
        exported = list(csv.DictReader(rows))
    assert len(exported) == 8
    assert sum(row["on_front"] == "True" for row in exported) == len(front["front"])
    shell.run("export", "night", "trials.parquet")
    assert (shell.folder / "trials.parquet").read_bytes()[:4] == b"PAR1"

    out, _ = shell.run("rerun", "night", str(best))
    assert f"trial {best} of study night reproduces: 5 values are the same" in out


@pytest.mark.slow
def test_start_continues_a_study_and_refuses_another_config(shell: Shell) -> None:
    shell.run("start", "night.toml", "--trials", "2")
    shell.run("start", "night.toml", "--trials", "4")
    assert sum(shell.states().values()) == 4
    assert set(shell.measured().values()) == {1}

    config = shell.folder / "night.toml"
    config.write_text(CONFIG + "[space]\nbypass = true\n")
    _, err = shell.run("start", "night.toml", code=3)
    assert "night in results.db was started with another config" in err
    assert "[space] bypass: null in the database, [true] in the config" in err
    assert "fix: give the new study another name in night.toml" in err


@pytest.mark.slow
def test_results_that_rest_on_other_tools_are_told_with_what_differs(shell: Shell) -> None:
    _, first = shell.run("start", "night.toml", "--trials", "3")
    _, same = shell.run("resume", "night", "--trials", "4")
    _, other = shell.run("resume", "night", "--trials", "5", FAKE_GCC="14.2")

    assert "rest on other things" not in first + same
    assert "4 results of this study rest on other things than new ones will" in other
    assert "tools gcc 12.2 (now 14.2)" in other


@pytest.mark.slow
def test_ctrl_c_gives_running_trials_back_and_resume_goes_on(shell: Shell) -> None:
    process = shell.start("start", "night.toml", FAKE_TRIAL_S="1.5")
    shell.wait_for_ended_trials(2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "interrupted; go on with: python -m dse.study resume night" in err
    states = shell.states()
    assert "running" not in states
    # the log is written just before the outcome is sent, so the last one may be too late
    assert states.get("completed", 0) + states.get("infeasible", 0) >= 1

    shell.run("resume", "night")
    assert sum(shell.states().values()) == 8
    assert set(shell.states()) <= {"completed", "infeasible"}


@pytest.mark.slow
def test_kill_9_loses_no_finished_trial_and_counts_none_twice(shell: Shell) -> None:
    process = shell.start("start", "night.toml", FAKE_TRIAL_S="0.6")
    shell.wait_for_ended_trials(3)
    started = shell.log.read_text().count("start ")
    while shell.log.read_text().count("start ") == started:  # one that is surely running
        time.sleep(0.01)
    process.kill()
    process.communicate()
    before = shell.results()
    assert sum(result.trial.state in ENDS for result in before) >= 2

    _, err = shell.run("resume", "night")

    assert "trials of dead workers are queued again" in err
    after = shell.results()
    assert len(after) == 8
    assert all(result.trial.state in ENDS for result in after)
    for old, new in zip(before, after, strict=False):
        if old.trial.state in ENDS:
            assert new == old
    # only what was running has been measured again
    running = sum(result.trial.state is TrialState.RUNNING for result in before)
    assert sum(shell.measured().values()) <= 8 + running


@pytest.mark.slow
def test_two_campaigns_share_a_study(shell: Shell) -> None:
    shell.run("start", "night.toml", "--trials", "1")
    both = [
        shell.start("start", "night.toml", "--trials", "12", FAKE_TRIAL_S="0.3") for _ in range(2)
    ]
    for process in both:
        process.communicate(timeout=120)
        assert process.returncode == 0

    assert sum(shell.states().values()) == 12
    assert set(shell.measured().values()) == {1}


@pytest.mark.slow
def test_trials_that_fail_by_infrastructure_are_told_by_the_exit_code(shell: Shell) -> None:
    _, err = shell.run(
        "start", "night.toml", "--trials", "1", "--workers", "1", code=6, FAKE_CRASH="tool-crashed"
    )

    assert "will be tried again; after 0 s tool-crashed: yosys failed" in err
    assert "1 trials failed by infrastructure; run them again: python -m dse.study resume" in err
    assert shell.states() == {"failed": 1}
    assert "tool-crashed  yosys failed (exit status 1)" in shell.run("status", "night")[0]
    shell.run("resume", "night")
    assert "failed" not in shell.states()


def test_a_missing_tool_stops_the_study(shell: Shell) -> None:
    _, err = shell.run("start", "night.toml", code=5, FAKE_CRASH="tool-missing")

    assert err.endswith("error: verilator is not installed\n  fix: run `make setup`\n")
    assert set(shell.states()) == {"waiting"}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["start", "absent.toml"], 3, "error: there is no config absent.toml"),
        (["list"], 4, "error: there is no database results.db\n  fix: name one with --db"),
        (["start", "night.toml", "--db", "night.toml"], 4, "night.toml is not an SQLite database"),
        (["start", "night.toml", "--trials", "0"], 2, "--trials"),
        (["stat", "night.toml"], 2, "No such command 'stat'"),
    ],
)
def test_a_mistake_has_its_exit_code_and_leaves_nothing_behind(
    shell: Shell, words: list[str], code: int, message: str
) -> None:
    before = sorted(shell.folder.iterdir())
    out, err = shell.run(*words, code=code)

    assert out == ""
    assert message in err
    assert sorted(shell.folder.iterdir()) == before


def test_a_file_that_is_no_model_is_refused_before_anything_is_made(shell: Shell) -> None:
    real = call_here("start", "night.toml", folder=shell.folder)

    assert real.returncode == 3
    assert "net.tflite" in real.stderr
    assert "fix: " in real.stderr
    assert not (shell.folder / "results.db").exists()


def test_help_names_every_command_and_exit_code(shell: Shell) -> None:
    out, _ = shell.run("--help")

    for word in ("start", "resume", "list", "status", "show", "front", "export", "rerun", "space"):
        assert f"\n  {word} " in out
    words = " ".join(out.split())
    assert "8 the search failed" in words
    assert "9 the study's own code is not trusted; 130 interrupted." in words
