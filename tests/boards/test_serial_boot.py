"""The serial boot on a line of pseudo-terminals; the real boot programs are in test_boot."""

from pathlib import Path

import pytest
from litex.tools.litex_term import SFLFrame

from contracts.faults import BoardGarbled
from runners.boards.serial_boot import BootLimits, Command, boot, frame, load_frames
from runners.boards.serial_port import SerialBoard, open_port
from tests.boards.model_board import ADDRESS, ANSWER, IMAGE, REQUEST, ModelBoard, model_board
from tests.boards.pty_device import PtyDevice, device
from tests.boards.test_ladder import LIMITS


def started(board: ModelBoard) -> SerialBoard:
    board.load()
    return open_port(str(board.port), baud=115200, timeout_s=10)


@pytest.mark.parametrize("content", [b"", b"\x40\0\0\0", IMAGE[:255]])
@pytest.mark.parametrize("command", Command)
def test_a_frame_has_the_bytes_that_litex_own_terminal_sends(
    command: Command, content: bytes
) -> None:
    theirs = SFLFrame()
    theirs.cmd, theirs.payload = bytes([command]), content
    assert frame(command, content) == theirs.encode()


def test_the_first_frame_is_short_and_all_together_are_the_firmware() -> None:
    frames = load_frames(IMAGE, address=ADDRESS)
    assert len(frames[0]) == 4 + 4 + 4
    assert max(map(len, frames)) == 4 + 255
    assert b"".join(one[8:] for one in frames) == IMAGE
    addresses = [int.from_bytes(one[4:8], "big") for one in frames]
    assert addresses[:3] == [ADDRESS, ADDRESS + 4, ADDRESS + 4 + 251]


def test_a_firmware_arrives_and_starts(tmp_path: Path) -> None:
    shares: list[float] = []
    with model_board(tmp_path) as board:
        line = started(board)
        booted = boot(line, IMAGE, address=ADDRESS, limits=LIMITS, progress=shares.append)
        line.close()
    assert (booted.frames, booted.resent) == (9, 0)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_line_that_spoils_every_frame_is_given_up(tmp_path: Path) -> None:
    with model_board(tmp_path, spoilt_frames=tuple(range(4, 40))) as board:
        line = started(board)
        with pytest.raises(BoardGarbled, match=r"frame 4 of 9 was answered with \[b'C'(.|\n)*fix:"):
            boot(line, IMAGE, address=ADDRESS, limits=LIMITS, progress=lambda _: None)
        line.close()


def test_a_boot_that_nobody_answered_in_time_is_asked_for_again() -> None:
    """LiteX waits a quarter of a second for an answer, and then for commands."""
    asked = False

    def console(line: PtyDevice, data: bytes) -> None:
        nonlocal asked
        if b"serialboot\n" in data:
            asked = True
            line.say(b"serialboot\n\rBooting from serial...\n\r" + REQUEST)
        elif ANSWER in data:
            line.say(b"Command not found\n\rlitex> " if not asked else b"")
        elif asked:
            line.say(b"K")
            if data[3] == Command.JUMP:
                line.say(b"Liftoff!\nm-ready\r\n")

    with device(console) as line:
        board = SerialBoard(line.path, baud=115200)
        line.say(REQUEST + b"Timeout\n\rNo boot medium found\n\rlitex> ")
        booted = boot(
            board,
            IMAGE[:100],
            address=ADDRESS,
            limits=BootLimits(ask_again_s=0.5, frame_s=0.3, quiet_s=0.1),
            progress=lambda _: None,
        )
        board.close()
    assert asked
    assert booted.frames == 2
