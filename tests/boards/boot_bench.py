"""A simulated SoC that boots as a board does: ROM with a boot program, empty main memory."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hw_templates.soc.bios import BIOS_BINARY
from hw_templates.soc.config import SocConfig
from hw_templates.soc.images import write_rom_image
from runners.bios import BIOS_STAGES, build_bios
from runners.boards import SimulatedBoard
from runners.cache import Cache, default_root
from runners.golden import candidate_inputs
from runners.job import Job, Limits, Target, Workload
from runners.pipeline import Pipeline
from sw_templates.reference import golden_inferences
from sw_templates.soc_map import SocMap
from sw_templates.tflite_import import load_model
from tests.firmware.firmware_bench import riscv_firmware, small_network
from tests.soc.soc_bench import Simulator, built, scratch

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


@dataclass(frozen=True, kw_only=True)
class SmallProgram:
    """A firmware for ``BOOTING`` with a small network, and what it must answer."""

    image: bytes
    golden: dict[str, Any]
    layers: tuple[str, ...]


@cache
def bios_libraries() -> Path:
    """From the user's own cache: they cost half a minute and never change."""
    stages = {stage.name: stage for stage in BIOS_STAGES}
    nothing = Job(
        design={},
        target=Target(name="none", part="LFE5U-25F", clock_mhz=50.0),
        workload=Workload(model=Path("none"), model_sha256=""),
    )
    cache_of_user = Cache(default_root())
    pipeline = Pipeline(nothing, stages=stages, cache=cache_of_user, report=lambda _: None)
    return pipeline.get("bios-libraries").folder


@cache
def bios() -> bytes:
    """LiteX's BIOS for ``BOOTING``."""
    out = Path(mkdtemp(dir=scratch()))
    build_bios(BOOTING, libraries=bios_libraries(), out=out, limits=Limits())
    return (out / BIOS_BINARY).read_bytes()


@cache
def small_program() -> SmallProgram:
    """The small network with every operator, compiled for ``BOOTING``."""
    folder = Path(mkdtemp(dir=scratch()))
    (folder / "net.tflite").write_bytes(small_network())
    model = load_model(folder / "net.tflite")
    soc = SocMap.from_json(simulator().soc_json)
    riscv_firmware(model, folder, core="rv32im", soc=soc)
    given = candidate_inputs(model, count=1, seed=1)
    (answer,) = golden_inferences(folder / "net.tflite", model, given)
    return SmallProgram(
        image=(folder / "firmware.bin").read_bytes(),
        golden={
            "input": given[0].hex(),
            "output": answer.output.hex(),
            "layer_crcs": answer.layer_crcs,
        },
        layers=tuple(layer.name for layer in model.layers),
    )


def simulator() -> Simulator:
    """The simulator of ``BOOTING``."""
    return built(BOOTING)


def booting_folder(program: bytes, folder: Path) -> Path:
    """A folder in which the simulator starts with ``program`` in its ROM and nothing else."""
    simulator().prepare(b"", folder)
    write_rom_image(program, simulator().soc_json.read_text(), folder)
    return folder


def booting_board(program: bytes, folder: Path) -> SimulatedBoard:
    """That board, started."""
    return SimulatedBoard(simulator().program, booting_folder(program, folder))
