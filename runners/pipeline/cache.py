"""Content-addressed artefacts: a stage is built once for all trials, workers and studies.

The key of an artefact is a hash of everything that determines its bytes: stage, version, inputs
and tool identities; never a path or a time. A stage builds in a scratch folder that is published
by one atomic rename under a lock of its key, so two trials that ask at the same moment build
once, a killed build leaves nothing behind, and a failure is never cached. A damaged or foreign
entry is a warned miss.
"""

import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.faults import Bug
from runners.pipeline.contents import Contents
from runners.pipeline.entries import (
    MANIFEST,
    artefact_key,
    hashes,
    is_plain,
    judge,
    manifest_text,
    read_manifest,
    trust,
)
from runners.pipeline.locks import Lock, locked_file
from runners.pipeline.remote import Remote
from runners.pipeline.scratch import scratch_folder, sweep
from runners.tools import fault_of_os_error

_LOG = logging.getLogger(__name__)

BuildFunction = Callable[[Path], float]
"""Writes an artefact's files into the folder it is given; returns the CPU-seconds it cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """One finished stage. While anybody has this object, the entry is in use: it is not removed.

    Attributes:
        stage: Name of the stage.
        key: Hash of all that determined the bytes.
        folder: Where the files are; read-only by agreement.
        cached: True when it was there before this request.
        wall_s: Seconds this request took, waiting for another builder, or for room on the
            machine, included.
        cpu_s: CPU-seconds that this request cost, 0 when cached.
        in_use: Says so to other processes.
    """

    stage: str
    key: str
    folder: Path
    cached: bool
    wall_s: float
    cpu_s: float
    in_use: Lock | None = field(default=None, repr=False, compare=False)


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
        limit_bytes: Most bytes of all artefacts together, kept after each build by removing those
            that were used least recently; one in use stays. None for no limit.
        remote: A second place that is asked before a build and filled after, or None.

    Raises:
        DiskFull, ToolCrashed: The folder cannot be made.
    """

    def __init__(
        self,
        root: Path,
        *,
        rebuild: bool = False,
        limit_bytes: int | None = None,
        remote: Remote | None = None,
    ) -> None:
        self.root = root
        self.remote = remote
        self.rebuild = rebuild
        self.limit_bytes = limit_bytes
        self.contents = Contents(root)
        self._rebuilt: set[str] = set()
        try:
            (root / "scratch").mkdir(parents=True, exist_ok=True)
            sweep(root / "scratch")
        except OSError as error:
            raise fault_of_os_error(
                error, f"the cache folder {root} cannot be made", root
            ) from error

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
        came = False
        check_again = self.rebuild and comparable and key not in self._rebuilt
        try:
            with locked_file(self.contents.lock_of(stage, key)):
                cached = self._is_whole(folder, version)
                if not cached and not self.rebuild:
                    cached = came = self._bring(folder, version)
                cpu_s = 0.0
                if not cached or check_again:
                    cpu_s = self._build(folder, stage, version, inputs, build, compare=cached)
                    self._rebuilt.add(key)
                    cached = False
                in_use, size_bytes = self.contents.use(stage, key)
            if not cached and self.remote is not None:
                self.remote.fill(stage, key, folder)
            if came or not cached:
                self.contents.grew(size_bytes, limit_bytes=self.limit_bytes)
        except OSError as error:
            raise fault_of_os_error(
                error, f"stage {stage} could not be stored", self.root
            ) from error
        return Artefact(
            stage=stage,
            key=key,
            folder=folder,
            cached=cached,
            wall_s=time.monotonic() - started_s,
            cpu_s=cpu_s,
            in_use=in_use,
        )

    def _build(
        self,
        folder: Path,
        stage: str,
        version: int,
        inputs: Mapping[str, Any],
        build: BuildFunction,
        *,
        compare: bool,
    ) -> float:
        with self.scratch_folder(stage) as scratch:
            cpu_s = build(scratch)
            if not is_plain(scratch):
                raise Bug(
                    f"stage {stage} wrote something that is no plain file, such as a link",
                    fix="report it; a stage writes files and folders",
                )
            files = hashes(scratch)
            if compare:
                _require_same(folder, files, stage)
                return cpu_s
            text = manifest_text(stage, version=version, inputs=inputs, files=files)
            (scratch / MANIFEST).write_text(text)
            scratch.chmod(0o755)
            scratch.rename(folder)
            trust(folder)
            return cpu_s

    @contextmanager
    def scratch_folder(self, name: str) -> Iterator[Path]:
        """Give an empty folder that is removed afterwards.

        One that a killed process leaves behind is swept by a later ``Cache``.

        Args:
            name: What it is for, the beginning of its name.
        """
        with scratch_folder(self.root / "scratch", name) as folder:
            yield folder

    def _bring(self, folder: Path, version: int) -> bool:
        """Take an entry from the second place; tell whether it was there and is right."""
        if self.remote is None or self.remote.is_away("read"):
            return False
        with self.scratch_folder("fetched") as scratch:
            found = self.remote.fetch(
                folder.parent.name, folder.name, version=version, into=scratch
            )
            if found is not None:
                found.rename(folder)
                trust(folder)
        return found is not None

    def _is_whole(self, folder: Path, version: int) -> bool:
        """Tell whether the entry is there and what it says; move any other out of the way."""
        if not os.path.lexists(folder):
            return False
        damage = judge(folder, version=version).damage
        if damage:
            _LOG.warning("the cache entry %s is damaged (%s); it is built again", folder, damage)
            self.contents.discard(folder)
        return not damage


def _require_same(folder: Path, files: Mapping[str, str], stage: str) -> None:
    before = read_manifest(folder)["files"]
    changed = sorted(name for name in {*before, *files} if before.get(name) != files.get(name))
    if changed:
        raise Bug(
            f"stage {stage} gave other bytes for the same inputs: {', '.join(changed)}",
            fix=f"report it with both folders; the stored one is {folder}",
        )
