"""The metric of docs/how-to/add-a-metric.md works as it stands there, from a folder of its own."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from contracts.measurement import Fidelity, Outcome
from dse.config import Bounds, StudyConfig, load_config
from dse.output.export import export
from dse.output.report import front_text
from dse.output.trial_report import show_text
from dse.results.front import pareto_front
from dse.results.study_results import study_columns
from dse.space import Design
from dse.store import NewTrial, RetryPolicy, Store, TrialResult
from runners.job import Job
from runners.measuring import measure as measuring
from runners.pipeline import Cache, default_root
from tests.campaign.fake_rooms import fake_space
from tests.docs.pages import ROOT, named_blocks
from tests.fast_design import CPU, FAST_CFU, FIRMWARE, space_toml

NAME = "firmware_bytes"
CYCLES = 1_000_000


@dataclass(frozen=True)
class Built:
    folder: Path
    key: str = "0" * 32


@dataclass
class BuiltBefore:
    """A pipeline whose artefacts are there; every design's firmware is as large as its cache."""

    job: Job
    root: Path
    stage_times: tuple[()] = ()
    artefacts: dict[str, Built] = field(default_factory=dict)

    def get(self, stage: str) -> Built:
        folder = self.root / stage
        folder.mkdir(parents=True, exist_ok=True)
        if stage == "firmware":
            size = 1000 + int(self.job.design["icache_bytes"])
            (folder / "firmware.bin").write_bytes(bytes(size))
        if stage == "simulate":
            profile = {"cycles": CYCLES // (1 + int(self.job.design["icache_bytes"])), "layers": []}
            (folder / "profile.json").write_text(json.dumps(profile))
        return Built(folder)

    def require_untouched(self) -> None:
        """Nobody else writes there."""


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    """The files of the page in a folder of their own."""
    (tmp_path / "firmware_bytes.py").write_text(named_blocks("python")["firmware_bytes.py"])
    text = named_blocks("toml")["small_firmware.toml"]
    text = text.replace('"models/', f'"{ROOT}/models/')
    (tmp_path / "study.toml").write_text(text.replace("150000", "4000"))
    return tmp_path / "study.toml"


@pytest.fixture
def config(study_file: Path) -> StudyConfig:
    return load_config(study_file)[1]


@pytest.fixture
def measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Job], Outcome]:
    """The function that workers call, over artefacts that are there."""

    def pipeline_of(job: Job, *, cache: Cache, report: object) -> BuiltBefore:
        del cache, report
        return BuiltBefore(job, tmp_path / "built" / Design(job.design).id)

    monkeypatch.setattr(measuring, "pipeline_of", pipeline_of)
    return lambda job: measuring.measure(job, report=lambda _: None, cache=Cache(default_root()))


def test_a_study_can_name_the_metric_of_its_file(config: StudyConfig, study_file: Path) -> None:
    assert config.objectives == ("latency_us", NAME)
    assert config.constraints == {NAME: Bounds(max=4000)}
    job = config.job({"cfu": "none"})
    assert job.metric_files == (str(study_file.with_name("firmware_bytes.py")),)


def results_of(
    store: Store, config: StudyConfig, measure: Callable[[Job], Outcome]
) -> tuple[TrialResult, ...]:
    """Measure three designs of a study."""
    study = store.create_study(
        name=config.name, config_toml="", config_json=config.to_json(), source_hash="", now_s=0
    )
    designs = [
        fake_space().design({"icache_bytes": size, "bypass": True, "cfu": "none"})
        for size in (0, 1024, 4096)
    ]
    store.add_trials(
        study.id,
        [NewTrial(design_id=d.id, design_json=d.canonical, suggested_by="r") for d in designs],
        context="c",
        budget=3,
        now_s=0,
    )
    for design in designs:
        claim = store.claim(study.id, worker="w", now_s=1, lease_s=60)
        assert claim is not None
        outcome = measure(config.job(design.values, Fidelity.SIMULATED))
        store.finish(claim.attempt_id, outcome, now_s=2, retry=RetryPolicy())
    return store.results(study.id)


def test_its_values_go_through_store_front_report_and_export(
    config: StudyConfig, measure: Callable[[Job], Outcome], tmp_path: Path
) -> None:
    with Store(tmp_path / "results.db") as store:
        results = results_of(store, config, measure)
        columns = study_columns(store, config.name)
        shown = show_text(store.detail(store.study(config.name), 1), config.target)
    assert [result.metrics[NAME] for result in results] == [1000, 2024, 5096]
    assert [line.split() for line in shown.splitlines() if NAME in line] == [
        [NAME, "1,000", "B", "simulated"]
    ]
    found = pareto_front(columns)
    assert [r.trial.number for r in found.points] == [2, 1], "a trade-off: latency against bytes"
    assert list(found.excluded) == [3], "above its constraint, though fastest"
    assert front_text(found, config).split()[:3] == ["trial", "latency", NAME]
    export(columns, tmp_path / "trials.csv")
    with (tmp_path / "trials.csv").open() as file:
        assert [float(row[NAME]) for row in csv.DictReader(file)] == [1000, 2024, 5096]


@pytest.mark.slow
def test_a_real_study_measures_it(study_file: Path) -> None:
    space = space_toml({**CPU, **FAST_CFU, **FIRMWARE, "optimisation": ["O2", "O3"]})
    text = study_file.read_text().replace("trials = 8", 'trials = 2\nfidelity = "simulate"')
    text = text.replace("4000", "150000")
    study_file.write_text(f'{text}\n[target]\nname = "on_chip_85f"\n{space}')

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "dse.study", *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        ended = subprocess.run(
            command,
            cwd=study_file.parent,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    run("start", "study.toml")
    front = json.loads(run("front", "small_firmware", "--json"))["front"]
    assert front
    for point in front:
        shown = json.loads(run("show", "small_firmware", str(point["trial"]), "--json"))
        image = default_root() / "firmware" / shown["artefacts"]["firmware"] / "firmware.bin"
        assert point["metrics"][NAME] == image.stat().st_size > 50_000
