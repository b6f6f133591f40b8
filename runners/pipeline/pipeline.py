"""The mechanics of stages: what one is, and a walk that builds each at most once.

A stage is keyed by what of the job it depends on, by its own code and by the keys of the stages
that it needs, so a change rebuilds just what depends on it. ``tests/stages/test_keys.py`` watches
what a build reads: a field of the job, a file or code that is not in the key fails there.
"""

import functools
import resource
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from contracts.faults import DseError, OutOfMemory, ToolCrashed
from contracts.measurement import StageTime
from runners.job import Job, SimulatedCycles, StageEvent, StageState
from runners.pipeline.cache import Artefact, Cache
from runners.pipeline.entries import artefact_key, is_untouched
from runners.pipeline.machine import Machine, Share
from runners.pipeline.sources import ROOT, source_digest
from runners.tools.child import spent_cpu_s
from runners.tools.own_time import limited_own_time

_OURS = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
Report = Callable[[StageEvent], None]
WAITING = "wait-for-a-core"
"""Told as a stage of a trial whose next one finds no room on the machine."""


class TellProgress(Protocol):
    """Takes how far a stage is."""

    def __call__(self, fraction: float | None, /, cycles: SimulatedCycles | None = None) -> None:
        """Take the finished share, 0 to 1 or unknown, and what a simulation has simulated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """What the build function of a stage works with.

    Attributes:
        job: What is measured; its limit of memory is what the stage has of the machine.
        needs: The artefact folder of each needed stage by its name.
        out: Empty folder to write into; nothing else may be written.
        progress: Takes how far the stage is.
    """

    job: Job
    needs: Mapping[str, Path]
    out: Path
    progress: TellProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of a trial: what it needs, what decides its output, and how it is built.

    Attributes:
        name: A verb or the thing built; shown to people.
        version: Raised when the output changes for a reason that neither inputs nor code tell.
        needs: Names of stages that must be built before.
        may_need: Names of more such stages that only some jobs have.
        also_needs: Which of ``may_need`` a job has.
        inputs: What of a job determines the output, tool versions included, as JSON values.
        code: Files and folders of the checkout that make the output: the stage's own module, those
            it computes with, templates. Their text is part of the key.
        build: Writes the files; returns the CPU-seconds that it cost.
        cores: How many cores its programs keep busy.
        memory_bytes: What each of its programs has resident, with room for larger designs. One
            that reaches it is started again with twice as much, up to ``limits.memory_bytes``.
        is_tool: The artefact is a program that builds other artefacts; its bytes may differ from
            build to build, so reproducing a trial takes it as it is.
    """

    name: str
    version: int
    needs: tuple[str, ...]
    inputs: Callable[[Job], Mapping[str, Any]]
    code: tuple[str, ...]
    build: Callable[[Building], float]
    is_tool: bool = False
    may_need: tuple[str, ...] = ()
    also_needs: Callable[[Job], tuple[str, ...]] = lambda _: ()
    cores: int = 1
    memory_bytes: int = 1 << 30


