"""The synthesis flavour: the same SoC with a PLL, real pins and, if wanted, a real SDRAM.

Imported only in the generator's own process: LiteX keeps global state.
"""

from typing import Any

from litedram.init import get_sdr_phy_init_sequence
from litedram.modules import MT48LC16M16
from litedram.phy import GENSDRPHY
from litex.build.generic_platform import IOStandard, Misc, Pins, Subsignal
from litex.build.io import DDROutput
from litex.build.lattice import LatticeECP5Platform
from litex.soc.cores.clock import ECP5PLL
from litex.soc.integration.soc_core import SoCCore
from migen import ClockDomain, ClockSignal, Module, Signal

from contracts.faults import ConfigError
from hw_templates.soc.config import SDRAM_ROW_BYTES, SocConfig
from hw_templates.soc.cpu_slot import add_cpu_slot, cpu_arguments
from hw_templates.soc.fpga_boards import FpgaBoard, SdramPins, fpga_board

_DFII_FLAGS = {  # bits of the registers, see litedram.dfii
    "DFII_COMMAND_CS": 1,
    "DFII_COMMAND_WE": 2,
    "DFII_COMMAND_CAS": 4,
    "DFII_COMMAND_RAS": 8,
    "DFII_CONTROL_CKE": 2,
    "DFII_CONTROL_ODT": 4,
    "DFII_CONTROL_RESET_N": 8,
}
_LVCMOS33 = IOStandard("LVCMOS33")


def synthesised_files(config: SocConfig) -> tuple[SoCCore, str, dict[str, str]]:
    """Build the SoC; return it, the FPGA's name and its files: Verilog, constraints, ROM.

    Raises:
        ConfigError: Board, part or clock do not exist, or the board has no SDRAM.
    """
    board = fpga_board(config.board)
    if config.memory == "sdram" and board.sdram is None:
        raise ConfigError(f"the board {board.name} has no SDRAM", fix="set memory.kind = 'on-chip'")
    platform = LatticeECP5Platform(
        board.device(config.part), _pads(board), name="soc", toolchain="trellis"
    )
    try:
        soc = BoardSoc(config, board, platform)
        verilog = platform.get_verilog(soc, name="soc")
    except (ValueError, AssertionError) as error:  # LiteX asserts the output's range
        raise ConfigError(
            f"the PLL of the board {board.name} cannot make {config.clock_hz} Hz",
            fix="choose another clock_mhz, for example a multiple of 5",
        ) from error
    constraints = _constraints(platform, verilog.ns, board)
    files = {"soc.v": verilog.main_source, "soc.lpf": constraints, **verilog.data_files}
    return soc, platform.device, files


