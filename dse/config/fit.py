"""Rules that keep out of a space what is known not to be possible before it is built.

A design is out when the least that its SoC, core and CFU take is more than the part has. The
bounds are told by who describes the hardware; what they leave in may still turn out too large. So
is one whose CFU wants a clock that the board's PLL does not make.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from contracts.cfu_clock import CPU_CLOCK_PERCENT
from contracts.least_hardware import LeastHardware
from contracts.parameter import Parameter, Rule, Value
from hw_templates import cpu
from hw_templates.cfu import Family
from hw_templates.cfu.family import ClockOf, LeastOf
from hw_templates.soc.fpga_boards import FPGA_BOARDS, fpga_board
from hw_templates.soc.least import least_soc
from runners.fpga import PARTS, family_of_part
from runners.fpga.cells import BLOCK_RAM_BITS, MULTIPLIERS
from runners.fpga.family import FpgaFamily
from runners.fpga.least import has_large_rams, held_cells, least_cells
from runners.job import Target
from runners.stages.socs import board_soc

_READ_BY_CORE = {
    BLOCK_RAM_BITS.name: ("icache_bytes", "icache_ways", "dcache_bytes", "dcache_ways"),
    MULTIPLIERS.name: ("multiplier",),
}
_NAMES = {BLOCK_RAM_BITS.name: "block RAMs", MULTIPLIERS.name: "multipliers"}
_MOST_TOGETHER = 250_000
"""Combinations of values that one rule may look at: a space keeps each in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a part has of one thing, and what the SoC leaves of it.

    Attributes:
        part: Name.
        role: ``block_ram_bits`` or ``multipliers``.
        held: How many block RAMs or multipliers the part has.
        of_soc: How many the SoC takes at the least.
    """

    part: str
    role: str
    held: float
    of_soc: float

    @property
    def reason(self) -> str:
        """Why a design that breaks the rule is out, in one sentence."""
        soc = f", the SoC takes {self.of_soc:g} of them," if self.of_soc else ""
        return (
            f"the {self.part} has {self.held:g} {_NAMES[self.role]}{soc} and the design takes more"
        )


def fit_rules(
    parameters: Sequence[Parameter], families: Mapping[str, Family], target: Target
) -> tuple[Rule, ...]:
    """Return the rules of designs that a target's part may hold; none where all may fit.

    Args:
        parameters: Of the space, with the values that a config allows.
        families: The CFU families whose code is there.
        target: Whose part it is.
    """
    if target.part not in PARTS or target.board not in FPGA_BOARDS:
        return ()  # a database can name one of a newer version
    if not _are_declared(parameters, families):
        return ()  # a database can hold values that no bound is made for
    known = {parameter.name: parameter for parameter in parameters}
    fitting = (
        rule
        for room in rooms_of(target)
        for rule in _rules(room, known, families, family_of_part(target.part))
    )
    return (*fitting, *_clock_rules(known, families, target))


def _clock_rules(
    known: Mapping[str, Parameter], families: Mapping[str, Family], target: Target
) -> Iterator[Rule]:
    """Yield the rules that the board's PLL makes the clock that a CFU has beside the CPU's."""
    for choice in map(str, known["cfu"].values if "cfu" in known else ()):
        clock = families[choice].clock if choice in families else None
        if clock is None or not all(name in known for name in clock.parameters):
            continue
        rule = _clock_rule(choice, clock, target)
        combinations = itertools.product(*(known[name].values for name in clock.parameters))
        designs = (dict(zip(clock.parameters, values, strict=True)) for values in combinations)
        if not all(rule.holds({"cfu": choice, **design}) for design in designs):
            yield rule


def _clock_rule(cfu: str, clock: ClockOf, target: Target) -> Rule:
    family, reference_hz = family_of_part(target.part), fpga_board(target.board).clock.hz
    low, high = target.clocks_hz

    @functools.cache
    def is_made(percent: int) -> bool:
        clocks_hz = family.clocks_with_cfu_hz(reference_hz, percent)
        return percent == CPU_CLOCK_PERCENT or any(low <= each <= high for each in clocks_hz)

    def holds(values: Mapping[str, Value]) -> bool:
        return values.get("cfu") != cfu or is_made(clock.percent(values))

    return Rule(
        name="-".join(["clock", target.part.lower(), cfu]),
        reason=f"the PLL of the {target.part} makes no such clock for the CFU beside the CPU's",
        parameters=("cfu", *clock.parameters),
        holds=holds,
    )


def _are_declared(parameters: Sequence[Parameter], families: Mapping[str, Family]) -> bool:
    """Tell whether every value of the CPU's and the families' parameters is one that they have."""
    own = (each for family in families.values() for each in family.parameters)
    declared = {each.name: frozenset(map(repr, each.values)) for each in (*cpu.PARAMETERS, *own)}
    return all(
        declared[each.name].issuperset(map(repr, each.values))
        for each in parameters
        if each.name in declared
    )


def rooms_of(target: Target) -> tuple[Room, ...]:
    """Return what a target's part has, and what its SoC leaves of it."""
    family = family_of_part(target.part)
    soc = least_soc(board_soc(target, with_cfu=True), main_ram_in_blocks=not has_large_rams(family))
    taken, held = least_cells(soc, family), held_cells(family, target.part)
    return tuple(
        Room(part=target.part, role=role, held=held[role], of_soc=taken[role])
        for role in _READ_BY_CORE
    )


