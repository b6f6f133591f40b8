"""Lattice ECP5: platform, PLL and LPF constraints. Needs LiteX; see ``generate``."""

from collections.abc import Sequence
from typing import Any

from litex.build.generic_platform import GenericPlatform, IOStandard
from litex.build.io import DDROutput
from litex.build.lattice import LatticeECP5Platform
from migen import ClockDomain, ClockSignal, Instance, Module, Signal
from migen.genlib.resetsync import AsyncResetSynchronizer

from hw_templates.soc.board_pads import Pads, sdram_clock
from hw_templates.soc.config import SocConfig
from hw_templates.soc.fpga.ecp5.pll import (
    CFU,
    FEEDBACK_PATH,
    SDRAM,
    SYSTEM,
    Output,
    PllClocks,
    outputs,
    settings_for,
)
from hw_templates.soc.fpga_boards import FpgaBoard
from hw_templates.soc.vendor import PlacedPort, Vendor, reset_pressed


class Ecp5Vendor(Vendor):
    """ECP5 and ECP5-5G by the open tools."""

    constraints_file = "soc.lpf"
    makes_cfu_clock = True

    def platform(self, device: str, pads: Pads) -> GenericPlatform:
        """Return LiteX's platform for an ECP5."""
        return LatticeECP5Platform(device, pads, name="soc", toolchain="trellis")

    def clocks(self, platform: GenericPlatform, board: FpgaBoard, config: SocConfig) -> Module:
        """Return the EHXPLLL and its clock domains."""
        return _Clocks(platform, board, config)

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
    """System clock from the board's oscillator, a shifted one for the SDRAM's pin, the CFU's."""

    def __init__(self, platform: GenericPlatform, board: FpgaBoard, config: SocConfig) -> None:
        self.rst = Signal()
        self.clock_domains.cd_sys = ClockDomain()
        sdram = board.sdram if config.memory == "sdram" else None
        clocks = PllClocks(
            clock_hz=config.clock_hz,
            sdram_phase_degrees=None if sdram is None else sdram.clock_phase_degrees,
            cfu_clock_percent=config.cfu_clock_percent,
        )
        reset = reset_pressed(platform, board) | self.rst
        self.submodules.pll = pll = _Pll(
            board.clock.hz, clocks, reference=platform.request("clock"), reset=reset
        )
        self.comb += self.cd_sys.clk.eq(pll.outputs[SYSTEM])
        unsettled = ~pll.locked | reset
        self.specials += AsyncResetSynchronizer(self.cd_sys, unsettled)
        if sdram is not None:
            self.clock_domains.cd_sys_ps = ClockDomain()
            # Later than the system clock, so that data are stable around the chip's edge.
            self.comb += self.cd_sys_ps.clk.eq(pll.outputs[SDRAM])
            self.specials += AsyncResetSynchronizer(self.cd_sys_ps, unsettled)
            pin = sdram_clock(platform, sdram)
            self.specials += DDROutput(1, 0, pin, ClockSignal("sys_ps"))
        if config.has_cfu_clock:
            self.clock_domains.cd_cfu = ClockDomain(reset_less=True)
            self.comb += self.cd_cfu.clk.eq(pll.outputs[CFU])


class _Pll(Module):
    """An EHXPLLL that makes some clocks; its last output is its feedback.

    Args:
        reference_hz: Of the oscillator.
        clocks: What it makes.
        reference: The oscillator.
        reset: High to reset it.

    Attributes:
        outputs: The clocks, by the name of the output.
        locked: High once they are stable.
    """

    def __init__(self, reference_hz: int, clocks: PllClocks, *, reference: Any, reset: Any) -> None:
        settings = settings_for(reference_hz, clocks.clock_hz, clocks.cfu_clock_percent)
        made = outputs(settings, clocks)
        self.outputs = {output.name: Signal(name=f"pll_{output.name.lower()}") for output in made}
        self.locked = Signal()
        ports: dict[str, Any] = {
            "i_RST": reset,
            "i_CLKI": reference,
            "i_STDBY": 0,
            "o_LOCK": self.locked,
            "p_CLKI_DIV": settings.input_divider,
            "p_CLKFB_DIV": settings.feedback_divider,
            "p_FEEDBK_PATH": FEEDBACK_PATH,
        }
        for output in made:
            ports |= _output(output, self.outputs[output.name])
        self.specials += Instance("EHXPLLL", attr=_ANALOGUE, **ports)


_ANALOGUE = (  # loop filter as the open tools' own PLL calculator sets it
    ("ICP_CURRENT", "12"),
    ("LPF_RESISTOR", "8"),
    ("MFG_ENABLE_FILTEROPAMP", "1"),
    ("MFG_GMCREF_SEL", "2"),
)


def _output(output: Output, signal: Signal) -> dict[str, Any]:
    """Return parameters and port of one output."""
    return {
        f"p_CLK{output.name}_ENABLE": "ENABLED",
        f"p_CLK{output.name}_DIV": output.divider,
        f"p_CLK{output.name}_CPHASE": output.coarse,
        f"p_CLK{output.name}_FPHASE": output.fine,
        f"o_CLK{output.name}": signal,
    }


VENDOR = Ecp5Vendor
