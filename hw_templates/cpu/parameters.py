"""The CPU's share of the design space: its parameters, and which combinations are legal."""

from collections.abc import Mapping

from contracts.parameter import Condition, Parameter, Rule, Value

CACHE_BYTES = (1024, 2048, 4096, 8192, 16384)
CACHE_WAYS = (1, 2, 4)
CACHE_LINE_BYTES = (8, 16, 32, 64)


def _present(prefix: str) -> tuple[Condition, ...]:
    return (Condition(parameter=f"{prefix}_bytes", values=CACHE_BYTES),)


def _cache_parameters(prefix: str, what: str) -> tuple[Parameter, ...]:
    present = _present(prefix)
    return (
        Parameter(
            name=f"{prefix}_bytes",
            values=(0, *CACHE_BYTES),
            default=4096,
            ordered=True,
            description=f"Size of the {what} cache; 0 leaves it out",
        ),
        Parameter(
            name=f"{prefix}_ways",
            values=CACHE_WAYS,
            default=1,
            ordered=True,
            when=present,
            description=f"Associativity of the {what} cache; 1 is direct mapped",
        ),
        Parameter(
            name=f"{prefix}_line_bytes",
            values=CACHE_LINE_BYTES,
            default=32,
            ordered=True,
            when=present,
            description=f"What one miss of the {what} cache fetches in one burst",
        ),
    )


PARAMETERS: tuple[Parameter, ...] = (
    *_cache_parameters("icache", "instruction"),
    *_cache_parameters("dcache", "data"),
    Parameter(
        name="multiplier",
        values=("none", "iterative", "pipelined"),
        default="pipelined",
        description="none: library calls; iterative: 33 cycles in LUTs; pipelined: 1 cycle in DSPs",
    ),
    Parameter(
        name="divider",
        values=("none", "iterative"),
        default="iterative",
        description="none: library calls; iterative: 34 cycles",
    ),
    Parameter(
        name="shifter",
        values=("iterative", "full"),
        default="full",
        description="iterative: 1 cycle per bit; full: any distance in 1 cycle",
    ),
    Parameter(
        name="branch_prediction",
        values=("none", "static", "dynamic", "dynamic-target"),
        default="static",
        description="none; backwards taken; 2-bit history; history with a table of targets",
    ),
    Parameter(
        name="bypass",
        values=(False, True),
        default=True,
        description="Forward a result to the next instructions instead of waiting for its write",
    ),
    # Without an instruction cache the memory binds the clock, and neither bought anything there.
    Parameter(
        name="branch_stage",
        values=("execute", "memory"),
        default="memory",
        when=_present("icache"),
        description="Where a branch goes its way; memory: a cycle later, from registers",
    ),
    Parameter(
        name="relaxed_fetch",
        values=(False, True),
        default=False,
        when=_present("icache"),
        description="Whether a register lies between the next address and the instruction cache",
    ),
)


MACS_PER_CYCLE: Mapping[str, float | None] = {"none": None, "iterative": 1 / 34, "pipelined": 1 / 2}
"""By ``multiplier``, the most multiply-accumulates of a core that issues one instruction a cycle:
a multiplication and an addition each. What a library call takes depends on its operands."""


def _divider_has_multiplier(values: Mapping[str, Value]) -> bool:
    return values["divider"] == "none" or values["multiplier"] != "none"


RULES: tuple[Rule, ...] = (
    Rule(
        name="divider-needs-multiplier",
        reason="no compiler emits divisions for a RISC-V core that cannot multiply",
        parameters=("multiplier", "divider"),
        holds=_divider_has_multiplier,
    ),
)
