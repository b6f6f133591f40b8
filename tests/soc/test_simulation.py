"""The simulated SoC at work: a real firmware, a real core, a serial program on the other side."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import serial

from hw_templates.soc.config import MemoryKind
from runners.boards import SimulatedBoard
from tests.soc.soc_bench import (
    built,
    letters_folder,
    prepare_letters,
    simulation_config,
    simulator,
)

pytestmark = pytest.mark.slow
MEMORIES: tuple[MemoryKind, ...] = ("on-chip", "sdram")
LIMIT_S = 120


class Running:
    """A simulator that was started, and its serial port."""

    def __init__(self, memory: MemoryKind, folder: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [simulator(memory).program, *options],
            cwd=letters_folder(memory, folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.path = self.process.stdout.readline().removeprefix("serial port: ").strip()

    def open(self) -> serial.Serial:
        return serial.Serial(self.path, 1_843_200, timeout=LIMIT_S)

    def stop(self) -> tuple[int, str, str]:
        self.process.terminate()
        return self.end()

    def end(self) -> tuple[int, str, str]:
        printed, errors = self.process.communicate(timeout=LIMIT_S)
        return self.process.returncode, printed, errors


@contextlib.contextmanager
def running(memory: MemoryKind, folder: Path, *options: str) -> Iterator[Running]:
    started = Running(memory, folder, *options)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.stop()


def ask(port: serial.Serial, letter: bytes) -> bytes:
    port.write(letter)
    return bytes(port.read_until(b"\r\n")).removesuffix(b"\r\n")


def connect(port: serial.Serial) -> None:
    """The greeting may or may not be on the line."""
    port.write(b"h")
    port.read_until(b"hello\r\n")


def state_of(pid: int) -> str:
    """Return `S` for a process that sleeps, `R` for one that computes or would like to."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def cycles_in(printed: str) -> int:
    return int(printed.strip().splitlines()[-1].removeprefix("cycles: "))


@pytest.mark.parametrize("memory", MEMORIES)
def test_core_memory_and_cfu_work(memory: MemoryKind, tmp_path: Path) -> None:
    with running(memory, tmp_path) as board, board.open() as port:
        connect(port)
        assert ask(port, b"m") == b"00000000"  # wrong words of 8192
        assert int(ask(port, b"c"), 16) == 1000 + 234 + (2 << 3 | 1)
        status, printed, errors = board.stop()
    assert (status, errors) == (0, "")
    assert cycles_in(printed) > 100_000


@pytest.mark.parametrize("memory", MEMORIES)
def test_an_address_where_nothing_is_answers_at_once(memory: MemoryKind, tmp_path: Path) -> None:
    with running(memory, tmp_path) as board, board.open() as port:
        connect(port)
        cycles, *words = ask(port, b"n").split()
        assert ask(port, b"m") == b"00000000"  # and nothing else was written
    assert words == [b"ffffffff", b"ffffffff"]
    assert int(cycles, 16) < 1000


def test_a_soc_without_cfu_and_without_level_2_cache(tmp_path: Path) -> None:
    which = built(replace(simulation_config("sdram"), with_cfu=False, l2_bytes=0))
    board = SimulatedBoard(which.program, prepare_letters(which, tmp_path))
    board.send(b"hm")
    board.receive_until(b"hello\r\n", timeout_s=LIMIT_S)
    assert board.receive_until(b"\r\n", timeout_s=LIMIT_S) == b"00000000\r\n"
    board.close()


def test_a_slower_main_memory_costs_cycles(tmp_path: Path) -> None:
    cycles = {}
    for memory in MEMORIES:
        with running(memory, tmp_path / memory) as board, board.open() as port:
            connect(port)
            ask(port, b"m")
            cycles[memory] = cycles_in(board.stop()[1])
    assert cycles["sdram"] > 1.2 * cycles["on-chip"]


@pytest.mark.parametrize("memory", MEMORIES)
def test_cycles_do_not_depend_on_when_bytes_arrive(memory: MemoryKind, tmp_path: Path) -> None:
    found = []
    for pause_s in (0.0, 0.05):
        with running(memory, tmp_path / str(pause_s)) as board, board.open() as port:
            connect(port)
            answers = []
            for letter in (b"h", b"t", b"m", b"t"):
                time.sleep(pause_s)
                answers.append(ask(port, letter))
            found.append((answers, cycles_in(board.stop()[1])))
    assert found[0] == found[1]


