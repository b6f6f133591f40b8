"""Content-addressed artefacts: a stage is built once for all trials, workers and studies.

The key of an artefact is a hash of everything that determines its bytes: stage, version, inputs
and tool identities; never a path or a time. A stage builds in a scratch folder that is published
by one atomic rename under a lock of its key, so two trials that ask at the same moment build
once, a killed build leaves nothing behind, and a failure is never cached. Files are verified when
they are read; a damaged entry is a warned miss.
"""

import fcntl
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.faults import Bug
from runners.tools import fault_of_os_error

_LOG = logging.getLogger(__name__)
_MANIFEST = "manifest.json"
_SCRATCH_LIFETIME_S = 24 * 3600.0

BuildFunction = Callable[[Path], float]
"""Writes an artefact's files into the folder it is given; returns the CPU-seconds it cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """One finished stage.

    Attributes:
        stage: Name of the stage.
        key: Hash of all that determined the bytes.
        folder: Where the files are; read-only by agreement.
        cached: True when it was there before this request.
        wall_s: Seconds this request took, waiting for another builder included.
        cpu_s: CPU-seconds that this request cost, 0 when cached.
    """

    stage: str
    key: str
    folder: Path
    cached: bool
    wall_s: float
    cpu_s: float


def default_root() -> Path:
    """Return ``$DSE_CACHE_DIR``, else ``soft-soc-dse`` in the user's cache folder."""
    if "DSE_CACHE_DIR" in os.environ:
        return Path(os.environ["DSE_CACHE_DIR"]).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "soft-soc-dse"


def digest_of_files(files: Mapping[str, bytes]) -> str:
    """Return one hash of names and contents; lengths are hashed too, so no two sets collide."""
    whole = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            whole.update(len(part).to_bytes(8, "little"))
            whole.update(part)
    return whole.hexdigest()


class Cache:
    """A folder of artefacts, shared by any number of processes of one user.

    Args:
        root: The folder; made when it does not exist.
        rebuild: Build every artefact again even if it is there, and compare: the same key must
            give the same bytes. Used to reproduce a trial.

    Raises:
        DiskFull, ToolCrashed: The folder cannot be made.
    """

    def __init__(self, root: Path, *, rebuild: bool = False) -> None:
        self.root = root
        self.rebuild = rebuild
        self._rebuilt: set[str] = set()
        try:
            (root / "scratch").mkdir(parents=True, exist_ok=True)
            self._sweep_scratch()
        except OSError as error:
            raise fault_of_os_error(error, f"the cache folder {root} cannot be made") from error

    def contains(self, stage: str, *, version: int, inputs: Mapping[str, Any]) -> bool:
        """Tell, without verifying it, whether an artefact is there and will not be built again."""
        key = artefact_key(stage, version=version, inputs=inputs)
        return not self.rebuild and (self.root / stage / key).exists()

    def get_or_build(
        self,
        stage: str,
        *,
        version: int,
        inputs: Mapping[str, Any],
        build: BuildFunction,
        comparable: bool = True,
    ) -> Artefact:
        """Return the artefact of ``stage`` for ``inputs``, building it if it is not there.

        Args:
            stage: Name of the stage; also the name of its folder.
            version: Raised when the stage's output changes for the same inputs.
            inputs: Everything that determines the output, as JSON values.
            build: Called at most once, with an empty folder.
            comparable: The same inputs give the same bytes; False exempts it from ``rebuild``.

        Raises:
            DseError: Whatever ``build`` raises; then nothing is stored.
            DiskFull: No space for the artefact.
        """
        started_s = time.monotonic()
        key = artefact_key(stage, version=version, inputs=inputs)
        folder = self.root / stage / key
        check_again = self.rebuild and comparable and key not in self._rebuilt
        try:
            with self._locked(stage, key):
                cached = self._is_intact(folder)
                cpu_s = 0.0
                if not cached or check_again:
                    cpu_s = self._build(folder, stage, inputs, build, compare=cached)
                    self._rebuilt.add(key)
                    cached = False
        except OSError as error:
            raise fault_of_os_error(error, f"stage {stage} could not be stored") from error
        return Artefact(
            stage=stage,
            key=key,
            folder=folder,
            cached=cached,
            wall_s=time.monotonic() - started_s,
            cpu_s=cpu_s,
        )

    def _build(
        self,
        folder: Path,
        stage: str,
        inputs: Mapping[str, Any],
        build: BuildFunction,
        *,
        compare: bool,
    ) -> float:
        with self.scratch_folder(stage) as scratch:
            cpu_s = build(scratch)
            files = _hashes(scratch)
            if compare:
                _require_same(folder, files, stage)
                return cpu_s
            manifest = {"stage": stage, "inputs": inputs, "files": files}
            (scratch / _MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True))
            scratch.chmod(0o755)
            scratch.rename(folder)
            return cpu_s

    @contextmanager
    def scratch_folder(self, name: str) -> Iterator[Path]:
        """Give an empty folder that is removed afterwards.

        One that a killed process leaves behind is swept by a later ``Cache``.

        Args:
            name: What it is for, the beginning of its name.
        """
        prefix = f"{name}-{os.getpid()}-"
        scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=self.root / "scratch"))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    @contextmanager
    def _locked(self, stage: str, key: str) -> Iterator[None]:
        """Hold the lock of one key; the kernel frees it when its holder dies."""
        locks = self.root / "locks"
        (self.root / stage).mkdir(parents=True, exist_ok=True)
        locks.mkdir(exist_ok=True)
        with (locks / f"{stage}-{key}").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _is_intact(self, folder: Path) -> bool:
        """Tell whether the entry is there and whole; move a damaged one out of the way."""
        if not folder.exists():
            return False
        try:
            manifest = json.loads((folder / _MANIFEST).read_text())
            intact = bool(manifest["files"] == _hashes(folder))
        except (OSError, ValueError, KeyError, TypeError):
            intact = False
        if not intact:
            _LOG.warning("the cache entry %s is damaged; it is built again", folder)
            shutil.rmtree(folder)
        return intact

    def _sweep_scratch(self) -> None:
        """Remove scratch folders that a killed build left behind long ago."""
        now_s = time.time()
        for left in (self.root / "scratch").iterdir():
            if now_s - left.stat().st_mtime > _SCRATCH_LIFETIME_S:
                shutil.rmtree(left, ignore_errors=True)


def artefact_key(stage: str, *, version: int, inputs: Mapping[str, Any]) -> str:
    """Return the key of an artefact: 32 hexadecimal digits."""
    text = json.dumps(
        {"stage": stage, "version": version, "inputs": inputs},
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file below ``folder`` but the manifest and logs.

    Logs are kept for people and hold times; they are not part of what a stage promises.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != _MANIFEST and not name.endswith(".log"):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _require_same(folder: Path, files: Mapping[str, str], stage: str) -> None:
    before = json.loads((folder / _MANIFEST).read_text())["files"]
    changed = sorted(name for name in {*before, *files} if before.get(name) != files.get(name))
    if changed:
        raise Bug(
            f"stage {stage} gave other bytes for the same inputs: {', '.join(changed)}",
            fix=f"report it with both folders; the stored one is {folder}",
        )
