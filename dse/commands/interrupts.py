"""Ctrl-C: the first one asks to stop, the second one stops at once."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_INTERRUPTED = 130
_SHOW_CURSOR = "\x1b[?25h"


class StopRequest:
    """Whether a person wants to stop."""

    def __init__(self) -> None:
        self.is_made = False

    def __call__(self) -> bool:
        """Return ``is_made``."""
        return self.is_made


@contextmanager
def stop_on_interrupt() -> Iterator[StopRequest]:
    """Turn SIGINT and SIGTERM into a request while the block runs.

    A second signal ends this process at once; the trials that it runs end with it.
    """
    request = StopRequest()

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if request.is_made:
            if sys.stderr.isatty():
                os.write(2, _SHOW_CURSOR.encode())
            os._exit(EXIT_INTERRUPTED)
        request.is_made = True
        os.write(2, b"\nstopping: running trials are given back; Ctrl-C again stops at once\n")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
