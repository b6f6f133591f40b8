"""Locks of files and folders that the kernel frees when their holder dies, however it dies."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class Lock:
    """A lock that is held until ``release``, or until nobody has this object any more.

    Args:
        descriptor: Of the open file; it is closed, and the lock with it.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __del__(self) -> None:
        self.release()

    def __reduce__(self) -> str:
        raise TypeError("a lock belongs to one process")


def lock_file(path: Path, *, is_shared: bool = False) -> Lock:
    """Wait for the lock of a file, which is made when it is not there."""
    while True:
        lock = _lock(path, fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX)
        if lock is not None:
            return lock


def try_to_lock_file(path: Path) -> Lock | None:
    """Take the lock of a file alone if nobody has it; None when somebody does."""
    return _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Hold the lock of a file alone while the block runs."""
    lock = lock_file(path)
    try:
        yield
    finally:
        lock.release()


def _lock(path: Path, operation: int) -> Lock | None:
    """Return the lock; None when it is taken, or the file was removed or replaced meanwhile."""
    # for writing, too: an exclusive lock on NFS asks for that
    lock = Lock(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644))
    try:
        fcntl.flock(lock.descriptor, operation)
        ours, there = os.fstat(lock.descriptor), os.lstat(path)
    except (BlockingIOError, FileNotFoundError):
        lock.release()
        return None
    if (ours.st_dev, ours.st_ino) != (there.st_dev, there.st_ino):
        lock.release()
        return None
    return lock
