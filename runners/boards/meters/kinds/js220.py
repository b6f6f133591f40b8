"""Joulescope JS220, by the Python package pyjoulescope-driver: its own statistics, 20 a second.

The instrument integrates a million products of current and voltage a second and sends means; the
driver calls us in a thread of its own.
"""

import math
import queue
import time
from collections.abc import Mapping, Sequence
from typing import Any

from contracts.faults import MeterGarbled, MeterMissing
from runners.boards.meters.meter import Reading
from runners.boards.meters.settings import PowerSection

NEEDS = ()
PACKAGE = ("pyjoulescope_driver", "pyjoulescope-driver")
_RATE_HZ = 20
_SAMPLES_PER_S = 1_000_000
"""What ``s/stats/scnt`` counts."""
_WAIT_S = 0.1
_VALUE = "/s/stats/value"


class Js220:
    """See ``Meter``.

    Args:
        which: A part of its path, such as its serial number; empty for the only one.

    Raises:
        MeterMissing: There is none, or several, or it cannot be opened.
    """

    def __init__(self, which: str) -> None:
        from pyjoulescope_driver import Driver  # type: ignore[import-not-found,unused-ignore]

        self._values: queue.SimpleQueue[tuple[float, Any]] = queue.SimpleQueue()
        self._on_value = self._take  # the same object for subscribing and unsubscribing
        self._is_closed = False
        self._driver: Any = Driver()
        try:
            there = [path for path in self._driver.device_paths() if "js220" in path.lower()]
            found = [path for path in there if which.lower() in path.lower()]
            if len(found) != 1:
                named = f" whose path has {which!r}" if which else ""
                raise MeterMissing(
                    f"{len(found) or 'no'} Joulescopes JS220{named} are connected; there are:"
                    f" {', '.join(there) or 'none'}",
                    fix="connect it, or give its serial number as `port`",
                )
            (self._path,) = found
            self._open()
        except BaseException:
            self._driver.finalize()
            raise

    def read(self) -> Sequence[Reading]:
        """Return what came since the last call; see ``Meter.read``."""
        found: list[Reading] = []
        wait_s = _WAIT_S
        while True:
            try:
                came_s, value = self._values.get(timeout=wait_s)
            except queue.Empty:
                break
            found.append(self._reading(came_s, value))
            wait_s = 0.0001
        if not found and self._path not in self._driver.device_paths():
            raise MeterMissing(
                f"the meter {self._path} went away", fix="check its cable, then `resume` the study"
            )
        return found

    def close(self) -> None:
        """Stop it; see ``Meter.close``."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self._driver.unsubscribe(self._path + _VALUE, self._on_value)
            self._driver.publish(self._path + "/s/stats/ctrl", 0)
            self._driver.close(self._path)
        except (RuntimeError, OSError, ValueError):
            pass  # it is gone
        finally:
            self._driver.finalize()

    def _open(self) -> None:
        try:
            self._driver.open(self._path)
            self._driver.publish(self._path + "/s/i/range/mode", "auto")
            self._driver.publish(self._path + "/s/stats/scnt", _SAMPLES_PER_S // _RATE_HZ)
            self._driver.publish(self._path + "/s/stats/ctrl", 1)
            self._driver.subscribe(self._path + _VALUE, "pub", self._on_value)
        except (RuntimeError, OSError, ValueError) as error:
            raise MeterMissing(
                f"the meter {self._path} cannot be opened: {error}",
                fix="end the program that has it, such as the Joulescope UI; on Linux its udev"
                " rules are needed",
            ) from error

    def _take(self, _topic: str, value: Any) -> None:
        """Keep a value; called in the driver's thread."""
        self._values.put((time.monotonic(), value))

    def _reading(self, came_s: float, value: Mapping[str, Any]) -> Reading:
        try:
            watts = float(value["signals"]["power"]["avg"]["value"])
        except (KeyError, TypeError, ValueError):
            watts = math.nan
        if not math.isfinite(watts):
            raise MeterGarbled(
                f"the meter {self._path} told no power: {str(value)[:80]}",
                fix="check its leads, and the version of pyjoulescope-driver",
            )
        return Reading(begin_s=came_s - 1 / _RATE_HZ, end_s=came_s, watts=watts)


def make(settings: PowerSection) -> Js220:
    """Open the meter of a section."""
    return Js220(settings.port)
