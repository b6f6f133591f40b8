"""The stage that compiles a CFU's Verilog for this computer, for kernels of a host firmware."""

import shutil
from pathlib import Path

from hw_templates.cfu import on_host
from runners.pipeline import Building, Stage
from runners.stages.cfu import SOURCE
from runners.stages.design import own_hardware
from runners.stages.own_source import giving
from runners.stages.simulator import runtime_inputs, verilator_root
from runners.tools import newest_clang, run_tool

_UNIT = "unit.cc"


def build_cfu_object(
    *, cfu: Path, runtime: Path, out: Path, timeout_s: float, memory_bytes: int | None = None
) -> float:
    """Write ``out/cfu.o``: ``cfu_emulate`` of cfu.h, answered by a CFU's Verilog.

    Args:
        cfu: Verilog of the module ``Cfu``.
        runtime: Folder that ``simulator.build_runtime`` filled.
        out: Folder to write into; must exist.
        timeout_s: Limit of each program, wall clock.
        memory_bytes: Limit of each program's resident memory.

    Returns:
        The CPU-seconds that it cost.

    Raises:
        DseError: A fault of ``run_tool``.
    """
    scratch = out / "scratch"
    model = scratch / "model"
    model.mkdir(parents=True)
    shutil.copyfile(cfu, scratch / SOURCE)
    verilated = run_tool(
        on_host.verilate_command(SOURCE, model.name),
        cwd=scratch,
        log=out / "verilator.log",
        timeout_s=timeout_s,
        memory_bytes=memory_bytes,
    )
    (model / _UNIT).write_text(on_host.unit([path.name for path in model.glob("*.cpp")]))
    compiled = run_tool(
        on_host.compile_command(
            _UNIT,
            compiler=newest_clang(),
            verilator_root=verilator_root(runtime),
            out=(out / on_host.CFU_OBJECT).absolute(),
        ),
        cwd=model,
        log=out / "clang.log",
        timeout_s=timeout_s,
        memory_bytes=memory_bytes,
    )
    shutil.rmtree(scratch)
    return verilated.cpu_s + compiled.cpu_s


def _build(building: Building) -> float:
    """Write ``cfu.o``; nothing for a design without CFU."""
    cfu = building.needs["cfu"] / SOURCE
    if not cfu.exists():
        return 0.0
    limits = building.job.limits
    with giving(own_hardware(building.job)):
        return build_cfu_object(
            cfu=cfu,
            runtime=building.needs["simulator-runtime"],
            out=building.out,
            timeout_s=limits.stage_timeout_s,
            memory_bytes=limits.memory_bytes,
        )


CFU_ON_HOST_STAGE = Stage(
    name="cfu-on-host",
    version=1,
    needs=("cfu", "simulator-runtime"),
    inputs=runtime_inputs,
    code=(
        *(f"runners/stages/{name}.py" for name in ("cfu_on_host", "cfu", "simulator", "design")),
        "runners/stages/own_source.py",
        "hw_templates/cfu/on_host",
        "hw_templates/soc/simulation",
    ),
    build=_build,
    is_tool=True,
)
