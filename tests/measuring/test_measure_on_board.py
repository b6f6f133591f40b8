"""A whole trial of fidelity ``board``: real tools to the bitstream, then a simulated board."""

import dataclasses
import functools
import os
from pathlib import Path

import pytest

from contracts.faults import FaultKind
from contracts.measurement import Completed, Failed, Fidelity
from runners.boards.serial_boot import BootLimits
from runners.job import Job, StageEvent, StageState
from runners.measuring.measure import measure
from runners.measuring.on_board import measure_on_board
from runners.pipeline import Cache, default_root
from tests.boards.job_board import board_of, describe, forget
from tests.stages.place.small_design import small_job

NAME = f"trial-{os.getpid()}"  # leases are the machine's


def board_job(folder: Path) -> Job:
    """The design that the tests of place and route have placed."""
    return dataclasses.replace(small_job(folder), fidelity=Fidelity.BOARD)


@pytest.fixture(autouse=True)
def _a_simulated_clock_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    patient = BootLimits(request_s=60.0, ask_again_s=1.0, frame_s=60.0, greeting_s=60.0)
    on_board = functools.partial(measure_on_board, clock_check_s=0.0, boot_limits=patient)
    monkeypatch.setattr("runners.measuring.measure.measure_on_board", on_board)


@pytest.mark.slow
def test_a_trial_ends_with_what_the_board_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = board_job(tmp_path)
    slow = dataclasses.replace(job.target, clock_hz=40_000_000, clock_policy="pinned")
    # its BIOS waits for parts of a second, which take the fewer cycles the slower it thinks it is
    board = board_of(dataclasses.replace(job, target=slow), tmp_path)
    describe(board, NAME, target="small", folder=tmp_path, monkeypatch=monkeypatch)
    events: list[StageEvent] = []
    try:
        outcome = measure(job, report=events.append, cache=Cache(default_root()))
    finally:
        board.close()
        forget(NAME)
    assert isinstance(outcome, Completed), outcome.fault
    measured = outcome.measurement
    fidelities = {metric.name: metric.fidelity for metric in measured.metrics}
    assert fidelities["cycles"] is fidelities["latency_us"] is Fidelity.BOARD
    assert fidelities["fmax_mhz"] is Fidelity.PLACED
    assert not any(metric.estimate for metric in measured.metrics)
    assert measured.value("latency_us") == measured.value("cycles") / measured.value("clock_mhz")
    assert len(measured.layers) == 7
    assert measured.stage_times[-1].stage == "board"
    assert measured.stage_times[-1].wall_s > 0
    on_board = [event for event in events if event.stage == "board"]
    assert on_board[-1].state is StageState.DONE
    shares = [event.fraction for event in on_board if event.fraction is not None]
    assert shares == sorted(shares)


@pytest.mark.slow
def test_a_trial_without_its_cable_fails_and_keeps_what_was_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real openFPGALoader."""
    (tmp_path / "boards.toml").write_text(
        f'[boards.{NAME}]\ntarget = "small"\nport = "/dev/null"\ncable_serial = "D00084"\n'
    )
    monkeypatch.setenv("DSE_BOARDS", str(tmp_path / "boards.toml"))
    try:
        outcome = measure(board_job(tmp_path), report=lambda _: None, cache=Cache(default_root()))
    finally:
        forget(NAME)
    assert isinstance(outcome, Failed), outcome
    assert outcome.fault.kind is FaultKind.BOARD_MISSING
    assert f"cable of board {NAME} is not connected" in outcome.fault.what
    fidelities = {metric.name: metric.fidelity for metric in outcome.measurement.metrics}
    assert fidelities["latency_us"] is Fidelity.PLACED
