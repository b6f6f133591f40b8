"""Nordic Power Profiler Kit II, by the Python package ppk2-api: 100,000 currents a second."""

import math
import time
from collections.abc import Sequence
from typing import Any

from contracts.faults import MeterGarbled, MeterMissing
from runners.boards.meters.meter import Reading
from runners.boards.meters.settings import PowerSection

NEEDS = ("port", "voltage_mv")
PACKAGE = ("ppk2_api", "ppk2-api")
_PERIOD_S = 1e-5
_LEAST = 500
"""Currents that are one reading, 5 ms of them at the least."""


class Ppk2:
    """See ``Meter``.

    Args:
        port: Its serial port.
        voltage_mv: What the board is supplied with.
        supplies: By the kit itself; otherwise it is an ampere meter in somebody else's supply.

    Raises:
        MeterMissing: The port is not there, not permitted, or in use.
        MeterGarbled: What is there does not tell its calibration.
    """

    def __init__(self, port: str, *, voltage_mv: int, supplies: bool) -> None:
        from ppk2_api.ppk2_api import PPK2_API  # type: ignore[import-not-found,unused-ignore]

        self._name = port
        self._volts = voltage_mv / 1000
        self._pending: list[float] = []
        self._end_s: float | None = None
        try:
            self._kit: Any = PPK2_API(port, timeout=1, write_timeout=1, exclusive=True)
        except (OSError, ValueError) as error:  # a serial exception is one, too
            raise MeterMissing(
                f"the meter's serial port {port} cannot be opened: {error}",
                fix="connect it, or correct `port` in the section of the board's power",
            ) from error
        self._call(self._kit.stop_measuring)  # one that was not ended talks all the time
        self._call(self._kit.get_data)
        if not self._call(self._kit.get_modifiers):
            raise MeterGarbled(
                f"what is at {port} does not tell the calibration of a PPK2",
                fix="check `port`: a PPK2 may have two, one of which answers; or pull its plug",
            )
        self._call(self._kit.use_source_meter if supplies else self._kit.use_ampere_meter)
        self._call(lambda: self._kit.set_source_voltage(voltage_mv))
        if supplies:
            self._call(lambda: self._kit.toggle_DUT_power("ON"))
        self._call(self._kit.start_measuring)

    def read(self) -> Sequence[Reading]:
        """Return what came since the last call; see ``Meter.read``."""
        content = self._call(self._kit.get_data)
        if not content:
            return ()
        found = self._call(lambda: self._kit.get_samples(content))
        # newer versions also return the digital inputs
        self._pending += found[0] if isinstance(found, tuple) else found
        if len(self._pending) < _LEAST:
            return ()
        currents_ua, self._pending = self._pending, []
        mean_ua = math.fsum(currents_ua) / len(currents_ua)
        if not math.isfinite(mean_ua):
            raise MeterGarbled(
                f"the meter at {self._name} said {mean_ua} uA", fix="pull its plug once"
            )
        now_s, span_s = time.monotonic(), _PERIOD_S * len(currents_ua)
        # the kit's clock counts; ours says when it began, and keeps it from running away
        end_s = now_s if self._end_s is None else min(now_s, self._end_s + span_s)
        begin_s = end_s - span_s if self._end_s is None else self._end_s
        self._end_s = end_s
        if end_s <= begin_s:
            return ()
        return (Reading(begin_s=begin_s, end_s=end_s, watts=mean_ua * 1e-6 * self._volts),)

    def close(self) -> None:
        """Stop it; the board keeps its supply. See ``Meter.close``."""
        try:
            self._kit.stop_measuring()
        except (OSError, ValueError, TypeError):
            pass  # it is gone
        finally:
            if getattr(self._kit, "ser", None) is not None:
                self._kit.ser.close()

    def _call(self, what: Any) -> Any:
        """Ask the kit for something.

        Raises:
            MeterMissing: Its port went away.
        """
        try:
            return what()
        except (OSError, TypeError) as error:
            raise MeterMissing(
                f"the meter at {self._name} went away: {error}",
                fix="check its cable, then `resume` the study",
            ) from error


def make(settings: PowerSection) -> Ppk2:
    """Open the meter of a section."""
    assert settings.voltage_mv is not None, "it is needed, and was looked for"
    return Ppk2(settings.port, voltage_mv=settings.voltage_mv, supplies=settings.supplies)
