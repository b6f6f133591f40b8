"""What stages take of a machine: never more than there is, given back by whoever dies, in turn."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.faults import OutOfMemory, ToolCrashed
from runners import ROOT
from runners.job import Limits, StageEvent
from runners.pipeline import ALL_CORES, Building, Cache, Machine, Pipeline, Share
from runners.pipeline.machine import shares, usable_cores, usable_memory_bytes
from runners.tools import run_tool
from tests.pipeline.test_walk import JOB, make

MIB = 1 << 20
_OTHER = """
import sys, time
from pathlib import Path
from runners.pipeline import Machine
machine = Machine(Path(sys.argv[1]), cores=int(sys.argv[2]), memory_bytes=1 << 30)
with machine.share("other", cores=int(sys.argv[3]), memory_bytes=1):
    time.sleep(100)
"""


@contextmanager
def another_process(folder: Path, *, of: int, cores: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process that takes some of a number of cores, and holds them."""
    process = subprocess.Popen(
        [sys.executable, "-c", _OTHER, str(folder), f"{of}", f"{cores}"], cwd=ROOT
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def waiting(folder: Path) -> list[Share]:
    return [share for share in shares(folder) if not share.is_held]


def held(folder: Path) -> list[Share]:
    return [share for share in shares(folder) if share.is_held]


def test_shares_of_all_together_are_never_more_than_there_is(tmp_path: Path) -> None:
    """Four askers, each as a process of its own would: a lock is of an open file."""
    used, most, counting = [0, 0], [0, 0], threading.Lock()

    def add(sign: int, *amounts: int) -> None:
        with counting:
            for at, amount in enumerate(amounts):
                used[at] += sign * amount
                most[at] = max(most[at], used[at])

    def ask(number: int) -> None:
        machine = Machine(tmp_path, cores=3, memory_bytes=100)
        for turn in range(5):
            wanted = (1 + (number + turn) % 2, 10 + 15 * (turn % 4))
            with machine.share("some", cores=wanted[0], memory_bytes=wanted[1]):
                add(1, *wanted)
                time.sleep(0.005)
                add(-1, *wanted)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))
    assert used == [0, 0]
    assert 2 <= most[0] <= 3
    assert most[1] <= 100
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_killed_process_gives_back_what_it_had(tmp_path: Path) -> None:
    machine = Machine(tmp_path, cores=2, memory_bytes=1 << 30)
    with another_process(tmp_path, of=2, cores=2) as other:
        until(lambda: bool(held(tmp_path)))
        assert [(s.pid, s.cores, s.stage) for s in held(tmp_path)] == [(other.pid, 2, "other")]
        told: list[float] = []

        def kill() -> None:
            told.append(time.monotonic())
            other.kill()

        with machine.share("mine", cores=1, memory_bytes=1, waiting=kill):
            other.wait()
            assert told, "it was waited for"
            assert [share.stage for share in shares(tmp_path)] == ["mine"]
    assert shares(tmp_path) == ()


def test_who_asks_for_much_is_not_passed_over_by_those_who_ask_for_little(tmp_path: Path) -> None:
    order: list[str] = []

    def ask(name: str, cores: int) -> threading.Thread:
        def take() -> None:
            machine = Machine(tmp_path, cores=2, memory_bytes=10)
            with machine.share(name, cores=cores, memory_bytes=1):
                order.append(name)

        before = len(shares(tmp_path))
        thread = threading.Thread(target=take)
        thread.start()
        until(lambda: len(shares(tmp_path)) > before)
        return thread

    with Machine(tmp_path, cores=2, memory_bytes=10).share("first", cores=1, memory_bytes=1):
        threads = [ask("all", ALL_CORES), ask("little", 1)]
        time.sleep(0.2)
        assert order == [], "a core is free, and it is not the turn of who wants but that"
    for thread in threads:
        thread.join(30)
    assert order == ["all", "little"]


@pytest.mark.parametrize(("seniority_s", "first"), [(600.0, "mine"), (0.0, "other")])
def test_who_began_first_is_first_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seniority_s: float, first: str
) -> None:
    """This process is older than the other one, which asks before it."""
    machine = Machine(tmp_path, cores=1, memory_bytes=10)
    with ExitStack() as before, ThreadPoolExecutor(1) as pool, ExitStack() as others:
        before.enter_context(machine.share("before", cores=1, memory_bytes=1))
        others.enter_context(another_process(tmp_path, of=1, cores=1))
        until(lambda: len(waiting(tmp_path)) == 1)
        monkeypatch.setattr("runners.pipeline.machine._SENIORITY_S", seniority_s)

        order: list[str] = []

        def take() -> None:
            with machine.share("mine", cores=1, memory_bytes=1):
                order.extend(share.stage for share in waiting(tmp_path))

        mine = pool.submit(take)
        until(lambda: len(waiting(tmp_path)) == 2)
        assert waiting(tmp_path)[0].stage == first
        before.close()
        until(lambda: mine.done() or [share.stage for share in held(tmp_path)] == ["other"])
        others.close()
        mine.result(30)
    assert order == (["other"] if first == "mine" else [])


