"""Hashes of the sources of this project, for the keys of stages."""

from pathlib import Path

from runners import ROOT
from runners.pipeline.cache import digest_of_files

__all__ = ["ROOMS", "ROOT", "source_digest"]

ROOMS = ("contracts", "hw_templates", "sw_templates", "runners")
"""Folders of the checkout that decide what a trial measures."""


def source_digest(path: Path) -> str:
    """Return a hash of one source file or of all files of a folder, for keys."""
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return digest_of_files(
        {
            file.relative_to(path.parent).as_posix(): file.read_bytes()
            for file in files
            if file.is_file() and "__pycache__" not in file.parts
        }
    )
