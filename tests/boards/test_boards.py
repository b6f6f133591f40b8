"""The contract over all boards, and what each does beyond it."""

import errno
import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from contracts.faults import (
    BoardGarbled,
    BoardMissing,
    BoardSilent,
    DseError,
    ToolMissing,
    TooSlow,
)
from runners.boards import (
    Board,
    FaultyBoard,
    LineFault,
    RecordingBoard,
    ReplayBoard,
    SerialBoard,
    SimulatedBoard,
)
from runners.boards.serial_port import open_port
from tests.boards.board_contract import SLOW_S, BoardContract
from tests.boards.pty_device import PtyDevice, device, eventually, letters
from tests.soc.soc_bench import letters_folder, simulator


@pytest.fixture
def line() -> Iterator[PtyDevice]:
    with device(letters()) as made:
        yield made


@pytest.fixture
def serial_board(line: PtyDevice) -> Iterator[SerialBoard]:
    board = SerialBoard(line.path, baud=115200)
    yield board
    board.close()


class TestSerialBoard(BoardContract):
    @pytest.fixture
    def board(self, serial_board: SerialBoard) -> Board:
        return serial_board


class TestRecordingBoard(BoardContract):
    @pytest.fixture
    def board(self, serial_board: SerialBoard, tmp_path: Path) -> Iterator[Board]:
        board = RecordingBoard(serial_board, tmp_path / "talk.jsonl")
        yield board
        board.close()


class TestReplayBoard(BoardContract):
    @pytest.fixture
    def board(
        self, request: pytest.FixtureRequest, serial_board: SerialBoard, tmp_path: Path
    ) -> Board:
        """Record the very test that follows."""
        recording = RecordingBoard(serial_board, tmp_path / "talk.jsonl")
        getattr(self, request.function.__name__)(recording)
        recording.close()
        return ReplayBoard(tmp_path / "talk.jsonl")


class TestFaultyBoardWithoutFault(BoardContract):
    @pytest.fixture
    def board(self, serial_board: SerialBoard) -> Board:
        return FaultyBoard(serial_board, None)


@pytest.mark.slow
class TestSimulatedBoard(BoardContract):
    @pytest.fixture
    def board(self, tmp_path: Path) -> Iterator[Board]:
        folder = letters_folder("on-chip", tmp_path)
        board = SimulatedBoard(simulator("on-chip").program, folder)
        yield board
        board.close()


# Serial ports


def test_a_port_that_does_not_exist_is_a_missing_board(tmp_path: Path) -> None:
    with pytest.raises(
        BoardMissing, match=r"no serial port .*ttyNone; there are(.|\n)*fix: connect"
    ):
        SerialBoard(tmp_path / "ttyNone", baud=115200)


def test_a_port_in_use_is_named_with_the_command_that_finds_the_user(line: PtyDevice) -> None:
    first = SerialBoard(line.path, baud=115200)
    with pytest.raises(BoardMissing, match=r"in use by another program(.|\n)*fuser -v /dev/pts"):
        SerialBoard(line.path, baud=115200)
    first.close()
    SerialBoard(line.path, baud=115200).close()


def test_a_forbidden_port_is_named_with_the_group_that_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(errno.EACCES, "Permission denied")

    monkeypatch.setattr("serial.Serial", refuse)
    with pytest.raises(BoardMissing, match=r"may not be used by you\n  fix: sudo usermod -a -G"):
        SerialBoard("/dev/ttyUSB0", baud=115200)


def test_a_port_that_comes_back_is_waited_for(line: PtyDevice, tmp_path: Path) -> None:
    port = tmp_path / "port"
    threading.Timer(0.4, port.symlink_to, [line.path]).start()
    open_port(str(port), baud=115200, timeout_s=SLOW_S).close()


def test_a_slow_drip_does_not_prolong_the_deadline() -> None:
    with device(lambda line, data: line.drip(data * 100, 0.05)) as line:
        board = SerialBoard(line.path, baud=115200)
        board.send(b"abc")
        with pytest.raises(BoardSilent, match=r"did not finish within 2 s: \d+ bytes") as caught:
            board.receive_until(b"\n", timeout_s=2)
        received = re.search(r"(\d+) bytes", str(caught.value))
        assert received is not None
        assert 0 < int(received[1]) < 300, "it did not wait for the last drop"
        board.close()


def test_endless_garbage_is_told_from_an_answer() -> None:
    with device(lambda line, _: line.say(b"\x55" * (3 << 20))) as line:
        board = SerialBoard(line.path, baud=115200)
        board.send(b"h")
        with pytest.raises(BoardGarbled, match=r"without b'\\n': b'UUU(.|\n)*fix: check the baud"):
            board.receive_until(b"\n", timeout_s=SLOW_S)
        line.vanish()
        board.close()


