"""LiteX's serial boot, host side: a firmware goes into main memory over the serial line.

The boot program asks with a magic text; the host answers with another one and then sends frames:
length, CRC-16, command, content. Each frame is acknowledged by one letter before the next is
sent, so a receive queue of 16 bytes never overflows. Every wait has a limit, and so has the whole.
"""

import binascii
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from contracts.faults import BoardGarbled, BoardSilent, FlashFailed
from runners.boards.board import BOOT_REQUEST, Board

READY = b"m-ready\r\n"
"""End of our firmware's greeting."""
CONTENT_BYTES = 251
"""Of the firmware in a frame: 255 bytes less the address."""

_ANSWER = b"z6IHG7cYDID6o\n"
_TAKEN, _CRC_ERROR, _TIMED_OUT, _UNKNOWN = b"K", b"C", b"E", b"U"
_ASK_AGAIN = b"\nserialboot\n"
"""For LiteX's console, which is where the BIOS ends when nobody answered its request in time."""
_CRC_FAILED = b"BIOS CRC failed"
_MEMORY_FAILED = b"Memory initialization failed"
_SENDS = 6
"""Of one frame, before the line is given up."""
_FIRST_SENDS = 2
_FIRST_BYTES = 4
"""A board that was not waiting any more takes the first frame for a line of text, and its line
buffer has no end that it respects: the first frame is short, and sent less often."""


class Command(IntEnum):
    """What a frame asks for."""

    ABORT = 0
    LOAD = 1
    JUMP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BootLimits:
    """How long each part of a boot may take.

    Attributes:
        request_s: Until the boot program asks for a firmware, a memory test included.
        ask_again_s: Without a request before LiteX's console is told to ask again.
        frame_s: Until a frame is acknowledged.
        quiet_s: Silence after which a spoilt frame is sent again; longer than the quarter of a
            second after which the boot program gives a frame up.
        greeting_s: From the jump to the end of the firmware's greeting.
        total_s: Everything together.
    """

    request_s: float = 30.0
    ask_again_s: float = 2.0
    frame_s: float = 2.0
    quiet_s: float = 0.4
    greeting_s: float = 10.0
    total_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Booted:
    """What a boot took.

    Attributes:
        frames: Frames of firmware.
        resent: Frames that had to be sent again, or asked for again.
        wall_s: Seconds from the first wait to the firmware's greeting.
    """

    frames: int
    resent: int
    wall_s: float


def frame(command: Command, content: bytes) -> bytes:
    """Return one frame; ``content`` has at most 255 bytes."""
    covered = bytes([command]) + content
    return bytes([len(content)]) + binascii.crc_hqx(covered, 0).to_bytes(2, "big") + covered


def load_frames(image: bytes, *, address: int) -> list[bytes]:
    """Return the frames that put ``image`` at ``address``; the first is a short one."""
    starts = [0, *range(_FIRST_BYTES, len(image), CONTENT_BYTES)]
    return [
        frame(Command.LOAD, (address + start).to_bytes(4, "big") + image[start:end])
        for start, end in zip(starts, [*starts[1:], len(image)], strict=True)
    ]


def boot(
    board: Board,
    image: bytes,
    *,
    address: int,
    limits: BootLimits,
    progress: Callable[[float], None],
) -> Booted:
    """Load a firmware into a board whose boot program has just started, and run it.

    Args:
        board: Stays the caller's. Afterwards the firmware waits for its first command.
        image: The firmware.
        address: Where it goes and starts.
        limits: How long each part may take.
        progress: Takes the share that is loaded, 0 to 1.

    Raises:
        BoardSilent: The board does not ask for a firmware, stops answering, or the firmware does
            not greet.
        BoardGarbled: The line spoils too many frames.
        FlashFailed: The boot program says that its ROM or the main memory is faulty.
        BoardMissing: The board is not there any more.
    """
    return _Boot(board, limits, progress).run(image, address)


