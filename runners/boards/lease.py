"""Who may use a board: one trial at a time on this machine, and none while it is in quarantine.

A lease is a file lock in the cache's folder: the kernel frees it when its holder dies, however it
dies. A quarantine is a file beside it, and stays until a person deletes it.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from contracts.faults import BoardMissing
from contracts.untrusted import parse_json
from runners.boards.bench import BoardEntry
from runners.tools import fault_of_os_error

_LOOK_S = 0.5


class Lease:
    """A board that belongs to its holder until ``release``, or the holder's end."""

    def __init__(self, entry: BoardEntry, lock: IO[str]) -> None:
        self.entry = entry
        self._lock = lock

    def release(self) -> None:
        """Let the board go; a second call does nothing."""
        if not self._lock.closed:
            self._lock.truncate(0)
            self._lock.close()

    def __enter__(self) -> "Lease":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Leases:
    """All leases of a machine.

    Args:
        root: The cache's folder; everything lies in ``boards`` below it.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / "boards"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise fault_of_os_error(error, f"the folder {self._folder}") from error

    def log_path(self, name: str) -> Path:
        """Return the file that has all that was done to a board to bring it back."""
        return self._folder / f"{name}.log"

    def take(
        self,
        entries: Sequence[BoardEntry],
        *,
        holder: str,
        timeout_s: float,
        waiting: Callable[[str], None],
    ) -> Lease:
        """Lease the first board that is free, waiting for one if necessary.

        Args:
            entries: Which boards would do, best first; at least one.
            holder: Who asks, for the message to others.
            timeout_s: How long to wait.
            waiting: Told once what is waited for.

        Raises:
            BoardMissing: None became free in time, or all are in quarantine.
        """
        deadline_s = time.monotonic() + timeout_s
        told = False
        while True:
            usable = [entry for entry in entries if self.quarantine_of(entry.name) is None]
            if not usable:
                raise self._all_in_quarantine(entries)
            usable.sort(key=lambda entry: not Path(entry.port).exists())  # connected ones first
            for entry in usable:
                lease = self._try(entry, holder)
                if lease is not None:
                    return lease
            busy = ", ".join(f"{entry.name} (used by {self._holder(entry)})" for entry in usable)
            if time.monotonic() >= deadline_s:
                raise BoardMissing(
                    f"no board became free within {timeout_s:g} s: {busy}",
                    fix="wait for the other study, or connect another board of the target",
                )
            if not told:
                waiting(f"waiting for a board: {busy}")
                told = True
            time.sleep(min(_LOOK_S, max(0.01, deadline_s - time.monotonic())))

    def quarantine(self, name: str, *, reason: str, now_s: float) -> Path:
        """Put a board out of use until a person deletes the file that this returns."""
        path = self._quarantine_path(name)
        scratch = path.with_suffix(".new")
        scratch.write_text(json.dumps({"reason": reason, "since_s": now_s}), encoding="utf-8")
        scratch.rename(path)
        return path

    def quarantine_of(self, name: str) -> str | None:
        """Return why a board is in quarantine; None when it is not."""
        try:
            return str(parse_json(self._quarantine_path(name).read_text())["reason"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            return "its record cannot be read"

    def _try(self, entry: BoardEntry, holder: str) -> Lease | None:
        lock = (self._folder / f"{entry.name}.lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        lock.truncate(0)
        lock.write(f"{holder}, process {os.getpid()}")
        lock.flush()
        return Lease(entry, lock)

    def _holder(self, entry: BoardEntry) -> str:
        try:
            text = (self._folder / f"{entry.name}.lock").read_text(encoding="utf-8")
        except OSError:
            text = ""
        return text or "another process"

    def _quarantine_path(self, name: str) -> Path:
        return self._folder / f"{name}.quarantine"

    def _all_in_quarantine(self, entries: Sequence[BoardEntry]) -> BoardMissing:
        reasons = "; ".join(f"{e.name}: {self.quarantine_of(e.name)}" for e in entries)
        files = " ".join(str(self._quarantine_path(e.name)) for e in entries)
        return BoardMissing(
            f"every board that would do is in quarantine: {reasons}",
            fix=f"look after the board, then lift it: rm {files}",
        )
