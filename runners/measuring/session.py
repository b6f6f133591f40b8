"""A whole session over the serial line, as a judge would hold it: golden test, samples, windows.

Everything but the counted cycles is asked for by commands of the published protocol.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from contracts.faults import BoardGarbled
from contracts.measurement import LayerProfile
from runners.boards import Board
from runners.boards.board import SEND_TIMEOUT_S
from runners.boards.mlperf import Device, require_bit_exact
from runners.boards.simulated import SimulatedBoard
from runners.job import Job, Serial
from runners.pipeline import Cache, Report
from runners.stages.all import pipeline_of
from runners.stages.golden import read_golden
from runners.stages.simulate import load_firmware
from runners.stages.simulator import SIMULATOR

WINDOWS = 5
"""How many inputs a performance run has: the first ones, as MLPerf Tiny's runner takes them."""
WARMUPS = 1
_SIMULATED_CYCLES_PER_S = 300_000
"""A simulation slower than this is taken for hung: a tenth of the usual speed."""
_ANSWER_LIMIT_S = 10.0
"""A real board answers at once; only an inference takes time."""
_SHOWN = 60
"""Characters of a command in a log: the bytes of an input are cut."""

Progress = Callable[[int, int], None]
"""Takes how many inferences of the samples, or rows, are done, and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One inference of a sample.

    Attributes:
        begin_us: The board's clock before it.
        end_us: The same after it.
        cycles: What the CPU counted.
        results: The output as the board printed it.
        output: Bytes of the output tensors.
    """

    begin_us: int
    end_us: int
    cycles: int
    results: tuple[float, ...]
    output: bytes

    @property
    def elapsed_us(self) -> int:
        """Time between the two timestamps: the inference, and the printing of the first of them."""
        return self.end_us - self.begin_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A row of inferences of one input, for throughput.

    Attributes:
        number: Of the inference whose input it is, from 0.
        count: How many inferences.
        warmups: How many before them, which do not count.
        begin_us: The board's clock before the first.
        end_us: The same after the last.
        results: The output as the board printed it.
    """

    number: int
    count: int
    warmups: int
    begin_us: int
    end_us: int
    results: tuple[float, ...]

    @property
    def runtime_s(self) -> float:
        """How long the row took by the board's clock."""
        return (self.end_us - self.begin_us) / 1e6

    @property
    def throughput(self) -> float:
        """Inferences a second; 0 where the board's clock did not move."""
        return self.count / self.runtime_s if self.runtime_s else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a session does.

    Attributes:
        serial: What the firmware says about itself, and how inputs go over the line.
        golden: Inputs and the reference kernels' answers, as stage ``golden`` writes them.
        inputs: Bytes of all input tensors, an inference each.
        window_s: How long each row of inferences for throughput lasts at the least, by the board's
            clock; None for no such rows.
        windows: Numbers of the inferences whose inputs these rows have.
    """

    serial: Serial
    golden: Sequence[Mapping[str, Any]]
    inputs: Sequence[bytes]
    window_s: float | None = None
    windows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What came of it.

    Attributes:
        device: The board's name for itself.
        firmware: Answer to ``profile%``.
        model: The same: the network's name.
        golden: How many golden inputs were right in every byte of every layer.
        answers: Of the inputs, in order.
        windows: Of the rows.
        layers: Profile of the last golden inference.
        log: The talk about the inputs, a line each, inputs cut.
        window_log: The talk about the rows.
    """

    device: str
    firmware: str
    model: str
    golden: int
    answers: tuple[Answered, ...]
    windows: tuple[Window, ...]
    layers: tuple[LayerProfile, ...]
    log: tuple[str, ...]
    window_log: tuple[str, ...]


class Transcript:
    """Any board, with what is said noted line by line; see ``Board``.

    Args:
        board: Stays the caller's.
        stamp: Returns the time as it stands before a line.
    """

    def __init__(self, board: Board, *, stamp: Callable[[], str]) -> None:
        self._board = board
        self._stamp = stamp
        self._lines: list[str] = []

    def take(self) -> tuple[str, ...]:
        """Return what was said since the last call."""
        lines, self._lines = self._lines, []
        return tuple(lines)

    def reset(self) -> None:
        """See ``Board.reset``."""
        self._board.reset()

    def send(self, data: bytes, *, timeout_s: float = SEND_TIMEOUT_S) -> None:
        """See ``Board.send``."""
        self._note("host", data)
        self._board.send(data, timeout_s=timeout_s)

    def receive_until(self, end: bytes, *, timeout_s: float) -> bytes:
        """See ``Board.receive_until``."""
        answer = self._board.receive_until(end, timeout_s=timeout_s)
        self._note("dut", answer)
        return answer

    def receive(self, size: int, *, timeout_s: float) -> bytes:
        """See ``Board.receive``."""
        answer = self._board.receive(size, timeout_s=timeout_s)
        self._note("dut", answer)
        return answer

    def close(self) -> None:
        """See ``Board.close``."""
        self._board.close()

    def _note(self, who: str, data: bytes) -> None:
        for line in data.decode("ascii", errors="replace").split("\r\n"):
            if line:
                is_input = who == "host" and line.startswith("db ") and len(line) > _SHOWN
                shown = f"{line[:_SHOWN]}…" if is_input else line
                self._lines.append(f"{self._stamp()} {who}: {shown}")


def log_time() -> str:
    """Return the time of day as MLPerf Tiny's logs have it: ``0726.005106``."""
    return time.strftime("%m%d.%H%M%S")


