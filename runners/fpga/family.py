"""What a family of FPGAs must tell: commands, cells, capacities, clocks. It runs nothing.

The stages (``synthesis``, ``place``, ``bitstream`` of ``runners/stages``) run what a family returns
in a folder of their own. All file names are names in that folder: the WebAssembly builds of the
tools see no other absolute path below ``/tmp``.
"""

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from contracts.cfu_clock import CPU_CLOCK_PERCENT
from contracts.faults import ConfigError
from contracts.measurement import Fidelity, Metric
from contracts.metric import MetricDefinition
from runners.fpga.cells import ROLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind of thing that a part has a limited number of, and that becomes a metric.

    Attributes:
        metric: What it is called and what role it has, for example ``lut4`` in the role ``luts``.
        cells: Cell types of the synthesised netlist, and how many of this resource each takes.
        sites: Names under ``utilization`` in nextpnr's report that add up to it; empty when the
            report does not count it, then the metric keeps the count of synthesis.
        worth: What one of it counts in its role: 18,432 for a block RAM of 18 kbit in
            ``block_ram_bits``. Resources of one role are several uses of the same places.
        port_bits: Most bits that one of it reads at once; for block RAMs.
        least_bits: Smaller memories may become flip-flops or look-up tables; for block RAMs.
        lane_bits: What is written apart from the rest of a row is a whole number of so many bits
            at least; for block RAMs.
    """

    metric: MetricDefinition
    cells: Mapping[str, int]
    sites: tuple[str, ...]
    worth: float = 1.0
    port_bits: int = 0
    least_bits: int = 0
    lane_bits: int = 1

    @property
    def name(self) -> str:
        """Name of the metric."""
        return self.metric.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One run of an outside program in the stage's folder.

    Attributes:
        command: Program and arguments.
        stdin: File that it reads as standard input; empty for none.
        stdout: File that receives standard output; empty for the log.
    """

    command: tuple[str, ...]
    stdin: str = ""
    stdout: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What one run of place and route is told.

    Attributes:
        device: The FPGA's full name as ``soc.json`` has it, for example ``LFE5U-85F-6BG381C``.
        netlist: Joined netlist of the whole design, yosys JSON.
        constraints: File with pins and the oscillator's frequency, in the family's own format.
        clock_hz: System clock, for families whose constraints do not tell it.
        seed: Of the placer.
        report: File to write the report to, JSON.
        placed: File to write the routed design to.
    """

    device: str
    netlist: str
    constraints: str
    clock_hz: int
    seed: int
    report: str
    placed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockExchange:
    """Another clock for a routed design.

    Attributes:
        reference_hz: Of the board's oscillator.
        before_hz: System clock that the design was routed with.
        after_hz: System clock that its PLL shall make.
        sdram_phase_degrees: How late the SDRAM's clock is, before and after; None without one.
        cfu_clock_percent: The CFU's clock in percent of the system clock, before and after.
    """

    reference_hz: int
    before_hz: int
    after_hz: int
    sdram_phase_degrees: int | None = None
    cfu_clock_percent: int = CPU_CLOCK_PERCENT


class FpgaFamily(ABC):
    """One family of FPGAs and its tools. Instances hold no state.

    Attributes:
        name: For example ``ecp5``.
        resources: What its parts have and trials count, the first the most telling one.
        parts: What each part holds, by resource name; the names that targets may use.
        place_packages: Python packages whose versions determine what place and route makes.
        pack_packages: The same for bitstreams and for ROM contents.
        constraints_file: The file with pins and clocks that the SoC generator writes.
        placed_file: The routed design.
        bitstream_file: What is loaded into the FPGA.
        patches_rom: The tools can exchange ROM contents after routing. Where they cannot, the
            boot program is synthesised into the ROM.
        patches_clock: The PLL of a routed design can be given another clock. Where it cannot, a
            design is built and routed again for the clock that it settles on.
        most_gained_by_routing: No route ends at so many times the clock that nextpnr expects when
            everything is placed; None where too few were seen to say so.
        clock_sources: Files that ``patch_clock`` follows from beside ``source``, for keys.
        netlist_sources: The same for ``revise``; a family without any has nothing to do.
        is_placed: An open tool places and routes it. A family without one is an ``UnplacedFamily``.
    """

    name: str
    resources: tuple[Resource, ...]
    parts: Mapping[str, Mapping[str, int]]
    place_packages: tuple[str, ...]
    pack_packages: tuple[str, ...]
    constraints_file: str
    placed_file: str
    bitstream_file: str
    patches_rom: bool = True
    patches_clock: bool = False
    most_gained_by_routing: float | None = None
    clock_sources: tuple[Path, ...] = ()
    netlist_sources: tuple[Path, ...] = ()
    is_placed: ClassVar[bool] = True

    @property
    def source(self) -> Path:
        """The file that describes the family, for keys: commands, and how cells are counted."""
        return Path(inspect.getfile(type(self)))

    @abstractmethod
    def synthesis_script(self, *, top: str, netlist: str) -> Sequence[str]:
        """Return yosys commands that turn module ``top``, read already, into a JSON netlist."""

    def revise(self, netlist: dict[str, Any], *, top: str) -> Mapping[str, int]:
        """Do what yosys leaves, such as moving registers into blocks that have some of their own.

        Args:
            netlist: Of yosys, changed in place.
            top: Name of its top module.

        Returns:
            How many cells of each type to add to yosys' count for the whole design, below 0 for
            fewer; also of types that the netlist does not have and ``resources`` know.
        """
        del netlist, top
        return {}

    @abstractmethod
    def place(self, route: Route) -> Step:
        """Return the run of place and route; it must exit 0 also where a clock is missed."""

    def patch_rom(self, *, placed: str, old: str, new: str, patched: str) -> Step:
        """Return the run that exchanges ROM contents in a routed design; see ``patches_rom``.

        Args:
            placed: The routed design.
            old: Contents it was synthesised with, one hexadecimal 32-bit word a line.
            new: Contents it shall have, as many words.
            patched: File to write.
        """
        raise NotImplementedError

    def rom_bits(self, placed: str) -> Sequence[int]:
        """Return the contents of all RAM blocks in the text of a routed design, in any order.

        ``patch_rom`` tells no failure: that just as many bits differ after it as the two
        contents differ in shows that it found the ROM.
        """
        raise NotImplementedError

    def patch_clock(self, placed: str, exchange: "ClockExchange") -> str:
        """Return the text of a routed design whose PLL makes another clock; see ``patches_clock``.

        Args:
            placed: Text of the routed design.
            exchange: Which clock it has and which it shall have.

        Raises:
            ToolCrashed: The design's PLL is not set as ``exchange`` says.
        """
        raise NotImplementedError

    @abstractmethod
    def pack(self, *, device: str, placed: str, bitstream: str) -> Step:
        """Return the run that makes a bitstream of a routed design."""

    @abstractmethod
    def clocks_hz(self, reference_hz: int) -> Sequence[int]:
        """Return every system clock that the PLL makes of an oscillator, ascending.

        Exact clocks, to the nearest Hz: 66,666,667 stands for two thirds of 100 MHz.
        """

    def clocks_with_cfu_hz(self, reference_hz: int, cfu_clock_percent: int) -> Sequence[int]:
        """Return those of ``clocks_hz`` beside which the PLL makes a clock for the CFU.

        Args:
            reference_hz: Of the oscillator.
            cfu_clock_percent: That clock in percent of the system clock; 100 for none.

        Returns:
            Ascending; none where the family makes no such clock.
        """
        return self.clocks_hz(reference_hz) if cfu_clock_percent == CPU_CLOCK_PERCENT else ()

    def require_clock(self, clock_hz: int, reference_hz: int) -> None:
        """Check that the PLL makes a clock of an oscillator.

        Raises:
            ConfigError: It does not; the nearest ones are named.
        """
        made = self.clocks_hz(reference_hz)
        if clock_hz not in made:
            near = sorted(sorted(made, key=lambda each: abs(each - clock_hz))[:2])
            raise ConfigError(
                f"clock_mhz is {clock_hz / 1e6:.8g}, which the PLL of the family {self.name}"
                f" cannot make of {reference_hz / 1e6:.8g} MHz",
                fix="use " + (" or ".join(f"{each / 1e6:.8g}" for each in near) or "another board"),
            )

    def cost(self, cells: Mapping[str, int]) -> dict[str, int]:
        """Return how many of each resource the cells of a synthesised netlist take."""
        return {
            resource.name: sum(
                count * int(cells.get(cell, 0)) for cell, count in resource.cells.items()
            )
            for resource in self.resources
        }

    def measured(self, counts: Mapping[str, int], fidelity: Fidelity) -> tuple[Metric, ...]:
        """Return counts of resources as metrics, and what they come to by role.

        Args:
            counts: From ``cost`` or ``used``. A role of which a resource is not counted is left
                out.
            fidelity: How they were obtained.
        """
        by_role = {
            role: math.ceil(sum(counts[each.name] * each.worth for each in resources))
            for role, resources in self._by_role().items()
            if all(each.name in counts for each in resources)
        }
        own = {resource.name: resource.metric for resource in self.resources}
        return (
            *(own[name].measured(count, fidelity=fidelity) for name, count in counts.items()),
            *(ROLES[role].measured(count, fidelity=fidelity) for role, count in by_role.items()),
        )

    @property
    def metrics(self) -> tuple[MetricDefinition, ...]:
        """All metrics that ``measured`` returns: resources, then roles."""
        return (
            *(resource.metric for resource in self.resources),
            *(ROLES[role] for role in self._by_role()),
        )

    def capacity(self, part: str) -> dict[str, int]:
        """Return what a part of this family holds, by metric: its resources, then roles."""
        held = self.parts[part]
        by_role = {
            role: max(math.floor(held[each.name] * each.worth) for each in resources)
            for role, resources in self._by_role().items()
        }
        return {**held, **by_role}

    def _by_role(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            if resource.metric.role is not None:
                found.setdefault(resource.metric.role, []).append(resource)
        return found

    def no_cost(self) -> dict[str, int]:
        """Return zero of every resource: the cost of a part that a design does not have."""
        return self.cost({})

    def used(self, utilisation: Mapping[str, int]) -> dict[str, int]:
        """Return how many of each resource a report counts, for those that it does count."""
        return {
            resource.name: sum(utilisation.get(site, 0) for site in resource.sites)
            for resource in self.resources
            if resource.sites
        }


class UnplacedFamily(FpgaFamily):
    """A family that yosys synthesises and no open tool places: its trials end at synthesis.

    The SoC's ROM keeps the contents that stand for a boot program, which cost the same.

    Attributes:
        instead: How else a bitstream is made, as what to do in an error.
    """

    instead: str
    place_packages = ()
    pack_packages = ()
    constraints_file = ""
    placed_file = ""
    bitstream_file = ""
    is_placed = False

    def refuse(self, what: str, *, fix: str = "") -> NoReturn:
        """Refuse what wants a placed design.

        Args:
            what: Who asked for it: the beginning of the message.
            fix: What else to do, the likelier thing; empty for nothing.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            f"{what}, and no open tool places and routes the family {self.name}",
            fix="; ".join(each for each in (fix, self.instead) if each),
        )

    def place(self, route: Route) -> Step:
        """Refuse; raises as ``refuse``."""
        self.refuse(f"{route.device} is to be placed")

    def pack(self, *, device: str, placed: str, bitstream: str) -> Step:
        """Refuse; raises as ``refuse``."""
        del placed, bitstream
        self.refuse(f"{device} is to have a bitstream")


def total(costs: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the sum of costs, resource by resource."""
    result: dict[str, int] = {}
    for cost in costs:
        for name, count in cost.items():
            result[name] = result.get(name, 0) + count
    return result
