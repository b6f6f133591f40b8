"""What an entry of the cache is, and whether one is what it says: nothing in it is believed.

An entry is a folder ``STAGE/KEY`` of plain files with a manifest that names each file's SHA-256
and what the stage was built from. Every byte is read once a process; after that a look at sizes,
times and inodes tells whether anything was touched since. That is asked again after an entry was
used: what was read of one that changed meanwhile counts for nothing.
"""

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.untrusted import parse_json

MANIFEST = "manifest.json"
_MOST_MANIFEST_BYTES = 64 << 20

Stamps = tuple[tuple[str, int, int, int, int], ...]
"""Name, size, two times and inode of every file, sorted by name."""

_verified: dict[Path, Stamps] = {}
"""The entries that this process has read, with how they looked then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found at the place of an entry.

    Attributes:
        damage: What is wrong with it, in words; empty for a good one.
        size_bytes: Of all its files; 0 for one that is no folder of plain files.
    """

    damage: str
    size_bytes: int


def artefact_key(stage: str, *, version: int, inputs: Mapping[str, Any]) -> str:
    """Return the key of an artefact: 32 hexadecimal digits."""
    text = json.dumps(
        {"stage": stage, "version": version, "inputs": inputs},
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def manifest_text(
    stage: str, *, version: int, inputs: Mapping[str, Any], files: Mapping[str, str]
) -> str:
    """Return what ``manifest.json`` says of an entry."""
    manifest = {"stage": stage, "version": version, "inputs": inputs, "files": files}
    return json.dumps(manifest, indent=1, sort_keys=True)


def judge(folder: Path, *, version: int | None = None) -> Verdict:
    """Tell whether a folder ``STAGE/KEY`` holds that artefact, whole.

    Args:
        folder: The entry.
        version: Of the stage, where it is known: an entry of another one is foreign.
    """
    stamps = _stamps(folder)
    if stamps is None:
        return Verdict(damage="it is not a folder of plain files", size_bytes=0)
    size_bytes = sum(size for _, size, _, _, _ in stamps)
    place = folder.absolute()
    if _verified.get(place) == stamps:
        return Verdict(damage="", size_bytes=size_bytes)
    damage = _damage(folder, version)
    if damage:
        _verified.pop(place, None)
    else:
        _verified[place] = stamps
    return Verdict(damage=damage, size_bytes=size_bytes)


def trust(folder: Path) -> None:
    """Take an entry for verified that this process has just written and hashed."""
    stamps = _stamps(folder)
    if stamps is not None:
        _verified[folder.absolute()] = stamps


def is_untouched(folder: Path) -> bool:
    """Tell whether an entry looks as it did when this process verified it."""
    return _verified.get(folder.absolute(), ()) == _stamps(folder)


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below ``folder`` but the manifest and logs.

    Logs are kept for people and hold times; they are not part of what a stage promises.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MANIFEST and not name.endswith(".log"):
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of an entry.

    Raises:
        OSError, ValueError: It is not there, or not one.
    """
    path = folder / MANIFEST
    if path.stat().st_size > _MOST_MANIFEST_BYTES:
        raise ValueError("it is too large for a manifest")
    found = parse_json(path.read_bytes())
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def _damage(folder: Path, version: int | None) -> str:
    try:
        manifest = read_manifest(folder)
        stage, inputs = manifest["stage"], manifest["inputs"]
        # entries from before the version was written down have that of the key they lie under
        built = manifest.get("version", version)
        if stage != folder.parent.name or version not in (None, built):
            return "it is of another stage or version"
        if built is not None and folder.name != artefact_key(stage, version=built, inputs=inputs):
            return "it was built from other inputs than its name says"
        if manifest["files"] != hashes(folder):
            return "its files are not those of its manifest"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"its manifest cannot be read: {error!r}"
    return ""


def is_plain(folder: Path) -> bool:
    """Tell whether there are only plain files and folders in a folder, and no links."""
    return _stamps(folder) is not None


def _stamps(folder: Path) -> Stamps | None:
    """Return how the files of an entry look; None where anything is no plain file or folder."""
    found: list[tuple[str, int, int, int, int]] = []
    waiting = [folder]
    try:
        if not stat.S_ISDIR(folder.lstat().st_mode):
            return None
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    state = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(state.st_mode):
                        waiting.append(Path(entry.path))
                    elif stat.S_ISREG(state.st_mode):
                        times = state.st_mtime_ns, state.st_ctime_ns
                        found.append((entry.path, state.st_size, *times, state.st_ino))
                    else:
                        return None
    except OSError:
        return None
    return tuple(sorted(found))
