"""A limit of the processor time that this process' own code takes: what no program's limit ends.

Most of a stage are outside programs, each under limits of its own. A CFU family's hardware and
compiler, an operator and a generator are Python that runs here, and may never come to an end.
"""

import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from contracts.faults import ToolTimeout

_AGAIN_S = 1.0
"""Code that catches even that is stopped again so soon."""
_LONGEST_S = 1e9
"""A timer takes no more; some thirty years of computing."""
_DETAIL_CHARS = 2000


@contextmanager
def limited_own_time(what: str, *, limit_s: float) -> Iterator[None]:
    """Within it this process computes for no longer than a limit; waiting does not count.

    Programs that it starts have no part in it. In another than the main thread there is no limit:
    Python tells signals to that alone.

    Args:
        what: Is computed here, for the message.
        limit_s: CPU-seconds of this process in user mode.

    Raises:
        ToolTimeout: The limit was reached; ``is_own_limit`` is set, and ``detail`` has the place.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, frame: FrameType | None) -> None:
        raise _Stopped("".join(traceback.format_stack(frame))[-_DETAIL_CHARS:])

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, min(limit_s, _LONGEST_S), _AGAIN_S)
    try:
        yield
    except _Stopped as stopped:
        fault = ToolTimeout(
            f"{what} computed for {limit_s:.0f} s in Python, its time limit",
            fix="look for a loop without an end at the place below, or raise"
            " limits.stage_timeout_s",
            detail=str(stopped),
        )
        fault.is_own_limit = True
        raise fault from None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)


class _Stopped(BaseException):
    """The time is over; no Exception, which the code that is stopped may catch."""
