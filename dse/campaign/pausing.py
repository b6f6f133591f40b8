"""A full disk: no trial starts until somebody has made room."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from dse.words import bytes_text

ROOM_BYTES = 100_000_000
"""So much more free space than when the disk was full is worth another try."""
RETRY_S = 600.0
"""Tried again after so long anyway: of a quota, the free space of the disk says nothing."""


def free_bytes(folder: Path) -> int:
    """Return the free space where a folder is, or will be."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    return shutil.disk_usage(there).free


class DiskPause:
    """Whether trials wait for space.

    Args:
        folders: What is written where, for example ``cache``.
    """

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = folders
        self._until_s: float | None = None
        self._before: dict[str, int] = {}

    def begin(self, *, now_s: float) -> str:
        """Wait from now on; return what a person must know, empty where that was said already."""
        is_known = self._until_s is not None
        self._until_s = now_s + RETRY_S
        self._before = {what: free_bytes(folder) for what, folder in self._folders.items()}
        if is_known:
            return ""
        free = ", ".join(
            f"{bytes_text(self._before[what])} free for the {what} in {folder}"
            for what, folder in self._folders.items()
        )
        return (
            f"paused, the disk is full ({free}): no trial starts until there is more room, then the"
            " study goes on by itself"
        )

    def is_on(self, *, now_s: float) -> bool:
        """Tell whether trials still wait; once they do not, a full disk is told anew."""
        if self._until_s is None:
            return False
        has_room = any(
            free_bytes(folder) >= self._before[what] + ROOM_BYTES
            for what, folder in self._folders.items()
        )
        if has_room or now_s >= self._until_s:
            self._until_s = None
        return self._until_s is not None
