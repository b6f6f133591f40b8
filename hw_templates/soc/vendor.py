"""What a vendor's FPGAs need from the SoC generator. Needs LiteX; see ``generate``."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from litex.build.generic_platform import GenericPlatform, IOStandard, Misc
from migen import Module, Signal

from hw_templates.soc.board_pads import NO_PIN, Pads
from hw_templates.soc.config import SocConfig
from hw_templates.soc.fpga_boards import FpgaBoard

PlacedPort = tuple[str, str, Sequence[IOStandard | Misc]]
"""A port of the SoC, its pin, and that pin's settings."""


class Vendor(ABC):
    """One family of FPGAs as LiteX builds for it.

    Attributes:
        constraints_file: Name of the file that ``constraints`` writes the text of.
        makes_cfu_clock: ``clocks`` can make a clock for a CFU beside the CPU's.
    """

    constraints_file: str
    makes_cfu_clock = False

    @abstractmethod
    def platform(self, device: str, pads: Pads) -> GenericPlatform:
        """Return LiteX's platform for an FPGA."""

    @abstractmethod
    def clocks(self, platform: GenericPlatform, board: FpgaBoard, config: SocConfig) -> Module:
        """Return a module with the clock domain ``sys``, exact, and the SDRAM's clock.

        Where ``makes_cfu_clock`` it has the domain ``cfu`` too for a CFU with a clock of its own,
        exact as well and without a reset.

        Raises:
            ConfigError: The PLL cannot make those clocks exactly.
        """

    @abstractmethod
    def constraints(self, ports: Sequence[PlacedPort], board: FpgaBoard, clock_hz: int) -> str:
        """Return the text of the constraints: pins, their settings, and the oscillator."""

    def main_ram_in_blocks(self, config: SocConfig) -> bool:
        """Return whether on-chip main memory lies in ordinary block RAM."""
        del config
        return True

    def large_rams(self, config: SocConfig) -> list[Any]:
        """Return on-chip main memory of the family's own kind, where it is not in block RAM.

        Returns:
            Modules of ``BANK_BYTES`` each, as ``OnChipRam`` takes their ``bus``.
        """
        raise NotImplementedError


def reset_pressed(platform: GenericPlatform, board: FpgaBoard) -> Any:
    """Return an expression that is high while the board's button is pressed."""
    if board.reset is None:
        return 0
    button = platform.request("reset")
    return button if board.reset.active == "high" else ~button


def placed_ports(platform: GenericPlatform, names: Any) -> list[PlacedPort]:
    """Return the ports of a finished SoC that have a pin, by name."""
    placed, _ = platform.resolve_signals(names)
    return [
        (f"{name}[{index}]" if len(pins) > 1 else str(name), pin, others)
        for name, pins, others, _ in sorted(placed, key=lambda entry: str(entry[0]))
        for index, pin in enumerate(pins)
        if pin != NO_PIN
    ]


class PowerOnReset(Module):
    """Counts a while after configuration; block RAM contents of some families come late.

    Args:
        clock: Clock that runs from the beginning.

    Attributes:
        done: High after 65,536 cycles.
    """

    def __init__(self, clock: Signal) -> None:
        from migen import ClockDomain, If

        self.clock_domains.cd_por = ClockDomain(reset_less=True)
        self.done = Signal()
        count = Signal(16, reset=2**16 - 1)
        self.comb += [self.cd_por.clk.eq(clock), self.done.eq(count == 0)]
        self.sync.por += If(~self.done, count.eq(count - 1))
