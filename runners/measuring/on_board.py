"""A design on a real board: lease one, load it, boot the firmware, check it and measure it."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from contracts.faults import Bug
from contracts.measurement import Fidelity, LayerProfile, Metric, StageTime
from hw_templates.soc.fpga_boards import fpga_board
from runners.boards import Board
from runners.boards.bench import BoardEntry, default_bench_path, read_bench
from runners.boards.ladder import BoardLog, Climber
from runners.boards.lease import Leases
from runners.boards.meters import open_meter
from runners.boards.program import BoardFigures, BoardProgram, Metered
from runners.boards.serial_boot import BootLimits
from runners.job import Job, StageEvent, StageState
from runners.measuring.metrics import (
    CYCLES,
    ENERGY_HALF_WIDTH_UJ,
    ENERGY_UJ,
    INFERENCES,
    LATENCY_HALF_WIDTH_US,
    LATENCY_US,
)
from runners.pipeline import Pipeline, Report
from runners.stages.bitstream import bitstream_of
from runners.stages.golden import read_golden
from runners.stages.soc import read_soc
from sw_templates.build import with_clock

_LOG = logging.getLogger(__name__)
STAGE = "board"
"""What reports call the time on the board; it is no stage, since nothing of it is cached."""

_LEASE_TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardMeasurement:
    """What a trial brings back from a board.

    Attributes:
        board: The board's name.
        metrics: ``latency_us`` and ``cycles``, of fidelity ``board``, and ``energy_uj`` where the
            board has a meter.
        layers: Profile of the last inference.
        inferences: How many the mean is of.
        latency_half_width_us: Half the width of its 95 % confidence interval.
        log: What was done to the board, line by line.
        stage_time: What it cost, the wait for a free board included.
    """

    board: str
    metrics: tuple[Metric, ...]
    layers: tuple[LayerProfile, ...]
    inferences: int
    latency_half_width_us: float
    log: tuple[str, ...]
    stage_time: StageTime


def check_boards(target: str, *, name: str | None = None) -> tuple[BoardEntry, ...]:
    """Return the boards of this machine that a target's designs can run on.

    Args:
        target: Name of the target.
        name: One board; None for all of the target.

    Raises:
        ConfigError: ``boards.toml`` is missing or wrong, or has no such board.
    """
    bench = read_bench(default_bench_path())
    return bench.of_target(target) if name is None else (bench.named(name),)


def measure_on_board(
    job: Job,
    pipeline: Pipeline,
    *,
    cache_root: Path,
    report: Report,
    holder: str = "a trial",
    board: str | None = None,
    boot_limits: BootLimits | None = None,
    clock_check_s: float = 2.0,
    listen: Callable[[Board], Board] = lambda board: board,
    then: Callable[[Board], None] = lambda _: None,
    tell: Callable[[str], None] = _LOG.warning,
) -> BoardMeasurement:
    """Measure a placed design on a board of its target.

    Args:
        job: Its target's clock is the one that the design was settled on.
        pipeline: Of that job; the bitstream is built when it is not there yet.
        cache_root: The cache's folder, where leases and quarantines are.
        report: Told where the work on the board is.
        holder: Who leases the board, for others who want it.
        board: Name of a board in ``boards.toml``; None for any free one of the target.
        boot_limits: How long each part of a boot may take.
        clock_check_s: For how long the board's clock is compared with this computer's, 0 for not.
        listen: Wraps the opened board, for example in a recording.
        then: Done with the board when the design is measured, while it is still leased.
        tell: Told what a person should know at once: a wait for a board, a rung of the ladder.

    Raises:
        ConfigError: ``boards.toml`` has no such board.
        WrongResult: An output differs from the reference kernels.
        ToolMissing: The Python package of the board's meter is not installed.
        MeterMissing, MeterGarbled, MeterTooSlow: The board's meter failed.
        BoardMissing, BoardSilent, BoardGarbled, FlashFailed: The board is not there, or was given
            up after every rung of the ladder and is in quarantine.
        DseError: A stage failed.
    """
    entries = check_boards(job.target.name, name=board)
    program = _program(job, pipeline, clock_check_s=clock_check_s)
    bitstream = bitstream_of(pipeline.get("bitstream").folder, job)
    leases = Leases(cache_root)

    def progress(share: float) -> None:
        report(StageEvent(stage=STAGE, state=StageState.STARTED, fraction=share))

    report(StageEvent(stage=STAGE, state=StageState.STARTED))
    started_s, spent_s = time.monotonic(), time.process_time()
    try:
        with contextlib.ExitStack() as stack:
            lease = stack.enter_context(
                leases.take(entries, holder=holder, timeout_s=_LEASE_TIMEOUT_S, waiting=tell)
            )
            log = BoardLog(path=leases.log_path(lease.entry.name), holder=holder, tell=tell)
            metered = stack.enter_context(_meter_of(lease.entry))
            figures = Climber(
                entry=lease.entry,
                bitstream=bitstream,
                board_arguments=fpga_board(job.target.board).loader,
                program=program,
                boot_limits=boot_limits or BootLimits(),
                log=log,
                progress=progress,
                listen=listen,
                metered=metered,
                then=then,
            ).run(leases)
    except BaseException:
        report(StageEvent(stage=STAGE, state=StageState.FAILED))
        raise
    report(StageEvent(stage=STAGE, state=StageState.DONE))
    cycles, clock_mhz = figures.cycles, job.target.clock_hz / 1e6
    return BoardMeasurement(
        board=lease.entry.name,
        metrics=(
            CYCLES.measured(cycles.mean, fidelity=Fidelity.BOARD),
            LATENCY_US.measured(cycles.mean / clock_mhz, fidelity=Fidelity.BOARD),
            LATENCY_HALF_WIDTH_US.measured(cycles.half_width / clock_mhz),
            INFERENCES.measured(cycles.count),
            *_energy_metrics(figures),
        ),
        layers=figures.layers,
        inferences=cycles.count,
        latency_half_width_us=cycles.half_width / clock_mhz,
        log=tuple(log.lines),
        stage_time=StageTime(
            stage=STAGE,
            wall_s=time.monotonic() - started_s,
            cpu_s=time.process_time() - spent_s,
            cached=False,
        ),
    )


@contextlib.contextmanager
def _meter_of(entry: BoardEntry) -> Iterator[Metered | None]:
    """Listen to a board's meter, from before it is loaded: the meter may be its supply."""
    if entry.power is None:
        yield None
        return
    meter = open_meter(entry.power, where=entry.power_section)
    try:
        yield Metered(meter=meter, settings=entry.power)
    finally:
        meter.close()


