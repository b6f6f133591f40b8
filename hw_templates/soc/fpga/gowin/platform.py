"""Gowin GW1N and GW2A: platform, PLL and CST constraints. Needs LiteX; see ``generate``."""

from collections.abc import Sequence

from litex.build.generic_platform import GenericPlatform, IOStandard
from litex.build.gowin.platform import GowinPlatform
from litex.build.io import DDROutput
from migen import ClockDomain, ClockSignal, Constant, Instance, Module, Signal
from migen.genlib.resetsync import AsyncResetSynchronizer

from hw_templates.soc.board_pads import Pads, sdram_clock
from hw_templates.soc.config import SocConfig
from hw_templates.soc.fpga.gowin.pll import GowinClock, clock_for, series_of
from hw_templates.soc.fpga_boards import FpgaBoard
from hw_templates.soc.vendor import PlacedPort, PowerOnReset, Vendor, reset_pressed


class GowinVendor(Vendor):
    """GW1N and GW2A by the open tools."""

    constraints_file = "soc.cst"

    def platform(self, device: str, pads: Pads) -> GenericPlatform:
        """Return LiteX's platform; its own device name counts for its PLL only."""
        return GowinPlatform(
            device, pads, name="soc", toolchain="apicula", devicename=series_of(device)
        )

    def clocks(self, platform: GenericPlatform, board: FpgaBoard, config: SocConfig) -> Module:
        """Return the rPLL and its clock domains."""
        series = series_of(board.device)
        clock = clock_for(series, board.clock.hz, config.clock_hz)
        return _Clocks(platform, board, clock, with_sdram=config.memory == "sdram")

    def constraints(self, ports: Sequence[PlacedPort], board: FpgaBoard, clock_hz: int) -> str:
        """Return the CST file; it knows no clocks."""
        del board, clock_hz
        lines = []
        for port, pin, others in ports:
            lines.append(f'IO_LOC "{port}" {pin};')
            settings = [
                f"IO_TYPE={other.name}" if isinstance(other, IOStandard) else other.misc
                for other in others
            ]
            lines.append(f'IO_PORT "{port}" {" ".join(settings)};')
        return "\n".join(lines) + "\n"


class _Clocks(Module):
    """System clock from the board's oscillator, and the SDRAM's clock at its pin."""

    def __init__(
        self, platform: GenericPlatform, board: FpgaBoard, clock: GowinClock, *, with_sdram: bool
    ) -> None:
        self.rst = Signal()
        self.clock_domains.cd_sys = ClockDomain()
        oscillator = platform.request("clock")
        locked = Signal()
        self.specials += Instance(
            "rPLL",
            p_DEVICE=series_of(platform.device),
            p_FCLKIN=f"{board.clock.hz / 1e6:g}",
            p_IDIV_SEL=clock.input_divider - 1,
            p_FBDIV_SEL=clock.feedback_divider - 1,
            p_ODIV_SEL=clock.output_divider,
            p_DYN_IDIV_SEL="false",
            p_DYN_FBDIV_SEL="false",
            p_DYN_ODIV_SEL="false",
            p_DYN_SDIV_SEL=2,
            p_DYN_DA_EN="false",
            p_PSDA_SEL="0000",
            p_DUTYDA_SEL="1000",
            p_CLKFB_SEL="internal",
            p_CLKOUT_BYPASS="false",
            p_CLKOUTP_BYPASS="false",
            p_CLKOUTD_BYPASS="false",
            p_CLKOUT_FT_DIR=1,
            p_CLKOUTP_FT_DIR=1,
            p_CLKOUT_DLY_STEP=0,
            p_CLKOUTP_DLY_STEP=0,
            p_CLKOUTD_SRC="CLKOUT",
            p_CLKOUTD3_SRC="CLKOUT",
            i_CLKIN=oscillator,
            i_CLKFB=0,
            i_RESET=0,
            i_RESET_P=0,
            i_ODSEL=Constant(0, 6),
            i_FBDSEL=Constant(0, 6),
            i_IDSEL=Constant(0, 6),
            i_PSDA=Constant(0, 4),
            i_DUTYDA=Constant(0, 4),
            i_FDLY=Constant(15, 4),
            o_CLKOUT=self.cd_sys.clk,
            o_LOCK=locked,
        )
        self.submodules.power_on = power_on = PowerOnReset(self.cd_sys.clk)
        reset = ~locked | ~power_on.done | reset_pressed(platform, board) | self.rst
        self.specials += AsyncResetSynchronizer(self.cd_sys, reset)
        if with_sdram and board.sdram is not None:
            # Half a period late: the edge in the middle of what the SoC drives.
            pin = sdram_clock(platform, board.sdram)
            self.specials += DDROutput(0, 1, pin, ClockSignal("sys"))


VENDOR = GowinVendor
