"""The suite again and again, in other orders, on a machine that is kept busy."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.repeat import (
    Load,
    Outcome,
    Run,
    add_run,
    missing,
    outcome_of,
    read_runs,
    run_once,
    runs_table,
    state_of,
)

REPORT = """<testsuites><testsuite>
<testcase classname="tests.test_a" name="test_passes"/>
<testcase classname="tests.test_a" name="test_fails[1]"><failure message="no"/></testcase>
<testcase classname="tests.test_a" name="test_leaves_something"><error message="no"/></testcase>
<testcase classname="tests.test_b" name="test_is_skipped"><skipped message="no server"/></testcase>
</testsuite></testsuites>"""
CONFTEST = """
def pytest_addoption(parser):
    parser.addoption("--random-order-seed", type=int)
"""
TESTS = """
def test_of_seed_7(request):
    assert request.config.getoption("random_order_seed") != 7

def test_other():
    pass
"""


def a_run(**changes: object) -> Run:
    values: dict[str, object] = {
        "state": "0123456789ab",
        "asked": "load 8 -n 2",
        "seed": 3,
        "outcome": Outcome(passed=4213, skipped=4, failed=("tests.test_a::test_fails",)),
        "load_before": 1.5,
        "load_after": 8.25,
        "load": 7.9,
        "wall_s": 605.0,
        "cpu_s": 340.4,
    }
    return Run(**{**values, **changes})  # type: ignore[arg-type]


def state_letter(pid: int) -> str:
    """Return what the kernel says a process does: R runs, T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what must come; pytest's limit ends a wait for what does not."""
    while not holds():
        time.sleep(0.05)


def test_a_report_says_what_passed_and_what_did_not() -> None:
    assert outcome_of(REPORT) == Outcome(
        passed=1,
        skipped=1,
        failed=("tests.test_a::test_fails[1]", "tests.test_a::test_leaves_something"),
    )


@pytest.mark.parametrize(
    ("runnable", "busy", "wanted"),
    [(2, 0, 6), (8, 6, 6), (9, 6, 5), (20, 6, 0), (0, 0, 8), (3, 4, 8)],
)
def test_as_many_are_busy_as_are_missing(runnable: int, busy: int, wanted: int) -> None:
    assert missing(8, runnable=runnable, busy=busy) == wanted


def test_busy_processes_run_are_stopped_where_others_are_many_and_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = 0
    monkeypatch.setattr("benchmarks.repeat._LOOK_S", 0.05)
    monkeypatch.setattr(
        "benchmarks.repeat._runnable", lambda: others + sum(state_letter(p) == "R" for p in pids)
    )
    pids: list[int] = []
    with Load(2) as load:
        pids += load.pids
        wait_until(lambda: all(state_letter(pid) == "R" for pid in pids))
        others = 5
        wait_until(lambda: all(state_letter(pid) == "T" for pid in pids))
        others = 1
        wait_until(lambda: sorted(map(state_letter, pids)) == ["R", "T"])
        assert load.mean() > 0
        assert load.mean() >= 0, "nothing of before is counted again"
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_no_busy_process_is_left_of_a_call_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "hold.py"
    script.write_text(
        "from benchmarks.repeat import Load\n"
        "with Load(1) as load:\n"
        "    print(load.pids[0], flush=True)\n"
        "    input()\n"
    )
    command = [sys.executable, "-c", script.read_text()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        process.kill()
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


@pytest.mark.parametrize(
    ("seed", "passed", "failed"), [(6, 2, ()), (7, 1, ("test_seed::test_of_seed_7",))]
)
def test_a_run_is_told_its_seed_and_says_what_failed(
    seed: int, passed: int, failed: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_seed.py").write_text(TESTS)
    words = ("-p", "no:schemathesis", "-p", "no:hypothesispytest", "-c", "/dev/null")
    run = run_once(
        seed,
        state="of a test",
        words=(*words, "--rootdir=.", "."),
        load=Load(0),
        folder=tmp_path,
        log=tmp_path / "build" / "log",
    )
    said = (tmp_path / "build" / "log").read_text()
    assert run.outcome == Outcome(passed=passed, skipped=0, failed=failed), said
    assert run.cpu_s > 0


def test_a_pytest_that_refuses_is_no_run_that_passed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    words = ("--no-such-option", "-c", "/dev/null")
    run = run_once(1, state="of a test", words=words, load=Load(0), folder=tmp_path, log=log)
    assert run.outcome.passed == 0
    assert run.outcome.failed == (f"pytest itself, with exit status 4: see {log}",)


def test_runs_are_kept_whatever_happens_to_the_last_line(tmp_path: Path) -> None:
    path = tmp_path / "repeat.jsonl"
    assert read_runs(path) == []
    add_run(path, a_run())
    add_run(path, a_run(seed=4))
    assert read_runs(path) == [a_run(), a_run(seed=4)]
    path.write_text(path.read_text()[:-40])
    assert read_runs(path) == [a_run()]
    assert json.loads(path.read_text().splitlines()[0])["seed"] == 3


def test_the_table_has_each_run_and_names_what_failed() -> None:
    header, _, first, second, failed = runs_table(
        [a_run(), a_run(seed=9, outcome=Outcome(passed=5, skipped=0, failed=()))]
    ).splitlines()
    assert header.split()[:5] == ["run", "seed", "passed", "failed", "skipped"]
    assert first.split()[:5] == ["1", "3", "4213", "1", "4"]
    assert second.split()[:5] == ["2", "9", "5", "0", "0"]
    assert first.split()[5:8] == ["1.5", "7.9", "8.2"]
    assert failed == "seed 3: tests.test_a::test_fails"


def test_a_run_counts_for_the_files_that_it_was_made_of(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        subprocess.run(("git", *identity, *words), cwd=tmp_path, check=True, capture_output=True)

    git("init")
    file = tmp_path / "a.py"
    file.write_text("1\n")
    git("add", "a.py")
    git("commit", "-m", "first")
    committed = state_of(tmp_path)
    file.write_text("2\n")
    changed = state_of(tmp_path)
    file.write_text("3\n")
    assert len({committed, changed, state_of(tmp_path)}) == 3
    file.write_text("1\n")
    assert state_of(tmp_path) == committed
    (tmp_path / "b.py").write_text("1\n")
    with_another = state_of(tmp_path)
    (tmp_path / "b.py").write_text("2\n")
    assert len({committed, with_another, state_of(tmp_path)}) == 3
