"""The files that a job names, as bytes that travel to another machine, and as files again there."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runners.job import Job
from runners.pipeline import digest_of_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """Files by name; a name is a path below one folder.

    Attributes:
        files: Names to contents.
        digest: Of all of them.
    """

    files: Mapping[str, bytes]
    digest: str

    def unpack(self, job: Job, parent: Path) -> Job:
        """Write the files below ``parent``, once for each digest; return the job with their paths.

        Raises:
            ValueError: A file would be written elsewhere.
        """
        folder = parent / self.digest
        if not folder.exists():
            parent.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(dir=parent))
            self._write(scratch)
            try:
                scratch.rename(folder)
            except OSError:  # another trial was first
                shutil.rmtree(scratch, ignore_errors=True)
        known = {"/".join(name.split("/")[:2]) for name in self.files} | self.files.keys()
        return _with_paths(job, lambda name: str(folder / name) if name in known else name)

    def _write(self, folder: Path) -> None:
        for name, content in self.files.items():
            path = folder / name
            if not path.resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"a file of a job is called {name}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def pack(job: Job) -> tuple[Job, Parcel]:
    """Return a job whose paths are names of a parcel, and the parcel.

    A CFU family takes its sources and kernels with it. One that is named as a module is not
    packed: a worker has it installed.

    Raises:
        OSError: A file cannot be read.
    """
    names: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for number, (path, beside) in enumerate(_paths(job)):
        parent = Path(os.path.commonpath([path.parent, *(other.parent for other in beside)]))
        for file in _files([path, *beside]):
            files[f"{number}/{file.relative_to(parent).as_posix()}"] = file.read_bytes()
        names[str(path)] = f"{number}/{path.relative_to(parent).as_posix()}"
    packed = _with_paths(job, lambda name: names.get(str(Path(name).absolute()), name))
    return packed, Parcel(files=files, digest=digest_of_files(files))


def _paths(job: Job) -> Iterator[tuple[Path, tuple[Path, ...]]]:
    """Yield each file or folder that a job names, with those that must keep their place to it."""
    workload = job.workload
    for path in (workload.model, workload.samples, *workload.operator_folders):
        if path is not None:
            yield path.absolute(), ()
    for name in job.metric_files:
        yield Path(name).absolute(), ()
    for name in job.families:
        if name.endswith(".py"):
            yield Path(name).absolute(), _beside(name)


def _beside(family_file: str) -> tuple[Path, ...]:
    """Return the sources and kernels of the families that a file declares."""
    from hw_templates.cfu import BUILT_IN, load_families  # imports Amaranth

    found = set[Path]()
    for name, family in load_families((family_file,)).items():
        if name not in BUILT_IN:
            found |= {source.absolute() for source in family.sources}
            found |= {family.kernels.folder.absolute()} if family.kernels is not None else set()
    return tuple(sorted(found))


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        found = [path] if path.is_file() else sorted(path.rglob("*"))
        yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts)


def _with_paths(job: Job, exchange: Callable[[str], str]) -> Job:
    """Return a job in which every path is exchanged for another."""
    workload = job.workload
    return replace(
        job,
        workload=replace(
            workload,
            model=Path(exchange(str(workload.model))),
            samples=None if workload.samples is None else Path(exchange(str(workload.samples))),
            operator_folders=tuple(Path(exchange(str(f))) for f in workload.operator_folders),
        ),
        metric_files=tuple(exchange(name) for name in job.metric_files),
        families=tuple(exchange(name) for name in job.families),
    )