def _energy_metrics(figures: BoardFigures) -> tuple[Metric, ...]:
    if figures.energy is None:
        return ()
    return (
        ENERGY_UJ.measured(figures.energy.uj),
        ENERGY_HALF_WIDTH_UJ.measured(figures.energy.half_width_uj),
    )


def _program(job: Job, pipeline: Pipeline, *, clock_check_s: float) -> BoardProgram:
    simulated = read_soc(pipeline.get("soc").folder)
    real = read_soc(pipeline.get("board-soc").folder)
    if simulated["uart"] != real["uart"]:
        raise Bug(
            "the registers of the simulated SoC and of the board's lie at different addresses, so "
            "one firmware cannot serve both",
            fix="report it with the target and the design",
            detail=f"{simulated['uart']}\n{real['uart']}",
        )
    image = (pipeline.get("firmware").folder / "firmware.bin").read_bytes()
    return BoardProgram(
        image=with_clock(image, before_hz=simulated["clock_hz"], after_hz=job.target.clock_hz),
        address=int(real["memory"]["main_ram"]["origin"]),
        clock_hz=job.target.clock_hz,
        baud=job.target.uart_baud,
        serial=job.serial,
        golden=read_golden(pipeline.get("golden").folder),
        limits=job.limits,
        clock_check_s=clock_check_s,
    )
