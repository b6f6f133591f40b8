"""STMicroelectronics X-NUCLEO-LPM01A, by the text commands of its virtual serial port (UM2269).

It supplies the board and integrates what it takes: a thousand readings a second, each the energy
since the one before, as ``6409-07`` for 6409e-7 J. Once a second comes ``TimeStamp: 001s ...``.
"""

import re
import time
from collections.abc import Sequence

import serial

from contracts.faults import MeterGarbled, MeterMissing
from runners.boards.meters.meter import Reading
from runners.boards.meters.settings import PowerSection

NEEDS = ("port", "voltage_mv")
PACKAGE = None
_BAUD = 3_686_400
_PERIOD_S = 0.001
_ANSWER_S = 5.0
_WAIT_S = 0.1
_MOST_BYTES = 65536
_PROMPT = b"PowerShield > "
_READING = re.compile(rb"\d{4}[+-]\d{2}")
_TIME = re.compile(rb"TimeStamp:[ ><]*\d+s \d+ms, buff \d+%")
_MARKS = re.compile(rb"(summary|end|event).*")
_PER_READING = 20
"""Readings that are one: a hundred a second are plenty, and less to look through."""


class Lpm01a:
    """See ``Meter``.

    Args:
        port: Its serial port.
        voltage_mv: What it supplies the board with.

    Raises:
        MeterMissing: The port is not there, not permitted, or in use, or nothing answers.
        MeterGarbled: Something else answers.
    """

    def __init__(self, port: str, *, voltage_mv: int) -> None:
        self._name = port
        self._pending = b""
        self._joules: list[float] = []
        self._end_s: float | None = None
        try:
            self._port = serial.Serial(port, _BAUD, timeout=_WAIT_S, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            raise MeterMissing(
                f"the meter's serial port {port} cannot be opened: {error}",
                fix="connect it, correct `port` in the section of the board's power, or end the"
                f" program that has it: fuser -v {port}",
            ) from error
        try:
            # no `pwr`: the board keeps its supply from one measurement to the next
            for command in (
                *("htc", f"volt {voltage_mv}m", "output energy", "format ascii_dec", "freq 1k"),
                *("acqtime inf", "trigsrc sw", "trigdelay 0", "start"),
            ):
                self._ask(command)
        except BaseException:
            self._port.close()
            raise

    def read(self) -> Sequence[Reading]:
        """Return what came since the last call; see ``Meter.read``."""
        self._receive()
        *lines, self._pending = self._pending.split(b"\n")
        if len(self._pending) > _MOST_BYTES:
            raise self._garbled(self._pending)
        for line in lines:
            self._take(line.strip(b"\r\n\0 "))
        return self._readings()

    def close(self) -> None:
        """Stop it and hand its keys back; see ``Meter.close``."""
        try:
            if self._port.is_open:
                self._port.write(b"stop\nhrc\n")
        except (serial.SerialException, OSError):
            pass  # it is gone, and so is what it measured
        finally:
            self._port.close()

    def _readings(self) -> Sequence[Reading]:
        """Return whole groups of readings; their time is counted, from when the first came."""
        found = []
        while len(self._joules) >= _PER_READING:
            group, self._joules = self._joules[:_PER_READING], self._joules[_PER_READING:]
            span_s = _PERIOD_S * _PER_READING
            # the meter's own clock counts; ours says when it began
            end_s = time.monotonic() if self._end_s is None else self._end_s + span_s
            found.append(Reading(begin_s=end_s - span_s, end_s=end_s, watts=sum(group) / span_s))
            self._end_s = end_s
        return found

    def _take(self, line: bytes) -> None:
        line = line.removeprefix(_PROMPT).strip()
        if not line or _TIME.fullmatch(line) or _MARKS.fullmatch(line) or line.startswith(b"ack"):
            return
        if line.startswith(b"error"):
            raise MeterGarbled(
                f"the meter at {self._name} stopped: {line.decode(errors='replace')}",
                fix="it measures up to 50 mA: another meter, or less load",
            )
        if _READING.fullmatch(line) is None:
            raise self._garbled(line)
        self._joules.append(float(line[:4]) * 10.0 ** int(line[4:]))

    def _ask(self, command: str) -> None:
        """Send a command and wait until it is acknowledged."""
        try:
            self._port.write(f"{command}\n".encode("ascii"))
        except (serial.SerialException, OSError) as error:
            raise self._missing(error) from error
        deadline_s = time.monotonic() + _ANSWER_S
        while time.monotonic() < deadline_s:
            self._receive()
            while b"\n" in self._pending:
                line, self._pending = self._pending.split(b"\n", 1)
                said = line.strip(b"\r\n\0 ").removeprefix(_PROMPT).strip()
                if said == f"ack {command}".encode("ascii"):
                    return
                if said.startswith(b"error"):
                    raise MeterGarbled(
                        f"the meter at {self._name} refused {command!r}:"
                        f" {said.decode(errors='replace')}",
                        fix="voltage_mv may be 1800 to 3300; another firmware of it may differ",
                    )
            if len(self._pending) > _MOST_BYTES:
                raise self._garbled(self._pending)
        if self._pending:
            raise self._garbled(self._pending)
        raise MeterMissing(
            f"the meter at {self._name} did not answer {command!r}",
            fix="check `port`: `ls -l /dev/serial/by-id` shows which is which",
        )

    def _receive(self) -> None:
        try:
            self._pending += self._port.read(1)
            self._pending += self._port.read(self._port.in_waiting)
        except (serial.SerialException, OSError, TypeError) as error:
            raise self._missing(error) from error

    def _missing(self, error: Exception) -> MeterMissing:
        return MeterMissing(
            f"the meter at {self._name} went away: {error}",
            fix="check its cable, then `resume` the study",
        )

    def _garbled(self, said: bytes) -> MeterGarbled:
        return MeterGarbled(
            f"the meter at {self._name} said {said[:80].decode(errors='replace')!r}",
            fix="check that an LPM01A is at this port, and nothing else",
        )


def make(settings: PowerSection) -> Lpm01a:
    """Open the meter of a section."""
    assert settings.voltage_mv is not None, "it is needed, and was looked for"
    return Lpm01a(settings.port, voltage_mv=settings.voltage_mv)
