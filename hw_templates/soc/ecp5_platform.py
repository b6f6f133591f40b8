"""Lattice ECP5: platform, PLL and LPF constraints. Needs LiteX; see ``generate``."""

from collections.abc import Sequence

from litex.build.generic_platform import GenericPlatform, IOStandard
from litex.build.io import DDROutput
from litex.build.lattice import LatticeECP5Platform
from litex.soc.cores.clock import ECP5PLL
from migen import ClockDomain, ClockSignal, Module, Signal

from hw_templates.soc.board_pads import Pads, sdram_clock
from hw_templates.soc.fpga_boards import FpgaBoard
from hw_templates.soc.vendor import PlacedPort, Vendor, reset_pressed


class Ecp5Vendor(Vendor):
    """ECP5 and ECP5-5G by the open tools."""

    constraints_file = "soc.lpf"

    def platform(self, device: str, pads: Pads) -> GenericPlatform:
        """Return LiteX's platform for an ECP5."""
        return LatticeECP5Platform(device, pads, name="soc", toolchain="trellis")

    def clocks(
        self, platform: GenericPlatform, board: FpgaBoard, clock_hz: int, *, with_sdram: bool
    ) -> Module:
        """Return the EHXPLLL and its clock domains."""
        return _Clocks(platform, board, clock_hz, with_sdram=with_sdram)

    def constraints(self, ports: Sequence[PlacedPort], board: FpgaBoard, clock_hz: int) -> str:
        """Return the LPF file; the tools derive the system clock from the oscillator's."""
        del clock_hz
        lines = ["BLOCK RESETPATHS;", "BLOCK ASYNCPATHS;"]
        for port, pin, others in ports:
            lines.append(f'LOCATE COMP "{port}" SITE "{pin}";')
            settings = [
                f"IO_TYPE={other.name}" if isinstance(other, IOStandard) else other.misc
                for other in others
            ]
            lines.append(f'IOBUF PORT "{port}" {" ".join(settings)};')
        lines.append(f'FREQUENCY PORT "clock" {board.clock.hz / 1e6:g} MHZ;')
        return "\n".join(lines) + "\n"


class _Clocks(Module):
    """System clock from the board's oscillator, and a shifted one for the SDRAM's pin."""

    def __init__(
        self,
        platform: GenericPlatform,
        board: FpgaBoard,
        clock_hz: int,
        *,
        with_sdram: bool,
    ) -> None:
        self.rst = Signal()
        self.clock_domains.cd_sys = ClockDomain()
        self.submodules.pll = pll = ECP5PLL()
        self.comb += pll.reset.eq(reset_pressed(platform, board) | self.rst)
        pll.register_clkin(platform.request("clock"), board.clock.hz)
        pll.create_clkout(self.cd_sys, clock_hz)
        if with_sdram and board.sdram is not None:
            self.clock_domains.cd_sys_ps = ClockDomain()
            # Later than the system clock, so that data are stable around the chip's edge.
            pll.create_clkout(self.cd_sys_ps, clock_hz, phase=board.sdram.clock_phase_degrees)
            pin = sdram_clock(platform, board.sdram)
            self.specials += DDROutput(1, 0, pin, ClockSignal("sys_ps"))