class Pipeline:
    """Builds stages of one job, each at most once.

    Args:
        job: What is measured.
        stages: All stages by name.
        cache: Where artefacts are.
        report: Told when a stage starts and ends.
        machine: What stages take their share of while they are built; None where nothing else
            is built at the same time.
    """

    def __init__(
        self,
        job: Job,
        *,
        stages: Mapping[str, Stage],
        cache: Cache,
        report: Report,
        machine: Machine | None = None,
    ) -> None:
        self._job = job
        self._stages = stages
        self._cache = cache
        self._report = report
        self._machine = machine
        self.artefacts: dict[str, Artefact] = {}
        self._failed: StageTime | None = None
        self._keys: dict[str, str] = {}

    @property
    def stage_times(self) -> tuple[StageTime, ...]:
        """What each stage cost so far, in the order in which they ended; a failed one is last."""
        done = tuple(
            StageTime(stage=a.stage, wall_s=a.wall_s, cpu_s=a.cpu_s, cached=a.cached)
            for a in self.artefacts.values()
        )
        return done if self._failed is None else (*done, self._failed)

    def key(self, name: str) -> str:
        """Return the key of stage ``name``; nothing is built.

        Raises:
            DseError: An input cannot be told, for example because a tool is not installed.
        """
        if name not in self._keys:
            version = self._stages[name].version
            self._keys[name] = artefact_key(name, version=version, inputs=self._inputs(name))
        return self._keys[name]

    def _needs(self, stage: Stage) -> tuple[str, ...]:
        also = stage.also_needs(self._job)
        assert set(also) <= set(stage.may_need), f"{stage.name} needs {also}, its row says not"
        return (*stage.needs, *also)

    def _inputs(self, name: str) -> dict[str, Any]:
        """Return everything that decides the output of stage ``name``."""
        stage = self._stages[name]
        return {
            "own": stage.inputs(self._job),
            "code": {path: _code_digest(path) for path in stage.code},
            "needs": {need: self.key(need) for need in self._needs(stage)},
        }

    def is_built(self, name: str) -> bool:
        """Tell, without verifying it, whether the artefact of stage ``name`` need not be built.

        Raises:
            DseError: An input cannot be told, for example because a tool is not installed.
        """
        stage = self._stages[name]
        return self._cache.contains(name, version=stage.version, inputs=self._inputs(name))

    def get(self, name: str) -> Artefact:
        """Return the artefact of stage ``name``, building it and what it needs first.

        Raises:
            DseError: A stage failed; the stages before it stay in ``artefacts``.
        """
        if name in self.artefacts:
            return self.artefacts[name]
        stage = self._stages[name]
        needs = {need: self.get(need) for need in self._needs(stage)}
        limit_s = self._job.limits.stage_timeout_s
        try:
            with limited_own_time(f"stage {name}", limit_s=limit_s):
                inputs = self._inputs(name)
        except DseError as error:  # code of the design's own tells some of them
            error.stage = name
            raise
        if not self._cache.contains(name, version=stage.version, inputs=inputs):
            self._report(StageEvent(stage=name, state=StageState.STARTED))
        folders = {need: artefact.folder for need, artefact in needs.items()}

        def progress(fraction: float | None, /, cycles: SimulatedCycles | None = None) -> None:
            self._report(
                StageEvent(stage=name, state=StageState.STARTED, fraction=fraction, cycles=cycles)
            )

        def build(out: Path) -> float:
            building = Building(job=self._job, needs=folders, out=out, progress=progress)
            with limited_own_time(f"stage {name}", limit_s=limit_s):
                cpu_s = self._build(stage, building)
            _require_untouched(needs.values())  # or what was built of them would be believed
            return cpu_s

        started_s, spent_s = time.monotonic(), spent_cpu_s(*_OURS)
        try:
            artefact = self._cache.get_or_build(
                name,
                version=stage.version,
                inputs=inputs,
                build=build,
                comparable=not stage.is_tool,
            )
        except BaseException as error:
            if isinstance(error, DseError):
                error.stage = name
            self._failed = StageTime(
                stage=name,
                wall_s=time.monotonic() - started_s,
                cpu_s=spent_cpu_s(*_OURS) - spent_s,
                cached=False,
            )
            self._report(StageEvent(stage=name, state=StageState.FAILED))
            raise
        self.artefacts[name] = artefact
        done = StageState.CACHED if artefact.cached else StageState.DONE
        self._report(StageEvent(stage=name, state=done))
        return artefact

    def require_untouched(self) -> None:
        """Check that every artefact is still what it was when it was verified or built.

        Whatever was read of one that somebody changed meanwhile may be wrong.

        Raises:
            ToolCrashed: One was touched; it is named.
        """
        _require_untouched(self.artefacts.values())

    def _build(self, stage: Stage, building: Building) -> float:
        """Build a stage with its share of the machine, a larger one where its memory was little."""
        if self._machine is None:
            return stage.build(building)
        limit_bytes, there_bytes = self._job.limits.memory_bytes, self._machine.memory_bytes
        most_bytes = min(limit_bytes, there_bytes)
        memory_bytes, lost_cpu_s = stage.memory_bytes, 0.0
        while True:
            spent_s = spent_cpu_s(resource.RUSAGE_CHILDREN)
            try:
                with self._share(stage, memory_bytes) as share:
                    limits = replace(
                        self._job.limits, memory_bytes=min(share.memory_bytes, most_bytes)
                    )
                    job = replace(self._job, limits=limits)
                    return lost_cpu_s + stage.build(replace(building, job=job))
            except OutOfMemory as error:
                if error.is_own_limit and memory_bytes >= there_bytes and there_bytes < limit_bytes:
                    raise _too_small(self._machine, error) from error
                if not error.is_own_limit or memory_bytes >= most_bytes:
                    raise
            lost_cpu_s += spent_cpu_s(resource.RUSAGE_CHILDREN) - spent_s
            memory_bytes *= 2
            _empty(building.out)

    @contextmanager
    def _share(self, stage: Stage, memory_bytes: int) -> Iterator[Share]:
        """Hold a share of the machine, and tell when it must be waited for."""
        assert self._machine is not None
        has_waited = False

        def waiting() -> None:
            nonlocal has_waited
            has_waited = True
            self._report(StageEvent(stage=WAITING, state=StageState.STARTED))

        with self._machine.share(
            stage.name, cores=stage.cores, memory_bytes=memory_bytes, waiting=waiting
        ) as share:
            if has_waited:
                self._report(StageEvent(stage=stage.name, state=StageState.STARTED))
            yield share


def _require_untouched(artefacts: Iterable[Artefact]) -> None:
    for artefact in artefacts:
        if not is_untouched(artefact.folder):
            fault = ToolCrashed(
                f"the cache entry {artefact.folder} changed while it was in use",
                fix="look for what writes into the cache's folder, a backup or a cleaner for"
                " example; what was made of the entry is not believed, and the trial tried again",
            )
            fault.stage = artefact.stage
            raise fault


def _too_small(machine: Machine, error: OutOfMemory) -> OutOfMemory:
    """Return the fault of a program that no limit of the study, but the machine, has no room for.

    Another machine may have it: the design is not suspected.
    """
    return OutOfMemory(
        error.what,
        fix=f"{machine.memory_bytes >> 20} MiB are all that stages have here: raise memory in"
        " [machine], or resume the study where there is more",
        detail=error.detail,
    )


def _empty(folder: Path) -> None:
    """Remove all that is in a folder."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


@functools.cache
def _code_digest(path: str) -> str:
    """Return the hash of a file or folder of the checkout, computed once a process."""
    return source_digest(ROOT / path)
