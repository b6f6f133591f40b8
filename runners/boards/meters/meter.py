"""What every meter of power promises, and the thread that listens to one."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.faults import Bug, DseError, MeterGarbled, MeterMissing

LONGEST_SILENCE_S = 10.0
"""A meter that says nothing for so long has stopped."""
AHEAD_S, BEHIND_S = 1.0, 20.0
"""A meter whose times are so far from ours has another clock than it seems."""
_LOOK_S = 0.01
_KEPT_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The mean power over some time.

    Attributes:
        begin_s: When that time began, by ``time.monotonic``.
        end_s: When it ended.
        watts: The mean.
    """

    begin_s: float
    end_s: float
    watts: float


class Meter(Protocol):
    """A meter that measures since it was opened. It belongs to one thread at a time."""

    def read(self) -> Sequence[Reading]:
        """Return what was measured since the last call, oldest first; waits for 0.2 s at the most.

        Raises:
            MeterMissing: It is not there any more.
            MeterGarbled: What it says is not what such a meter says.
        """

    def close(self) -> None:
        """Let it go; a second call does nothing. Never raises for a meter that is gone."""


class Recorder:
    """Keeps what a meter says, in a thread of its own, while a board is talked to.

    Args:
        meter: From now on the recorder's, which closes it.
        name: What it is called in messages.
    """

    def __init__(self, meter: Meter, *, name: str) -> None:
        self.name = name
        self._meter = meter
        self._readings: list[Reading] = []
        self._fault: DseError | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._heard_s = time.monotonic()
        self._thread = threading.Thread(target=self._listen, name=f"meter {name}", daemon=True)
        self._thread.start()

    def between(self, begin_s: float, end_s: float) -> list[Reading]:
        """Return the readings that lie within a time; waits until the meter has come so far.

        Args:
            begin_s: By ``time.monotonic``.
            end_s: The same.

        Raises:
            MeterMissing: The meter went away, or said nothing for ten seconds.
            MeterGarbled: It says something else.
        """
        while True:
            with self._lock:
                found = list(self._readings)
                heard_s = self._heard_s
            if found and found[-1].end_s >= end_s:
                return [each for each in found if each.begin_s >= begin_s and each.end_s <= end_s]
            self.require_sound()
            silent_s = time.monotonic() - max(heard_s, end_s)
            if silent_s > LONGEST_SILENCE_S:
                raise MeterMissing(
                    f"the meter {self.name} said nothing for {LONGEST_SILENCE_S:g} s",
                    fix="check that it measures, and its cable; then `resume` the study",
                )
            time.sleep(_LOOK_S)

    def require_sound(self) -> None:
        """Raise what ended the meter, if something did.

        Raises:
            MeterMissing: The meter went away.
            MeterGarbled: It says something else.
        """
        if self._fault is not None:
            raise self._fault
        if not self._thread.is_alive() and not self._stop.is_set():
            raise Bug(f"the meter {self.name} is not listened to any more", fix="report it")

    def close(self) -> None:
        """Let the meter go; a second call does nothing."""
        self._stop.set()
        self._thread.join()
        self._meter.close()

    def _require_times(self, last: Reading) -> None:
        ahead_s = last.end_s - time.monotonic()
        if not -BEHIND_S <= ahead_s <= AHEAD_S:
            how = "ahead of" if ahead_s > 0 else "behind"
            raise MeterGarbled(
                f"the times of the meter {self.name} are {abs(ahead_s):.1f} s {how} ours",
                fix="let it tell seconds, and all of its readings; or none of its times",
            )

    def _listen(self) -> None:
        try:
            while not self._stop.is_set():
                found = self._meter.read()
                if not found:
                    self._stop.wait(_LOOK_S)
                    continue
                self._require_times(found[-1])
                with self._lock:
                    self._readings += found
                    self._heard_s = time.monotonic()
                    if self._readings[0].end_s < self._heard_s - 2 * _KEPT_S:
                        kept_from_s = self._heard_s - _KEPT_S
                        self._readings = [r for r in self._readings if r.end_s >= kept_from_s]
        except DseError as error:
            self._fault = error
