"""Whether a synthesised design fits its part; if not, who takes how many, and what changes it."""

from collections.abc import Mapping, Sequence

from contracts.faults import DoesNotFit
from runners.fpga import PARTS, family_of_part
from runners.fpga.cells import BLOCK_RAM_BITS, MULTIPLIERS
from runners.fpga.family import total
from runners.job import Job
from runners.stages.design import family_of

Costs = Mapping[str, Mapping[str, int]]
"""Cells of each part of a design that is synthesised apart: ``soc``, ``cpu``, ``cfu``."""

_CPU_KEYS = {
    BLOCK_RAM_BITS.name: ("icache_bytes", "icache_ways", "dcache_bytes", "dcache_ways"),
    MULTIPLIERS.name: ("multiplier",),
}
_CPU_LOGIC = (
    *("multiplier", "divider", "shifter"),
    *("branch_prediction", "bypass", "branch_stage", "relaxed_fetch"),
)


def require_fit(costs: Costs, job: Job) -> None:
    """Check a design against the part of its target.

    Raises:
        DoesNotFit: The part has too little of one or more resources; all are named, with what each
            part of the design takes of them, and the keys that change it.
    """
    part = job.target.part
    capacity = PARTS[part]
    short = {name: count for name, count in total(costs.values()).items() if count > capacity[name]}
    if not short:
        return
    needs = ", ".join(
        f"{count} {name.upper()} of {capacity[name]} ({_shares(costs, name)})"
        for name, count in short.items()
    )
    keys = "; ".join(
        f"{taker}: {', '.join(names)}" for taker, names in _keys(costs, job, short).items() if names
    )
    raise DoesNotFit(
        f"the design needs {needs} on {part}",
        fix="take a larger part, or allow smaller values of what takes them"
        + (f" ({keys})" if keys else ""),
    )


def _shares(costs: Costs, name: str) -> str:
    """Write what each part of a design takes of a resource."""
    words = {"soc": "SoC", "cpu": "CPU", "cfu": "CFU"}
    return ", ".join(f"{words[taker]} {cost[name]}" for taker, cost in costs.items() if cost[name])


def _keys(costs: Costs, job: Job, short: Sequence[str] | Mapping[str, int]) -> dict[str, list[str]]:
    """Return which keys change how much each part of a design takes of what is short."""
    role_of = {each.name: each.metric.role for each in family_of_part(job.target.part).resources}
    found: dict[str, list[str]] = {"SoC": [], "CPU": [], "CFU": []}
    for name in short:
        role = role_of[name] or ""
        if costs["soc"][name] and role == BLOCK_RAM_BITS.name:
            size = "l2_bytes" if job.target.memory.kind == "sdram" else "size_bytes"
            found["SoC"] += [f"target.memory.{key}" for key in ("rom_bytes", "sram_bytes", size)]
        if costs["cpu"][name]:
            found["CPU"] += [
                key
                for key in _CPU_KEYS.get(role, _CPU_LOGIC)
                if job.design.get(key) not in (None, 0, False, "none")
            ]
        if costs["cfu"][name]:
            found["CFU"] += [
                each.name for each in family_of(job).parameters if each.name in job.design
            ]
    return {taker: list(dict.fromkeys(keys)) for taker, keys in found.items()}
