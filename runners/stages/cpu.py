"""The stages that make the CPU: VexRiscv's generator, and one core a configuration."""

import shutil
from collections.abc import Mapping
from typing import Any

from hw_templates import cpu
from runners.job import Job
from runners.pipeline import ALL_CORES, Building, Stage
from runners.stages.design import cpu_config
from runners.tools import identities, run_tool


def _generator_inputs(job: Job) -> Mapping[str, Any]:
    del job
    return {"sources": cpu.source_digest(), "tools": identities("java")}


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
    return {"options": cpu_config(job).canonical_json(), "tools": identities("java")}


def _build_cpu(building: Building) -> float:
    options = building.out / "core.properties"
    options.write_text(cpu.options_text(cpu_config(building.job)))
    return run_tool(
        cpu.generator_command(building.needs["cpu-generator"], options, building.out),
        cwd=building.out,
        log=building.out / "generator.log",
        timeout_s=building.job.limits.stage_timeout_s,
    ).cpu_s


CPU_GENERATOR_STAGE = Stage(
    name="cpu-generator",
    version=1,
    cores=ALL_CORES,
    memory_bytes=2 << 30,
    needs=(),
    inputs=_generator_inputs,
    code=("runners/stages/cpu.py", "hw_templates/cpu/generator.py"),
    build=lambda building: compile_generator(building, offline=True),
    is_tool=True,
)
CPU_STAGE = Stage(
    name="cpu",
    version=1,
    cores=1,
    memory_bytes=1 << 30,
    needs=("cpu-generator",),
    inputs=_cpu_inputs,
    code=("runners/stages/cpu.py", "hw_templates/cpu/config.py", "hw_templates/cpu/generator.py"),
    build=_build_cpu,
)
