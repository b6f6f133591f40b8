"""Folders to build in. One is held by its lock: the kernel frees that of a killed build."""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runners.pipeline.locks import try_to_lock_file

_HELD = ".held"
_LIFETIME_S = 24 * 3600.0
_NAME = re.compile(r".+-(\d+)-[a-z0-9_]+")


@contextmanager
def scratch_folder(parent: Path, name: str) -> Iterator[Path]:
    """Give an empty folder that is removed afterwards, and held meanwhile.

    Args:
        parent: The folder of all of them.
        name: What it is for, the beginning of its name.
    """
    while True:
        path = Path(tempfile.mkdtemp(prefix=f"{name}-{os.getpid()}-", dir=parent))
        lock = try_to_lock_file(_holder(path))
        if lock is not None and path.is_dir():
            break  # else somebody who sweeps has found it before it was held
    try:
        yield path
    finally:
        _remove(path)
        lock.release()


def sweep(parent: Path) -> int:
    """Remove what killed builds left behind and return how many folders that were.

    A folder that somebody holds is never touched, however old it is.
    """
    removed = 0
    for path in sorted(parent.iterdir()):
        if path.suffix == _HELD:
            path = path.with_suffix("")
        if path.is_symlink() or _may_be_a_build_of_old(path):
            continue
        lock = try_to_lock_file(_holder(path))
        if lock is not None:
            removed += path.is_dir()
            _remove(path)
            lock.release()
    return removed


def _holder(path: Path) -> Path:
    """Return the file whose lock is held by whoever builds in a folder."""
    return path.with_name(path.name + _HELD)


def _remove(path: Path) -> None:
    remove_tree(path)
    _holder(path).unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a folder as far as that is possible, one that forbids it too; links are not followed.

    What is left is swept later.
    """
    for folder, _, _ in os.walk(path):  # does not follow links
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            Path(folder).chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)


def _may_be_a_build_of_old(path: Path) -> bool:
    """Tell whether a process of a version that held no locks may be building here."""
    found = _NAME.fullmatch(path.name)
    if _holder(path).exists() or found is None or not Path(f"/proc/{found[1]}").exists():
        return False
    try:
        return time.time() - path.stat().st_mtime < _LIFETIME_S
    except FileNotFoundError:
        return False
