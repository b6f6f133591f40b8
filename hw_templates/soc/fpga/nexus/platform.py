"""Lattice Nexus (CrossLink-NX): platform, PLL, large RAMs, PDC. Needs LiteX; see ``generate``."""

from collections.abc import Sequence
from typing import Any

from litex.build.generic_platform import GenericPlatform, IOStandard
from litex.build.lattice import LatticeNexusPlatform
from litex.soc.cores.clock import NXPLL
from litex.soc.cores.ram import NXLRAM
from migen import ClockDomain, Module, Signal
from migen.genlib.resetsync import AsyncResetSynchronizer

from contracts.faults import ConfigError
from hw_templates.soc.board_pads import Pads
from hw_templates.soc.config import SocConfig
from hw_templates.soc.fpga.nexus.pll import NexusClock, clock_for
from hw_templates.soc.fpga_boards import FpgaBoard
from hw_templates.soc.on_chip_ram import BANK_BYTES
from hw_templates.soc.vendor import PlacedPort, Vendor, reset_pressed

_LARGE_RAM_BYTES = (64 << 10, 128 << 10)
_PLL_PLACE = "X1/Y0/PLL_ULC"
"""The one PLL of the LIFCL-40 that nextpnr can route to a clock buffer of a larger design."""


class NexusVendor(Vendor):
    """CrossLink-NX by the open tools."""

    constraints_file = "soc.pdc"

    def platform(self, device: str, pads: Pads) -> GenericPlatform:
        """Return LiteX's platform for a Nexus part."""
        return LatticeNexusPlatform(device, pads, name="soc", toolchain="oxide")

    def clocks(self, platform: GenericPlatform, board: FpgaBoard, config: SocConfig) -> Module:
        """Return the PLL and the clock domain."""
        clock_hz = config.clock_hz
        return _Clocks(platform, board, clock_hz, clock_for(board.clock.hz, clock_hz))

    def constraints(self, ports: Sequence[PlacedPort], board: FpgaBoard, clock_hz: int) -> str:
        """Return the PDC file; the tools do not derive the PLL's clock, so it is told."""
        lines = []
        for port, pin, others in ports:
            settings = " ".join(
                f"IO_TYPE={other.name}" if isinstance(other, IOStandard) else other.misc
                for other in others
            )
            lines.append(f"ldc_set_location -site {{{pin}}} [get_ports {{{port}}}]")
            lines.append(f"ldc_set_port -iobuf {{{settings}}} [get_ports {{{port}}}]")
        for name, what, hz in (
            ("clock", "get_ports", board.clock.hz),
            ("sys_clk", "get_nets", clock_hz),
        ):
            lines.append(f"create_clock -period {1e9 / hz:.6f} -name {name} [{what} {name}]")
        return "\n".join(lines) + "\n"

    def main_ram_in_blocks(self, config: SocConfig) -> bool:
        """Return whether main memory is too small for the large RAMs."""
        return config.main_ram_bytes < _LARGE_RAM_BYTES[0]

    def large_rams(self, config: SocConfig) -> list[Any]:
        """Return the large RAMs that main memory lies in.

        Raises:
            ConfigError: They are smaller.
        """
        if config.main_ram_bytes not in _LARGE_RAM_BYTES:
            raise ConfigError(
                f"main memory of {config.main_ram_bytes} bytes: the LIFCL-40 has 131072",
                fix="set memory.size_bytes to 65536 or 131072",
            )
        return [NXLRAM(32, BANK_BYTES) for _ in range(config.main_ram_bytes // BANK_BYTES)]


class _Clocks(Module):
    """System clock from the board's oscillator."""

    def __init__(
        self, platform: GenericPlatform, board: FpgaBoard, clock_hz: int, clock: NexusClock
    ) -> None:
        self.rst = Signal()
        self.clock_domains.cd_sys = ClockDomain()
        self.submodules.pll = pll = NXPLL(platform=platform)
        # LiteX searches its dividers within a margin; the ranges leave it just the exact ones.
        pll.clki_div_range = (1, 2)
        pll.clkfb_div_range = (clock.feedback_divider, clock.feedback_divider + 1)
        pll.clko_div_range = (clock.output_divider, clock.output_divider + 1)
        self.comb += pll.reset.eq(reset_pressed(platform, board) | self.rst)
        pll.register_clkin(platform.request("clock"), board.clock.hz)
        pll.create_clkout(self.cd_sys, clock_hz)
        pll.params["attr"] = [("BEL", _PLL_PLACE)]
        self.specials += AsyncResetSynchronizer(self.cd_sys, ~pll.locked)


VENDOR = NexusVendor
