"""Stages that make software: the firmware, for the SoC and for the host."""

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from contracts.faults import DoesNotBuild, DoesNotFit, ToolCrashed
from contracts.network import Program
from contracts.parameter import Value
from hw_templates.cfu import Family
from runners.job import Job
from runners.pipeline import Building, Stage, source_digest
from runners.stages.design import cpu_config, family_of, family_values, is_own
from runners.stages.own_source import calling, giving
from runners.tools import identities, run_tool
from runners.workload import workload_model
from sw_templates.build import host_commands, riscv_commands
from sw_templates.generate import EMULATION, Firmware, generate
from sw_templates.model import Model
from sw_templates.network import network_of
from sw_templates.operator_set import operators_digest
from sw_templates.options import FirmwareOptions, KernelSet, printable_name
from sw_templates.soc_map import SocMap
from sw_templates.tflm.complaints import complaint

PROGRAM = "program.json"
"""File that a firmware has whose layers do not all run on the CPU."""
_LINKER_OVERFLOW = "region `"  # ... main_ram' overflowed by N bytes


# The firmware


def firmware_options(job: Job) -> FirmwareOptions:
    """Return what a job says about its firmware."""
    return FirmwareOptions.from_values(
        job.design,
        device_name=job.serial.device_name,
        model_name=job.serial.model_name or printable_name(job.workload.model.stem),
        results=job.serial.results,
        inputs=job.serial.inputs,
    )


def kernel_set(family: Family, values: Mapping[str, Value]) -> KernelSet:
    """Return the kernels of a CFU family for one design.

    Raises:
        DoesNotBuild: A function of the family raised for these values, or returned what no
            template or layout can use.
    """
    kernels = family.kernels
    if kernels is None:
        return KernelSet(headers=family.kernel_headers)
    with calling(f"the kernels of the CFU family {family.name}"):
        chosen = KernelSet(
            folders=(kernels.folder,),
            variables=dict(kernels.variables(values)),
            weight_row_align_bytes=kernels.weight_row_align_bytes(values),
            scratch_rows=kernels.scratch_rows(values),
            headers=family.kernel_headers,
        )
        json.dumps(asdict(chosen)["variables"])  # part of the key of what is built
        return chosen


def _program(family: Family, values: Mapping[str, Value], model: Model) -> Program:
    """Return what a family's compiler makes of a model.

    Raises:
        DoesNotFit: The design's memories are too small for it.
        DoesNotBuild: The compiler of a family of the study's own raised something else.
    """
    assert family.compiler is not None
    whose = f"the compiler of the CFU family {family.name}"
    with calling(whose) if is_own(family) else contextlib.nullcontext():
        return family.compiler.compile(values, network_of(model))


def _runs_where(program: Program, model: Model) -> list[dict[str, str]]:
    """Return for each layer its name, ``unit`` or ``cpu``, and the reason where there is one."""
    return [
        {
            "layer": layer.name,
            "runs_on": "unit" if position in program.layers else "cpu",
            "because": program.refusals.get(position, ""),
        }
        for position, layer in enumerate(model.layers)
    ]


def own_kernels(job: Job) -> str | None:
    """Return what of a firmware's C is the study's own, in words; None when it is all ours."""
    family = family_of(job)
    has_kernels = family.kernels is not None or family.kernel_headers is not None
    own = [f"the kernels of the CFU family {family.name}"] * (has_kernels and is_own(family))
    own += [f"the operators in {folder.name}" for folder in job.workload.operator_folders]
    return " with ".join(own) or None


def is_modelled_by_verilog(family: Family) -> bool:
    """Return whether a family's Verilog is the only model that its kernels have on the host.

    So it is where no ``cfu_emulation.c.j2`` lies beside them.
    """
    if family.verilog is None or (family.kernels is None and family.kernel_headers is None):
        return False
    return family.kernels is None or not (family.kernels.folder / f"{EMULATION}.j2").is_file()


def generate_firmware(job: Job, *, soc: SocMap | None, out: Path) -> Firmware:
    """Write the C of a job's firmware; ``soc`` None makes it a program of the host.

    For a family with a compiler, ``program.json`` says beside it which layers run where, and why a
    layer is the CPU's that the unit could run but for something.

    Raises:
        DoesNotBuild: A template of the study's own cannot be rendered.
        DseError: From ``generate``.
    """
    family = family_of(job)
    model = workload_model(job.workload)
    values = family_values(job, family)
    kernels = kernel_set(family, values)
    if family.compiler is not None:
        program = _program(family, values, model)
        kernels = replace(kernels, program=program)
        out.mkdir(parents=True, exist_ok=True)
        (out / PROGRAM).write_text(json.dumps(_runs_where(program, model), indent=1))
    own = own_kernels(job)
    with contextlib.nullcontext() if own is None else calling(own):
        return generate(model, kernels=kernels, options=firmware_options(job), soc=soc, out=out)