def hold_session(
    board: Board,
    plan: Plan,
    *,
    answer_s: float,
    cycles_per_s: float,
    limit_cycles: int,
    clock_hz: int,
    progress: Progress,
) -> Session:
    """Check a board that runs the firmware, run all inputs, and time the rows.

    Args:
        board: Stays the caller's.
        plan: What to do.
        answer_s: How long an answer may take, that of an inference apart.
        cycles_per_s: The least speed that is not taken for a board that hangs.
        limit_cycles: Of one inference.
        clock_hz: That the board's firmware tells time by.
        progress: Told after each inference.

    Raises:
        WrongResult: A golden input differs from the reference kernels.
        BoardGarbled: Another firmware answers, or the talk is spoilt.
        BoardSilent, BoardMissing: The board stopped answering, or went away.
    """
    heard = Transcript(board, stamp=log_time)
    device = Device(
        heard, timeout_s=answer_s, infer_timeout_s=answer_s + limit_cycles / cycles_per_s
    )
    name = device.connect()
    if name != plan.serial.device_name:
        raise BoardGarbled(
            f"the board calls itself {name!r}, not {plan.serial.device_name!r}",
            fix="another firmware runs on it; load this trial's",
        )
    firmware, model = device.profile()
    layers = _check_golden(device, plan)
    answers: list[Answered] = []
    for content in plan.inputs:
        answers.append(_answer(device, plan.serial.on_the_line(content)))
        progress(len(answers), len(plan.inputs))
    log = heard.take()
    windows = []
    if plan.window_s is not None and answers:
        fewest = max(1, min(answer.cycles for answer in answers))
        count = max(1, math.ceil(plan.window_s * clock_hz / fewest))
        most_cycles = (count + WARMUPS) * max(answer.cycles for answer in answers)
        long = Device(
            heard, timeout_s=answer_s, infer_timeout_s=answer_s + 2 * most_cycles / cycles_per_s
        )
        for done, number in enumerate(plan.windows, start=1):
            long.load(plan.serial.on_the_line(plan.inputs[number]))
            windows.append(_window(long, number, count, shortest_s=plan.window_s))
            progress(done, len(plan.windows))
    return Session(
        device=name,
        firmware=firmware,
        model=model,
        golden=len(plan.golden),
        answers=tuple(answers),
        windows=tuple(windows),
        layers=layers,
        log=log,
        window_log=heard.take(),
    )


def hold_simulated_session(
    job: Job,
    plan: Plan,
    *,
    expected_cycles: float,
    cache: Cache,
    report: Report,
    progress: Progress,
) -> Session:
    """Boot a design on the simulated board and hold a session with it.

    Args:
        job: The trial's, with the firmware that is wanted.
        plan: What to do; ``golden`` is filled in here.
        expected_cycles: Of one inference, for the limit of a row of them.
        cache: Where artefacts are.
        report: Told when a stage starts and ends.
        progress: Told after each inference.

    Raises:
        DseError: A stage failed, or the board; see ``hold_session``.
    """
    pipeline = pipeline_of(job, cache=cache, report=report)
    plan = replace(plan, golden=read_golden(pipeline.get("golden").folder))
    firmware, soc = (pipeline.get(stage).folder for stage in ("firmware", "soc"))
    simulator = pipeline.get("simulator").folder / SIMULATOR
    row = 0.0 if plan.window_s is None else plan.window_s * job.target.clock_hz
    limit = max(job.limits.cycles, round(2 * (row + (1 + WARMUPS) * expected_cycles)))
    with cache.scratch_folder("session") as folder:
        load_firmware(firmware=firmware, soc=soc, folder=folder, clock_hz=job.target.clock_hz)
        board = SimulatedBoard(simulator, folder, command_cycle_limit=limit)
        try:
            return hold_session(
                board,
                plan,
                answer_s=job.limits.serial_timeout_s,
                cycles_per_s=_SIMULATED_CYCLES_PER_S,
                limit_cycles=job.limits.cycles,
                clock_hz=job.target.clock_hz,
                progress=progress,
            )
        finally:
            board.close()


def session_on(board: Board, job: Job, plan: Plan, *, progress: Progress) -> Session:
    """Hold a session with a real board that runs the job's firmware; see ``hold_session``."""
    return hold_session(
        board,
        plan,
        answer_s=min(job.limits.serial_timeout_s, _ANSWER_LIMIT_S),
        cycles_per_s=job.target.clock_hz,
        limit_cycles=job.limits.cycles,
        clock_hz=job.target.clock_hz,
        progress=progress,
    )


def _check_golden(device: Device, plan: Plan) -> tuple[LayerProfile, ...]:
    layers: tuple[LayerProfile, ...] = ()
    for number, golden in enumerate(plan.golden):
        device.load(plan.serial.on_the_line(bytes.fromhex(golden["input"])))
        device.infer()
        layers = device.layers()
        names = [layer.name for layer in layers]
        require_bit_exact(device, golden, number=number, names=names, was_inferred=True)
    return layers


def _answer(device: Device, content: bytes) -> Answered:
    device.load(content)
    inference = device.infer()
    return Answered(
        begin_us=inference.begin_us,
        end_us=inference.end_us,
        cycles=device.cycles(),
        results=inference.results,
        output=device.output(),
    )


def _window(device: Device, number: int, count: int, *, shortest_s: float) -> Window:
    """Time a row of inferences; one that comes out too short is run again, longer."""
    while True:
        inference = device.infer(count, WARMUPS)
        window = Window(
            number=number,
            count=count,
            warmups=WARMUPS,
            begin_us=inference.begin_us,
            end_us=inference.end_us,
            results=inference.results,
        )
        if window.runtime_s >= shortest_s or not window.runtime_s:
            return window
        count = max(count + 1, math.ceil(1.01 * count * shortest_s / window.runtime_s))
