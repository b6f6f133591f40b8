"""Wakes the event streams when the database was written.

The kernel gives notice of a write to a file, and a server of one to it; then the database is looked
at once for all viewers. Without viewers nothing is watched.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from contracts.faults import DseError, StoreError
from dse.store.dialect import Notices

SETTLE_S = 0.05
"""A transaction writes its log in pieces; they make one look."""
LOOK_S = 10.0
"""Look this often without a notice, too: a folder shared between machines gives none."""


class Watch:
    """Wakes those who wait when the database was written; lives in one event loop.

    Args:
        open_notices: Returns what gives notice; may raise StoreError.
        stamp: Returns another number after a write; may raise StoreError.
    """

    def __init__(self, open_notices: Callable[[], Notices], stamp: Callable[[], int]) -> None:
        self._open_notices = open_notices
        self._stamp = stamp
        self._waiting: set[asyncio.Event] = set()
        self._notices: Notices | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._seen: int | None = None
        self.is_closing = False

    def enter(self) -> asyncio.Event:
        """Return an event that is set after each write until ``leave``.

        Raises:
            StoreError: The database cannot be watched.
        """
        if not self._waiting:
            self._open()
            self._seen = self._try_stamp()
            self._look_in(LOOK_S)
        event = asyncio.Event()
        self._waiting.add(event)
        return event

    def leave(self, event: asyncio.Event) -> None:
        """Take a viewer out; the last one ends the watching."""
        self._waiting.discard(event)
        if not self._waiting:
            if self._timer is not None:
                self._timer.cancel()
            self._close()

    def close(self) -> None:
        """End all event streams: they are woken and find ``is_closing``."""
        self.is_closing = True
        for event in self._waiting:
            event.set()

    @property
    def viewers(self) -> int:
        """How many event streams are open."""
        return len(self._waiting)

    def _on_notice(self) -> None:
        if self._notices is not None:
            try:
                self._notices.take()
            except OSError:  # the server went away; each look tries to have notices again
                self._close()
            self._look_in(SETTLE_S)

    def _look_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if not self._timer.cancelled() and self._timer.when() <= loop.time() + seconds:
                return  # a look is due before that
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        with suppress(DseError):  # without notices, there are still looks
            self._open()
        now = self._try_stamp()
        if now != self._seen:
            self._seen = now
            for event in self._waiting:
                event.set()
        self._look_in(LOOK_S)

    def _open(self) -> None:
        """Have notices, also of another file that was put in the place of the old one."""
        if self._notices is None:
            self._notices = self._open_notices()
            asyncio.get_running_loop().add_reader(self._notices.descriptor, self._on_notice)
        else:
            self._notices.follow()

    def _close(self) -> None:
        if self._notices is not None:
            asyncio.get_running_loop().remove_reader(self._notices.descriptor)
            self._notices.close()
            self._notices = None

    def _try_stamp(self) -> int | None:
        try:
            return self._stamp()
        except StoreError:  # the viewers learn the reason when they read
            return None
