"""What every board promises."""

from typing import Protocol

from contracts.faults import BoardGarbled, BoardSilent

SEND_TIMEOUT_S = 10.0
ANSWER_LIMIT_BYTES = 1 << 20
"""More than this without the awaited end is garbage, not an answer."""
BOOT_REQUEST = b"sL5DdSMmkekro\n"
"""What LiteX's boot program says when it wants a firmware."""

_TEXT = frozenset(b"\t\r\n\x1b" + bytes(range(0x20, 0x7F)))
_LEAST_GARBAGE = 8


class Board(Protocol):
    """A SoC behind a serial line.

    Every call returns or raises within its limit, however slowly bytes arrive. A board belongs to
    one thread. Bytes are neither lost nor repeated between calls.
    """

    def reset(self) -> None:
        """Bring the board to where it waits for a command; unread bytes are forgotten.

        Raises:
            BoardMissing: The board is not there any more.
            BoardSilent: It did not come up in time.
        """

    def send(self, data: bytes, *, timeout_s: float = SEND_TIMEOUT_S) -> None:
        """Give bytes to the board.

        Raises:
            BoardMissing: The board is not there any more.
            BoardSilent: It did not take them within ``timeout_s``.
            TooSlow: The firmware ran into its cycle limit (simulated boards).
        """

    def receive_until(self, end: bytes, *, timeout_s: float) -> bytes:
        """Return all bytes up to and including the first ``end``; later bytes stay for later.

        Args:
            end: Not empty.
            timeout_s: For the whole answer, not for each byte.

        Raises:
            BoardMissing: The board is not there any more.
            BoardSilent: ``end`` did not come within ``timeout_s``.
            BoardGarbled: What came instead is no text, or that of a board that restarted, or more
                than a mebibyte.
            TooSlow: The firmware ran into its cycle limit (simulated boards).
        """

    def receive(self, size: int, *, timeout_s: float) -> bytes:
        """Return the next ``size`` bytes, 1 or more; later bytes stay for later.

        Args:
            size: How many.
            timeout_s: For all of them; bytes of an unfinished answer stay for later.

        Raises:
            BoardMissing: The board is not there any more.
            BoardSilent: They did not all come within ``timeout_s``.
            BoardGarbled: They did not, and what came is no text, or that of a board that restarted.
            TooSlow: The firmware ran into its cycle limit (simulated boards).
        """

    def close(self) -> None:
        """Let the board go; a second call does nothing. Every other call is then an error."""


class Inbox:
    """Bytes that came and nobody asked for yet."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __len__(self) -> int:
        return len(self._bytes)

    def add(self, data: bytes) -> None:
        """Put bytes that came behind the others."""
        self._bytes += data

    def clear(self) -> None:
        """Forget all."""
        self._bytes.clear()

    def take_until(self, end: bytes) -> bytes | None:
        """Take everything up to and including the first ``end``; None while it has not come.

        Raises:
            BoardGarbled: So much came without ``end`` that it never will.
        """
        found = self._bytes.find(end)
        if found < 0:
            if len(self._bytes) > ANSWER_LIMIT_BYTES:
                start = bytes(self._bytes[:60])
                self.clear()
                raise BoardGarbled(
                    f"the board sent over {ANSWER_LIMIT_BYTES} bytes without {end!r}: {start!r}…",
                    fix="check the baud rate, and that our firmware runs on this board",
                )
            return None
        size = found + len(end)
        taken = bytes(self._bytes[:size])
        del self._bytes[:size]
        return taken

    def take(self, size: int) -> bytes | None:
        """Take ``size`` bytes; None while fewer have come."""
        if len(self._bytes) < size:
            return None
        taken = bytes(self._bytes[:size])
        del self._bytes[:size]
        return taken

    def silence(self, *, name: str, awaited: str, timeout_s: float) -> BoardSilent | BoardGarbled:
        """Build the error for a deadline that came first, from what came instead."""
        if not self._bytes:
            return BoardSilent(
                f"{name} said nothing for {timeout_s:g} s while {awaited} was awaited",
                fix="check that the firmware runs and the line is the right one; "
                "raise limits.serial_timeout_s for a slow machine",
            )
        last = bytes(self._bytes[-60:])
        if BOOT_REQUEST in self._bytes:
            return BoardGarbled(
                f"{name} restarted: it asks for a firmware while {awaited} was awaited",
                fix="check its power; a design that misses timing behaves like this too",
            )
        if len(last) >= _LEAST_GARBAGE and 2 * sum(byte in _TEXT for byte in last) < len(last):
            return BoardGarbled(
                f"{name} sent {len(self._bytes)} bytes that are no text, the last are {last!r}",
                fix="check the baud rate: target.uart_baud and the clock that the design was "
                "built for",
            )
        return BoardSilent(
            f"{name} did not finish within {timeout_s:g} s: {len(self._bytes)} bytes without "
            f"{awaited}, the last are {last!r}",
            fix="raise limits.serial_timeout_s, or look for bytes lost on the line",
        )