class _Boot:
    """One boot: its deadline and its count of errors."""

    def __init__(self, board: Board, limits: BootLimits, progress: Callable[[float], None]) -> None:
        self._board = board
        self._limits = limits
        self._progress = progress
        self._started_s = time.monotonic()
        self._resent = 0

    def run(self, image: bytes, address: int) -> Booted:
        frames = load_frames(image, address=address)
        self._connect(frames[0])
        for number, one in enumerate(frames[1:], 2):
            self._send(one, f"frame {number} of {len(frames)}")
            self._progress(number / len(frames))
        self._jump(frame(Command.JUMP, address.to_bytes(4, "big")))
        return Booted(
            frames=len(frames), resent=self._resent, wall_s=time.monotonic() - self._started_s
        )

    def _connect(self, first: bytes) -> None:
        """Answer the request in time; that the first frame is taken proves it."""
        deadline_s = time.monotonic() + min(self._limits.request_s, self._limits.total_s)
        while True:
            self._await_request(deadline_s)
            self._board.send(_ANSWER)
            for _ in range(_FIRST_SENDS):
                if self._send_once(first) == _TAKEN:
                    return
                self._resent += 1
                self._drain()
            # The request was an old one, and the board has gone on: ask it to ask again.
            self._board.send(_ASK_AGAIN)

    def _await_request(self, deadline_s: float) -> None:
        while True:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise BoardSilent(
                    f"the board did not ask for a firmware within {self._limits.request_s:g} s",
                    fix="check that the bitstream has its boot program and that the serial line "
                    "and its baud rate are the board's",
                )
            try:
                said = self._board.receive_until(
                    BOOT_REQUEST, timeout_s=min(left_s, self._limits.ask_again_s)
                )
            except (BoardSilent, BoardGarbled):  # noise while it comes up is no fault yet
                self._board.send(_ASK_AGAIN)
                continue
            _require_healthy(said)
            return

    def _send(self, one: bytes, which: str) -> None:
        """Send a frame until it is taken."""
        answers = []
        for _ in range(_SENDS):
            if time.monotonic() - self._started_s > self._limits.total_s:
                raise BoardSilent(
                    f"the firmware was not loaded within {self._limits.total_s:g} s: {which}",
                    fix="raise the baud rate of the target (target.uart_baud)",
                )
            answer = self._send_once(one)
            if answer == _TAKEN:
                return
            answers.append(answer)
            self._resent += 1
            self._drain()
        if not any(answers):
            raise BoardSilent(
                f"the board stopped taking the firmware: no answer to {which}, sent {_SENDS} times",
                fix="check cable and power",
            )
        raise BoardGarbled(
            f"the line spoils the firmware: {which} was answered with {answers!r}, not {_TAKEN!r}",
            fix="check cable and baud rate, or lower target.uart_baud",
        )

    def _send_once(self, one: bytes) -> bytes:
        """Return the letter that answers a frame, or nothing when none came."""
        self._board.send(one)
        try:
            return self._board.receive(1, timeout_s=self._limits.frame_s)
        except BoardSilent:
            return b""

    def _drain(self) -> None:
        """Wait until the board has given up on a spoilt frame and said all it has to say."""
        deadline_s = time.monotonic() + self._limits.greeting_s
        while time.monotonic() < deadline_s:
            try:
                self._board.receive(1, timeout_s=self._limits.quiet_s)
            except BoardSilent:
                return
        raise BoardGarbled(
            f"the board does not stop talking for {self._limits.greeting_s:g} s while it should "
            "wait for a firmware",
            fix="check the baud rate; if it restarts again and again, check its power",
        )

    def _jump(self, one: bytes) -> None:
        """Start the firmware, and wait for its greeting rather than for an acknowledgement."""
        for attempt in range(_SENDS):
            answer = self._send_once(one)
            if answer in (_CRC_ERROR, _TIMED_OUT, _UNKNOWN):
                self._resent += 1
                self._drain()
                continue
            try:
                said = self._board.receive_until(READY, timeout_s=self._limits.greeting_s)
            except BoardSilent as error:
                raise BoardSilent(
                    f"the firmware was loaded but did not greet after attempt {attempt + 1}: "
                    f"{error.what}",
                    fix="check that it was built for this SoC, and that the design meets timing",
                ) from error
            if BOOT_REQUEST in said:
                raise BoardGarbled(
                    "the board restarted when the firmware was started",
                    fix="check its power; a design that misses timing behaves like this too",
                )
            return
        raise BoardGarbled(
            f"the board does not take the command to start, sent {_SENDS} times",
            fix="check cable and baud rate, or lower target.uart_baud",
        )


def _require_healthy(said: bytes) -> None:
    """Refuse a board whose boot program reports a fault."""
    if _CRC_FAILED in said:
        raise FlashFailed(
            "the boot program's own checksum is wrong",
            fix="build the bitstream again: its ROM does not hold the BIOS of this design",
            detail=said.decode("ascii", errors="replace"),
        )
    if _MEMORY_FAILED in said:
        raise FlashFailed(
            "the boot program's test of the main memory failed",
            fix="lower the target's clock_mhz, or check the board's memory",
            detail=said.decode("ascii", errors="replace"),
        )
