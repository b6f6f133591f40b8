"""A device on a pseudo-terminal that a test scripts: what it answers, how slowly, when it dies."""

import contextlib
import os
import pty
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from typing import Any

Answer = Callable[["PtyDevice", bytes], None]


class PtyDevice:
    """The device's end of a line; ``answer`` is called with all bytes that arrived together."""

    def __init__(self, answer: Answer) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._answer = answer
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def say(self, data: bytes) -> None:
        """Write bytes as long as somebody may read them."""
        while data and not self._stop.is_set():
            if select.select([], [self._master], [], 0.05)[1]:
                data = data[os.write(self._master, data[:512]) :]

    def drip(self, data: bytes, pause_s: float) -> None:
        """Write one byte at a time."""
        for byte in data:
            if self._stop.wait(pause_s):
                return
            self.say(bytes([byte]))

    def vanish(self) -> None:
        """Go away as a pulled cable does."""
        self._stop.set()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        try:
            while not self._stop.is_set():
                if select.select([self._master], [], [], 0.02)[0]:
                    self._answer(self, os.read(self._master, 4096))
        finally:
            os.close(self._slave)
            os.close(self._master)


@contextlib.contextmanager
def device(answer: Answer) -> Iterator[PtyDevice]:
    made = PtyDevice(answer)
    try:
        yield made
    finally:
        made.close()


def letters() -> Answer:
    """Answer as the firmware of ``tests/soc/firmware`` does: h, e (echo of 256 bytes), x."""
    echo_left = 0

    def answer(line: PtyDevice, data: bytes) -> None:
        nonlocal echo_left
        for byte in data:
            letter = bytes([byte])
            if echo_left:
                echo_left -= 1
                line.say(letter)
            elif letter == b"h":
                line.say(b"hello\r\n")
            elif letter == b"e":
                echo_left = 256
            elif letter == b"x":
                line.vanish()
            else:
                line.say(b"?")

    return answer


def scripted(answers: dict[bytes, Any]) -> Answer:
    """Answer commands that end in ``%``: bytes are said, functions are called."""
    pending = b""

    def answer(line: PtyDevice, data: bytes) -> None:
        nonlocal pending
        pending += data
        while b"%" in pending:
            command, pending = pending.split(b"%", 1)
            reply = answers.get(command, b"e-[Unknown command: ]\r\nm-ready\r\n")
            if callable(reply):
                reply(line)
            else:
                line.say(reply)

    return answer


def eventually(condition: Callable[[], bool], limit_s: float = 10.0) -> None:
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
