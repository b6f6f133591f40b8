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

    Args:
        paths: The files, which need not exist yet.

    Attributes:
        descriptor: Readable when there are notices.

    Raises:
        StoreError: The system grants no more watches.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise self._error("files")
        try:
            self.follow()
        except StoreError:
            self.close()
            raise

    def follow(self) -> None:
        """Look which files there are now; one that is followed already costs nothing.

        Raises:
            StoreError: The system grants no more watches.
        """
        mask = _MODIFY | _ATTRIBUTES | _DELETED | _MOVED
        for path in self._paths:
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
