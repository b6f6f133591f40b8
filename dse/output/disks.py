"""How much room there is where a study writes."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LOW_BYTES = 2_000_000_000
"""With less free space than this a disk is said to be low."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Where files are written, and what is free there."""

    what: str
    folder: str
    free_bytes: int

    @property
    def is_low(self) -> bool:
        """Whether a build may soon find no room."""
        return self.free_bytes < LOW_BYTES


def disks_of(folders: Mapping[str, Path]) -> list[Disk]:
    """Return the free space of each folder, or of the nearest one around it that there is."""
    found = []
    for what, folder in folders.items():
        there = folder.absolute()
        while not there.exists():
            there = there.parent
        free = shutil.disk_usage(there).free
        found.append(Disk(what=what, folder=str(folder.absolute()), free_bytes=free))
    return found
