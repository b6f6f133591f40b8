"""Lattice ECP5: platform, PLL and LPF constraints. Needs LiteX; see ``generate``."""

from collections.abc import Sequence
from typing import Any

from litex.build.generic_platform import GenericPlatform, IOStandard
from litex.build.io import DDROutput
from litex.build.lattice import LatticeECP5Platform
from migen import ClockDomain, ClockSignal, Instance, Module, Signal
from migen.genlib.resetsync import AsyncResetSynchronizer

from hw_templates.soc.board_pads import Pads, sdram_clock
from hw_templates.soc.fpga.ecp5.pll import (
    FEEDBACK_PATH,
    Output,
    PllSettings,
    outputs,
    settings_for,
)
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
        sdram = board.sdram if with_sdram else None
        phases = [0] if sdram is None else [0, sdram.clock_phase_degrees]
        reset = reset_pressed(platform, board) | self.rst
        self.submodules.pll = pll = _Pll(
            settings_for(board.clock.hz, clock_hz),
            reference=platform.request("clock"),
            reset=reset,
            phases_degrees=phases,
        )
        self.comb += self.cd_sys.clk.eq(pll.outputs[0])
        unsettled = ~pll.locked | reset
        self.specials += AsyncResetSynchronizer(self.cd_sys, unsettled)
        if sdram is not None:
            self.clock_domains.cd_sys_ps = ClockDomain()
            # Later than the system clock, so that data are stable around the chip's edge.
            self.comb += self.cd_sys_ps.clk.eq(pll.outputs[1])
            self.specials += AsyncResetSynchronizer(self.cd_sys_ps, unsettled)
            pin = sdram_clock(platform, sdram)
            self.specials += DDROutput(1, 0, pin, ClockSignal("sys_ps"))


class _Pll(Module):
    """An EHXPLLL with exactly the dividers it is given; its last output is its feedback.

    Args:
        settings: Dividers.
        reference: The oscillator.
        reset: High to reset it.
        phases_degrees: One output for each, all of the same frequency; at most three.

    Attributes:
        outputs: A clock for each phase.
        locked: High once they are stable.
    """

    def __init__(
        self,
        settings: PllSettings,
        *,
        reference: Any,
        reset: Any,
        phases_degrees: Sequence[int],
    ) -> None:
        self.outputs = [Signal(name=f"pll{index}") for index in range(len(phases_degrees))]
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
        signals = (*self.outputs, Signal(name="pll_feedback"))
        for output, signal in zip(outputs(settings, phases_degrees), signals, strict=True):
            ports |= _output(output, signal)
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