def room_text(target: Target) -> str:
    """Write what a target's part has and its SoC takes: what there is to choose from."""
    return "; ".join(
        f"{room.held:g} {_NAMES[room.role]}"
        + (f", of which the SoC takes {room.of_soc:g} at the least" if room.of_soc else "")
        for room in rooms_of(target)
    )


def _rules(
    room: Room, known: Mapping[str, Parameter], families: Mapping[str, Family], family: FpgaFamily
) -> Iterator[Rule]:
    """Yield the rules of one kind of cell: of the core, then of the core with each CFU family."""
    core = _Bound(
        parameters=tuple(name for name in _READ_BY_CORE[room.role] if name in known),
        hardware=cpu.least_core,
        family=family,
        role=room.role,
    )
    nothing = _Bound(
        parameters=(), hardware=lambda _: LeastHardware(), family=family, role=room.role
    )
    if room.of_soc + core.most(known) > room.held:
        yield _rule(room, core, nothing, cfu=None)
    choices = known["cfu"].values if "cfu" in known else ()
    for choice in choices:
        for piece in families[str(choice)].least if choice in families else ():
            cfu = _Bound(
                parameters=piece.parameters,
                hardware=piece.hardware,
                family=family,
                role=room.role,
            )
            if not all(name in known for name in piece.parameters):
                continue
            if cfu.combinations(known) > _MOST_TOGETHER:
                continue
            if room.of_soc + core.most(known) + cfu.most(known) > room.held and cfu.most(known):
                kept = _kept_for(piece, families[str(choice)], known)
                together = core.combinations(known) * kept <= _MOST_TOGETHER
                yield _rule(room, core if together else core.alone(), cfu, cfu=str(choice))


def _kept_for(piece: LeastOf, family: Family, known: Mapping[str, Parameter]) -> int:
    """Return how many combinations of a family's values a space keeps until a bound is decided.

    It chooses parameter by parameter: those between the first and the last of the bound count, too.
    """
    names = [parameter.name for parameter in family.parameters]
    last = max((names.index(name) for name in piece.parameters), default=-1)
    return math.prod(len(known[name].values) for name in names[: last + 1] if name in known)


class _Bound:
    """A lower bound in cells of one role, by the values of some parameters.

    Args:
        parameters: What it follows from; one that a design does not have counts for nothing.
        hardware: Returns the hardware for their values.
        family: Of the part.
        role: Of the cells.
    """

    def __init__(
        self,
        *,
        parameters: tuple[str, ...],
        hardware: Callable[[Mapping[str, Value]], LeastHardware],
        family: FpgaFamily,
        role: str,
    ) -> None:
        self.parameters = parameters
        self._hardware = hardware
        self._family = family
        self._role = role
        self._found: dict[tuple[Value | None, ...], float] = {}

    def cells(self, values: Mapping[str, Value]) -> float:
        """Return the bound for a design, of which other values do not matter."""
        key = tuple(values.get(name) for name in self.parameters)
        if key not in self._found:
            own = {name: values[name] for name in self.parameters if name in values}
            self._found[key] = least_cells(self._hardware(own), self._family)[self._role]
        return self._found[key]

    def combinations(self, known: Mapping[str, Parameter]) -> int:
        """Return how many combinations of values there are."""
        return math.prod(len(known[name].values) for name in self.parameters)

    def most(self, known: Mapping[str, Parameter]) -> float:
        """Return the largest bound of all combinations of values."""
        choices = (known[name].values for name in self.parameters)
        return max(
            self.cells(dict(zip(self.parameters, values, strict=True)))
            for values in itertools.product(*choices)
        )

    def alone(self) -> "_Bound":
        """Return the same bound of a design that has none of the parameters."""
        return _Bound(parameters=(), hardware=self._hardware, family=self._family, role=self._role)


def _rule(room: Room, core: _Bound, own: _Bound, *, cfu: str | None) -> Rule:
    """Return the rule that a core and a CFU of a family leave no more than there is."""

    def holds(values: Mapping[str, Value]) -> bool:
        if cfu is not None and values.get("cfu") != cfu:
            return True
        return room.of_soc + core.cells(values) + own.cells(values) <= room.held

    words = [room.part.lower(), room.role, *([] if cfu is None else [cfu]), *own.parameters]
    return Rule(
        name="-".join(["fits", *words]),
        reason=room.reason,
        parameters=(*(() if cfu is None else ("cfu",)), *core.parameters, *own.parameters),
        holds=holds,
    )
