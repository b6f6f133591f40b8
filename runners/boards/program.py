"""What a board is to run, and the talk that measures it: nothing here knows which board it is."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from contracts.faults import BoardGarbled
from contracts.measurement import LayerProfile
from runners.boards import Board
from runners.boards.energy import Energy, measure_energy
from runners.boards.meters import PowerSection, Recorder
from runners.boards.mlperf import Device, require_bit_exact
from runners.boards.repeats import LEAST, MOST, Repeated, repeated
from runners.job import Limits, Serial

_ANSWER_LIMIT_S = 10.0
"""A real board answers at once; only an inference takes time."""
_CLOCK_TOLERANCE = 0.05
_CLOCK_ATTEMPTS = 3
_TALK_BITS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardProgram:
    """A firmware for a board, and what it must answer.

    Attributes:
        image: The firmware.
        address: Where it is loaded and starts.
        clock_hz: What the design's PLL makes.
        baud: Of the board's serial port.
        serial: Names and formats of the firmware.
        golden: Inputs and the reference kernels' answers, as stage ``golden`` writes them.
        limits: The inference's limit in cycles and the longest silence.
        clock_check_s: For how long the board's clock is compared with this computer's; 0 for a
            board whose time is not ours, such as a simulated one.
    """

    image: bytes
    address: int
    clock_hz: int
    baud: int
    serial: Serial
    golden: Sequence[Mapping[str, Any]]
    limits: Limits
    clock_check_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardFigures:
    """What ``run_program`` measured on a board.

    Attributes:
        cycles: Of an inference of the first golden input.
        layers: Profile of the last of these inferences.
        energy: Of one; None without a meter.
    """

    cycles: Repeated
    layers: tuple[LayerProfile, ...]
    energy: Energy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """A meter that is listened to, and how it was described."""

    meter: Recorder
    settings: PowerSection


def run_program(
    board: Board,
    program: BoardProgram,
    *,
    progress: Callable[[float], None],
    metered: Metered | None = None,
) -> BoardFigures:
    """Check every golden input on a board that runs the firmware, and measure the first.

    Args:
        board: Stays the caller's; the firmware has been started.
        program: What runs there.
        progress: Takes the finished share, 0 to 1.
        metered: A meter in the board's supply; None for none.

    Raises:
        MeterMissing, MeterGarbled, MeterTooSlow: The meter failed, not the board.
        WrongResult: An output differs from the reference kernels.
        BoardGarbled: Another firmware answers, the talk is spoilt, or the clock is another one.
        BoardSilent, BoardMissing: The board stopped answering, or went away.
    """
    device = _device_on(board, program)
    name = device.connect()
    if name != program.serial.device_name:
        raise BoardGarbled(
            f"the board calls itself {name!r}, not {program.serial.device_name!r}",
            fix="another firmware runs on it; load this trial's",
        )
    names: tuple[str, ...] = ()
    for number in reversed(range(len(program.golden))):  # the first stays loaded
        golden = program.golden[number]
        device.load(program.serial.on_the_line(bytes.fromhex(golden["input"])))
        device.infer()
        names = names or tuple(layer.name for layer in device.layers())
        require_bit_exact(device, golden, number=number, names=names, was_inferred=True)
        progress(0.5 * (len(program.golden) - number) / len(program.golden))
    cycles = _repeat(device, progress)
    figures = BoardFigures(cycles=cycles, layers=device.layers())
    if program.clock_check_s:
        _require_clock(device, program, cycles.mean)
    if metered is None:
        return figures
    energy = measure_energy(
        board,
        metered.meter,
        inference_s=cycles.mean / program.clock_hz,
        window_s=metered.settings.window_s,
        accuracy_percent=metered.settings.accuracy_percent,
        answer_s=min(program.limits.serial_timeout_s, _ANSWER_LIMIT_S),
    )
    return replace(figures, energy=energy)


def _device_on(board: Board, program: BoardProgram) -> Device:
    timeout_s = min(program.limits.serial_timeout_s, _ANSWER_LIMIT_S)
    slowest_s = program.limits.cycles / program.clock_hz
    return Device(
        board,
        timeout_s=timeout_s,
        infer_timeout_s=timeout_s + slowest_s + 2 * program.clock_check_s,
    )


def _repeat(device: Device, progress: Callable[[float], None]) -> Repeated:
    counts: list[float] = []
    while True:
        device.infer()
        counts.append(float(device.cycles()))
        progress(0.5 + 0.5 * len(counts) / MOST)
        if len(counts) >= LEAST:
            found = repeated(counts)
            if found.is_settled or found.count >= MOST:
                return found


def _require_clock(device: Device, program: BoardProgram, cycles: float) -> None:
    """Compare the board's clock with this computer's over a long row of inferences.

    A busy computer only ever takes longer, so the quickest of a few attempts counts.
    """
    count = max(1, math.ceil(program.clock_check_s * program.clock_hz / cycles))
    # The talk around the inferences takes time here and none there.
    talk_s = 0.1 + _TALK_BITS / program.baud
    here_s = there_s = 0.0
    for _ in range(_CLOCK_ATTEMPTS):
        started_s = time.monotonic()
        inference = device.infer(count)
        here_s = time.monotonic() - started_s
        there_s = (inference.end_us - inference.begin_us) / 1e6
        least_s, most_s = there_s * (1 - _CLOCK_TOLERANCE), there_s * (1 + _CLOCK_TOLERANCE)
        if least_s <= here_s <= most_s + talk_s:
            return
    raise BoardGarbled(
        f"by its own clock of {program.clock_hz / 1e6:g} MHz the board was busy for "
        f"{there_s:.2f} s, by this computer's for {here_s:.2f} s",
        fix="correct clock.hz in the board's file, or wait until this computer is less busy",
    )