class BoardSoc(SoCCore):
    """A SoC for an FPGA board; boots from its ROM.

    Args:
        config: A SoC of the synthesis flavour.
        board: Where it goes.
        platform: LiteX's platform with that board's pads.
    """

    def __init__(self, config: SocConfig, board: FpgaBoard, platform: LatticeECP5Platform) -> None:
        sdram = config.memory == "sdram"
        super().__init__(
            platform,
            clk_freq=config.clock_hz,
            **cpu_arguments(config.with_cfu),
            integrated_rom_size=config.rom_bytes,
            integrated_rom_init=placeholder_words(config.rom_bytes // 4),
            integrated_sram_size=config.sram_bytes,
            integrated_main_ram_size=0 if sdram else config.main_ram_bytes,
            uart_baudrate=config.uart_baud,
            ident="",
            with_timer=False,
        )
        add_cpu_slot(self)
        self.sram.mem.init = None  # else $readmemh looks for files that nobody writes
        if not sdram:
            self.main_ram.mem.init = None
        self.crg = _Clocks(platform, board, config.clock_hz, with_sdram=sdram)
        for index in range(len(board.held_high)):
            self.comb += platform.request("held_high", index).eq(1)
        if sdram:
            self._add_sdram_chip(config, platform)

    def _add_sdram_chip(self, config: SocConfig, platform: LatticeECP5Platform) -> None:
        self.sdrphy = GENSDRPHY(platform.request("sdram"), config.clock_hz)
        self.add_sdram(
            "sdram",
            phy=self.sdrphy,
            module=MT48LC16M16(config.clock_hz, "1:1"),
            size=max(config.main_ram_bytes, SDRAM_ROW_BYTES),
            l2_cache_size=config.l2_bytes,
        )


class _Clocks(Module):
    """System clock from the board's oscillator, and a shifted one for the SDRAM's pin."""

    def __init__(
        self,
        platform: LatticeECP5Platform,
        board: FpgaBoard,
        clock_hz: int,
        *,
        with_sdram: bool,
    ) -> None:
        self.rst = Signal()
        self.clock_domains.cd_sys = ClockDomain()
        self.submodules.pll = pll = ECP5PLL()
        self.comb += pll.reset.eq(platform.request("reset") | self.rst)
        pll.register_clkin(platform.request("clock"), board.clock_hz)
        pll.create_clkout(self.cd_sys, clock_hz)
        if with_sdram:
            self.clock_domains.cd_sys_ps = ClockDomain()
            # A quarter of a period late: data are stable around the chip's edge.
            pll.create_clkout(self.cd_sys_ps, clock_hz, phase=90)
            self.specials += DDROutput(1, 0, platform.request("sdram_clock"), ClockSignal("sys_ps"))


def sdram_start(soc: SoCCore) -> list[dict[str, Any]]:
    """Return what the boot program must do before the SDRAM can be used, in order.

    Each step sets address and bank, writes ``value`` to the register ``dfii_control`` or
    ``dfii_pi0_command`` (and issues it), and waits. Afterwards ``dfii_control`` 1 hands over to
    the controller.
    """
    steps, _ = get_sdr_phy_init_sequence(soc.sdrphy.settings, None)
    return [
        {
            "comment": comment,
            "address": address,
            "bank": bank,
            "register": "dfii_control" if "CONTROL" in flags else "dfii_pi0_command",
            "value": sum(_DFII_FLAGS[flag] for flag in flags.split("|")),
            "wait_cycles": wait_cycles,
        }
        for comment, address, bank, flags, wait_cycles in steps
    ]


def placeholder_words(count: int) -> list[int]:
    """Return contents for a ROM whose program is put in after place-and-route.

    They look random, so that synthesis cannot simplify the ROM away and ``ecpbram`` finds each
    block again.
    """
    words = []
    state = 0x2545_F491
    for _ in range(count):  # xorshift32
        state ^= (state << 13) & 0xFFFF_FFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFF_FFFF
        words.append(state)
    return words


def _pads(board: FpgaBoard) -> list[tuple[Any, ...]]:
    pads: list[tuple[Any, ...]] = [
        ("clock", 0, Pins(board.clock_pin), _LVCMOS33),
        ("reset", 0, Pins(board.reset_pin), _LVCMOS33),
        (
            "serial",
            0,
            Subsignal("tx", Pins(board.uart_tx)),
            Subsignal("rx", Pins(board.uart_rx)),
            _LVCMOS33,
        ),
    ]
    pads += [
        ("held_high", index, Pins(pin), _LVCMOS33) for index, pin in enumerate(board.held_high)
    ]
    if board.sdram is not None:
        pads += _sdram_pads(board.sdram)
    return pads


def _sdram_pads(pins: SdramPins) -> list[tuple[Any, ...]]:
    return [
        ("sdram_clock", 0, Pins(pins.clock), _LVCMOS33, Misc("SLEWRATE=FAST")),
        (
            "sdram",
            0,
            Subsignal("a", Pins(pins.address)),
            Subsignal("dq", Pins(pins.data)),
            Subsignal("ba", Pins(pins.bank)),
            Subsignal("dm", Pins(pins.mask)),
            Subsignal("ras_n", Pins(pins.row_strobe)),
            Subsignal("cas_n", Pins(pins.column_strobe)),
            Subsignal("we_n", Pins(pins.write_enable)),
            Subsignal("cs_n", Pins(pins.chip_select)),
            Subsignal("cke", Pins(pins.clock_enable)),
            _LVCMOS33,
            Misc("SLEWRATE=FAST"),
        ),
    ]


def _constraints(platform: LatticeECP5Platform, names: Any, board: FpgaBoard) -> str:
    """Return the LPF file: pin, electrical standard and the oscillator's frequency."""
    lines = ["BLOCK RESETPATHS;", "BLOCK ASYNCPATHS;"]
    placed, _ = platform.resolve_signals(names)
    for name, pins, others, _ in sorted(placed, key=lambda entry: str(entry[0])):
        for index, pin in enumerate(pins):
            port = f"{name}[{index}]" if len(pins) > 1 else name
            lines.append(f'LOCATE COMP "{port}" SITE "{pin}";')
            settings = [
                f"IO_TYPE={other.name}" if isinstance(other, IOStandard) else other.misc
                for other in others
            ]
            lines.append(f'IOBUF PORT "{port}" {" ".join(settings)};')
    lines.append(f'FREQUENCY PORT "clock" {board.clock_hz / 1e6:g} MHZ;')
    return "\n".join(lines) + "\n"