def _source_inputs(job: Job) -> dict[str, Any]:
    family = family_of(job)
    kernels = kernel_set(family, family_values(job, family))
    return {
        "model": job.workload.model_sha256,
        "kernels": {
            **asdict(kernels),
            "folders": [source_digest(folder) for folder in kernels.folders],
            "headers": _headers_inputs(kernels),
        },
        "network_compiler": None
        if family.compiler is None
        else {
            "values": family_values(job, family),
            "sources": [
                (path.name, source_digest(path))
                for path in (*family.compiler.sources, *family.sources)
            ],
        },
        "operators": operators_digest(job.workload.operator_folders),
        "options": asdict(firmware_options(job)),
        "tools": identities("flatbuffers", "jinja2", "numpy", "tflite"),
    }


def _headers_inputs(kernels: KernelSet) -> Mapping[str, Any] | None:
    headers = kernels.headers
    if headers is None:
        return None
    return {
        "folder": source_digest(headers.folder),
        "headers": dict(headers.headers),
        "defines": dict(headers.defines),
        "sources": headers.sources,
    }


def _firmware_inputs(job: Job) -> Mapping[str, Any]:
    return {
        **_source_inputs(job),
        "flags": cpu_config(job).compiler_flags,
        "libgcc": cpu_config(job).libgcc_flags,
        "compiler": identities("riscv-gcc"),
    }


def _build_firmware(building: Building) -> float:
    """Write the generated C, ``firmware.elf`` and ``firmware.bin``."""
    started_s = time.process_time()
    firmware = generate_firmware(
        building.job, soc=SocMap.from_json(building.needs["soc"] / "soc.json"), out=building.out
    )
    cpu_s = time.process_time() - started_s
    commands = riscv_commands(
        firmware,
        options=firmware_options(building.job),
        cpu_flags=cpu_config(building.job).compiler_flags,
        libgcc_flags=cpu_config(building.job).libgcc_flags,
    )
    with giving(own_kernels(building.job)):
        try:
            cpu_s += sum(_run(building, command) for command in commands)
        except ToolCrashed as error:
            if _LINKER_OVERFLOW not in error.detail:
                raise
            raise DoesNotFit(
                "the firmware does not fit the main memory of the target",
                fix="raise memory.size_bytes of the target, or use a smaller model",
                detail=error.detail,
            ) from error
    for linked in building.out.glob("*.o"):  # all of it is in the ELF
        linked.unlink()
    return cpu_s


def _host_inputs(job: Job) -> Mapping[str, Any]:
    return {**_source_inputs(job), "compiler": identities("host-gcc")}


def _build_host_firmware(building: Building) -> float:
    """Write the same C for the host, and ``firmware_host``, with the CFU emulated and without.

    Where the CFU's Verilog is its only model there is no ``firmware_host``: stage ``cfu-check``
    links one.
    """
    started_s = time.process_time()
    firmware = generate_firmware(building.job, soc=None, out=building.out)
    cpu_s = time.process_time() - started_s
    commands = host_commands(firmware, needs_cfu=is_modelled_by_verilog(family_of(building.job)))
    with giving(own_kernels(building.job)):
        return cpu_s + sum(_run(building, command) for command in commands)


def _run(building: Building, command: tuple[str, ...]) -> float:
    """Run a compiler.

    Raises:
        DoesNotBuild: A kernel that was written against TensorFlow Lite Micro uses something that
            the shim does not have.
        DseError: Another fault of ``run_tool``.
    """
    try:
        return run_tool(
            command,
            cwd=building.out,
            log=building.out / "compiler.log",
            timeout_s=building.job.limits.stage_timeout_s,
            memory_bytes=building.job.limits.memory_bytes,
        ).cpu_s
    except ToolCrashed as error:
        if family_of(building.job).kernel_headers is None:
            raise
        log = (building.out / "compiler.log").read_text(encoding="utf-8", errors="replace")
        found = complaint(log)
        if found is None:
            raise
        what, fix = found
        raise DoesNotBuild(what, fix=fix, detail=error.detail) from error


_CODE = (
    *(f"runners/stages/{name}.py" for name in ("firmware", "design", "own_source")),
    "runners/workload.py",
    "sw_templates",
)

FIRMWARE_STAGE = Stage(
    name="firmware",
    version=1,
    cores=1,
    memory_bytes=1 << 30,
    needs=("soc",),
    inputs=_firmware_inputs,
    code=_CODE,
    build=_build_firmware,
)
HOST_FIRMWARE_STAGE = Stage(
    name="host-firmware",
    version=1,
    cores=1,
    memory_bytes=1 << 30,
    needs=(),
    inputs=_host_inputs,
    code=_CODE,
    build=_build_host_firmware,
)
