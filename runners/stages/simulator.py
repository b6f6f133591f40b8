"""The stages that build the simulated board: Verilator's runtime once, then one program a design.

The firmware is no part of the program: it is read from files when a simulation starts, see
``hw_templates.soc.images``.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.cfu_clock import CPU_CLOCK_PERCENT
from contracts.faults import ToolMissing
from hw_templates.soc import simulation
from runners.job import Job
from runners.pipeline import Building, Stage
from runners.stages.design import cfu_clock_percent, own_hardware
from runners.stages.own_source import giving
from runners.tools import identities, newest_clang, run_tool

SIMULATOR = "simulator"
"""File name of the program in the folder that ``build_simulator`` fills."""

MODEL_FOLDER = "model"
"""Where ``compile_verilog`` has the C++ of a model, in a temporary folder."""
UNIT = "unit.cc"
"""File name of all of it as one unit."""

_ROOT_FILE = "verilator_root"


def build_runtime(out: Path, *, timeout_s: float, memory_bytes: int | None = None) -> float:
    """Compile Verilator's runtime into ``out``; good for every simulator.

    Returns:
        The CPU-seconds that it cost.

    Raises:
        ToolMissing: Verilator or clang is not installed.
        DseError: Another fault of ``run_tool``.
    """
    root_log = out / _ROOT_FILE
    cpu_s = run_tool(
        simulation.verilator_root_command(), cwd=out, log=root_log, timeout_s=timeout_s
    ).cpu_s
    for command in simulation.runtime_commands(verilator_root(out), compiler=newest_clang()):
        cpu_s += run_tool(
            command,
            cwd=out,
            log=out / "clang.log",
            timeout_s=timeout_s,
            memory_bytes=memory_bytes,
        ).cpu_s
    return cpu_s


def build_simulator(
    *,
    soc: Path,
    cpu: Path,
    cfu: Path | None,
    cfu_clock_percent: int = CPU_CLOCK_PERCENT,
    runtime: Path,
    out: Path,
    timeout_s: float,
    memory_bytes: int | None = None,
) -> float:
    """Write ``out/simulator``, the program that runs a SoC.

    Args:
        soc: ``soc.v`` of a simulation SoC.
        cpu: Verilog of the module ``VexRiscv``.
        cfu: Verilog of the module ``Cfu``; None for a SoC without.
        cfu_clock_percent: Its clock in percent of the SoC's.
        runtime: Folder that ``build_runtime`` filled.
        out: Folder to write into; must exist.
        timeout_s: Limit of each program, wall clock.
        memory_bytes: Limit of each program's resident memory.

    Returns:
        The CPU-seconds that it cost.

    Raises:
        DseError: A fault of ``run_tool``.
    """
    sources = {"soc.v": soc, "VexRiscv.v": cpu}
    if cfu is not None:
        sources["Cfu.v"] = cfu
    texts = {
        name: simulation.without_public(source.read_text(encoding="utf-8"))
        for name, source in sources.items()
    }
    return compile_verilog(
        texts,
        verilate=simulation.verilate_command(list(texts), MODEL_FOLDER),
        unit=simulation.simulator_unit,
        compiling=simulation.compile_command(
            UNIT,
            compiler=newest_clang(),
            verilator_root=verilator_root(runtime),
            runtime=runtime.absolute(),
            cfu_clock_percent=cfu_clock_percent,
            out=(out / SIMULATOR).absolute(),
        ),
        out=out,
        timeout_s=timeout_s,
        memory_bytes=memory_bytes,
    )


def compile_verilog(
    sources: Mapping[str, str],
    *,
    verilate: Sequence[str],
    unit: Callable[[Sequence[str]], str],
    compiling: Sequence[str],
    out: Path,
    timeout_s: float,
    memory_bytes: int | None,
) -> float:
    """Turn Verilog into C++, and all of that as one unit into what a command makes of it.

    Args:
        sources: File name to text of the Verilog.
        verilate: The command that turns it into C++ in ``MODEL_FOLDER``.
        unit: From the names of the C++ files to the text of the unit.
        compiling: The command that compiles ``UNIT``; its output lies outside of the folder.
        out: For logs and temporary files; must exist.
        timeout_s: Limit of each program, wall clock.
        memory_bytes: Limit of each program's resident memory.

    Returns:
        The CPU-seconds that it cost.

    Raises:
        DseError: A fault of ``run_tool``.
    """
    scratch = out / "scratch"
    model = scratch / MODEL_FOLDER
    model.mkdir(parents=True)
    for name, text in sources.items():
        (scratch / name).write_text(text, encoding="utf-8")
    verilated = run_tool(
        verilate,
        cwd=scratch,
        log=out / "verilator.log",
        timeout_s=timeout_s,
        memory_bytes=memory_bytes,
    )
    text = unit([path.name for path in model.glob("*.cpp")])
    (model / UNIT).write_text(text, encoding="utf-8")
    compiled = run_tool(
        compiling,
        cwd=model,
        log=out / "clang.log",
        timeout_s=timeout_s,
        memory_bytes=memory_bytes,
    )
    shutil.rmtree(scratch)
    return verilated.cpu_s + compiled.cpu_s


def verilator_root(runtime: Path) -> Path:
    """Return where Verilator's headers are.

    Args:
        runtime: Folder that ``build_runtime`` filled.

    Raises:
        ToolMissing: They are not there.
    """
    lines = (runtime / _ROOT_FILE).read_text(encoding="utf-8").split()
    root = Path(lines[-1]) if lines else Path()
    if not (root / "include" / "verilated.h").is_file():
        raise ToolMissing(
            f"Verilator says that it lives in {root}, where there is no include/verilated.h",
            fix="install Debian's package verilator again",
        )
    return root


def runtime_inputs(job: Job) -> Mapping[str, Any]:
    """Return the tools that turn Verilog into a program."""
    del job
    return {"tools": identities("verilator", "clang")}


def _build_runtime(building: Building) -> float:
    limits = building.job.limits
    return build_runtime(
        building.out, timeout_s=limits.stage_timeout_s, memory_bytes=limits.memory_bytes
    )


def _build_simulator(building: Building) -> float:
    """Write ``simulator``: CPU, CFU and SoC as a program; the firmware comes at its start."""
    limits = building.job.limits
    cfu = building.needs["cfu"] / "cfu.v"
    with giving(own_hardware(building.job)):
        return build_simulator(
            soc=building.needs["soc"] / "soc.v",
            cpu=building.needs["cpu"] / "VexRiscv.v",
            cfu=cfu if cfu.exists() else None,
            cfu_clock_percent=cfu_clock_percent(building.job),
            runtime=building.needs["simulator-runtime"],
            out=building.out,
            timeout_s=limits.stage_timeout_s,
            memory_bytes=limits.memory_bytes,
        )


_CODE = (
    *(f"runners/stages/{name}.py" for name in ("simulator", "design", "own_source")),
    "hw_templates/cfu/family.py",
    "hw_templates/soc/simulation",
)

SIMULATOR_RUNTIME_STAGE = Stage(
    name="simulator-runtime",
    version=1,
    cores=1,
    memory_bytes=1 << 30,
    needs=(),
    inputs=runtime_inputs,
    code=_CODE,
    build=_build_runtime,
    is_tool=True,
)
SIMULATOR_STAGE = Stage(
    name="simulator",
    version=1,
    cores=1,
    memory_bytes=2 << 30,
    needs=("soc", "cpu", "cfu", "simulator-runtime"),
    inputs=runtime_inputs,
    code=_CODE,
    build=_build_simulator,
    is_tool=True,
)
