"""Linux's notices of written files, as much of them as a database needs.

Python has no interface to them; the kernel's own (inotify(7)) is three calls. Idle costs nothing.
"""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from contracts.faults import StoreError

_MODIFY, _ATTRIBUTES, _DELETED, _MOVED = 0x2, 0x4, 0x400, 0x800
_BUFFER_BYTES = 65_536


class FileNotices:
    """Notices of writes to some files. Not of their folder, where others may be busy.

    Attributes:
        descriptor: Readable when there are notices.

    Raises:
        StoreError: The system grants no more watches.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise self._error("files")

    def follow(self, paths: Iterable[Path]) -> None:
        """Give notice of these files; one that is followed already or does not exist costs nothing.

        Raises:
            StoreError: The system grants no more watches.
        """
        mask = _MODIFY | _ATTRIBUTES | _DELETED | _MOVED
        for path in paths:
            watch = self._libc.inotify_add_watch(self.descriptor, os.fsencode(path), mask)
            if watch < 0 and path.exists():
                raise self._error(path)

    def take(self) -> None:
        """Take all notices that wait."""
        while True:
            try:
                os.read(self.descriptor, _BUFFER_BYTES)
            except BlockingIOError:
                return

    def close(self) -> None:
        """End all watches."""
        os.close(self.descriptor)

    def _error(self, what: object) -> StoreError:
        reason = os.strerror(ctypes.get_errno())
        return StoreError(
            f"{what} cannot be watched for changes: {reason}",
            fix="raise fs.inotify.max_user_instances and max_user_watches with sysctl",
        )
