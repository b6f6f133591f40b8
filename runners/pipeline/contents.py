"""What is in a cache: how large each entry is, when it was used last, and removing some.

Beside each entry lies a small file ``uses/STAGE-KEY``. Its time is the last use, its text the
entry's size, and whoever uses the entry holds its lock, shared with others: who wants to remove
the entry needs it alone.
"""

import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runners.pipeline.entries import judge
from runners.pipeline.locks import Lock, lock_file, try_to_lock_file
from runners.pipeline.scratch import scratch_folder

_KEY = re.compile(r"[0-9a-f]{32}")
_COUNTED_S = 3600.0
_FILLED = 0.95
"""Of the limit, when something has to go."""
_NO_STAGES = {"locks", "uses", "scratch", "suggest", "boards"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One artefact that lies in a cache.

    Attributes:
        stage: Name of its stage.
        key: Its key.
        folder: Where it is.
        size_bytes: Of all its files.
        used_s: When it was used last, seconds since 1970.
    """

    stage: str
    key: str
    folder: Path
    size_bytes: int
    used_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """An entry that is not what its name says, and why."""

    stage: str
    key: str
    folder: Path
    damage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """What making a cache smaller did.

    Attributes:
        removed: Entries that are gone.
        removed_bytes: What they took.
        left_bytes: What all others take; more than the limit where they are in use.
    """

    removed: int
    removed_bytes: int
    left_bytes: int


class Contents:
    """The entries below the folder of a cache.

    Args:
        root: The folder. Nothing is made until an entry is used.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def lock_of(self, stage: str, key: str) -> Path:
        """Return the file whose lock is held while an entry is looked at, built or removed."""
        home = self._root / stage
        if home.is_symlink():  # it would lead somewhere else
            home.unlink()
        home.mkdir(parents=True, exist_ok=True)
        (self._root / "locks").mkdir(exist_ok=True)
        return self._root / "locks" / f"{stage}-{key}"

    def use(self, stage: str, key: str) -> tuple[Lock, int]:
        """Note that an entry is used now, and keep it from being removed until the lock goes.

        Returns:
            The lock, and how many bytes the entry takes.
        """
        path = self._use_file(stage, key)
        path.parent.mkdir(exist_ok=True)
        lock = lock_file(path, is_shared=True)
        size = judge(self._root / stage / key).size_bytes
        os.pwrite(lock.descriptor, f"{size}\n".encode(), 0)
        os.utime(lock.descriptor)
        return lock, size

    def entries(self) -> list[Entry]:
        """Return all entries, least recently used first."""
        found = []
        for folder in self._folders():
            size_bytes, used_s = self._noted(folder)
            found.append(
                Entry(
                    stage=folder.parent.name,
                    key=folder.name,
                    folder=folder,
                    size_bytes=size_bytes,
                    used_s=used_s,
                )
            )
        return sorted(found, key=lambda entry: (entry.used_s, entry.stage, entry.key))

    def damaged(self) -> list[Damaged]:
        """Read every byte of every entry and return those that are not what they say."""
        found = []
        for folder in self._folders():
            damage = judge(folder).damage
            if damage and os.path.lexists(folder):  # else it was removed while it was read
                stage, key = folder.parent.name, folder.name
                found.append(Damaged(stage=stage, key=key, folder=folder, damage=damage))
        return found

    def shrink(self, limit_bytes: int) -> Shrunk:
        """Remove the entries that were used least recently until the others keep a limit.

        One that is in use, or is being built, stays: then more than the limit is left.
        """
        (self._root / "locks").mkdir(parents=True, exist_ok=True)
        with self._shrinking() as lock:
            shrunk = self._shrink(limit_bytes)
            _note_sum(lock, time.time(), shrunk.left_bytes)
        return shrunk

    @contextmanager
    def _shrinking(self) -> Iterator[Lock]:
        """Let one process shrink at a time: two would remove twice as much."""
        lock = lock_file(self._root / "locks" / "shrink")
        try:
            yield lock
        finally:
            lock.release()

    def _shrink(self, limit_bytes: int) -> Shrunk:
        removed = removed_bytes = 0
        entries = self.entries()
        left_bytes = sum(entry.size_bytes for entry in entries)
        for entry in entries:
            if left_bytes <= limit_bytes:
                break
            if self.remove(entry.stage, entry.key):
                removed, left_bytes = removed + 1, left_bytes - entry.size_bytes
                removed_bytes += entry.size_bytes
        return Shrunk(removed=removed, removed_bytes=removed_bytes, left_bytes=left_bytes)

    def grew(self, size_bytes: int, *, limit_bytes: int | None) -> None:
        """Note that an entry came, and shrink when all entries together are beyond a limit.

        Nobody looks at thousands of entries for that: the file of the lock keeps the sum, which
        is counted anew once an hour, since files may be removed by hand. A little more than
        needed goes, so that the next entries find room.
        """
        (self._root / "locks").mkdir(parents=True, exist_ok=True)
        with self._shrinking() as lock:
            counted_s, sum_bytes = _noted_sum(lock)
            sum_bytes += size_bytes
            if time.time() - counted_s > _COUNTED_S:
                counted_s = time.time()
                sum_bytes = sum(entry.size_bytes for entry in self.entries())
            if limit_bytes is not None and sum_bytes > limit_bytes:
                counted_s = time.time()
                sum_bytes = self._shrink(int(_FILLED * limit_bytes)).left_bytes
            _note_sum(lock, counted_s, sum_bytes)

    def remove(self, stage: str, key: str) -> bool:
        """Remove an entry unless somebody uses or builds it; tell whether it is gone."""
        (self._root / "uses").mkdir(parents=True, exist_ok=True)
        builds, uses = self.lock_of(stage, key), self._use_file(stage, key)
        building = try_to_lock_file(builds)
        if building is None:
            return False
        using = try_to_lock_file(uses)
        if using is None:
            building.release()
            return False
        self.discard(self._root / stage / key)
        for path, lock in ((uses, using), (builds, building)):
            path.unlink(missing_ok=True)  # whoever waits for it notices, see `locks`
            lock.release()
        return True

    def discard(self, folder: Path) -> None:
        """Remove what lies at the place of an entry, whatever it is; its lock is the caller's."""
        if folder.is_symlink() or not folder.is_dir():
            folder.unlink(missing_ok=True)
            return
        scratch = self._root / "scratch"
        scratch.mkdir(exist_ok=True)
        with scratch_folder(scratch, "removed") as aside:
            folder.chmod(0o755)
            folder.rename(aside / "entry")

    def _use_file(self, stage: str, key: str) -> Path:
        return self._root / "uses" / f"{stage}-{key}"

    def _folders(self) -> Iterator[Path]:
        """Yield the place of every entry; a link in one's place is one, too."""
        if not self._root.is_dir():
            return
        for home in sorted(self._root.iterdir()):
            if home.name in _NO_STAGES or home.is_symlink() or not home.is_dir():
                continue
            yield from (path for path in sorted(home.iterdir()) if _KEY.fullmatch(path.name))

    def _noted(self, folder: Path) -> tuple[int, float]:
        """Return size and last use of an entry; of one that was never noted, as it looks."""
        noted = self._use_file(folder.parent.name, folder.name)
        try:
            return int(noted.read_text()), noted.stat().st_mtime
        except (OSError, ValueError):
            pass
        size_bytes, used_s = 0, 0.0
        for parent, _, names in os.walk(folder):
            for name in names:
                state = (Path(parent) / name).lstat()
                if stat.S_ISREG(state.st_mode):
                    size_bytes += state.st_size
                used_s = max(used_s, state.st_mtime)
        return size_bytes, used_s


def _noted_sum(lock: Lock) -> tuple[float, int]:
    """Return when all entries were counted last, and their bytes; 0 and 0 if they never were."""
    try:
        counted_s, sum_bytes = os.pread(lock.descriptor, 100, 0).split()
        return float(counted_s), int(sum_bytes)
    except ValueError:
        return 0.0, 0


def _note_sum(lock: Lock, counted_s: float, sum_bytes: int) -> None:
    os.ftruncate(lock.descriptor, 0)
    os.pwrite(lock.descriptor, f"{counted_s:.0f} {sum_bytes}".encode(), 0)
