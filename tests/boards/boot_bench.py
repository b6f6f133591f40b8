"""A simulated SoC that boots as a board does: ROM with a boot program, empty main memory."""

import json
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from hw_templates.soc.bios import BIOS_BINARY
from hw_templates.soc.config import SocConfig
from hw_templates.soc.images import write_rom_image
from runners.boards import SimulatedBoard
from runners.boards.program import BoardProgram
from runners.job import Job, Limits, Serial, Target, Workload
from runners.pipeline import Cache, Pipeline, default_root
from runners.stages.bios import BIOS_LIBRARIES_STAGE, BIOS_STAGE, build_bios, build_lean
from sw_templates.options import FirmwareOptions
from sw_templates.oracle.candidates import candidate_inputs
from sw_templates.reference import golden_inferences
from sw_templates.soc_map import SocMap
from sw_templates.tflite_import import load_model
from tests.boards.load_requests import LoadRequests
from tests.firmware.firmware_bench import riscv_firmware, small_network
from tests.firmware.tflite_builder import (
    FULLY_CONNECTED,
    INT32,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)
from tests.soc.soc_bench import Simulator, built, generate, scratch

BOOTING = SocConfig(
    with_cfu=False,
    memory="on-chip",
    main_ram_bytes=65536,
    l2_bytes=0,
    sram_bytes=8192,
    rom_bytes=32768,
    clock_hz=50_000_000,
)
"""The cheapest SoC that LiteX's BIOS runs on."""
WITH_SDRAM = replace(BOOTING, memory="sdram", main_ram_bytes=4 << 20, l2_bytes=8192)
"""The same firmware runs on it."""


@cache
def bios_libraries() -> Path:
    """From the user's own cache: they cost half a minute and never change."""
    stages = {stage.name: stage for stage in (BIOS_LIBRARIES_STAGE, BIOS_STAGE)}
    nothing = Job(
        design={},
        target=Target(name="none", part="LFE5U-25F", clock_hz=50_000_000),
        workload=Workload(model=Path("none"), model_sha256=""),
    )
    cache_of_user = Cache(default_root())
    pipeline = Pipeline(nothing, stages=stages, cache=cache_of_user, report=lambda _: None)
    return pipeline.get("bios-libraries").folder


@cache
def bios(config: SocConfig = BOOTING) -> bytes:
    """LiteX's BIOS for a SoC."""
    out = Path(mkdtemp(dir=scratch()))
    build_bios(config, libraries=bios_libraries(), out=out, limits=Limits())
    return (out / BIOS_BINARY).read_bytes()


@cache
def lean_boot(config: SocConfig = BOOTING) -> bytes:
    """Our own boot program for a SoC."""
    out = Path(mkdtemp(dir=scratch()))
    soc = json.loads(simulator(config).soc_json.read_text())
    if config.memory == "sdram":
        soc["sdram"] = _sdram_of_a_board(config)
    (out / "soc.json").write_text(json.dumps(soc))
    build_lean(out, out=out, limits=Limits())
    return (out / BIOS_BINARY).read_bytes()


def _sdram_of_a_board(config: SocConfig) -> dict[str, object]:
    """How the same memory is started on a board, where its description says so."""
    real = replace(config, flavour="synthesis", board="ulx3s", uart_baud=115200)
    soc = json.loads((generate(real, Path(mkdtemp(dir=scratch()))) / "soc.json").read_text())
    return dict(soc["sdram"])


@cache
def small_program() -> BoardProgram:
    """A small network with every operator, compiled for ``BOOTING``."""
    return _program(small_network(), FirmwareOptions(), core="rv32im")


@cache
def smallest_program() -> BoardProgram:
    """One fully connected layer, compiled for ``BOOTING`` to be short, for every core."""
    return _program(build(_one_layer()), FirmwareOptions(optimisation="Os"), core="rv32i")


def _one_layer() -> ModelSpec:
    def activations(size: int) -> TensorSpec:
        return TensorSpec(shape=[1, size], scales=[0.1], zero_points=[0])

    weights = bytes((37 * n + 11) & 0xFF for n in range(3 * 8))
    return ModelSpec(
        tensors=[
            activations(8),
            TensorSpec(shape=[3, 8], scales=[0.01], zero_points=[0], data=weights),
            TensorSpec(shape=[3], type_code=INT32, data=bytes(12)),
            activations(3),
        ],
        operators=[
            OperatorSpec(
                code=FULLY_CONNECTED,
                inputs=[0, 1, 2],
                outputs=[3],
                options={"FusedActivationFunction": 0},
            )
        ],
        inputs=[0],
        outputs=[3],
    )


def _program(network: bytes, options: FirmwareOptions, *, core: str) -> BoardProgram:
    folder = Path(mkdtemp(dir=scratch()))
    (folder / "net.tflite").write_bytes(network)
    model = load_model(folder / "net.tflite")
    soc = SocMap.from_json(simulator().soc_json)
    riscv_firmware(model, folder, core=core, options=options, soc=soc)
    given = candidate_inputs(model, seed=1)[:1]
    (answer,) = golden_inferences(folder / "net.tflite", model, given)
    golden = {
        "input": given[0].hex(),
        "output": answer.output.hex(),
        "layer_crcs": answer.layer_crcs,
    }
    return BoardProgram(
        image=(folder / "firmware.bin").read_bytes(),
        address=soc.main_ram.origin,
        clock_hz=soc.clock_hz,
        baud=115200,
        serial=Serial(),
        golden=[golden],
        limits=Limits(cycles=10_000_000, serial_timeout_s=60.0),
        clock_check_s=0.0,
    )


def simulator(config: SocConfig = BOOTING) -> Simulator:
    """The simulator of a SoC."""
    return built(config)


def booting_folder(program: bytes, folder: Path, config: SocConfig = BOOTING) -> Path:
    """A folder in which the simulator starts with ``program`` in its ROM and nothing else."""
    simulator(config).prepare(b"", folder)
    write_rom_image(program, simulator(config).soc_json.read_text(), folder)
    return folder


def booting_board(program: bytes, folder: Path, config: SocConfig = BOOTING) -> SimulatedBoard:
    """That board, started."""
    return SimulatedBoard(simulator(config).program, booting_folder(program, folder, config))


class BoardOnACable:
    """The simulated board as if it were a real one: loaded by a command, behind a port's name.

    Args:
        program: The simulator.
        run_in: Folder with what its memories start with.
        folder: For its port and its loads.
    """

    def __init__(self, program: Path, run_in: Path, folder: Path) -> None:
        self.port = folder / "port"
        self._program = program
        self._run_in = run_in
        self._process: subprocess.Popen[str] | None = None
        self.requests = LoadRequests(folder, self._power_up)

    def close(self) -> None:
        self.requests.close()
        self._end()

    def _power_up(self) -> str:
        self._end()
        # Its time runs on as a board's does: opening the port drops what came before, and only a
        # clock that runs lets the boot program ask again.
        self._process = subprocess.Popen(
            [self._program, "--free-running", "--link", self.port],
            cwd=self._run_in,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return ""

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate(timeout=60)
