"""A space and stages that cost next to nothing, walked by the real pipeline with the real cache.

Each stage runs an outside program through ``run_tool``, as the real ones do; its artefact is a
digest of what it was made of, so a damaged artefact that is trusted gives a wrong result.
"""

import functools
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from contracts.measurement import Completed, Fidelity, Measurement, Metric, Outcome
from contracts.parameter import Parameter, Value
from runners.job import Job
from runners.pipeline import Cache, Pipeline, Report, Stage, default_root, machine_of
from runners.pipeline.pipeline import Building
from runners.tools import run_tool

PARAMETERS = tuple(
    Parameter(name=name, values=tuple(range(count)), default=0, description=name, ordered=True)
    for name, count in (("core", 8), ("width", 10), ("level", 5))
)
"""400 designs."""

_NEEDS = {
    "core": (),
    "cfu": (),
    "netlist": ("core", "cfu"),
    "firmware": (),
    "simulate": ("netlist", "firmware"),
}
_READS = {"core": "core", "cfu": "width", "firmware": "level"}
_PROGRAM = 'sleep "$1"; sha256sum - | cut -c1-64 >digest'


def expected_cycles(design: Mapping[str, Value]) -> int:
    """Return what a design measures, without stages, cache and programs."""
    return int(_expected_digest("simulate", design)[:6], 16) + 1


def _expected_digest(stage: str, design: Mapping[str, Value]) -> str:
    needs = {need: _expected_digest(need, design) for need in _NEEDS[stage]}
    return hashlib.sha256(_text(stage, design, needs).encode()).hexdigest()


def _text(stage: str, design: Mapping[str, Value], needs: Mapping[str, str]) -> str:
    own = design[_READS[stage]] if stage in _READS else ""
    return " ".join([stage, str(own), *needs.values()])


def _build(building: Building, *, stage: str) -> float:
    needs = {need: (path / "digest").read_text().strip() for need, path in building.needs.items()}
    given = building.out / "given"
    given.write_text(_text(stage, building.job.design, needs))
    run = run_tool(
        ["sh", "-c", _PROGRAM, "tool", os.environ["CHAOS_TOOL_S"]],
        cwd=building.out,
        log=building.out / "log",
        timeout_s=60,
        stdin=given,
    )
    return run.cpu_s


def _inputs(job: Job, *, stage: str) -> Mapping[str, Value]:
    return {name: job.design[name] for name in _READS.values() if _READS.get(stage) == name}


STAGES = {
    stage: Stage(
        name=stage,
        version=1,
        needs=needs,
        inputs=functools.partial(_inputs, stage=stage),
        code=("benchmarks/chaos/rooms.py",),
        build=functools.partial(_build, stage=stage),
    )
    for stage, needs in _NEEDS.items()
}


def measure(job: Job, *, report: Report) -> Outcome:
    """Walk all stages and turn the last digest into metrics."""
    walk = Pipeline(
        job,
        stages=STAGES,
        cache=Cache(default_root()),
        report=report,
        machine=machine_of(job),
    )
    digest = (walk.get("simulate").folder / "digest").read_text()
    walk.require_untouched()
    cycles = int(digest[:6], 16) + 1
    values = {"cycles": cycles, "latency_us": cycles / 50, "lut4": int(digest[6:10], 16)}
    return Completed(
        measurement=Measurement(
            metrics=tuple(
                Metric(
                    name=name,
                    value=value,
                    unit="us" if name == "latency_us" else name,
                    fidelity=Fidelity.SIMULATED,
                    estimate=False,
                )
                for name, value in values.items()
            ),
            stage_times=walk.stage_times,
            artefacts={name: artefact.key for name, artefact in walk.artefacts.items()},
        )
    )


def clock_s(folder: Path, true_s: float) -> float:
    """Return the time of a clock that somebody sets: ``folder/clock`` has the offset in seconds."""
    try:
        return true_s + float((folder / "clock").read_text() or 0)
    except (OSError, ValueError):
        return true_s  # not set, or being written
