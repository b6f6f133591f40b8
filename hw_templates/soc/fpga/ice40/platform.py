"""Lattice iCE40 UltraPlus: platform, PLL, single-port RAMs, PCF. Needs LiteX; see ``generate``."""

from collections.abc import Sequence
from typing import Any

from litex.build.generic_platform import GenericPlatform
from litex.build.lattice import LatticeiCE40Platform
from litex.soc.cores.ram import Up5kSPRAM
from migen import ClockDomain, Instance, Module, Signal
from migen.genlib.resetsync import AsyncResetSynchronizer

from contracts.faults import ConfigError
from hw_templates.soc.board_pads import Pads
from hw_templates.soc.config import SocConfig
from hw_templates.soc.fpga.ice40.pll import Ice40Clock, clock_for
from hw_templates.soc.fpga_boards import FpgaBoard
from hw_templates.soc.on_chip_ram import BANK_BYTES
from hw_templates.soc.vendor import PlacedPort, PowerOnReset, Vendor, reset_pressed

_LARGE_RAM_BYTES = (64 << 10, 128 << 10)


class Ice40Vendor(Vendor):
    """iCE40 UP5K by the open tools."""

    constraints_file = "soc.pcf"

    def platform(self, device: str, pads: Pads) -> GenericPlatform:
        """Return LiteX's platform; it writes the device with the family in front."""
        return LatticeiCE40Platform(f"ice40-{device}", pads, name="soc", toolchain="icestorm")

    def clocks(self, platform: GenericPlatform, board: FpgaBoard, config: SocConfig) -> Module:
        """Return the PLL, or a counter for slow clocks, and the clock domain."""
        return _Clocks(platform, board, clock_for(board.clock.hz, config.clock_hz))

    def constraints(self, ports: Sequence[PlacedPort], board: FpgaBoard, clock_hz: int) -> str:
        """Return the PCF file; the tools derive the PLL's clock from the oscillator's."""
        lines = [f"set_io {port} {pin}" for port, pin, _ in ports]
        lines.append(f"set_frequency clock {board.clock.hz / 1e6:g}")
        lines.append(f"set_frequency sys_clk {clock_hz / 1e6:.6f}")
        return "\n".join(lines) + "\n"

    def main_ram_in_blocks(self, config: SocConfig) -> bool:
        """Return whether main memory is too small for the single-port RAMs."""
        return config.main_ram_bytes < _LARGE_RAM_BYTES[0]

    def large_rams(self, config: SocConfig) -> list[Any]:
        """Return the single-port RAMs that main memory lies in.

        Raises:
            ConfigError: They are smaller.
        """
        if config.main_ram_bytes not in _LARGE_RAM_BYTES:
            raise ConfigError(
                f"main memory of {config.main_ram_bytes} bytes: the iCE40 UP5K has 131072",
                fix="set memory.size_bytes to 65536 or 131072",
            )
        return [Up5kSPRAM(size=BANK_BYTES) for _ in range(config.main_ram_bytes // BANK_BYTES)]


class _Clocks(Module):
    """System clock from the board's oscillator."""

    def __init__(self, platform: GenericPlatform, board: FpgaBoard, clock: Ice40Clock) -> None:
        self.rst = Signal()
        self.clock_domains.cd_sys = ClockDomain()
        oscillator = platform.request("clock")
        locked = Signal()
        if clock.counted_divider:
            self._divide(oscillator, clock.counted_divider)
            self.comb += locked.eq(1)
        else:
            self.specials += Instance(
                "SB_PLL40_PAD" if board.clock.at_pll else "SB_PLL40_CORE",
                p_FEEDBACK_PATH="SIMPLE",
                p_DIVR=clock.divr,
                p_DIVF=clock.divf,
                p_DIVQ=clock.divq,
                p_FILTER_RANGE=clock.filter_range,
                i_RESETB=1,
                i_BYPASS=0,
                o_LOCK=locked,
                o_PLLOUTGLOBAL=self.cd_sys.clk,
                **{"i_PACKAGEPIN" if board.clock.at_pll else "i_REFERENCECLK": oscillator},
            )
        self.submodules.power_on = power_on = PowerOnReset(self.cd_sys.clk)
        reset = ~locked | ~power_on.done | reset_pressed(platform, board) | self.rst
        self.specials += AsyncResetSynchronizer(self.cd_sys, reset)

    def _divide(self, oscillator: Signal, divider: int) -> None:
        slow = oscillator
        if divider > 1:
            self.clock_domains.cd_oscillator = ClockDomain(reset_less=True)
            count = Signal((divider - 1).bit_length())
            self.comb += self.cd_oscillator.clk.eq(oscillator)
            self.sync.oscillator += count.eq(count + 1)
            slow = count[-1]
        self.specials += Instance(
            "SB_GB", i_USER_SIGNAL_TO_GLOBAL_BUFFER=slow, o_GLOBAL_BUFFER_OUTPUT=self.cd_sys.clk
        )


VENDOR = Ice40Vendor
