"""The stage that runs the network on the simulated board and checks every output byte."""

import json
import resource
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contracts.faults import BoardGarbled
from contracts.measurement import LayerProfile
from hw_templates.soc.images import write_memory_images
from runners.boards import Board, SimulatedBoard
from runners.boards.mlperf import Device, require_bit_exact
from runners.job import Job, Limits
from runners.pipeline import Building, Stage
from runners.stages.golden import read_golden
from runners.stages.simulator import SIMULATOR
from runners.stages.soc import read_soc
from runners.tools.child import spent_cpu_s
from sw_templates.build import with_clock

_SIMULATOR_CYCLES_PER_S = 300_000
"""A simulation slower than this is taken for hung: a tenth of the usual speed."""


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
    *, simulator: Path, firmware: Path, soc: Path, folder: Path, limits: Limits
) -> SimulatedBoard:
    """Start a simulated board with a firmware.

    Args:
        simulator: Artefact folder with the program.
        firmware: Artefact folder with ``firmware.bin``.
        soc: Artefact folder with ``soc.json``.
        folder: To run in; the memory's contents are written there.
        limits: The cycle limit is taken from here.
    """
    load_firmware(firmware=firmware, soc=soc, folder=folder)
    return SimulatedBoard(simulator / SIMULATOR, folder, command_cycle_limit=limits.cycles)


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
    before_s = spent_cpu_s(resource.RUSAGE_CHILDREN)
    # within the stage's own folder: what a killed run leaves is swept with it
    with tempfile.TemporaryDirectory(prefix="board-", dir=building.out) as folder:
        board = open_simulated_board(
            simulator=building.needs["simulator"],
            firmware=building.needs["firmware"],
            soc=building.needs["soc"],
            folder=Path(folder),
            limits=limits,
        )
        try:
            cycles, layers = _run_golden(device_on(board, limits), answers, building)
        finally:
            board.close()
    profile = {"cycles": cycles, "layers": [asdict(layer) for layer in layers]}
    (building.out / "profile.json").write_text(json.dumps(profile, indent=1))
    return spent_cpu_s(resource.RUSAGE_CHILDREN) - before_s


def _run_golden(
    device: Device, answers: Sequence[Mapping[str, Any]], building: Building
) -> tuple[int, tuple[LayerProfile, ...]]:
    """Run every golden input and check every layer; cycles and layers are those of the first."""
    name = device.connect()
    if name != building.job.serial.device_name:
        raise BoardGarbled(
            f"the board calls itself {name!r}, not {building.job.serial.device_name!r}",
            fix="another firmware runs on it; load this trial's",
        )
    cycles = 0
    layers: tuple[LayerProfile, ...] = ()
    for number, golden in enumerate(answers):
        device.load(building.job.serial.on_the_line(bytes.fromhex(golden["input"])))
        is_measured = number == 0
        if is_measured:
            device.infer()
            cycles, layers = device.cycles(), device.layers()
        require_bit_exact(
            device,
            golden,
            number=number,
            names=[layer.name for layer in layers],
            was_inferred=is_measured,
        )
        building.progress((number + 1) / len(answers))
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