def test_waiting_for_a_byte_costs_no_time(tmp_path: Path) -> None:
    with running("on-chip", tmp_path) as board, board.open() as port:
        connect(port)
        deadline_s = time.monotonic() + LIMIT_S
        while (state := state_of(board.process.pid)) != "S":  # until it has answered to its end
            assert time.monotonic() < deadline_s, state
            time.sleep(0.3)
        states = []
        for _ in range(50):
            time.sleep(0.01)
            states.append(state_of(board.process.pid))
        assert states.count("S") >= 45, "it looks around now and then at most"


def test_a_flood_reaches_a_slow_reader_byte_for_byte(tmp_path: Path) -> None:
    with running("on-chip", tmp_path) as board, board.open() as port:
        connect(port)
        port.write(b"f")
        time.sleep(0.5)  # the line fills, then the simulation waits
        received = b""
        while len(received) < 200_000:
            received += port.read(min(7777, 200_000 - len(received)))
        assert received == bytes(index % 251 for index in range(200_000))
        connect(port)


def test_bytes_sent_at_once_all_arrive(tmp_path: Path) -> None:
    every = bytes(range(256))
    with running("on-chip", tmp_path) as board, board.open() as port:
        connect(port)
        port.write(b"e" + every + b"e" + every + b"h")
        assert port.read_until(b"hello\r\n") == every + every + b"hello\r\n"


def test_programs_come_and_go(tmp_path: Path) -> None:
    link = tmp_path / "port"
    with running("on-chip", tmp_path / "run", "--link", str(link)) as board:
        assert str(link.readlink()) == board.path
        for _ in range(3):
            with serial.Serial(str(link), 115_200, timeout=LIMIT_S) as port:
                connect(port)
                assert ask(port, b"h") == b"hello"
        assert board.stop()[0] == 0
    assert not link.is_symlink()


@pytest.mark.parametrize("option", ["--cycle-limit", "--command-cycle-limit"])
def test_an_endless_command_ends_at_its_limit(option: str, tmp_path: Path) -> None:
    with running("on-chip", tmp_path, option, "300000") as board, board.open() as port:
        connect(port)
        port.write(b"x")
        status, printed, errors = board.end()
    assert status == 3
    assert "cycle limit reached" in errors
    assert 300_000 <= cycles_in(printed) < 400_000


def test_a_simulator_does_not_outlive_who_started_it(tmp_path: Path) -> None:
    folder = letters_folder("on-chip", tmp_path)
    script = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.argv[1]], stdout=subprocess.PIPE)\n"
        "print(child.pid, child.stdout.readline().decode().split()[-1], flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    parent = subprocess.run(
        [sys.executable, "-c", script, simulator("on-chip").program],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert parent.returncode == -signal.SIGKILL
    pid = int(parent.stdout.split()[0])
    deadline_s = time.monotonic() + LIMIT_S
    while alive(pid):
        assert time.monotonic() < deadline_s, f"simulator {pid} still runs"
        time.sleep(0.02)


def test_a_simulator_does_not_start_when_its_parent_is_gone(tmp_path: Path) -> None:
    run = subprocess.run(
        [simulator("on-chip").program, "--parent", str(os.getpid() + 1)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert "ended before the start" in run.stderr


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_another_firmware_needs_no_other_simulator(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    firmware = bytes.fromhex("6f000000")  # jumps to itself
    simulator("on-chip").prepare(firmware, folder)
    run = subprocess.run(
        [simulator("on-chip").program, "--cycle-limit", "1000"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert (run.returncode, cycles_in(run.stdout)) == (3, 1000)


def test_a_file_that_is_not_open_cannot_have_the_cycles(tmp_path: Path) -> None:
    run = subprocess.run(
        [simulator("on-chip").program, "--cycles-fd", "77"],
        cwd=letters_folder("on-chip", tmp_path),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert "cannot keep the cycles in file 77: Bad file descriptor" in run.stderr


@pytest.mark.parametrize(
    "options", [["--cycle-limit", "many"], ["--cycle-limit", "-1"], ["--fast"], ["now"]]
)
def test_wrong_usage_is_told(options: list[str], tmp_path: Path) -> None:
    run = subprocess.run(
        [simulator("on-chip").program, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert run.returncode == 2
    assert run.stderr
    assert not run.stdout


def test_free_running_goes_on_while_nobody_types(tmp_path: Path) -> None:
    with running("on-chip", tmp_path, "--free-running", "--cycle-limit", "400000") as board:
        assert select.select([board.process.stdout], [], [], LIMIT_S)[0]
        assert board.end()[0] == 3
