"""A made-up design space with made-up costs, for developing search algorithms. Not measurements.

The structure follows what soft CPUs do: cycles are a sum of compute, fetch and load terms with
interactions (a wide unit starves without a buffer, a cache that is large enough stops to matter),
cells are nearly additive with a little noise of synthesis, and some designs are infeasible.
"""

import hashlib
import math
from dataclasses import dataclass

from contracts.parameter import Condition, Parameter, Rule, Value
from dse.space import Design, Space

CYCLE_LIMIT = 400e6
LUT4_LIMIT = 9_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a made-up design is measured with.

    Attributes:
        macs: Multiplications of the network.
        outputs: Values that its layers write.
        memory_wait: Factor of what memory costs behind the caches.
        cell: Factor of the cells of a CPU's parts; those of a CFU count whole.
    """

    macs: float = 12.5e6
    outputs: float = 300e3
    memory_wait: float = 1.0
    cell: float = 1.0


FIRST = Situation()
OTHER = Situation(macs=3.0e6, outputs=900e3, memory_wait=2.5, cell=0.6)
"""A network of many small layers, on a board with slow memory and larger cells."""


def synthetic_space() -> Space:
    """Return a conditional space of 178,176 designs."""

    def parameter(
        name: str, *values: Value, default: Value, when: tuple[Condition, ...] = ()
    ) -> Parameter:
        return Parameter(
            name=name,
            values=values,
            default=default,
            description=f"synthetic {name}",
            ordered=all(type(value) is int for value in values),
            when=when,
        )

    simd = (Condition(parameter="cfu", values=("simd",)),)
    return Space(
        (
            parameter("icache_bytes", 0, 1024, 4096, 16384, default=4096),
            parameter("dcache_bytes", 0, 1024, 4096, 16384, default=4096),
            parameter("multiplier", "none", "iterative", "pipelined", default="pipelined"),
            parameter("divider", "none", "iterative", default="iterative"),
            parameter("shifter", "iterative", "full", default="full"),
            parameter(
                "branch_prediction", "none", "static", "dynamic", "dynamic-target", default="static"
            ),
            parameter("bypass", True, False, default=True),
            parameter("cfu", "none", "simd", default="simd"),
            parameter("simd_width", 1, 2, 4, 8, 16, default=4, when=simd),
            parameter("buffer_depth", 0, 256, 1024, default=0, when=simd),
            parameter("hardware_requantisation", True, False, default=False, when=simd),
            parameter("unroll", 1, 2, 4, 8, default=1),
        ),
        (
            Rule(
                name="wide-needs-buffer",
                reason="operands wider than two registers come from a buffer",
                parameters=("simd_width", "buffer_depth"),
                holds=lambda v: v.get("simd_width", 1) <= 8 or v["buffer_depth"] != 0,  # type: ignore[operator]
            ),
        ),
    )


def small_space() -> Space:
    """Return a part of the synthetic space that is small enough for a table: 4,176 designs."""
    return synthetic_space().restricted(
        {
            "divider": "iterative",
            "shifter": "full",
            "bypass": True,
            "branch_prediction": ["none", "dynamic"],
            "icache_bytes": [0, 1024, 4096, 16384],
            "dcache_bytes": [0, 4096, 16384],
            "unroll": [1, 4],
        }
    )


def synthetic_metrics(design: Design, given: Situation = FIRST) -> dict[str, float] | None:
    """Return ``latency_us`` and ``lut4`` of a design, or None when it is infeasible."""
    v = design.values
    integer = {name: value for name, value in v.items() if isinstance(value, int)}
    icache, dcache = integer["icache_bytes"], integer["dcache_bytes"]
    unroll, macs, wait = integer["unroll"], given.macs, given.memory_wait
    multiply = {"none": 34.0, "iterative": 11.0, "pipelined": 1.5}[str(v["multiplier"])]
    shift = 1.0 if v["shifter"] == "full" else 8.0
    divide = 40.0 if v["divider"] == "iterative" else 300.0
    branch = {"none": 3.0, "static": 1.6, "dynamic": 1.2, "dynamic-target": 0.6}[
        str(v["branch_prediction"])
    ]
    code_bytes = 1500 + 500 * unroll
    evicted = 1.0 + math.exp(3.0 * math.log(icache / code_bytes)) if icache else 1.0
    fetch = 9.0 * wait if icache == 0 else 1.0 + 4.0 * wait / evicted
    load = 14.0 * wait if dcache == 0 else 2.0 + 3.0 * wait / (1.0 + dcache / 3000.0)
    stall = 1.0 if v["bypass"] is True else 1.45
    width, depth = integer.get("simd_width", 0), integer.get("buffer_depth", 0)
    if v["cfu"] == "none":
        instructions, loads, outputs = (4.0 + 3.0 / unroll) * macs, 2.0 * macs, given.outputs
        cycles = instructions * fetch * stall + loads * load + multiply * macs
        cycles += outputs * (12 * fetch + 6 * shift + 3 * multiply)
    else:
        steps = macs / width
        words = max(1.0, width / 4) * (0.15 if depth else 1.0) * (1.0 if depth >= 1024 else 1.1)
        cycles = steps * ((3.0 + 3.0 / unroll) * fetch * stall + 2.0 * words * load)
        requantise = 5.0 if v["hardware_requantisation"] is True else 25 * fetch + 6 * shift
        software = 0.0 if v["hardware_requantisation"] is True else 4 * multiply
        cycles += given.outputs * (requantise * stall + software)
    cycles += macs / 40 * branch * (1 if unroll == 1 else 0.7) * stall + 2000 * divide
    lut4 = 2100.0 + (250 + icache / 50 if icache else 0) + (420 + dcache / 40 if dcache else 0)
    lut4 += {"none": 0, "iterative": 160, "pipelined": 110}[str(v["multiplier"])]
    lut4 += (140 if v["divider"] == "iterative" else 0) + (230 if v["shifter"] == "full" else 0)
    lut4 += {"none": 0, "static": 60, "dynamic": 210, "dynamic-target": 400}[
        str(v["branch_prediction"])
    ] + (190 if v["bypass"] is True else 0)
    lut4 *= given.cell
    if v["cfu"] == "simd":
        lut4 += 150 + 70 * width + (90 + depth / 10 if depth else 0)
        lut4 += 420 if v["hardware_requantisation"] is True else 0
        lut4 += 45 * width if depth else 0
    digest = hashlib.sha256(design.canonical.encode()).digest()
    lut4 *= 1.0 + 0.02 * (int.from_bytes(digest[:4], "big") / 2**32 - 0.5)
    if cycles > CYCLE_LIMIT or lut4 > LUT4_LIMIT:
        return None
    return {"latency_us": cycles / 50.0, "lut4": round(lut4)}
