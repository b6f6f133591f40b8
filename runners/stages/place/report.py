"""What nextpnr says about a routed design: its ``--report``, and its log while it runs."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.faults import ToolCrashed
from contracts.measurement import ClockDomain, PathStep, Placement

_SAME_CLOCK = 1e-3
"""How far nextpnr's constraint may be from the clock: it counts in whole picoseconds."""

_ARCS = re.compile(r"^Info:\s+\d+ \|(?:\s+\d+\s+\d+ \|){2}\s+(\d+)\|", re.MULTILINE)
_OVERUSED = re.compile(r"^Info:\s+iter=\d+ wires=\d+ overused=(\d+)", re.MULTILINE)
_EXPECTED = re.compile(
    r"^\w+: Max frequency for clock\s+'.*': ([\d.]+) MHz \(\w+ at ([\d.]+) MHz\)", re.MULTILINE
)
_PLACING = re.compile(r"^Info:\s+at iteration #\d+, type", re.MULTILINE)
_REFINING = re.compile(r"^Info:\s+at iteration #\d+: temp", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedDesign:
    """One report.

    Attributes:
        placement: Clocks and critical path.
        used: Sites taken, by nextpnr's name.
    """

    placement: Placement
    used: Mapping[str, int]


def parse_report(text: str, *, seed: int, clock_hz: int) -> RoutedDesign:
    """Read nextpnr's report.

    The system clock's net has a name of the tools' choice, so it is known by its constraint;
    where several clocks have that, the slowest counts.

    Args:
        text: Contents of the file that ``--report`` names.
        seed: That the run was given.
        clock_hz: The system clock.

    Raises:
        ToolCrashed: The text is not such a report, or no clock in it has that frequency.
    """
    clock_mhz = clock_hz / 1e6
    try:
        report = json.loads(text)
        domains = [
            ClockDomain(
                name=name,
                clock_mhz=float(found["constraint"]),
                fmax_mhz=float(found["achieved"]),
            )
            for name, found in report["fmax"].items()
        ]
        paths = [(_clock_of(path), _steps(path)) for path in report["critical_paths"]]
        used = {site: int(found["used"]) for site, found in report["utilization"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable("cannot be read", text) from error
    system = min(
        (domain for domain in domains if _is_about(domain.clock_mhz, clock_mhz)),
        key=lambda domain: domain.fmax_mhz,
        default=None,
    )
    if system is None:
        raise _unreadable(f"names no clock of {clock_mhz:.6g} MHz", text)
    worst = min(  # a clock of which nothing is asked misses nothing
        domains, key=lambda d: d.fmax_mhz / d.clock_mhz if d.clock_mhz else math.inf
    )
    placement = Placement(
        seed=seed,
        clock_hz=clock_hz,
        fmax_mhz=system.fmax_mhz,
        is_met=system.fmax_mhz > clock_mhz and all(d.fmax_mhz > d.clock_mhz for d in domains),
        domains=(system, *(domain for domain in domains if domain is not system)),
        critical_path=max(
            (steps for clock, steps in paths if clock == worst.name),
            key=lambda steps: sum(step.delay_ns for step in steps),
            default=(),
        ),
    )
    return RoutedDesign(placement=placement, used=used)


def missed(placement: Placement) -> tuple[ClockDomain, ...]:
    """Return the clocks that are not strictly met."""
    clock_mhz = placement.clock_hz / 1e6
    return tuple(
        domain
        for index, domain in enumerate(placement.domains)
        if domain.fmax_mhz <= max(domain.clock_mhz, clock_mhz if index == 0 else 0.0)
    )


def critical_path_text(path: Sequence[PathStep]) -> str:
    """Return a critical path in a few words: ends, delay, and where it goes."""
    if not path:
        return "no critical path is known"
    wires = sum(step.delay_ns for step in path if step.kind == "routing")
    whole = sum(step.delay_ns for step in path)
    cells = sum(step.kind == "logic" for step in path)
    return (
        f"from {path[0].source} to {path[-1].sink}: {whole:.2f} ns,"
        f" {wires:.2f} of it wires, through {cells} cells"
    )


def hopeless(log: str, *, asked_mhz: float, least_mhz: float, most_gained: float) -> str | None:
    """Say why a run cannot reach a clock, as far as its log tells; None while it may.

    When everything is placed nextpnr tells what the system clock would reach if each wire took its
    usual time.

    Args:
        log: What it wrote so far.
        asked_mhz: What the system clock was asked for.
        least_mhz: What it must reach.
        most_gained: How many times what was expected a route may end at, at the very most.
    """
    placed = _EXPECTED.findall(log.partition("Routing")[0])
    expected = [float(mhz) for mhz, asked in placed if _is_about(float(asked), asked_mhz)]
    if not expected or min(expected) * most_gained > least_mhz:
        return None
    return f"placed, the design is expected to reach {min(expected):.2f} MHz of {least_mhz:.2f} MHz"


def progress_of(log: str) -> float:
    """Return how much of a run its log so far accounts for, 0 to 1.

    Placing, with what it refines afterwards, takes about a third of the CPU time, routing the
    rest. How many rounds of placing there will be is not known before.
    """
    remaining = [int(arcs) for arcs in _ARCS.findall(log)]
    if "Routing complete" in log:
        return 0.97
    if remaining:
        return 0.3 + 0.65 * (1 - min(remaining) / max(*remaining, 1))
    overused = [int(wires) for wires in _OVERUSED.findall(log)]
    if overused:
        return 0.3 + 0.65 * (1 - min(overused) / max(*overused, 1))
    placed = 1 - math.exp(-len(_PLACING.findall(log)) / 10)
    refined = 1 - math.exp(-len(_REFINING.findall(log)) / 4)
    return 0.02 + 0.13 * placed + 0.15 * refined


def _clock_of(path: Mapping[str, Any]) -> str | None:
    """Return the clock that a path starts and ends at, without its edge; None where they differ."""
    start, end = (str(path[side]).partition(" ")[2] for side in ("from", "to"))
    return start if start == end else None


def _steps(path: Mapping[str, Any]) -> tuple[PathStep, ...]:
    return tuple(
        PathStep(
            kind=str(step["type"]),
            delay_ns=float(step["delay"]),
            source=str(step["from"]["cell"]),
            sink=str(step["to"]["cell"]),
            net=str(step.get("net", "")),
        )
        for step in path["path"]
    )


def _is_about(found_mhz: float, wanted_mhz: float) -> bool:
    return abs(found_mhz - wanted_mhz) <= _SAME_CLOCK * wanted_mhz


def _unreadable(what: str, text: str) -> ToolCrashed:
    return ToolCrashed(
        f"nextpnr wrote a report that {what}",
        fix="check the version of nextpnr: make setup",
        detail=text[:2000],
    )
