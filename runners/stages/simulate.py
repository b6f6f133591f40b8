"""The stage that runs the network on the simulated board and checks every output byte."""

import json
import resource
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contracts.faults import BoardGarbled
from contracts.measurement import LayerProfile
from hw_templates.soc.images import write_memory_images
from runners.boards import Board, SimulatedBoard
from runners.boards.mlperf import Device, require_bit_exact
from runners.job import Job, Limits, SimulatedCycles
from runners.pipeline import Building, Stage, TellProgress
from runners.stages.golden import read_golden
from runners.stages.simulator import SIMULATOR
from runners.stages.soc import read_soc
from runners.tools.child import spent_cpu_s
from sw_templates.build import with_clock

_SIMULATOR_CYCLES_PER_S = 300_000
"""A simulation slower than this is taken for hung: a tenth of the usual speed."""
_TOLD_CYCLES = 1_000_000
"""How far a simulation is is told so often: two to four times a second at the usual speed."""
_MOST_SHARE = 0.99
"""Of a simulation that has not ended."""


def load_firmware(*, firmware: Path, soc: Path, folder: Path, clock_hz: int | None = None) -> None:
    """Write the memory contents with which a simulation in ``folder`` starts.

    Args:
        firmware: Artefact folder with ``firmware.bin``.
        soc: Artefact folder with ``soc.json``.
        folder: The one that the simulator will run in.
        clock_hz: Clock that the firmware tells time by; None for the SoC's. No cycle depends on it.
    """
    image = (firmware / "firmware.bin").read_bytes()
    if clock_hz is not None:
        image = with_clock(image, before_hz=read_soc(soc)["clock_hz"], after_hz=clock_hz)
    write_memory_images(image, (soc / "soc.json").read_text(), folder)


def open_simulated_board(
    *,
    simulator: Path,
    firmware: Path,
    soc: Path,
    folder: Path,
    limits: Limits,
    on_cycles: Callable[[int], None] | None = None,
) -> SimulatedBoard:
    """Start a simulated board with a firmware.

    Args:
        simulator: Artefact folder with the program.
        firmware: Artefact folder with ``firmware.bin``.
        soc: Artefact folder with ``soc.json``.
        folder: To run in; the memory's contents are written there.
        limits: The cycle limit is taken from here.
        on_cycles: As ``SimulatedBoard`` takes it.
    """
    load_firmware(firmware=firmware, soc=soc, folder=folder)
    return SimulatedBoard(
        simulator / SIMULATOR, folder, command_cycle_limit=limits.cycles, on_cycles=on_cycles
    )


def device_on(board: Board, limits: Limits) -> Device:
    """Return the host side of the protocol on a board, with the deadlines of ``limits``."""
    return Device(
        board,
        timeout_s=limits.serial_timeout_s,
        infer_timeout_s=limits.serial_timeout_s + limits.cycles / _SIMULATOR_CYCLES_PER_S,
    )


def _inputs(job: Job) -> Mapping[str, Any]:
    return {"cycles": job.limits.cycles}


def _simulate(building: Building) -> float:
    """Write ``profile.json``: cycles and layers of the first golden inference."""
    limits = building.job.limits
    answers = read_golden(building.needs["golden"])
    course = Course(
        inferences=len(answers) + 1,  # the first input is run twice, see ``_run_golden``
        expected_cycles=building.job.expected_cycles,
        tell=building.progress,
    )
    before_s = spent_cpu_s(resource.RUSAGE_CHILDREN)
    # within the stage's own folder: what a killed run leaves is swept with it
    with tempfile.TemporaryDirectory(prefix="board-", dir=building.out) as folder:
        board = open_simulated_board(
            simulator=building.needs["simulator"],
            firmware=building.needs["firmware"],
            soc=building.needs["soc"],
            folder=Path(folder),
            limits=limits,
            on_cycles=course.reach,
        )

        def inferred() -> None:
            course.infer(board.cycles_so_far)

        try:
            cycles, layers = _run_golden(
                device_on(board, limits), answers, building.job, inferred=inferred
            )
        finally:
            board.close()
    profile = {"cycles": cycles, "layers": [asdict(layer) for layer in layers]}
    (building.out / "profile.json").write_text(json.dumps(profile, indent=1))
    return spent_cpu_s(resource.RUSAGE_CHILDREN) - before_s


