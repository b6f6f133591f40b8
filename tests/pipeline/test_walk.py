"""What the walk over the stages tells and keeps: keys, events, times, progress."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import Bug, ConfigError, ToolCrashed
from runners.job import Job, StageEvent, StageState, Target, Workload
from runners.pipeline import Building, Cache, Pipeline, Stage, pipeline

JOB = Job(
    design={"width": 4},
    target=Target(name="t", part="p", clock_hz=50_000_000),
    workload=Workload(model=Path("net.tflite"), model_sha256=""),
)
STARTED, DONE, CACHED, FAILED = (
    StageState.STARTED,
    StageState.DONE,
    StageState.CACHED,
    StageState.FAILED,
)


def make(
    name: str,
    *needs: str,
    inputs: Mapping[str, Any] | None = None,
    build: Callable[[Building], float] | None = None,
    **more: Any,
) -> Stage:
    def write(building: Building) -> float:
        found = [
            f"{need}:{(folder / 'file').read_text()}" for need, folder in building.needs.items()
        ]
        (building.out / "file").write_text(f"{name}({','.join(found)})")
        return 1.25

    settings: dict[str, Any] = {"version": 1, "code": (), **more}
    return Stage(
        name=name, needs=needs, inputs=lambda _: inputs or {}, build=build or write, **settings
    )


class Walk:
    """A pipeline with what it reported."""

    def __init__(self, root: Path, *stages: Stage, job: Job = JOB) -> None:
        self.events: list[tuple[str, StageState, float | None]] = []
        self.pipeline = Pipeline(
            job,
            stages={stage.name: stage for stage in stages},
            cache=Cache(root),
            report=self._take,
        )

    def _take(self, event: StageEvent) -> None:
        self.events.append((event.stage, event.state, event.fraction))


def test_what_is_needed_is_built_before_once_and_handed_over(tmp_path: Path) -> None:
    stages = (make("core"), make("soc", "core"), make("route", "soc", "core"))
    walk = Walk(tmp_path, *stages)
    built = walk.pipeline.get("route")
    assert (built.folder / "file").read_text() == "route(soc:soc(core:core()),core:core())"
    assert walk.pipeline.get("route") is built
    assert walk.events == [
        (name, state, None) for name in ("core", "soc", "route") for state in (STARTED, DONE)
    ]
    assert list(walk.pipeline.artefacts) == ["core", "soc", "route"]

    again = Walk(tmp_path, *stages)
    assert not again.pipeline.artefacts
    assert again.pipeline.is_built("route")
    assert again.pipeline.get("route").folder == built.folder
    assert again.events == [(name, CACHED, None) for name in ("core", "soc", "route")], (
        "what is there is not said to start"
    )


def test_times_are_those_of_the_stage_alone_and_nothing_for_what_was_there(tmp_path: Path) -> None:
    stages = (make("core"), make("soc", "core"))
    first = Walk(tmp_path, *stages)
    first.pipeline.get("core")
    second = Walk(tmp_path, *stages)
    second.pipeline.get("soc")
    assert [(t.stage, t.cpu_s, t.cached) for t in second.pipeline.stage_times] == [
        ("core", 0.0, True),
        ("soc", 1.25, False),
    ]
    assert all(t.wall_s >= 0 for t in second.pipeline.stage_times)


def test_progress_is_that_of_the_stage_which_runs(tmp_path: Path) -> None:
    def build(building: Building) -> float:
        for share in (0.0, 0.5, 1.0):
            building.progress(share)
        return 0.0

    walk = Walk(tmp_path, make("core"), make("soc", "core", build=build))
    walk.pipeline.get("soc")
    assert walk.events[2:] == [
        ("soc", STARTED, None),
        *(("soc", STARTED, share) for share in (0.0, 0.5, 1.0)),
        ("soc", DONE, None),
    ]


def test_a_stage_that_fails_is_named_timed_and_built_again_when_asked_again(tmp_path: Path) -> None:
    is_broken = True

    def build(building: Building) -> float:
        (building.out / "file").write_text("half")
        if is_broken:
            raise ToolCrashed("yosys failed", fix="read its log")
        return 0.5

    walk = Walk(tmp_path, make("core"), make("soc", "core", build=build), make("route", "soc"))
    with pytest.raises(ToolCrashed) as caught:
        walk.pipeline.get("route")
    assert caught.value.stage == "soc"
    assert walk.events == [
        *(("core", state, None) for state in (STARTED, DONE)),
        *(("soc", state, None) for state in (STARTED, FAILED)),
    ]
    assert list(walk.pipeline.artefacts) == ["core"]
    done, failed = walk.pipeline.stage_times
    assert (done.stage, failed.stage, failed.cached) == ("core", "soc", False)
    assert failed.wall_s >= 0
    assert failed.cpu_s >= 0
    assert not walk.pipeline.is_built("soc")

    is_broken = False
    again = Walk(tmp_path, make("core"), make("soc", "core", build=build), make("route", "soc"))
    assert not again.pipeline.get("route").cached


def test_an_exception_that_is_no_fault_of_ours_is_told_as_a_failure_too(tmp_path: Path) -> None:
    def build(_building: Building) -> float:
        raise KeyboardInterrupt

    walk = Walk(tmp_path, make("core", build=build))
    with pytest.raises(KeyboardInterrupt):
        walk.pipeline.get("core")
    assert walk.events == [("core", STARTED, None), ("core", FAILED, None)]
    assert [t.stage for t in walk.pipeline.stage_times] == ["core"]


def test_inputs_that_cannot_be_told_name_the_stage_that_they_are_of(tmp_path: Path) -> None:
    def inputs(_job: Job) -> Mapping[str, Any]:
        raise ConfigError("no such family", fix="name another")

    walk = Walk(tmp_path, make("core"), replace(make("cfu", "core"), inputs=inputs))
    with pytest.raises(ConfigError) as caught:
        walk.pipeline.get("cfu")
    assert caught.value.stage == "cfu"
    assert walk.pipeline.stage_times[-1].stage == "core", "what was never begun took no time"


def test_a_key_follows_all_that_decides_the_output_and_nothing_else(tmp_path: Path) -> None:
    def key(*stages: Stage, job: Job = JOB) -> str:
        walk = Walk(tmp_path, *stages, job=job)
        found = walk.pipeline.key("soc")
        assert not walk.events, "a key builds nothing"
        assert found == walk.pipeline.key("soc")
        return found

    core, soc = make("core"), make("soc", "core")
    right = key(core, soc)
    assert right == key(replace(core, is_tool=True), soc)
    assert right == key(core, soc, job=replace(JOB, design={"width": 8})), "no input names it"
    others = [
        key(core, replace(soc, version=2)),
        key(replace(core, version=2), soc),
        key(core, replace(soc, inputs=lambda _: {"a": 1})),
        key(replace(core, inputs=lambda _: {"a": 1}), soc),
        key(core, replace(soc, code=("runners/pipeline/sources.py",))),
        key(replace(core, code=("runners/pipeline/sources.py",)), soc),
        key(core, replace(soc, needs=())),
        key(core, replace(soc, needs=(), may_need=("core",))),
        key(core, make("bios"), replace(soc, needs=("core", "bios"))),
    ]
    assert len({right, *others}) == len(others), "the last but one needs nothing, as the one before"


def test_a_stage_that_only_some_jobs_need_counts_for_those(tmp_path: Path) -> None:
    soc = make(
        "soc",
        "core",
        may_need=("bios",),
        also_needs=lambda job: ("bios",) if job.design["width"] == 8 else (),
    )
    stages = (make("core"), make("bios"), soc)
    narrow = Walk(tmp_path, *stages)
    wide = Walk(tmp_path, *stages, job=replace(JOB, design={"width": 8}))
    assert narrow.pipeline.key("soc") != wide.pipeline.key("soc")
    assert (narrow.pipeline.get("soc").folder / "file").read_text() == "soc(core:core())"
    assert (wide.pipeline.get("soc").folder / "file").read_text() == (
        "soc(core:core(),bios:bios())"
    )
    unlisted = replace(soc, may_need=(), also_needs=lambda _: ("bios",))
    with pytest.raises(AssertionError, match="its row says not"):
        Walk(tmp_path, make("core"), make("bios"), unlisted).pipeline.get("soc")


def test_a_tool_is_not_compared_when_all_is_built_again(tmp_path: Path) -> None:
    texts = iter(("one", "two"))

    def build(building: Building) -> float:
        (building.out / "file").write_text(next(texts))
        return 0.0

    tool = make("core", build=build, is_tool=True)
    Walk(tmp_path, tool).pipeline.get("core")
    rebuilding = Pipeline(
        JOB,
        stages={"core": tool},
        cache=Cache(tmp_path, rebuild=True),
        report=lambda _event: None,
    )
    assert (rebuilding.get("core").folder / "file").read_text() == "one"


def test_what_is_no_tool_is_compared_when_all_is_built_again(tmp_path: Path) -> None:
    texts = iter(("one", "two"))

    def build(building: Building) -> float:
        (building.out / "file").write_text(next(texts))
        return 0.0

    stage = make("core", build=build)
    Walk(tmp_path, stage).pipeline.get("core")
    rebuilding = Pipeline(
        JOB,
        stages={"core": stage},
        cache=Cache(tmp_path, rebuild=True),
        report=lambda _event: None,
    )
    with pytest.raises(Bug, match="gave other bytes"):
        rebuilding.get("core")


def test_a_failed_stage_cost_what_was_spent_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent = iter((10.0, 12.5))
    monkeypatch.setattr(pipeline, "spent_cpu_s", lambda *_: next(spent))

    def build(_building: Building) -> float:
        raise ToolCrashed("yosys failed", fix="read its log")

    walk = Walk(tmp_path, make("core", build=build))
    with pytest.raises(ToolCrashed):
        walk.pipeline.get("core")
    (failed,) = walk.pipeline.stage_times
    assert failed.cpu_s == 2.5
    assert 0 <= failed.wall_s < time.monotonic(), "not since the machine was started"


def test_a_key_follows_the_text_of_the_code(tmp_path: Path) -> None:
    code = tmp_path / "code.py"

    def key(text: str) -> str:
        code.write_text(text)
        pipeline._code_digest.cache_clear()
        return Walk(tmp_path / "cache", make("core", code=(str(code),))).pipeline.key("core")

    assert key("1") == key("1") != key("2")
