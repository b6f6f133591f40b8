"""The mechanics of stages: what one is, and a walk that builds each at most once.

A stage is keyed by its own inputs and by the keys of the stages that it needs, so a change
rebuilds just what depends on it. Raise a stage's ``version`` when its output changes for the same
inputs for a reason that no input tells.
"""

import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.measurement import StageTime
from runners.job import Job, StageEvent, StageState
from runners.pipeline.cache import Artefact, Cache

Report = Callable[[StageEvent], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """What the build function of a stage works with.

    Attributes:
        job: What is measured.
        needs: The artefact folder of each needed stage by its name.
        out: Empty folder to write into; nothing else may be written.
        progress: Takes the finished share of the stage, 0 to 1.
    """

    job: Job
    needs: Mapping[str, Path]
    out: Path
    progress: Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step.

    Attributes:
        name: A verb or the thing built; shown to people.
        version: Raised when the output changes for the same inputs.
        needs: Names of stages that must be built before.
        may_need: Names of more such stages that only some jobs have.
        also_needs: Which of ``may_need`` a job has.
        inputs: What of a job determines the output, tool versions included, as JSON values.
        build: Writes the files; returns the CPU-seconds that it cost.
        is_tool: The artefact is a program that builds other artefacts; its bytes may differ from
            build to build, so reproducing a trial takes it as it is.
    """

    name: str
    version: int
    needs: tuple[str, ...]
    inputs: Callable[[Job], Mapping[str, Any]]
    build: Callable[[Building], float]
    is_tool: bool = False
    may_need: tuple[str, ...] = ()
    also_needs: Callable[[Job], tuple[str, ...]] = lambda _: ()


class Pipeline:
    """Builds stages of one job, each at most once.

    Args:
        job: What is measured.
        stages: All stages by name.
        cache: Where artefacts are.
        report: Told when a stage starts and ends.
    """

    def __init__(
        self, job: Job, *, stages: Mapping[str, Stage], cache: Cache, report: Report
    ) -> None:
        self._job = job
        self._stages = stages
        self._cache = cache
        self._report = report
        self.artefacts: dict[str, Artefact] = {}
        self._failed: StageTime | None = None

    @property
    def stage_times(self) -> tuple[StageTime, ...]:
        """What each stage cost so far, in the order in which they ended; a failed one is last."""
        done = tuple(
            StageTime(stage=a.stage, wall_s=a.wall_s, cpu_s=a.cpu_s, cached=a.cached)
            for a in self.artefacts.values()
        )
        return done if self._failed is None else (*done, self._failed)

    def get(self, name: str) -> Artefact:
        """Return the artefact of stage ``name``, building it and what it needs first.

        Raises:
            DseError: A stage failed; the stages before it stay in ``artefacts``.
        """
        if name in self.artefacts:
            return self.artefacts[name]
        stage = self._stages[name]
        also = stage.also_needs(self._job)
        assert set(also) <= set(stage.may_need), f"{name} needs {also}, and its row does not say so"
        needs = {need: self.get(need) for need in (*stage.needs, *also)}
        inputs = {
            "own": stage.inputs(self._job),
            "needs": {need: artefact.key for need, artefact in needs.items()},
        }
        if not self._cache.contains(name, version=stage.version, inputs=inputs):
            self._report(StageEvent(stage=name, state=StageState.STARTED))
        folders = {need: artefact.folder for need, artefact in needs.items()}

        def progress(fraction: float) -> None:
            self._report(StageEvent(stage=name, state=StageState.STARTED, fraction=fraction))

        def build(out: Path) -> float:
            return stage.build(Building(job=self._job, needs=folders, out=out, progress=progress))

        started_s, spent_s = time.monotonic(), _cpu_s()
        try:
            artefact = self._cache.get_or_build(
                name,
                version=stage.version,
                inputs=inputs,
                build=build,
                comparable=not stage.is_tool,
            )
        except BaseException:
            self._failed = StageTime(
                stage=name,
                wall_s=time.monotonic() - started_s,
                cpu_s=_cpu_s() - spent_s,
                cached=False,
            )
            self._report(StageEvent(stage=name, state=StageState.FAILED))
            raise
        self.artefacts[name] = artefact
        done = StageState.CACHED if artefact.cached else StageState.DONE
        self._report(StageEvent(stage=name, state=done))
        return artefact


def _cpu_s() -> float:
    """Return the CPU-seconds of this process and its ended children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