def test_a_board_that_vanishes_is_missing_not_silent(
    line: PtyDevice, serial_board: SerialBoard
) -> None:
    serial_board.send(b"h")
    serial_board.receive_until(b"hello\r\n", timeout_s=SLOW_S)
    serial_board.send(b"x")
    with pytest.raises(BoardMissing, match=r"went away(.|\n)*fix: check cable"):
        serial_board.receive_until(b"never", timeout_s=SLOW_S)
    with pytest.raises(BoardMissing):
        serial_board.send(b"h")
    del line


def test_a_board_that_takes_nothing_is_silent() -> None:
    with device(lambda line, _: line.drip(b"zzz", 1.0)) as line:
        board = SerialBoard(line.path, baud=115200)
        board.send(b"h")
        with pytest.raises(BoardSilent, match="did not take"):
            board.send(bytes(1 << 20), timeout_s=0.3)
        line.vanish()
        board.close()


def test_a_reset_gives_up_on_a_board_that_never_stops_talking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("runners.boards.serial_port._RESET_LIMIT_S", 0.5)
    with device(lambda line, _: line.drip(b"z" * 1000, 0.02)) as line:
        board = SerialBoard(line.path, baud=115200)
        with pytest.raises(BoardSilent, match="does not stop talking"):
            board.reset()
        line.vanish()
        board.close()


# Recordings


def test_a_recording_can_be_read_and_is_named_when_complete(
    serial_board: SerialBoard, tmp_path: Path
) -> None:
    path = tmp_path / "talk.jsonl"
    board = RecordingBoard(serial_board, path)
    board.send(b"h")
    board.receive_until(b"\n", timeout_s=SLOW_S)
    with pytest.raises(BoardSilent):
        board.receive_until(b"never", timeout_s=0.1)
    assert not path.exists()
    board.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["talk.jsonl"]
    calls = [json.loads(line) for line in path.read_text().splitlines()]
    assert calls[:2] == [
        {"call": "send", "data": "h"},
        {"call": "receive_until", "end": "\n", "answer": "hello\r\n"},
    ]
    assert calls[2]["fault"][0] == "board-silent"


def recorded(tmp_path: Path, *calls: dict[str, Any]) -> Path:
    path = tmp_path / "talk.jsonl"
    path.write_text("".join(json.dumps(call) + "\n" for call in calls))
    return path


def test_replay_refuses_another_talk(tmp_path: Path) -> None:
    path = recorded(tmp_path, {"call": "send", "data": "h"})
    with pytest.raises(BoardGarbled, match=r"line 1: the call is(.|\n)*fix: record again"):
        ReplayBoard(path).send(b"g")
    with pytest.raises(BoardGarbled):
        ReplayBoard(path).receive_until(b"h", timeout_s=1)
    board = ReplayBoard(path)
    board.send(b"h")
    with pytest.raises(BoardMissing, match="ends after 1 calls"):
        board.send(b"h")
    board.close()
    with pytest.raises(BoardMissing, match="closed"):
        board.send(b"h")


def test_replay_refuses_to_end_early(tmp_path: Path) -> None:
    board = ReplayBoard(recorded(tmp_path, {"call": "reset"}, {"call": "send", "data": "h"}))
    board.reset()
    with pytest.raises(BoardGarbled, match="1 of 2 calls were not made"):
        board.close()
    board.close()


def test_a_missing_recording_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BoardMissing, match=r"cannot be read(.|\n)*fix: record first"):
        ReplayBoard(tmp_path / "talk.jsonl")


@pytest.mark.parametrize("line", ["{", "[]", '{"call": "dance"}', "{}"])
def test_a_spoilt_recording_is_an_error(line: str, tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text('{"call": "reset"}\n' + line + "\n")
    with pytest.raises(BoardGarbled, match="line 2 is not a recorded call"):
        ReplayBoard(path)


# Faults on purpose


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (LineFault.GARBAGE, bytes(byte ^ 0xFF for byte in b"hello") + b"\r\n"),
        (LineFault.DROPPED, b"helo\r\n"),
        (LineFault.DOUBLED, b"hello\r\nhello\r\n"),
    ],
)
def test_a_spoilt_answer(serial_board: SerialBoard, fault: LineFault, answer: bytes) -> None:
    board = FaultyBoard(serial_board, fault, after=1)
    board.send(b"hh")
    assert board.receive_until(b"\r\n", timeout_s=SLOW_S) == b"hello\r\n"
    assert board.receive_until(b"\r\n", timeout_s=SLOW_S) == answer


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (LineFault.SILENCE, BoardSilent),
        (LineFault.VANISH, BoardMissing),
        (LineFault.REBOOT_LOOP, BoardGarbled),
    ],
)
def test_no_answer(serial_board: SerialBoard, fault: LineFault, error: type[DseError]) -> None:
    with pytest.raises(error, match="injected"):
        FaultyBoard(serial_board, fault).receive_until(b"\r\n", timeout_s=SLOW_S)


