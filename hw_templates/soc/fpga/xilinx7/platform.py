"""Xilinx 7 series: platform, PLL and XDC constraints. Needs LiteX; see ``generate``."""

from collections.abc import Sequence

from litex.build.generic_platform import GenericPlatform, IOStandard
from litex.build.xilinx import XilinxPlatform
from migen import ClockDomain, Instance, Module, Signal
from migen.genlib.resetsync import AsyncResetSynchronizer

from hw_templates.soc.board_pads import Pads
from hw_templates.soc.config import SocConfig
from hw_templates.soc.fpga.xilinx7.pll import Xilinx7Clock, clock_for
from hw_templates.soc.fpga_boards import FpgaBoard
from hw_templates.soc.vendor import PlacedPort, Vendor, reset_pressed


class Xilinx7Vendor(Vendor):
    """7 series: LiteX writes the Verilog as it does for Vivado; yosys reads it."""

    constraints_file = "soc.xdc"

    def platform(self, device: str, pads: Pads) -> GenericPlatform:
        """Return LiteX's platform for a part of the 7 series."""
        return XilinxPlatform(device, pads, name="soc", toolchain="vivado")

    def clocks(self, platform: GenericPlatform, board: FpgaBoard, config: SocConfig) -> Module:
        """Return the PLL and the clock domain."""
        return _Clocks(platform, board, clock_for(board.clock.hz, config.clock_hz))

    def constraints(self, ports: Sequence[PlacedPort], board: FpgaBoard, clock_hz: int) -> str:
        """Return the XDC file; the tools derive the PLL's clock from the oscillator's."""
        del clock_hz
        lines = []
        for port, pin, others in ports:
            settings = {"PACKAGE_PIN": pin}
            for other in others:
                name, _, value = (
                    ("IOSTANDARD", "", other.name)
                    if isinstance(other, IOStandard)
                    else other.misc.partition("=")
                )
                settings[name] = value
            lines += [
                f"set_property {name} {value} [get_ports {{{port}}}]"
                for name, value in settings.items()
            ]
        lines.append(f"create_clock -period {1e9 / board.clock.hz:.6f} [get_ports {{clock}}]")
        return "\n".join(lines) + "\n"


class _Clocks(Module):
    """System clock from the board's oscillator."""

    def __init__(self, platform: GenericPlatform, board: FpgaBoard, clock: Xilinx7Clock) -> None:
        self.rst = Signal()
        self.clock_domains.cd_sys = ClockDomain()
        oscillator, made, feedback, locked = Signal(), Signal(), Signal(), Signal()
        self.specials += [
            Instance("IBUF", i_I=platform.request("clock"), o_O=oscillator),
            Instance(
                "PLLE2_ADV",
                p_STARTUP_WAIT="FALSE",
                p_CLKIN1_PERIOD=1e9 / board.clock.hz,
                p_DIVCLK_DIVIDE=clock.input_divider,
                p_CLKFBOUT_MULT=clock.feedback_divider,
                p_CLKOUT0_DIVIDE=clock.output_divider,
                p_CLKOUT0_PHASE=0.0,
                i_CLKIN1=oscillator,
                i_CLKFBIN=feedback,
                i_RST=reset_pressed(platform, board) | self.rst,
                i_PWRDWN=0,
                o_CLKFBOUT=feedback,
                o_CLKOUT0=made,
                o_LOCKED=locked,
            ),
            Instance("BUFG", i_I=made, o_O=self.cd_sys.clk),
            AsyncResetSynchronizer(self.cd_sys, ~locked),
        ]


VENDOR = Xilinx7Vendor
