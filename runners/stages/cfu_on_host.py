"""The stage that compiles a CFU's Verilog for this computer, for kernels of a host firmware."""

from pathlib import Path

from contracts.cfu_clock import CPU_CLOCK_PERCENT
from hw_templates.cfu import on_host
from runners.pipeline import Building, Stage
from runners.stages.cfu import SOURCE
from runners.stages.design import cfu_clock_percent, own_hardware
from runners.stages.own_source import giving
from runners.stages.simulator import (
    MODEL_FOLDER,
    UNIT,
    compile_verilog,
    runtime_inputs,
    verilator_root,
)
from runners.tools import newest_clang


def build_cfu_object(
    *,
    cfu: Path,
    cfu_clock_percent: int = CPU_CLOCK_PERCENT,
    runtime: Path,
    out: Path,
    timeout_s: float,
    memory_bytes: int | None = None,
) -> float:
    """Write ``out/cfu.o``: ``cfu_emulate`` of cfu.h, answered by a CFU's Verilog.

    Args:
        cfu: Verilog of the module ``Cfu``.
        cfu_clock_percent: Its clock in percent of that of its port ``clk``.
        runtime: Folder that ``simulator.build_runtime`` filled.
        out: Folder to write into; must exist.
        timeout_s: Limit of each program, wall clock.
        memory_bytes: Limit of each program's resident memory.

    Returns:
        The CPU-seconds that it cost.

    Raises:
        DseError: A fault of ``run_tool``.
    """
    return compile_verilog(
        {SOURCE: cfu.read_text(encoding="utf-8")},
        verilate=on_host.verilate_command(SOURCE, MODEL_FOLDER),
        unit=on_host.unit,
        compiling=on_host.compile_command(
            UNIT,
            compiler=newest_clang(),
            verilator_root=verilator_root(runtime),
            cfu_clock_percent=cfu_clock_percent,
            out=(out / on_host.CFU_OBJECT).absolute(),
        ),
        out=out,
        timeout_s=timeout_s,
        memory_bytes=memory_bytes,
    )


def _build(building: Building) -> float:
    """Write ``cfu.o``; nothing for a design without CFU."""
    cfu = building.needs["cfu"] / SOURCE
    if not cfu.exists():
        return 0.0
    limits = building.job.limits
    with giving(own_hardware(building.job)):
        return build_cfu_object(
            cfu=cfu,
            cfu_clock_percent=cfu_clock_percent(building.job),
            runtime=building.needs["simulator-runtime"],
            out=building.out,
            timeout_s=limits.stage_timeout_s,
            memory_bytes=limits.memory_bytes,
        )


CFU_ON_HOST_STAGE = Stage(
    name="cfu-on-host",
    version=1,
    cores=1,
    memory_bytes=2 << 30,
    needs=("cfu", "simulator-runtime"),
    inputs=runtime_inputs,
    code=(
        *(f"runners/stages/{name}.py" for name in ("cfu_on_host", "cfu", "simulator", "design")),
        "runners/stages/own_source.py",
        "hw_templates/cfu/family.py",
        "hw_templates/cfu/on_host",
        "hw_templates/soc/simulation",
    ),
    build=_build,
    is_tool=True,
)
