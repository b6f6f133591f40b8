"""Artefacts of a trial: what is in the cache under the keys that the database has, nothing else."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contracts.faults import NotFound

_STAGE = re.compile(r"[a-z0-9][a-z0-9-]*")
_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFiles:
    """The files of one stage of a trial.

    Attributes:
        stage: Name of the stage.
        key: Of the artefact in the cache.
        files: (name, size in bytes), sorted; empty when the entry is gone.
        is_gone: The cache has no such entry any more.
    """

    stage: str
    key: str
    files: tuple[tuple[str, int], ...]
    is_gone: bool


def stage_files(root: Path, artefacts: Mapping[str, str]) -> list[StageFiles]:
    """Return what the cache has of each stage of a trial."""
    return [_files_of(root, stage, key) for stage, key in artefacts.items()]


def artefact_file(root: Path, artefacts: Mapping[str, str], stage: str, name: str) -> Path:
    """Return the path of a file of a trial's artefact.

    The name is looked up in a listing and never joined to a path before that.

    Raises:
        NotFound: The trial has no such stage, its entry is gone, or it has no such file.
    """
    if stage not in artefacts:
        raise NotFound(
            f"the trial has no stage {stage[:80]!r}", fix=f"use one of: {', '.join(artefacts)}"
        )
    found = _files_of(root, stage, artefacts[stage])
    if found.is_gone:
        raise NotFound(
            f"the artefact of stage {stage} is gone from the cache",
            fix="measure the trial again with `rerun`: that builds it anew",
        )
    if name not in {file for file, _ in found.files}:
        raise NotFound(
            f"stage {stage} has no file {name[:80]!r}",
            fix=f"use one of: {', '.join(file for file, _ in found.files)}",
        )
    return root / stage / artefacts[stage] / name


def _files_of(root: Path, stage: str, key: str) -> StageFiles:
    folder = root / stage / key
    is_ours = _STAGE.fullmatch(stage) and _KEY.fullmatch(key)  # a database may be anybody's
    # nor is an entry, or all of a stage, a link that leads elsewhere
    if not is_ours or not folder.is_dir() or folder.resolve() != root.resolve() / stage / key:
        return StageFiles(stage=stage, key=key, files=(), is_gone=True)
    files = tuple(
        (path.relative_to(folder).as_posix(), path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.resolve().is_relative_to(folder.resolve())
    )
    return StageFiles(stage=stage, key=key, files=files, is_gone=False)
