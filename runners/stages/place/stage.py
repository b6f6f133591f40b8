"""The stage that places and routes: three netlists become one routed design and its report.

Keyed by netlists, constraints, the clock that it is routed with and seed, not by firmware nor by
the clock that the PLL gets afterwards. A clock that is missed is no fault here: the report tells,
and who asked decides.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.faults import DoesNotFit, DseError, InvalidDesign, TimingMissed, ToolCrashed
from hw_templates.soc.fpga_boards import fpga_board
from runners.fpga import family_of_part
from runners.fpga.family import FpgaFamily, Route
from runners.job import Job
from runners.pipeline import Building, Stage, source_digest
from runners.stages.design import cfu_clock_percent, own_hardware
from runners.stages.own_source import giving
from runners.stages.place.netlist import join_netlists
from runners.stages.place.report import RoutedDesign, hopeless, parse_report, progress_of
from runners.stages.soc import read_soc
from runners.stages.socs import built_clock_hz
from runners.stages.synthesis import NETLIST, SYNTHESISED
from runners.tools import ToolRun, identities, run_tool

REPORT = "report.json"
_JOINED = "joined.json"
_LOG = "nextpnr.log"
_TOP = "soc"
_CFU = "Cfu"
"""Instance of the CFU in the SoC, in the names of its cells and nets."""
_FULL = re.compile(
    r"^ERROR: ((?:Unable to place cell|Unable to find (?:a placement|legal placement)"
    r"|failed to place).*)",
    re.MULTILINE,
)
_NO_ROUTE = re.compile(r"^ERROR: ((?:Failed to (?:find a )?route|Routing design failed).*)", re.M)
_LOOP = re.compile(r"^ERROR: (.*combinational loop.*)", re.MULTILINE)


def read_routed(folder: Path, *, seed: int, clock_hz: int) -> RoutedDesign:
    """Return what the report of a routed design says; raises as ``parse_report``."""
    return parse_report((folder / REPORT).read_text(), seed=seed, clock_hz=clock_hz)


def place_and_route(family: FpgaFamily, route: Route, building: Building) -> ToolRun:
    """Run place and route in ``building.out``, whose files ``route`` names.

    Raises:
        DoesNotFit: The part has too few sites, or too little wiring.
        InvalidDesign: The design has a combinational loop.
        DoesNotBuild: The router refuses something in a CFU of the study's own.
        TimingMissed: When the design was placed, it was too far from the lowest clock of the range.
        DseError: Another fault of ``run_tool``.
    """
    limits = building.job.limits
    log = building.out / _LOG
    step = family.place(route)
    try:
        return run_tool(
            step.command,
            cwd=building.out,
            log=log,
            timeout_s=limits.stage_timeout_s,
            memory_bytes=limits.memory_bytes,
            watch=lambda: _watch(building, _text(log)),
        )
    except ToolCrashed as error:
        if fault := fault_of_log(_text(log), part=building.job.target.part):
            raise fault from error
        is_in_cfu = _CFU in (error.complaint or "")
        with giving(own_hardware(building.job) if is_in_cfu else None):
            raise


def _watch(building: Building, log: str) -> None:
    """Tell how far a run is, and stop it when it is of no use to go on."""
    building.progress(progress_of(log))
    target = building.job.target
    most_gained = family_of_part(target.part).most_gained_by_routing
    if target.clock_policy == "pinned" or most_gained is None:
        return
    why = hopeless(
        log,
        asked_mhz=_built_clock_hz(building.job) / 1e6,
        least_mhz=target.clocks_hz[0] / 1e6,
        most_gained=most_gained,
    )
    if why is not None:
        raise TimingMissed(
            f"seed {building.job.place_seed} was not routed to its end: {why}",
            fix="lower the bottom of target.clock_range_mhz, or choose a smaller design",
        )


def fault_of_log(log: str, *, part: str) -> DseError | None:
    """Return the design's fault that ended place and route, or None when it was another."""
    if found := _FULL.search(log):
        return DoesNotFit(
            f"{part} has no room for the design: {found[1]}",
            fix="choose a larger part or smaller parameters",
        )
    if found := _NO_ROUTE.search(log):
        return DoesNotFit(
            f"the wiring of {part} does not suffice for the design: {found[1]}",
            fix="choose a larger part or smaller parameters, or raise target.place_seeds",
        )
    if found := _LOOP.search(log):
        return InvalidDesign(
            f"the design has a combinational loop: {found[1]}",
            fix="put a register into the loop of the CFU family",
        )
    return None


def _text(log: Path) -> str:
    return log.read_text(errors="replace") if log.exists() else ""


def _built_clock_hz(job: Job) -> int:
    return built_clock_hz(job.target, cfu_clock_percent(job))


def _route(job: Job) -> Route:
    board = fpga_board(job.target.board)
    return Route(
        device=board.device_of(job.target.part),
        netlist=_JOINED,
        constraints=family_of_part(job.target.part).constraints_file,
        clock_hz=_built_clock_hz(job),
        seed=job.place_seed,
        report=REPORT,
        placed=family_of_part(job.target.part).placed_file,
    )


def _inputs(job: Job) -> Mapping[str, Any]:
    family = family_of_part(job.target.part)
    return {
        "source": source_digest(family.source),
        "command": list(family.place(_route(job)).command),
        "tools": identities(*family.place_packages),
    }


def _build(building: Building) -> float:
    """Write the routed design, ``report.json`` and the log."""
    job, out = building.job, building.out
    family = family_of_part(job.target.part)
    needed = [building.needs[f"synthesise-{part}"] / NETLIST for part, _, _ in SYNTHESISED]
    parts = [json.loads(path.read_text()) for path in needed if path.exists()]
    with giving(own_hardware(job)):
        joined = join_netlists(parts, top=_TOP)
    (out / _JOINED).write_text(json.dumps(joined))
    constraints = read_soc(building.needs["board-soc"])["files"]["constraints"]
    (out / family.constraints_file).write_bytes(
        (building.needs["board-soc"] / constraints).read_bytes()
    )
    run = place_and_route(family, _route(job), building)
    if not (out / REPORT).exists():
        raise ToolCrashed("nextpnr wrote no report", fix="check the version of nextpnr: make setup")
    clock_hz = _built_clock_hz(job)
    read_routed(out, seed=job.place_seed, clock_hz=clock_hz)  # refused here if broken
    (out / _JOINED).unlink()
    return run.cpu_s


PLACE_STAGE = Stage(
    name="place-and-route",
    version=1,
    cores=1,
    memory_bytes=2 << 30,
    needs=(*(f"synthesise-{part}" for part, _, _ in SYNTHESISED), "board-soc"),
    inputs=_inputs,
    code=(
        *(f"runners/stages/place/{name}.py" for name in ("stage", "netlist", "report")),
        *(f"runners/stages/{name}.py" for name in ("soc", "socs", "design", "own_source")),
        "runners/fpga/family.py",
    ),
    build=_build,
)
