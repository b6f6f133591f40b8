"""A program that prints watts: one number a line, or a time in seconds and a number."""

import math
import os
import select
import subprocess
import time
from collections.abc import Sequence

from contracts.faults import MeterGarbled, MeterMissing
from runners.boards.meters.meter import Reading
from runners.boards.meters.settings import PowerSection
from runners.tools import child

NEEDS = ("command",)
PACKAGE = None
_WAIT_S = 0.1
_LONGEST_LINE = 1000
_FORM = "one number of watts a line, or seconds, a blank and watts"


class CommandMeter:
    """See ``Meter``. Each number is the mean since the line before it.

    Where lines have times, those are of a clock of the program's own: only their differences count,
    and the first line is taken to be of the moment in which it came. Lines without times that came
    together share the time since those before.

    Args:
        command: Program and arguments.

    Raises:
        MeterMissing: It cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._pending = b""
        self._last_s: float | None = None
        self._own_s: float | None = None
        try:
            self._process = child.start(
                command, is_tied=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            raise MeterMissing(
                f"the meter's command {command[0]} cannot be started: {error.strerror}",
                fix="correct `command` in the section of the board's power",
            ) from error

    def read(self) -> Sequence[Reading]:
        """Return what was printed since the last call; see ``Meter.read``."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], _WAIT_S)[0]:
            return ()
        piece = os.read(self._process.stdout.fileno(), 65536)
        now_s = time.monotonic()
        if not piece:
            status = self._process.wait()
            raise MeterMissing(
                f"the meter's command {self._command[0]} ended with status {status}",
                fix="check the meter's cable, and the command by hand; then `resume` the study",
            )
        *lines, self._pending = (self._pending + piece).split(b"\n")
        if len(self._pending) > _LONGEST_LINE:
            raise self._garbled(self._pending)
        numbers = [self._numbers(line) for line in lines if line.strip()]
        if not numbers:
            return ()
        begin_s = self._last_s
        found = []
        for place, (*own, watts) in enumerate(numbers, start=1):
            if own:
                end_s = self._time_of(own[0], now_s)
            else:
                share = place / len(numbers)
                end_s = now_s if begin_s is None else begin_s + share * (now_s - begin_s)
            if self._last_s is not None and end_s > self._last_s:
                found.append(Reading(begin_s=self._last_s, end_s=end_s, watts=watts))
            self._last_s = end_s
        return found

    def close(self) -> None:
        """End the program; see ``Meter.close``."""
        child.end(self._process)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _numbers(self, line: bytes) -> list[float]:
        """Return what a line says: watts, or a time and watts."""
        try:
            numbers = [float(word) for word in line.replace(b",", b" ").split()]
        except ValueError:
            raise self._garbled(line) from None
        if len(numbers) not in (1, 2) or not all(map(math.isfinite, numbers)):
            raise self._garbled(line)
        return numbers

    def _time_of(self, own_s: float, now_s: float) -> float:
        """Return when a line's own time is by our clock."""
        before_s, self._own_s = self._own_s, own_s
        if before_s is None or self._last_s is None:
            return now_s
        if own_s < before_s:
            raise self._garbled(f"{own_s:g} after {before_s:g}".encode())
        return self._last_s + own_s - before_s

    def _garbled(self, line: bytes) -> MeterGarbled:
        said = line[:80].decode(errors="replace").strip()
        return MeterGarbled(
            f"the meter's command {self._command[0]} printed {said!r}",
            fix=f"let it print {_FORM}, and nothing else",
        )


def make(settings: PowerSection) -> CommandMeter:
    """Start the program that a section names."""
    return CommandMeter(settings.command)
