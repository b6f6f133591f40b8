"""Any serial port, real or pseudo, through pyserial."""

import errno
import time
from collections.abc import Callable
from pathlib import Path

import serial
from serial.tools.list_ports import comports

from contracts.faults import BoardMissing, BoardSilent
from runners.boards.board import SEND_TIMEOUT_S, Inbox

_SLICE_S = 0.25
"""Longest single wait: a port that vanishes is noticed at its end at the latest."""
_QUIET_S = 0.2
_OPEN_AGAIN_S = 0.2
_RESET_LIMIT_S = 5.0


class SerialBoard:
    """A board on a serial port, see ``Board``.

    Args:
        port: Device such as ``/dev/ttyUSB0``.
        baud: Bits per second; without meaning for a pseudo-terminal.
        while_waiting: Called while an answer is awaited: when something has come, and four times a
            second while nothing does.

    Raises:
        BoardMissing: The port does not exist, is not permitted, or is in use.
    """

    def __init__(
        self, port: str | Path, *, baud: int, while_waiting: Callable[[], None] = lambda: None
    ) -> None:
        self._name = str(port)
        self._while_waiting = while_waiting
        self._inbox = Inbox()
        try:
            self._port = serial.Serial(self._name, baud, timeout=0, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            raise _not_opened(self._name, error) from error

    def reset(self) -> None:
        """End a command that was begun, and forget all answers; see ``Board.reset``."""
        self.send(b"%", timeout_s=_RESET_LIMIT_S)
        deadline_s = time.monotonic() + _RESET_LIMIT_S
        while self._wait_for_bytes(time.monotonic() + _QUIET_S):
            if time.monotonic() >= deadline_s:
                raise BoardSilent(
                    f"{self._name} does not stop talking, so its answers cannot be told apart",
                    fix="reset the board by hand, or check the baud rate",
                )
        self._inbox.clear()

    def send(self, data: bytes, *, timeout_s: float = SEND_TIMEOUT_S) -> None:
        """Write bytes; see ``Board.send``."""
        try:
            self._port.write_timeout = timeout_s
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise BoardSilent(
                f"{self._name} did not take {len(data)} bytes within {timeout_s:g} s",
                fix="check that the firmware still runs; reset the board",
            ) from error
        except (serial.SerialException, OSError, TypeError) as error:
            raise self._missing(error) from error

    def receive_until(self, end: bytes, *, timeout_s: float) -> bytes:
        """Read up to and including ``end``; see ``Board.receive_until``."""
        return self._take(
            lambda: self._inbox.take_until(end), awaited=repr(end), timeout_s=timeout_s
        )

    def receive(self, size: int, *, timeout_s: float) -> bytes:
        """Read so many bytes; see ``Board.receive``."""
        return self._take(
            lambda: self._inbox.take(size), awaited=f"{size} bytes", timeout_s=timeout_s
        )

    def close(self) -> None:
        """Close the port; see ``Board.close``."""
        self._port.close()

    def _take(self, take: Callable[[], bytes | None], *, awaited: str, timeout_s: float) -> bytes:
        deadline_s = time.monotonic() + timeout_s
        while True:
            answer = take()
            if answer is not None:
                return answer
            if time.monotonic() >= deadline_s:
                raise self._inbox.silence(name=self._name, awaited=awaited, timeout_s=timeout_s)
            self._wait_for_bytes(deadline_s)

    def _wait_for_bytes(self, deadline_s: float) -> bool:
        """Wait for something to come until the deadline; tell whether something did."""
        before = len(self._inbox)
        try:
            while len(self._inbox) == before:
                left_s = deadline_s - time.monotonic()
                self._port.timeout = max(0.0, min(left_s, _SLICE_S))
                # One byte, with waiting, then all that is there: reading n bytes at once would
                # wait for the n-th.
                self._inbox.add(self._port.read(1))
                self._inbox.add(self._port.read(self._port.in_waiting))
                if left_s <= 0:
                    break
                self._while_waiting()
        except (serial.SerialException, OSError, TypeError) as error:
            raise self._missing(error) from error
        return len(self._inbox) != before

    def _missing(self, error: Exception) -> BoardMissing:
        return BoardMissing(
            f"the serial port {self._name} went away: {error}",
            fix="check cable and power, then `resume` the study",
        )


def open_port(port: str, *, baud: int, timeout_s: float) -> SerialBoard:
    """Open a serial port that may only just be coming back, as after a load over the same cable.

    Raises:
        BoardMissing: It cannot be opened within ``timeout_s``.
    """
    deadline_s = time.monotonic() + timeout_s
    while True:
        try:
            return SerialBoard(port, baud=baud)
        except BoardMissing:
            if time.monotonic() >= deadline_s:
                raise
            time.sleep(_OPEN_AGAIN_S)


def _not_opened(port: str, error: Exception) -> BoardMissing:
    number = getattr(error, "errno", None)
    if number == errno.ENOENT:
        there = ", ".join(sorted(found.device for found in comports())) or "none"
        return BoardMissing(
            f"there is no serial port {port}; there are: {there}",
            fix="connect the board, or correct its `port` in boards.toml; "
            "`ls -l /dev/serial/by-id` shows which is which",
        )
    if number in (errno.EACCES, errno.EPERM):
        return BoardMissing(
            f"the serial port {port} may not be used by you",
            fix="sudo usermod -a -G dialout $USER, then log in again",
        )
    if number in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK) or "lock" in str(error):
        return BoardMissing(
            f"the serial port {port} is in use by another program",
            fix=f"end it; `fuser -v {port}` names it",
        )
    return BoardMissing(
        f"the serial port {port} cannot be opened: {error}",
        fix="connect the board, and check the port's name",
    )
