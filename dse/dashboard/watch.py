"""Noticing writes: one look for all viewers at what SQLite counts, and none without viewers."""

import asyncio
from collections.abc import Callable

from contracts.faults import StoreError

POLL_S = 0.4
"""Between two looks, about 25 microseconds each: what is stored is seen 0.2 s later on average."""


class Watch:
    """Wakes those who wait when the database was written; lives in one event loop.

    Args:
        stamp: Returns another number after a write; may raise StoreError.
        poll_s: Seconds between two looks.
    """

    def __init__(self, stamp: Callable[[], int], *, poll_s: float = POLL_S) -> None:
        self._stamp = stamp
        self._poll_s = poll_s
        self._waiting: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None
        self.is_closing = False

    def enter(self) -> asyncio.Event:
        """Return an event that is set after each write until ``leave``."""
        event = asyncio.Event()
        self._waiting.add(event)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look())
        return event

    def leave(self, event: asyncio.Event) -> None:
        """Take a viewer out; the last one ends the looking."""
        self._waiting.discard(event)
        if not self._waiting and self._task is not None:
            self._task.cancel()
            self._task = None

    def close(self) -> None:
        """Wake everybody for the last time."""
        self.is_closing = True
        for event in self._waiting:
            event.set()

    @property
    def viewers(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def _look(self) -> None:
        before = self._try_stamp()
        while True:
            await asyncio.sleep(self._poll_s)
            now = self._try_stamp()
            if now != before:
                before = now
                for event in self._waiting:
                    event.set()

    def _try_stamp(self) -> int | None:
        try:
            return self._stamp()
        except StoreError:  # the viewers learn the reason when they read
            return None
