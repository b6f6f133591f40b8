"""A cache for a benchmark that builds designs anew, but not what all designs share."""

import os
import shutil
from pathlib import Path

from runners.pipeline import default_root

SHARED = ("cpu-generator", "simulator-runtime", "bios-libraries", "golden")
"""Stages that no design decides; each takes minutes."""


def make_cache(folder: Path) -> None:
    """Make a cache that has what the user's own has of those stages.

    Entries are never written to, so their files are linked. Locks are not: a lock is of a file,
    and the two caches have nothing to wait for of each other.

    Args:
        folder: On the same disk as the user's cache; must not be there yet.
    """
    folder.mkdir()
    for stage in SHARED:
        if (default_root() / stage).is_dir():
            shutil.copytree(default_root() / stage, folder / stage, copy_function=os.link)
