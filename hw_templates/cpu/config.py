"""One CPU: validated values, their canonical text, and what they mean for the compiler."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from contracts.faults import InvalidDesign
from contracts.parameter import Parameter, Value, same_value
from hw_templates.cpu.parameters import PARAMETERS, RULES

_NEWEST_ISA_WITH_CSR_IN_BASE = "-misa-spec=2.2"  # later ones want _zicsr, whose libgcc is rv64
_ABI = "-mabi=ilp32"
_BEFORE: Mapping[str, Value] = {"branch_stage": "memory", "relaxed_fetch": False}
"""What cores with an instruction cache had before there was a choice: older designs name none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheConfig:
    """A cache that exists.

    Attributes:
        bytes: Size of the data in all ways.
        ways: Associativity.
        line_bytes: Bytes that one miss fetches.
    """

    bytes: int
    ways: int
    line_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuConfig:
    """A legal combination; make it with ``from_values``.

    Attributes:
        icache: Instruction cache, or None.
        dcache: Data cache, or None.
        multiplier: ``none``, ``iterative`` or ``pipelined``.
        divider: ``none`` or ``iterative``.
        shifter: ``iterative`` or ``full``.
        branch_prediction: ``none``, ``static``, ``dynamic`` or ``dynamic-target``.
        bypass: Whether results are forwarded.
        branch_stage: ``execute`` or ``memory``; ``execute`` without an instruction cache.
        relaxed_fetch: Whether a register lies between the next address and the instruction cache.
        cfu: Whether the core has the port of a custom function unit.
    """

    icache: CacheConfig | None
    dcache: CacheConfig | None
    multiplier: str
    divider: str
    shifter: str
    branch_prediction: str
    bypass: bool
    branch_stage: str
    relaxed_fetch: bool
    cfu: bool

    @classmethod
    def from_values(cls, values: Mapping[str, Value]) -> "CpuConfig":
        """Take the CPU's values out of a design; names of other rooms are ignored.

        Args:
            values: The active parameters of a design. ``cfu`` may be absent, which means ``none``.

        Raises:
            InvalidDesign: A value is missing, superfluous or not allowed, or a rule is broken.
        """
        # no other value of the design is looked at: these are what the key of a core consists of
        own = {each.name: values[each.name] for each in PARAMETERS if each.name in values}
        if own.get("icache_bytes"):
            own = {**_BEFORE, **own}
        for parameter in PARAMETERS:
            _check(parameter, own)
        for rule in RULES:
            if not rule.holds(own):
                found = ", ".join(f"{name}={own.get(name)!r}" for name in rule.parameters)
                raise InvalidDesign(
                    f"CPU rule {rule.name} is broken by {found}", fix=f"{rule.reason}; change one"
                )
        return cls(
            icache=_cache("icache", own),
            dcache=_cache("dcache", own),
            multiplier=str(own["multiplier"]),
            divider=str(own["divider"]),
            shifter=str(own["shifter"]),
            branch_prediction=str(own["branch_prediction"]),
            bypass=bool(own["bypass"]),
            branch_stage=str(own.get("branch_stage", "execute")),
            relaxed_fetch=bool(own.get("relaxed_fetch", False)),
            cfu=values.get("cfu", "none") not in ("none", False),
        )

    def canonical_json(self) -> str:
        """Return the one text of this configuration; equal text means the same core."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @property
    def march(self) -> str:
        """What the core executes in full: ``rv32im`` with multiplier and divider, else ``rv32i``.

        A core with a multiplier alone is compiled for by ``compiler_flags``, not by this name.
        """
        return "rv32im" if "none" not in (self.multiplier, self.divider) else "rv32i"

    @property
    def compiler_flags(self) -> tuple[str, ...]:
        """Flags with which GCC uses every instruction that the core has and no other.

        A multiplier without divider is M without its divisions: GCC 12 knows no Zmmul.
        """
        if self.multiplier == "none":
            return ("-march=rv32i", _NEWEST_ISA_WITH_CSR_IN_BASE, _ABI)
        flags = ("-march=rv32im", _NEWEST_ISA_WITH_CSR_IN_BASE, _ABI)
        return flags if self.divider != "none" else (*flags, "-mno-div")

    @property
    def libgcc_flags(self) -> tuple[str, ...]:
        """Flags with which GCC links a libgcc without instructions that would trap.

        GCC's rv32im libgcc divides in its 64-bit routines, so a core without divider takes the
        rv32i one; both have the same ABI.
        """
        return (f"-march={self.march}", _ABI)


def _check(parameter: Parameter, values: Mapping[str, Value]) -> None:
    active = all(
        any(same_value(values.get(need.parameter, ""), value) for value in need.values)
        for need in parameter.when
    )
    if not active:
        if parameter.name in values:
            raise InvalidDesign(
                f"CPU parameter {parameter.name}={values[parameter.name]!r} has no meaning here",
                fix=f"leave it out, or change {parameter.when[0].parameter}",
            )
        return
    allowed = ", ".join(map(repr, parameter.values))
    if parameter.name not in values:
        raise InvalidDesign(
            f"CPU parameter {parameter.name} is missing", fix=f"set it to one of {allowed}"
        )
    if not any(same_value(values[parameter.name], value) for value in parameter.values):
        raise InvalidDesign(
            f"CPU parameter {parameter.name} is {values[parameter.name]!r}",
            fix=f"use one of {allowed}",
        )


def _cache(prefix: str, values: Mapping[str, Value]) -> CacheConfig | None:
    size = int(values[f"{prefix}_bytes"])
    if size == 0:
        return None
    return CacheConfig(
        bytes=size,
        ways=int(values[f"{prefix}_ways"]),
        line_bytes=int(values[f"{prefix}_line_bytes"]),
    )
