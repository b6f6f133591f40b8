"""A trial's design on a real board: loaded, booted, checked and measured, and left running."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from contracts.faults import ConfigError
from contracts.measurement import Completed, Fidelity
from dse.output.report import table_text
from dse.results.trial import open_trial
from dse.store import Reader
from runners.boards import Board, RecordingBoard
from runners.job import Job, StageEvent
from runners.measuring.measure import measure
from runners.measuring.on_board import BoardMeasurement, check_boards, measure_on_board
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of

CLOCK_CHECK_S = 2.0
"""For how long the board's clock is compared with this computer's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flashed:
    """A trial on a board.

    Attributes:
        study: Name of the study.
        trial: Number of the trial.
        board: Name of the board in ``boards.toml``.
        port: Its serial port, where the firmware now waits for commands.
        clock_mhz: Clock that the design was settled on.
        cycles: Mean of the inferences.
        latency_us: The same in time.
        latency_half_width_us: Half the width of its 95 % confidence interval.
        inferences: How many were measured.
        energy_uj: Of one inference; None without a meter.
        energy_half_width_uj: How well that is known.
        expected_cycles: What the simulation said.
    """

    study: str
    trial: int
    board: str
    port: str
    clock_mhz: float
    cycles: float
    latency_us: float
    latency_half_width_us: float
    inferences: int
    energy_uj: float | None
    energy_half_width_uj: float | None
    expected_cycles: float


def flash_trial(
    store: Reader,
    name: str,
    number: int,
    *,
    board: str | None,
    record: Path | None,
    report: Callable[[StageEvent], None],
    tell: Callable[[str], None],
) -> Flashed:
    """Put a trial's design on a board; it is placed and routed first when it was not yet.

    Args:
        store: Has the trial.
        name: Name of the study.
        number: Number of the trial.
        board: Name of the board in ``boards.toml``; None for any free one of the target.
        record: Write the talk with the board there; None for not.
        report: Told when a stage starts and ends.
        tell: Told what is waited for, and every attempt to bring a silent board back.

    Raises:
        ConfigError: There is no such trial or board, or the board is of another target.
        DseError: The design cannot be placed, or the board failed.
    """
    job = open_trial(store, name, number).job
    for entry in check_boards(job.target.name, name=board):
        if entry.target != job.target.name:
            raise ConfigError(
                f"board {entry.name} is a {entry.target}, study {name} is for {job.target.name}",
                fix=f"name a board of target {job.target.name}",
            )
    settled, expected_cycles = settled_job(replace(job, fidelity=Fidelity.PLACED), report)
    cache = Cache(default_root())

    def listen(opened: Board) -> Board:
        return opened if record is None else RecordingBoard(opened, record)

    found = measure_on_board(
        settled,
        pipeline_of(settled, cache=cache, report=report),
        cache_root=cache.root,
        report=report,
        holder=f"flash {name} {number}",
        board=board,
        clock_check_s=CLOCK_CHECK_S,
        listen=listen,
        tell=tell,
    )
    return _flashed(found, settled, name, number, expected_cycles)


def flashed_text(flashed: Flashed) -> str:
    """Lay out what ``flash_trial`` returned, as the command prints it."""
    rows = [
        ("board", f"{flashed.board} at {flashed.port}"),
        ("clock", f"{flashed.clock_mhz:g} MHz"),
        ("outputs", "equal to the reference, byte for byte"),
        (
            "latency",
            f"{flashed.latency_us:.1f} us, ± {flashed.latency_half_width_us:.1f} us "
            f"(95 %, {flashed.inferences} inferences)",
        ),
        ("cycles", f"{flashed.cycles:.0f}, simulated {flashed.expected_cycles:.0f}"),
    ]
    if flashed.energy_uj is not None:
        rows.append(
            (
                "energy",
                f"{flashed.energy_uj:.1f} uJ, ± {flashed.energy_half_width_uj:.1f} uJ (95 %)",
            )
        )
    return table_text((f"{flashed.study} {flashed.trial}", ""), rows)


def settled_job(job: Job, report: Callable[[StageEvent], None]) -> tuple[Job, float]:
    """Return the job at the clock and seed at which it meets timing, and its simulated cycles.

    Args:
        job: Of fidelity ``placed``; it is placed and routed when that was not done yet.
        report: Told when a stage starts and ends.

    Raises:
        DseError: The design does not fit, misses timing, or answers wrongly.
    """
    outcome = measure(job, report=report)
    if not isinstance(outcome, Completed):
        raise outcome.fault.error()
    placement = outcome.measurement.placements[-1]
    settled = job.at(clock_hz=placement.clock_hz, place_seed=placement.seed)
    return settled, outcome.measurement.value("cycles")


def _flashed(
    found: BoardMeasurement, job: Job, name: str, number: int, expected_cycles: float
) -> Flashed:
    (entry,) = check_boards(job.target.name, name=found.board)
    values = {metric.name: metric.value for metric in found.metrics}
    return Flashed(
        study=name,
        trial=number,
        board=found.board,
        port=entry.port,
        clock_mhz=job.target.clock_hz / 1e6,
        cycles=values["cycles"],
        latency_us=values["latency_us"],
        latency_half_width_us=found.latency_half_width_us,
        inferences=found.inferences,
        energy_uj=values.get("energy_uj"),
        energy_half_width_uj=values.get("energy_half_width_uj"),
        expected_cycles=expected_cycles,
    )
