"""Energy of an inference: a meter's mean power between two timestamps of the protocol."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.faults import MeterGarbled, MeterTooSlow
from runners.boards.board import Board
from runners.boards.meters import Reading, Recorder
from runners.boards.mlperf import Inference, garbled, parse_inference
from runners.boards.repeats import LEAST, Repeated, repeated

_EOL = b"\r\n"
_READY = b"m-ready"
LEAST_READINGS = 10
"""A row of inferences with fewer readings says too little."""
LEAST_COVERED = 0.5
"""Of the row's time: the readings that lie in it whole must cover as much."""
LONGEST_ROW_S = 60.0
"""A row is made longer for a slow meter, but no longer than that."""
MOST = 10
WIDTH = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """What an inference takes out of the supply.

    Attributes:
        uj: Microjoules of one inference, everything that the meter sees included.
        half_width_uj: Half the width of the 95 % confidence interval, and the meter's own error as
            its data sheet has it, added in squares.
        rows: How many rows of inferences the mean is of.
        inferences: How many inferences those were together.
    """

    uj: float
    half_width_uj: float
    rows: int
    inferences: int


def measure_energy(
    board: Board,
    meter: Recorder,
    *,
    inference_s: float,
    window_s: float,
    accuracy_percent: float,
    answer_s: float,
) -> Energy:
    """Run rows of inferences of the input that is loaded, until their energy is known.

    Args:
        board: Runs the firmware and has an input; it stays the caller's.
        meter: In its supply; it stays the caller's.
        inference_s: How long an inference takes.
        window_s: How long a row lasts at the least.
        accuracy_percent: Of the meter, by its data sheet.
        answer_s: How long an answer may take beside the inferences.

    Raises:
        MeterMissing: The meter went away, or stopped.
        MeterGarbled: It says something else.
        MeterTooSlow: It has too few readings, even of the longest row.
        BoardSilent, BoardGarbled, BoardMissing: The board stopped answering as it should.
    """
    values: list[float] = []
    inferences = 0
    count = max(1, math.ceil(window_s / inference_s))
    meter.require_sound()
    while True:
        row = _run(board, count, timeout_s=answer_s + 2 * count * inference_s)
        readings = meter.between(row.begin_s, row.end_s)
        if not _is_enough(readings, row):
            count = _longer(readings, row, meter, count=count, inference_s=inference_s)
            values, inferences = [], 0
            continue
        board_s = (row.inference.end_us - row.inference.begin_us) / 1e6
        values.append(1e6 * _mean_watts(readings, meter) * board_s / count)
        inferences += count
        if len(values) >= LEAST:
            found = repeated(values)
            if found.half_width < WIDTH * abs(found.mean) or found.count >= MOST:
                return _energy(found, inferences, accuracy_percent)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A row of inferences, and when its timestamps came, by ``time.monotonic``."""

    inference: Inference
    begin_s: float
    end_s: float


def _run(board: Board, count: int, *, timeout_s: float) -> _Row:
    """Run a row; each line of the answer is noted when it comes."""
    board.send(f"infer {count} 0%".encode("ascii"))
    lines, times_s = list[str](), list[float]()
    deadline_s = time.monotonic() + timeout_s
    while not lines or lines[-1] != _READY.decode():
        line = board.receive_until(_EOL, timeout_s=max(0.0, deadline_s - time.monotonic()))
        times_s.append(time.monotonic())
        text = line.decode("ascii", errors="replace").removesuffix("\r\n")
        if text.startswith("e-["):
            raise garbled("the board refused a row of inferences", text)
        lines.append(text)
    inference = parse_inference(lines[:-1], count=count, warmups=0)
    return _Row(inference=inference, begin_s=times_s[3], end_s=times_s[4])


def _is_enough(readings: Sequence[Reading], row: _Row) -> bool:
    covered_s = sum(each.end_s - each.begin_s for each in readings)
    is_covered = covered_s >= LEAST_COVERED * (row.end_s - row.begin_s)
    return len(readings) >= LEAST_READINGS and is_covered


def _longer(
    readings: Sequence[Reading], row: _Row, meter: Recorder, *, count: int, inference_s: float
) -> int:
    """Return how many inferences a row needs for this meter.

    Raises:
        MeterTooSlow: More than fit the longest row.
    """
    row_s = row.end_s - row.begin_s
    wanted_s = row_s * max(2.0, 1.5 * LEAST_READINGS / max(1, len(readings)))
    most = max(1, math.floor(LONGEST_ROW_S / inference_s))
    if count >= most:
        raise MeterTooSlow(
            f"the meter {meter.name} had {len(readings)} readings in {row_s:.3g} s of inferences,"
            f" fewer than {LEAST_READINGS}, or with gaps",
            fix="let it measure more often, or use another one",
        )
    return min(most, max(count + 1, math.ceil(wanted_s / inference_s)))


def _mean_watts(readings: Sequence[Reading], meter: Recorder) -> float:
    joules = math.fsum(each.watts * (each.end_s - each.begin_s) for each in readings)
    watts = joules / math.fsum(each.end_s - each.begin_s for each in readings)
    if watts <= 0:
        raise MeterGarbled(
            f"the meter {meter.name} measured {watts:.3g} W while the board computed",
            fix="check its leads: they may be swapped, or the board has another supply",
        )
    return watts


def _energy(found: Repeated, inferences: int, accuracy_percent: float) -> Energy:
    of_meter = abs(found.mean) * accuracy_percent / 100
    return Energy(
        uj=found.mean,
        half_width_uj=math.hypot(found.half_width, of_meter),
        rows=found.count,
        inferences=inferences,
    )
