"""Cologne Chip's GateMate: platform, PLL and CCF constraints. Needs LiteX; see ``generate``."""

from collections.abc import Sequence

from litex.build.colognechip.platform import CologneChipPlatform
from litex.build.generic_platform import GenericPlatform, Misc
from migen import ClockDomain, Instance, Module, Signal
from migen.genlib.resetsync import AsyncResetSynchronizer

from hw_templates.soc.board_pads import Pads
from hw_templates.soc.config import SocConfig
from hw_templates.soc.fpga.gatemate.pll import clock_for
from hw_templates.soc.fpga_boards import FpgaBoard
from hw_templates.soc.vendor import PlacedPort, PowerOnReset, Vendor, reset_pressed


class GateMateVendor(Vendor):
    """GateMate by the open tools."""

    constraints_file = "soc.ccf"

    def platform(self, device: str, pads: Pads) -> GenericPlatform:
        """Return LiteX's platform."""
        return CologneChipPlatform(device, pads, name="soc")

    def clocks(self, platform: GenericPlatform, board: FpgaBoard, config: SocConfig) -> Module:
        """Return the PLL and the clock domain."""
        clock_for(board.clock.hz, config.clock_hz)  # or nextpnr takes the nearest one
        return _Clocks(platform, board, config.clock_hz)

    def constraints(self, ports: Sequence[PlacedPort], board: FpgaBoard, clock_hz: int) -> str:
        """Return the CCF file; it knows no clocks, and a bank has one voltage for all its pins."""
        del board, clock_hz
        lines = []
        for port, pin, others in ports:
            settings = [f'Loc = "{pin}"', *(each.misc for each in others if isinstance(each, Misc))]
            lines.append(f'Pin_inout "{port}" {" | ".join(settings)};')
        return "\n".join(lines) + "\n"


class _Clocks(Module):
    """System clock from the board's oscillator."""

    def __init__(self, platform: GenericPlatform, board: FpgaBoard, clock_hz: int) -> None:
        self.rst = Signal()
        self.clock_domains.cd_sys = ClockDomain()
        locked = Signal()
        self.specials += Instance(
            "CC_PLL",
            p_REF_CLK=f"{board.clock.hz / 1e6:.4f}",
            p_OUT_CLK=f"{clock_hz / 1e6:.4f}",
            p_PERF_MD="ECONOMY",
            p_LOW_JITTER=1,
            p_LOCK_REQ=1,
            p_CI_FILTER_CONST=2,
            p_CP_FILTER_CONST=4,
            p_CLK180_DOUB=0,
            p_CLK270_DOUB=0,
            i_CLK_REF=platform.request("clock"),
            i_USR_CLK_REF=0,
            i_CLK_FEEDBACK=0,
            i_USR_LOCKED_STDY_RST=0,
            o_USR_PLL_LOCKED=locked,
            o_CLK0=self.cd_sys.clk,
        )
        self.submodules.power_on = power_on = PowerOnReset(self.cd_sys.clk)
        reset = ~locked | ~power_on.done | reset_pressed(platform, board) | self.rst
        self.specials += AsyncResetSynchronizer(self.cd_sys, reset)


VENDOR = GateMateVendor
