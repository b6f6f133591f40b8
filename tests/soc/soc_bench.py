"""What tests of the simulated SoC share: SoCs, simulators and a firmware, each built once."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pythondata_cpu_vexriscv

from hw_templates.soc.config import MemoryKind, SocConfig
from hw_templates.soc.images import write_memory_images
from runners.stages.simulator import SIMULATOR, build_runtime, build_simulator
from runners.tools import run_tool

ROOT = Path(__file__).parents[2]
FIRMWARE = Path(__file__).parent / "firmware"
_CORES = Path(pythondata_cpu_vexriscv.data_location)
CORE_WITH_CFU = _CORES / "VexRiscv_FullCfu.v"  # its CFU is gated by CSR 0xBC0
CORE_WITHOUT_CFU = _CORES / "VexRiscv_Full.v"
CPU_FLAGS = ("-march=rv32im", "-misa-spec=2.2", "-mabi=ilp32")


@cache
def scratch() -> Path:
    """A folder for this test run."""
    folder = Path(tempfile.mkdtemp(prefix="soc-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def generate(config: SocConfig, out: Path, **environment: str) -> Path:
    """Run the generator as a runner does; return the folder."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(config.canonical_json())
    subprocess.run(
        [sys.executable, "-m", "hw_templates.soc.generate", str(out / "config.json"), str(out)],
        cwd=out,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        check=True,
        timeout=120,
    )
    (out / "config.json").unlink()
    return out


@cache
def generated(config: SocConfig) -> Path:
    """Return the folder of a SoC that is generated once for all tests; not to be written to."""
    folder = Path(tempfile.mkdtemp(prefix="soc-", dir=scratch()))
    return generate(config, folder, PYTHONHASHSEED="1")


def simulation_config(memory: MemoryKind) -> SocConfig:
    return SocConfig(
        with_cfu=True,
        memory=memory,
        main_ram_bytes=4 << 20,
        l2_bytes=8192 if memory == "sdram" else 0,
        clock_hz=75_000_000,
    )


@dataclass(frozen=True, kw_only=True)
class Simulator:
    """A built simulator and its SoC."""

    program: Path
    soc_json: Path

    def prepare(self, firmware: bytes, folder: Path) -> Path:
        """Make ``folder`` one that the simulator can run in."""
        folder.mkdir(parents=True, exist_ok=True)
        write_memory_images(firmware, self.soc_json.read_text(), folder)
        return folder


@cache
def runtime() -> Path:
    folder = scratch() / "runtime"
    folder.mkdir()
    build_runtime(folder, timeout_s=300)
    return folder


def simulator(memory: MemoryKind) -> Simulator:
    """The usual simulator with that memory."""
    return built(simulation_config(memory))


@cache
def built(config: SocConfig) -> Simulator:
    """A simulator with a packaged core."""
    folder = Path(tempfile.mkdtemp(dir=scratch()))
    soc = generate(config, folder / "soc")
    out = folder / "simulator"
    out.mkdir()
    build_simulator(
        soc=soc / "soc.v",
        cpu=CORE_WITH_CFU if config.with_cfu else CORE_WITHOUT_CFU,
        cfu=FIRMWARE / "Cfu.v" if config.with_cfu else None,
        runtime=runtime(),
        out=out,
        timeout_s=300,
    )
    return Simulator(program=out / SIMULATOR, soc_json=soc / "soc.json")


@cache
def letters_firmware(soc_json: Path) -> bytes:
    """The firmware of ``firmware/main.c``, which answers single letters."""
    return compiled(FIRMWARE / "main.c", soc_json, "-DCFU_GATE")


def compiled(source: Path, soc_json: Path, *defines: str) -> bytes:
    """A program of one C file that runs from a SoC's main memory, without the firmware's parts."""
    soc = json.loads(soc_json.read_text())
    ram, sram = soc["memory"]["main_ram"], soc["memory"]["sram"]
    folder = Path(tempfile.mkdtemp(dir=scratch()))
    registers = [f"-DUART_{name.upper()}={address:#x}u" for name, address in soc["uart"].items()]
    symbols = {
        "MAIN_RAM_ORIGIN": ram["origin"],
        "SRAM_ORIGIN": sram["origin"],
        "SRAM_BYTES": sram["size_bytes"],
    }
    run_tool(
        [
            "riscv64-unknown-elf-gcc",
            *CPU_FLAGS,
            *("-O2", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-nostdlib"),
            *registers,
            f"-DMAIN_RAM_ORIGIN={ram['origin']:#x}u",
            *defines,
            *(f"-Wl,--defsym,{name}={value:#x}" for name, value in symbols.items()),
            *("-Wl,--no-warn-rwx-segments", "-T", FIRMWARE / "link.ld"),
            *(FIRMWARE / "start.S", source, "-lgcc", "-o", "firmware.elf"),
        ],
        cwd=folder,
        log=folder / "log",
        timeout_s=60,
    )
    run_tool(
        ["riscv64-unknown-elf-objcopy", "-O", "binary", "firmware.elf", "firmware.bin"],
        cwd=folder,
        log=folder / "log",
        timeout_s=60,
    )
    return (folder / "firmware.bin").read_bytes()


def letters_folder(memory: MemoryKind, folder: Path) -> Path:
    """A folder in which the letters firmware runs."""
    return prepare_letters(simulator(memory), folder)


def prepare_letters(which: Simulator, folder: Path) -> Path:
    """The same for any simulator."""
    return which.prepare(letters_firmware(which.soc_json), folder)
