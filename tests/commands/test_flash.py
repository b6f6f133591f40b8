"""The command `flash`: a trial's design on a board, here a simulated one behind a serial port."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.faults import ConfigError, DoesNotFit
from contracts.measurement import Completed, Fidelity, Infeasible, Measurement, Placement
from dse.campaign.checking import check_boards_of
from dse.commands import flash
from dse.config import load_config
from dse.store import Store
from runners.boards import ReplayBoard
from runners.job import Job
from runners.measuring.measure import measure
from runners.pipeline import Artefact, Pipeline
from runners.stages.all import pipeline_of
from tests.boards.job_board import board_of, describe, forget
from tests.commands.test_board import CONFIG

ROOT = Path(__file__).parents[2]
CLOCK_MHZ = 40.0
NAME = f"flash-{os.getpid()}"  # leases are the machine's


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A study of one simulated trial."""
    (tmp_path / "one.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "dse.study", "start", "one.toml"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=500)
    return Store(tmp_path / "results.db")


@pytest.mark.slow
def test_a_trial_goes_to_a_board_and_is_measured_there(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but place and route and the clock of a real board, which a simulator has not."""
    told: list[str] = []
    simulated: list[float] = []

    def settle_without_placing(job: Job, **_: object) -> Completed:
        outcome = measure(
            dataclasses.replace(job, fidelity=Fidelity.SIMULATED), report=lambda _: None
        )
        assert isinstance(outcome, Completed)
        simulated.append(outcome.measurement.value("cycles"))
        placement = Placement(
            seed=2,
            clock_hz=round(CLOCK_MHZ * 1e6),
            fmax_mhz=41.0,
            is_met=True,
            domains=(),
            critical_path=(),
        )
        return Completed(
            measurement=dataclasses.replace(outcome.measurement, placements=(placement,))
        )

    def with_a_bitstream(job: Job, **arguments: object) -> Pipeline:
        assert (job.target.clock_hz, job.place_seed) == (CLOCK_MHZ * 1e6, 2)
        pipeline = pipeline_of(job, **arguments)  # type: ignore[arg-type]
        pipeline.artefacts["bitstream"] = Artefact(
            stage="bitstream", key="0" * 32, folder=tmp_path, cached=True, wall_s=0.0, cpu_s=0.0
        )
        return pipeline

    monkeypatch.setattr(flash, "measure", settle_without_placing)
    monkeypatch.setattr(flash, "pipeline_of", with_a_bitstream)
    monkeypatch.setattr(flash, "CLOCK_CHECK_S", 0.0)
    study = store.study("one")
    _, config = load_config(tmp_path / "one.toml")
    job = config.job(store.detail(study, 1).result.trial.design)
    target = dataclasses.replace(job.target, clock_hz=round(CLOCK_MHZ * 1e6))
    board = board_of(dataclasses.replace(job, target=target), tmp_path)
    describe(board, NAME, target="on_chip_85f", folder=tmp_path, monkeypatch=monkeypatch)
    try:
        flashed = flash.flash_trial(
            store,
            "one",
            1,
            board=NAME,
            record=tmp_path / "talk.jsonl",
            report=lambda _: None,
            tell=told.append,
        )
    finally:
        board.close()
        store.close()
        forget(NAME)
    assert told == []
    assert (flashed.board, flashed.clock_mhz, flashed.inferences) == (NAME, CLOCK_MHZ, 3)
    assert flashed.latency_us == flashed.cycles / CLOCK_MHZ
    # the same hardware and firmware; only where the caches stand when an inference begins differs
    assert flashed.cycles == pytest.approx(simulated[0], rel=0.005)
    assert "outputs" in flash.flashed_text(flashed)
    ReplayBoard(tmp_path / "talk.jsonl")


def test_a_design_that_cannot_be_placed_is_not_flashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = DoesNotFit("too large", fix="use less").fault
    infeasible = Infeasible(fault=fault, measurement=Measurement(metrics=()))
    monkeypatch.setattr(flash, "measure", lambda *_, **__: infeasible)
    (tmp_path / "one.toml").write_text(CONFIG)
    _, config = load_config(tmp_path / "one.toml")
    with pytest.raises(DoesNotFit, match="too large"):
        flash.settled_job(config.job({"cfu": "none"}), report=lambda _: None)


def test_a_study_on_boards_needs_a_board_before_its_first_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DSE_BOARDS", str(tmp_path / "boards.toml"))
    (tmp_path / "one.toml").write_text(CONFIG.replace('"simulate"', '"board"'))
    _, config = load_config(tmp_path / "one.toml")
    with pytest.raises(ConfigError, match=r"there is no .*boards.toml"):
        check_boards_of(config)
    (tmp_path / "boards.toml").write_text(
        '[boards.a]\ntarget = "on_chip_85f"\nport = "p"\nload = ["true"]\n'
    )
    check_boards_of(config)


def test_energy_is_asked_for_only_where_every_board_has_a_meter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DSE_BOARDS", str(tmp_path / "boards.toml"))
    asked = CONFIG.replace('"simulate"', '"board"').replace(
        'minimise = ["latency_us", "cycles"]', 'minimise = ["latency_us", "energy_uj"]'
    )
    (tmp_path / "one.toml").write_text(asked)
    _, config = load_config(tmp_path / "one.toml")
    board = '[boards.{0}]\ntarget = "on_chip_85f"\nport = "{0}"\nload = ["true"]\n'
    meter = '[boards.{0}.power]\nmeter = "command"\ncommand = ["m"]\n'
    text = board.format("a") + meter.format("a") + board.format("b")
    (tmp_path / "boards.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"energy_uj, and no meter .* board b\n  fix: .*b\.power"):
        check_boards_of(config)
    (tmp_path / "boards.toml").write_text(text + meter.format("b"))
    check_boards_of(config)


def test_energy_stands_below_the_latency() -> None:
    flashed = flash.Flashed(
        study="night",
        trial=3,
        board="left",
        port="p",
        clock_mhz=50.0,
        cycles=3e6,
        latency_us=6e4,
        latency_half_width_us=10.0,
        inferences=3,
        energy_uj=30000.0,
        energy_half_width_uj=150.0,
        expected_cycles=3e6,
    )
    assert "30000.0 uJ, ± 150.0 uJ (95 %)" in flash.flashed_text(flashed)
    without = dataclasses.replace(flashed, energy_uj=None, energy_half_width_uj=None)
    assert "uJ" not in flash.flashed_text(without)
