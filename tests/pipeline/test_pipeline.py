"""The walk over the stages."""

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.faults import Then, ToolCrashed, ToolTimeout
from contracts.measurement import Failed, Measurement, outcome_of
from runners.job import Job, Limits, StageEvent, StageState, Target, Workload
from runners.pipeline import Building, Cache, Pipeline, Remote, Stage
from runners.tools import own_time, run, run_tool

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
    monkeypatch.setattr(run, "_COMPUTING_SHARE", 0.01)  # the machine of the tests may be busy
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


@pytest.mark.parametrize("where", ["build", "inputs"])
def test_python_that_never_ends_is_stopped_and_its_stage_is_named(
    tmp_path: Path, where: str
) -> None:
    """A family's generator is Python: without a limit it keeps its worker for ever."""

    def never_ends(*_: object) -> float:
        while True:
            with contextlib.suppress(Exception):
                _ = 1 // 0

    endless = Stage(
        name="cfu",
        version=1,
        needs=(),
        inputs=never_ends if where == "inputs" else lambda _: {},  # type: ignore[arg-type]
        code=(),
        build=never_ends,
    )
    job = replace(JOB, limits=Limits(stage_timeout_s=0.3))
    pipeline = Pipeline(job, stages={"cfu": endless}, cache=Cache(tmp_path), report=lambda _: None)
    with pytest.raises(ToolTimeout, match=r"stage cfu computed for 0 s in Python") as caught:
        pipeline.get("cfu")
    assert (caught.value.stage, caught.value.is_own_limit) == ("cfu", True)
    assert "never_ends" in caught.value.detail
    assert signal.getsignal(signal.SIGVTALRM) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_code_that_catches_everything_is_stopped_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_time, "_AGAIN_S", 0.05)
    caught: list[BaseException] = []

    def compute() -> None:
        try:
            while True:
                pass
        except BaseException as error:  # noqa: BLE001 - what is tested
            caught.append(error)
        while True:
            pass

    with pytest.raises(ToolTimeout), own_time.limited_own_time("it", limit_s=0.05):
        compute()
    assert len(caught) == 1


def test_a_study_may_have_no_limit() -> None:
    with own_time.limited_own_time("it", limit_s=float("inf")):
        pass


def test_waiting_and_other_programs_are_not_computing() -> None:
    burn = "import time; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    with own_time.limited_own_time("it", limit_s=0.2):
        subprocess.run([sys.executable, "-c", burn], check=True)


def test_in_another_thread_there_is_no_limit() -> None:
    told: list[int] = []

    def compute() -> None:
        with own_time.limited_own_time("it", limit_s=0.001):
            told.append(sum(range(3_000_000)))

    thread = threading.Thread(target=compute)
    thread.start()
    thread.join()
    assert len(told) == 1


def writer(name: str, *needs: str, text: str = "", meanwhile: Callable[[], None]) -> Stage:
    """Return a stage whose artefact is the texts of its needs and its own."""

    def build(building: Building) -> float:
        read = [(folder / "text").read_text() for folder in building.needs.values()]
        meanwhile()
        (building.out / "text").write_text("".join([*read, text]))
        return 0.0

    return Stage(
        name=name, version=1, needs=needs, inputs=lambda _: {"text": text}, code=(), build=build
    )


def damage(folder: Path) -> None:
    """Change a file of an entry in place, as a program that knows nothing of caches would."""
    (path,) = folder.glob("*/text")
    path.chmod(0o644)
    path.write_text(path.read_text()[::-1])


@pytest.mark.parametrize("was_there", [False, True], ids=["built before", "from the cache"])
def test_nothing_is_built_of_an_entry_that_changes_meanwhile(
    tmp_path: Path, was_there: bool
) -> None:
    """Verified once and damaged afterwards, it gave a wrong artefact that all others believed."""
    is_damaging = True

    def meanwhile() -> None:
        if is_damaging:
            damage(tmp_path / "core")

    stages = {
        "core": writer("core", text="core ", meanwhile=lambda: None),
        "soc": writer("soc", "core", text="soc", meanwhile=meanwhile),
    }

    def walk() -> Pipeline:
        return Pipeline(JOB, stages=stages, cache=Cache(tmp_path), report=lambda _: None)

    if was_there:
        walk().get("core")
    with pytest.raises(ToolCrashed, match=r"cache entry .*/core/.* changed while it was in use"):
        walk().get("soc")
    assert not any((tmp_path / "soc").iterdir()), "it would be believed"

    is_damaging = False
    pipeline = walk()
    assert (pipeline.get("soc").folder / "text").read_text() == "core soc"
    pipeline.require_untouched()


def test_what_was_read_of_an_entry_counts_only_if_it_is_still_the_same(tmp_path: Path) -> None:
    stages = {"core": writer("core", text="core", meanwhile=lambda: None)}
    pipeline = Pipeline(JOB, stages=stages, cache=Cache(tmp_path), report=lambda _: None)
    pipeline.get("core")
    pipeline.require_untouched()
    damage(tmp_path / "core")
    with pytest.raises(ToolCrashed, match=r"/core/.* changed while it was in use") as caught:
        pipeline.require_untouched()
    assert caught.value.stage == "core"
    assert caught.value.then is Then.RETRY


def test_an_entry_that_is_brought_from_a_second_place_is_untouched(tmp_path: Path) -> None:
    stages = {"core": writer("core", text="core", meanwhile=lambda: None)}
    for name in ("one", "other"):
        root = tmp_path / name
        remote = Remote((tmp_path / "shared").as_uri(), cache_root=root)
        cache = Cache(root, remote=remote)
        pipeline = Pipeline(JOB, stages=stages, cache=cache, report=lambda _: None)
        assert pipeline.get("core").cached is (name == "other")
        pipeline.require_untouched()
