"""The walk over the stages."""

import sys
from pathlib import Path

import pytest

from contracts.faults import ToolTimeout
from contracts.measurement import Failed, Measurement, outcome_of
from runners.job import Job, StageEvent, StageState, Target, Workload
from runners.pipeline import Building, Cache, Pipeline, Stage
from runners.tools import run, run_tool

JOB = Job(
    design={},
    target=Target(name="t", part="p", clock_hz=50_000_000),
    workload=Workload(model=Path("net.tflite"), model_sha256=""),
)


def stage(name: str, *needs: str, code: str) -> Stage:
    def build(building: Building) -> float:
        return run_tool(
            [sys.executable, "-c", code],
            cwd=building.out,
            log=building.out / "tool.log",
            timeout_s=1.5,
        ).cpu_s

    return Stage(
        name=name, version=1, needs=needs, inputs=lambda _: {"code": code}, code=(), build=build
    )


def test_a_limit_names_the_stage_that_reached_it_and_not_the_one_that_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_COMPUTING_SHARE", 0.05)  # the machine of the tests may be busy
    events: list[StageEvent] = []
    stages = (stage("route", code="while True: pass"), stage("pack", "route", code="pass"))
    pipeline = Pipeline(
        JOB,
        stages={one.name: one for one in stages},
        cache=Cache(tmp_path),
        report=events.append,
    )
    with pytest.raises(ToolTimeout) as caught:
        pipeline.get("pack")

    outcome = outcome_of(caught.value, Measurement(metrics=()))
    assert isinstance(outcome, Failed)
    assert outcome.fault.stage == "route"
    assert outcome.fault.is_own_limit
    assert [(e.stage, e.state) for e in events][-1] == ("route", StageState.FAILED)
    (spent,) = pipeline.stage_times
    assert spent.cpu_s > 0
