"""A trial is talked to as it was measured: at the clock that it settled on."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from contracts.faults import TimingMissed
from contracts.measurement import (
    Completed,
    Fidelity,
    Measurement,
    Metric,
    Outcome,
    Placement,
    outcome_of,
)
from dse.commands import accuracy, board
from dse.config import load_config
from dse.results.trial import open_trial
from dse.store import NewTrial, RetryPolicy, Store
from runners.job import Job
from runners.measuring.samples import Answers
from tests.commands.test_board import CONFIG
from tests.fast_design import CPU, FAST_CFU, FIRMWARE
from tests.stages.fake_programs import FakePrograms

REQUESTED_HZ, SETTLED_HZ, SEED = 50_000_000, 43_750_000, 2
MISSED = Placement(
    seed=1, clock_hz=REQUESTED_HZ, fmax_mhz=44.0, is_met=False, domains=(), critical_path=()
)
MET = Placement(
    seed=SEED, clock_hz=SETTLED_HZ, fmax_mhz=44.0, is_met=True, domains=(), critical_path=()
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A study whose trials go to place and route."""
    path = tmp_path / "one.toml"
    samples = tmp_path / "samples"
    samples.mkdir()
    (samples / "y_labels.csv").write_text("one.bin,10,0")
    (samples / "one.bin").write_bytes(bytes(3072))
    text = CONFIG.replace('"simulate"', '"place"').replace(
        "[target]", 'samples = "samples"\n[target]'
    )
    path.write_text(text)
    text, config = load_config(path)
    with Store(tmp_path / "results.db") as opened:
        opened.create_study(
            name="one",
            config_toml=text,
            config_json=config.to_json(),
            source_hash="",
            now_s=1.0,
        )
        yield opened


def add(store: Store, outcome: Outcome, fidelity: Fidelity) -> int:
    """Store a finished trial; return its number."""
    study = store.study("one")
    design = {**CPU, **FAST_CFU, **FIRMWARE}
    new = NewTrial(
        design_id=fidelity.value,
        design_json=json.dumps(design),
        suggested_by="test",
        fidelity=fidelity,
    )
    (trial,) = store.add_trials(study.id, [new], context="c", budget=None, now_s=1.0)
    claim = store.claim(study.id, worker="w", now_s=1.0, lease_s=60.0)
    assert claim is not None
    store.finish(claim.attempt_id, outcome, now_s=2.0, retry=RetryPolicy())
    return trial.number


def completed(*placements: Placement) -> Completed:
    cycles = Metric(name="cycles", value=1.0, unit="cycles", fidelity=Fidelity.SIMULATED)
    return Completed(measurement=Measurement(metrics=(cycles,), placements=placements))


def job_of(store: Store, number: int) -> Job:
    return open_trial(store, "one", number).settled_job


@pytest.mark.parametrize("fidelity", [Fidelity.PLACED, Fidelity.BOARD])
def test_a_placed_trial_has_the_clock_and_seed_it_settled_on(
    store: Store, fidelity: Fidelity
) -> None:
    job = job_of(store, add(store, completed(MISSED, MET), fidelity))
    assert (job.target.clock_hz, job.place_seed) == (SETTLED_HZ, SEED)


def test_a_trial_that_was_not_placed_has_the_requested_clock(store: Store) -> None:
    job = job_of(store, add(store, completed(), Fidelity.SYNTHESISED))
    assert (job.target.clock_hz, job.place_seed) == (REQUESTED_HZ, 1)


def test_a_trial_that_met_no_clock_has_the_requested_one(store: Store) -> None:
    missed = outcome_of(
        TimingMissed("missed", fix="lower it"), Measurement(metrics=(), placements=(MISSED,))
    )
    job = job_of(store, add(store, missed, Fidelity.PLACED))
    assert (job.target.clock_hz, job.place_seed) == (REQUESTED_HZ, 1)


@pytest.mark.slow
def test_the_simulated_board_of_a_placed_trial_runs_at_its_settled_clock(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SoC and firmware are generated for it, and a person is told which board this is."""
    FakePrograms().install(monkeypatch)
    monkeypatch.setenv("DSE_CACHE_DIR", str(tmp_path / "cache"))
    loaded: list[int | None] = []
    monkeypatch.setattr(board, "load_firmware", lambda **given: loaded.append(given["clock_hz"]))
    simulator = SimpleNamespace(wait=lambda: 0)
    child = SimpleNamespace(start=lambda *_, **__: simulator, end=lambda _: None)
    monkeypatch.setattr(board, "child", child)
    number = add(store, completed(MISSED, MET), Fidelity.PLACED)
    told: list[str] = []
    board.run_board(store, "one", number, link=None, report=lambda _: None, tell=told.append)
    assert loaded == [SETTLED_HZ], "its time stamps"
    assert len(list((tmp_path / "cache" / "soc").glob("*/soc.json"))) == 1
    assert told == [
        f"this is the simulated board of trial {number} of study one, not one on a cable; its time"
        " is that of a clock of 43.75 MHz, on which the trial settled"
    ]


def test_accuracy_runs_the_firmware_of_the_settled_clock(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[Job] = []

    def run_samples(job: Job, *_: object, **__: object) -> Answers:
        jobs.append(job)
        return Answers(firmware=(bytes(10),), reference=(bytes(10),))

    monkeypatch.setattr(accuracy, "run_samples", run_samples)
    number = add(store, completed(MET), Fidelity.PLACED)
    accuracy.accuracy_of_trial(
        store,
        "one",
        number,
        on="board",
        samples=None,
        report=lambda _: None,
        progress=lambda _: None,
    )
    assert [job.target.clock_hz for job in jobs] == [SETTLED_HZ]