class Course:
    """How far a simulation is: its cycles, of those that all inferences are expected to take.

    Inferences take about the same number of cycles, what comes between them included. What the
    first takes is known from ``expected_cycles`` or not at all; of the others, the mean of those
    that have ended. An inference that takes longer than that is at its end as far as anybody knows,
    so the share stays, and what is expected grows. The share told never falls, and is never 1.

    Args:
        inferences: How many there will be.
        expected_cycles: Of the first; 0 where nothing is known.
        tell: Takes share and cycles, each million of cycles.
    """

    def __init__(self, *, inferences: int, expected_cycles: int, tell: TellProgress) -> None:
        self._inferences = inferences
        self._usual = expected_cycles
        self._tell = tell
        self._ended = 0
        self._ended_at = 0
        self._told_at = 0
        self._share = 0.0

    def infer(self, cycles: int) -> None:
        """Take that one more inference has ended at so many cycles since power-up."""
        self._ended += 1
        self._ended_at = cycles
        self._usual = cycles // self._ended

    def reach(self, cycles: int) -> None:
        """Take that so many cycles since power-up have been simulated."""
        if cycles < self._told_at + _TOLD_CYCLES:
            return
        self._told_at = cycles
        if not self._usual:
            self._tell(None, cycles=SimulatedCycles(done=cycles, expected=None))
            return
        each = max(self._usual, cycles - self._ended_at)
        expected = self._ended_at + (self._inferences - self._ended) * each
        self._share = max(self._share, min(cycles / expected, _MOST_SHARE))
        self._tell(self._share, cycles=SimulatedCycles(done=cycles, expected=expected))


def _run_golden(
    device: Device,
    answers: Sequence[Mapping[str, Any]],
    job: Job,
    *,
    inferred: Callable[[], None],
) -> tuple[int, tuple[LayerProfile, ...]]:
    """Run every golden input and check every layer; cycles and layers are those of the first.

    Args:
        device: The board.
        answers: Of the reference, for each golden input.
        job: What is measured.
        inferred: Called after each inference; the first input has two.
    """
    name = device.connect()
    if name != job.serial.device_name:
        raise BoardGarbled(
            f"the board calls itself {name!r}, not {job.serial.device_name!r}",
            fix="another firmware runs on it; load this trial's",
        )
    cycles = 0
    layers: tuple[LayerProfile, ...] = ()
    for number, golden in enumerate(answers):
        device.load(job.serial.on_the_line(bytes.fromhex(golden["input"])))
        is_measured = number == 0
        if is_measured:
            device.infer()
            inferred()
            cycles, layers = device.cycles(), device.layers()
        require_bit_exact(
            device,
            golden,
            number=number,
            names=[layer.name for layer in layers],
            was_inferred=is_measured,
        )
        inferred()
    return cycles, layers


def read_profile(folder: Path) -> tuple[int, tuple[LayerProfile, ...]]:
    """Return cycles and layers as the stage wrote them."""
    profile = json.loads((folder / "profile.json").read_text())
    layers = tuple(
        LayerProfile(**{**layer, "output_shape": tuple(layer["output_shape"])})
        for layer in profile["layers"]
    )
    return int(profile["cycles"]), layers


_BOARD = ("board", "hardware_fault", "mlperf", "serial_port", "simulated")

SIMULATE_STAGE = Stage(
    name="simulate",
    version=1,
    cores=1,
    memory_bytes=1 << 30,
    needs=("simulator", "firmware", "golden", "soc"),
    inputs=_inputs,
    code=(
        *(f"runners/stages/{name}.py" for name in ("simulate", "golden", "soc")),
        *(f"runners/boards/{name}.py" for name in _BOARD),
        "runners/job.py",  # how an input tensor goes over the line
        "hw_templates/soc/images.py",
    ),
    build=_simulate,
)
