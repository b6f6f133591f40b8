"""The stages that build a board's boot program: what it runs first, and what loads the firmware.

LiteX's BIOS where the ROM has room for it, else a small program of ours; both speak LiteX's serial
boot. Neither depends on the design, only on the target and the clock that a design is settled on:
time limits and the speed of the serial port are theirs to know.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from contracts.faults import DoesNotFit, ToolCrashed
from hw_templates.soc import bios
from hw_templates.soc.config import BIOS_ROM_BYTES, SocConfig
from hw_templates.soc.fpga_boards import board_file
from runners.job import Job, Limits
from runners.pipeline import ALL_CORES, ROOT, Building, Stage, source_digest
from runners.stages.socs import board_soc
from runners.tools import identities, run_tool
from sw_templates import boot_program

_SOC_FOLDER = ROOT / "hw_templates" / "soc"
_PACKAGES = (
    "litex",
    "meson",
    "pythondata-software-compiler-rt",
    "pythondata-software-picolibc",
    "riscv-gcc",
)


_OVERFLOW = "region `"  # ... rom' overflowed by N bytes


def build_libraries(out: Path, *, limits: Limits) -> float:
    """Compile picolibc and compiler-rt into ``out``; good for every SoC.

    Returns:
        The CPU-seconds that it cost.

    Raises:
        DseError: A fault of ``run_tool``.
    """
    packages = bios.Packages()
    scratch = out / "scratch"
    _write_include(scratch, packages, bios.LIBRARY_HEADERS)
    cpu_s = _make(bios.LIBRARIES, packages, scratch, log=out / "libraries.log", limits=limits)
    for name in bios.library_files():
        (out / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(scratch / name, out / name)
    shutil.rmtree(scratch)
    return cpu_s


def build_bios(config: SocConfig, *, libraries: Path, out: Path, limits: Limits) -> float:
    """Write ``out/bios.bin``, the BIOS of a SoC.

    Args:
        config: Any SoC with a ROM.
        libraries: Folder that ``build_libraries`` filled.
        out: Folder to write into; must exist.
        limits: Of each program.

    Returns:
        The CPU-seconds that it cost.

    Raises:
        ConfigError: The SoC cannot be made.
        DoesNotFit: The ROM is too small.
        DseError: Another fault of ``run_tool``.
    """
    packages = bios.Packages()
    scratch = out / "scratch"
    _write_include(scratch, packages, {})
    for name in bios.library_files():
        (scratch / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(libraries / name, scratch / name)
    (scratch / "config.json").write_text(config.canonical_json())
    cpu_s = run_tool(
        bios.headers_command("config.json", "include/generated"),
        cwd=scratch,
        log=out / "litex.log",
        timeout_s=limits.stage_timeout_s,
        env={"PYTHONPATH": str(ROOT)},
    ).cpu_s
    try:
        cpu_s += _make(bios.PROGRAM, packages, scratch, log=out / "bios.log", limits=limits)
    except ToolCrashed as error:
        if _OVERFLOW not in error.detail:
            raise
        raise DoesNotFit(
            f"LiteX's BIOS does not fit a ROM of {config.rom_bytes} bytes",
            fix=f"raise memory.rom_bytes of the target to {BIOS_ROM_BYTES}",
            detail=error.detail,
        ) from error
    shutil.copyfile(scratch / "bios" / bios.BIOS_BINARY, out / bios.BIOS_BINARY)
    shutil.rmtree(scratch)
    return cpu_s


def build_lean(soc: Path, *, out: Path, limits: Limits, config: SocConfig | None = None) -> float:
    """Write ``out/bios.bin``, our own boot program.

    Args:
        soc: Artefact folder with ``soc.json`` of a SoC with a ROM.
        config: The same SoC with the clock that it will have; None for the one of ``soc.json``.
        out: Folder to write into; must exist.
        limits: Of each program.

    Returns:
        The CPU-seconds that it cost.

    Raises:
        ConfigError: The SoC has no ROM.
        DseError: A fault of ``run_tool``.
    """
    scratch = out / "scratch"
    scratch.mkdir()
    where = boot_program.BootMap.from_json(
        soc / "soc.json",
        clock_hz=None if config is None else config.clock_hz,
        tuning_word=0 if config is None else config.tuning_word,
    )
    boot_program.generate_boot(where, scratch)
    cpu_s = sum(
        run_tool(
            command,
            cwd=scratch,
            log=out / "boot.log",
            timeout_s=limits.stage_timeout_s,
            memory_bytes=limits.memory_bytes,
        ).cpu_s
        for command in boot_program.boot_commands()
    )
    program = (scratch / boot_program.BOOT_BINARY).read_bytes()
    (out / bios.BIOS_BINARY).write_bytes(boot_program.with_checksum(program))
    shutil.rmtree(scratch)
    return cpu_s


def _write_include(scratch: Path, packages: bios.Packages, headers: Mapping[str, str]) -> None:
    generated = scratch / "include" / "generated"
    generated.mkdir(parents=True)
    (generated / "variables.mak").write_text(bios.variables_text(packages))
    for name, text in headers.items():
        (generated / name).write_text(text)


def _make(
    parts: Sequence[str], packages: bios.Packages, scratch: Path, *, log: Path, limits: Limits
) -> float:
    cpu_s = 0.0
    for part in parts:
        (scratch / part).mkdir(exist_ok=True)
        cpu_s += run_tool(
            bios.make_command(part, packages),
            cwd=scratch,
            log=log,
            timeout_s=limits.stage_timeout_s,
            memory_bytes=limits.memory_bytes,
            env=bios.make_environment(),
        ).cpu_s
    return cpu_s


def _soc_of(job: Job) -> SocConfig:
    # The CFU's port does not change a register's address: designs with and without share a BIOS.
    return replace(board_soc(job.target, with_cfu=False), clock_hz=job.target.clock_hz)


def _library_inputs(job: Job) -> Mapping[str, Any]:
    del job
    return {
        "tools": identities(*_PACKAGES),
    }


def _is_lean(job: Job) -> bool:
    return job.target.memory.rom_bytes < BIOS_ROM_BYTES


def _bios_needs(job: Job) -> tuple[str, ...]:
    return ("board-soc",) if _is_lean(job) else ("bios-libraries",)


def _bios_inputs(job: Job) -> Mapping[str, Any]:
    config = _soc_of(job)
    if _is_lean(job):
        templates = ROOT / "sw_templates"
        return {
            "sources": [
                source_digest(templates / name)
                for name in ("boot", "boot_program.py", "build.py", "soc_map.py")
            ],
            "config": config.canonical_json(),
            "tools": identities("riscv-gcc"),
        }
    return {
        "config": config.canonical_json(),
        "board": source_digest(board_file(config.board)),
        "sources": source_digest(_SOC_FOLDER),
        "tools": identities("litedram", "migen", *_PACKAGES),
    }


def _build_libraries(building: Building) -> float:
    return build_libraries(building.out, limits=building.job.limits)


def _build_bios(building: Building) -> float:
    """Write ``bios.bin``."""
    if _is_lean(building.job):
        return build_lean(
            building.needs["board-soc"],
            out=building.out,
            limits=building.job.limits,
            config=_soc_of(building.job),
        )
    return build_bios(
        _soc_of(building.job),
        libraries=building.needs["bios-libraries"],
        out=building.out,
        limits=building.job.limits,
    )


BIOS_LIBRARIES_STAGE = Stage(
    name="bios-libraries",
    version=1,
    cores=ALL_CORES,
    memory_bytes=1 << 30,
    needs=(),
    inputs=_library_inputs,
    code=("runners/stages/bios.py", "hw_templates/soc/bios.py"),
    build=_build_libraries,
    is_tool=True,
)
BIOS_STAGE = Stage(
    name="bios",
    version=1,
    cores=1,
    memory_bytes=1 << 30,
    needs=(),
    may_need=("bios-libraries", "board-soc"),
    also_needs=_bios_needs,
    inputs=_bios_inputs,
    code=("runners/stages/bios.py", "runners/stages/socs.py", "hw_templates/soc/bios.py"),
    build=_build_bios,
)