def test_a_drip_is_fast_enough_for_a_short_answer_only(serial_board: SerialBoard) -> None:
    board = FaultyBoard(serial_board, LineFault.DRIP)
    board.send(b"hh")
    assert board.receive_until(b"\r\n", timeout_s=SLOW_S) == b"hello\r\n"
    with pytest.raises(BoardSilent, match="did not finish within 5 s"):
        board.receive_until(b"\r\n", timeout_s=5)


def test_a_lost_byte_is_missed_where_bytes_are_counted(serial_board: SerialBoard) -> None:
    board = FaultyBoard(serial_board, LineFault.DROPPED)
    board.send(b"h")
    with pytest.raises(BoardSilent, match="6 of 7 bytes"):
        board.receive(7, timeout_s=SLOW_S)


# The simulated board


def test_a_simulator_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match=r"cannot be started(.|\n)*fix:"):
        SimulatedBoard(tmp_path / "simulator", tmp_path)


def script(folder: Path, text: str) -> Path:
    program = folder / "simulator"
    program.write_text("#!/bin/sh\n" + text)
    program.chmod(0o755)
    return program


def test_a_simulator_that_ends_at_once(tmp_path: Path) -> None:
    program = script(tmp_path, "echo 'no memory contents' >&2\nexit 7\n")
    with pytest.raises(BoardMissing, match="ended with status 7") as missing:
        SimulatedBoard(program, tmp_path)
    assert missing.value.detail == "no memory contents\n"


def test_a_simulator_that_does_not_come_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runners.boards.simulated._START_LIMIT_S", 0.3)
    program = script(tmp_path, "echo $$ > pid\nexec sleep 100\n")
    with pytest.raises(BoardSilent, match="did not come up"):
        SimulatedBoard(program, tmp_path)
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.slow
def test_an_endless_command_is_the_designs_fault(tmp_path: Path) -> None:
    folder = letters_folder("on-chip", tmp_path)
    board = SimulatedBoard(simulator("on-chip").program, folder, command_cycle_limit=300_000)
    board.send(b"x")
    with pytest.raises(TooSlow, match=r"within 300000 cycles(.|\n)*fix: raise limits"):
        board.receive_until(b"\n\n", timeout_s=SLOW_S)
    board.close()
    assert board.cycles is not None
    assert board.cycles >= 300_000


@pytest.mark.slow
def test_cycles_are_told_while_an_answer_is_awaited_and_no_answer_depends_on_it(
    tmp_path: Path,
) -> None:
    program = simulator("on-chip").program
    found = []
    for number, told in enumerate([list[int](), None]):
        folder = letters_folder("on-chip", tmp_path / str(number))
        board = SimulatedBoard(program, folder, on_cycles=None if told is None else told.append)
        assert board.cycles_so_far == 0
        board.send(b"h" + b"t" * 20)
        board.receive_until(b"hello\r\n", timeout_s=SLOW_S)
        answers = [board.receive_until(b"\r\n", timeout_s=SLOW_S) for _ in range(20)]
        before, so_far = told, board.cycles_so_far
        board.close()
        assert board.cycles is not None
        assert 0 <= board.cycles - so_far <= 2 << 16, "a batch, and what it ran until it waits"
        found.append((answers, board.cycles))
        if before is not None:
            assert before == sorted(before)
            assert len(set(before)) > 3, "an answer each 600,000 cycles"
            assert before[-1] <= so_far
    assert found[0] == found[1]


@pytest.mark.slow
def test_cycles_are_told_from_power_up(tmp_path: Path) -> None:
    board = SimulatedBoard(simulator("on-chip").program, letters_folder("on-chip", tmp_path))
    for _ in range(2):
        board.send(b"ht")
        board.receive_until(b"hello\r\n", timeout_s=SLOW_S)
        board.receive_until(b"\r\n", timeout_s=SLOW_S)
        assert board.cycles_so_far > 0
        board.reset()
        assert board.cycles_so_far <= 1 << 16, "the last run's cycles are not those of this one"
    board.close()


@pytest.mark.slow
def test_a_killed_simulator_is_a_missing_board(tmp_path: Path) -> None:
    board = SimulatedBoard(simulator("on-chip").program, letters_folder("on-chip", tmp_path))
    board.send(b"h")
    board.receive_until(b"hello\r\n", timeout_s=SLOW_S)
    pid = board._process.pid
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(BoardMissing, match="signal SIGKILL"):
        board.receive_until(b"never", timeout_s=SLOW_S)
    board.reset()
    board.send(b"h")
    board.receive_until(b"hello\r\n", timeout_s=SLOW_S)
    board.close()
    eventually(lambda: not Path(f"/proc/{pid}").exists())