def test_who_waits_and_is_stopped_keeps_nobody_waiting(tmp_path: Path) -> None:
    machine = Machine(tmp_path, cores=1, memory_bytes=10)
    with ExitStack() as first, ExitStack() as others:
        first.enter_context(machine.share("first", cores=1, memory_bytes=1))
        other = others.enter_context(another_process(tmp_path, of=1, cores=1))
        until(lambda: bool(waiting(tmp_path)))
        os.kill(other.pid, signal.SIGSTOP)
        first.close()
        with machine.share("second", cores=1, memory_bytes=1):
            assert [share.stage for share in held(tmp_path)] == ["second"]
            os.kill(other.pid, signal.SIGCONT)
        until(lambda: [share.stage for share in held(tmp_path)] == ["other"])


def test_what_wants_more_than_there_is_gets_it_all(tmp_path: Path) -> None:
    machine = Machine(tmp_path, cores=2, memory_bytes=100)
    with machine.share("large", cores=ALL_CORES, memory_bytes=10**15) as share:
        assert (share.cores, share.memory_bytes) == (2, 100)


def test_looking_makes_nothing(tmp_path: Path) -> None:
    assert shares(tmp_path / "none") == ()
    left = tmp_path / "held-1-1-1-1-1-dead"
    left.touch()
    (tmp_path / "held-1-1-x-1-1-foreign").touch()
    assert shares(tmp_path) == ()
    assert len(list(tmp_path.iterdir())) == 2
    with Machine(tmp_path, cores=1, memory_bytes=1).share("a", cores=1, memory_bytes=1):
        assert not left.exists(), "what a dead process left is no share"


def test_a_folder_of_somebody_else_is_a_named_fault(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / "link").symlink_to(target)
    machine = Machine(tmp_path / "link", cores=1, memory_bytes=1)
    with (
        pytest.raises(ToolCrashed, match=r"(?s)not a folder of this user.*DSE_MACHINE_DIR"),
        machine.share("a", cores=1, memory_bytes=1),
    ):
        pass


@pytest.mark.parametrize(
    ("files", "cores", "memory_bytes"),
    [
        ({}, None, None),
        ({"cpu.max": "max 100000", "memory.max": "max"}, None, None),
        ({"cpu.max": "150000 100000", "memory.max": "1000000"}, 1, 1_000_000),
        ({"cpu.max": "50000 100000"}, 1, None),
        (
            {
                "cpu/cpu.cfs_quota_us": "100000",
                "cpu/cpu.cfs_period_us": "100000",
                "memory/memory.limit_in_bytes": "2000000",
            },
            1,
            2_000_000,
        ),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None, None),
    ],
)
def test_a_container_s_limits_are_the_machine_s(
    tmp_path: Path, files: dict[str, str], cores: int | None, memory_bytes: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert usable_cores(tmp_path) == (cores or len(os.sched_getaffinity(0)))
    if memory_bytes is not None:
        assert usable_memory_bytes(tmp_path) == memory_bytes
    assert usable_memory_bytes(tmp_path) > 0


_FILL = "x = b'x' * (int(__import__('sys').argv[1]) << 20); __import__('time').sleep(0.8)"


def _fill(building: Building) -> float:
    """Run a program of 150 MiB under the limit that the stage has."""
    assert not list(building.out.iterdir()), "nothing is left of the build before"
    (building.out / "limit").write_text(f"{building.job.limits.memory_bytes}")
    return run_tool(
        [sys.executable, "-c", _FILL, "150"],
        cwd=building.out,
        log=building.out / "log",
        timeout_s=60,
        memory_bytes=building.job.limits.memory_bytes,
    ).cpu_s


def test_a_stage_that_has_too_little_memory_gets_a_larger_share(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", cores=1, memory_bytes=400 * MIB)
    stage = make("greedy", build=_fill, memory_bytes=100 * MIB)
    built = Pipeline(
        JOB,
        stages={"greedy": stage},
        cache=Cache(tmp_path / "cache"),
        report=lambda _: None,
        machine=machine,
    ).get("greedy")
    assert (built.folder / "limit").read_text() == str(200 * MIB)


@pytest.mark.parametrize("limit_mib", [120, 8192])
def test_a_design_is_suspected_at_the_study_s_limit_and_not_at_the_machine_s(
    tmp_path: Path, limit_mib: int
) -> None:
    machine = Machine(
        tmp_path / "machine", cores=1, memory_bytes=(120 if limit_mib > 120 else 8192) * MIB
    )
    pipeline = Pipeline(
        replace(JOB, limits=Limits(memory_bytes=limit_mib * MIB)),
        stages={"greedy": make("greedy", build=_fill, memory_bytes=100 * MIB)},
        cache=Cache(tmp_path / "cache"),
        report=lambda _: None,
        machine=machine,
    )
    with pytest.raises(OutOfMemory, match="more than 120 MiB") as caught:
        pipeline.get("greedy")
    assert caught.value.is_own_limit == (limit_mib == 120)
    assert ("[machine]" in caught.value.fix) == (limit_mib > 120)
    assert shares(machine.folder) == ()


def test_a_trial_that_waits_for_the_machine_says_so(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", cores=1, memory_bytes=1 << 40)
    events: list[StageEvent] = []
    pipeline = Pipeline(
        JOB,
        stages={"core": make("core")},
        cache=Cache(tmp_path / "cache"),
        report=events.append,
        machine=machine,
    )
    with ThreadPoolExecutor(1) as pool:
        with machine.share("other", cores=1, memory_bytes=1):
            built = pool.submit(pipeline.get, "core")
            until(lambda: len(events) == 2)
        built.result(30)
    assert [f"{event.stage} {event.state}" for event in events] == [
        "core started",
        "wait-for-a-core started",
        "core started",
        "core done",
    ]
