"""The synthesis flavour: the same SoC with a PLL, real pins and, if wanted, a real SDRAM.

Imported only in the generator's own process: LiteX keeps global state.
"""

from typing import Any

import litedram.modules
from litedram.init import get_sdr_phy_init_sequence
from litedram.phy import GENSDRPHY
from litex.build.generic_platform import GenericPlatform
from litex.soc.integration.soc_core import SoCCore

from contracts.faults import ConfigError
from hw_templates.soc.board_pads import board_pads, sdram_pads
from hw_templates.soc.config import BIOS_ROM_BYTES, SocConfig
from hw_templates.soc.cpu_slot import (
    REGISTER_PAGES,
    add_cpu_slot,
    cpu_arguments,
    give_cfu_clock,
)
from hw_templates.soc.dfi_register import DfiRegister
from hw_templates.soc.fpga import vendor_of
from hw_templates.soc.fpga_boards import FpgaBoard, fpga_board
from hw_templates.soc.on_chip_ram import BANK_BYTES, block_ram_banks
from hw_templates.soc.sdram_chips import sdram_chip
from hw_templates.soc.sdram_timings import module_for
from hw_templates.soc.short_bus import ShortBusSoc
from hw_templates.soc.vendor import Vendor, placed_ports

_DFII_FLAGS = {  # bits of the registers, see litedram.dfii
    "DFII_COMMAND_CS": 1,
    "DFII_COMMAND_WE": 2,
    "DFII_COMMAND_CAS": 4,
    "DFII_COMMAND_RAS": 8,
    "DFII_CONTROL_CKE": 2,
    "DFII_CONTROL_ODT": 4,
    "DFII_CONTROL_RESET_N": 8,
}


def synthesised_files(config: SocConfig) -> tuple[SoCCore, str, str, dict[str, str]]:
    """Build the SoC; return it, the FPGA's and the constraints file's name, and its files.

    Raises:
        ConfigError: Board, part or clock do not exist, or the board has no SDRAM.
    """
    board = fpga_board(config.board)
    _require_sdram(config, board)
    vendor = vendor_of(board.family)
    if config.has_cfu_clock and not vendor.makes_cfu_clock:
        raise ConfigError(
            f"the PLL of the family {board.family} makes no clock for a CFU beside the CPU's",
            fix="let the CFU have the CPU's clock",
        )
    platform = vendor.platform(board.device_of(config.part), board_pads(board))
    try:
        soc = BoardSoc(config, board, vendor, platform)
        verilog = platform.get_verilog(soc, name="soc")
    except (ValueError, AssertionError) as error:  # LiteX asserts the output's range
        raise ConfigError(
            f"the PLL of the board {board.name} cannot make {config.clock_hz} Hz",
            fix="choose another clock_mhz, for example a multiple of 5",
        ) from error
    constraints = vendor.constraints(placed_ports(platform, verilog.ns), board, config.clock_hz)
    files = {
        "soc.v": verilog.main_source,
        vendor.constraints_file: constraints,
        **verilog.data_files,
    }
    return soc, platform.device, vendor.constraints_file, files


def _require_sdram(config: SocConfig, board: FpgaBoard) -> None:
    if config.memory != "sdram":
        return
    if board.sdram is None:
        raise ConfigError(f"the board {board.name} has no SDRAM", fix="set memory.kind = 'on-chip'")
    if board.sdram.chip != config.sdram_chip:
        raise ConfigError(
            f"the SDRAM of the board {board.name} is a {board.sdram.chip}, not {config.sdram_chip}",
            fix=f"set sdram_chip = {board.sdram.chip!r}",
        )
    if not config.l2_bytes and not board.sdram.writes_bytes:
        raise ConfigError(
            f"the SDRAM of the board {board.name} cannot write single bytes",
            fix="set memory.l2_bytes to 128 or more: a level-2 cache writes whole words",
        )


class BoardSoc(ShortBusSoc):
    """A SoC for an FPGA board; boots from its ROM.

    Args:
        config: A SoC of the synthesis flavour.
        board: Where it goes.
        vendor: What its FPGA needs.
        platform: LiteX's platform with that board's pads.
    """

    csr_map = REGISTER_PAGES

    def __init__(
        self, config: SocConfig, board: FpgaBoard, vendor: Vendor, platform: GenericPlatform
    ) -> None:
        super().__init__(
            platform,
            clk_freq=config.clock_hz,
            **cpu_arguments(config.with_cfu),
            bus_timeout=None,
            integrated_rom_size=config.rom_bytes,
            integrated_rom_init=placeholder_words(config.rom_bytes // 4),
            integrated_sram_size=config.sram_bytes,
            uart_baudrate=config.uart_baud,
            uart_with_dynamic_baudrate=config.dynamic_baud,
            ident="",
            with_timer=config.rom_bytes >= BIOS_ROM_BYTES,
        )
        add_cpu_slot(self)
        self.sram.mem.init = None  # else $readmemh looks for files that nobody writes
        if config.memory == "on-chip":
            self.add_on_chip_memory(
                block_ram_banks(config.main_ram_bytes)
                if vendor.main_ram_in_blocks(config)
                else vendor.large_rams(config),
                bank_bytes=min(config.main_ram_bytes, BANK_BYTES),
                size_bytes=config.main_ram_bytes,
            )
        sdram = board.sdram if config.memory == "sdram" else None
        self.crg = vendor.clocks(platform, board, config)
        if config.has_cfu_clock:
            give_cfu_clock(self)
        for index in range(len(board.held_high)):
            self.comb += platform.request("held_high", index).eq(1)
        if sdram is not None:
            self.sdrphy = GENSDRPHY(sdram_pads(platform, sdram), config.clocks_hz[1])
            self.sdrphy_register = DfiRegister(self.sdrphy)
            self._add_sdram_chip(config)

    def _add_sdram_chip(self, config: SocConfig) -> None:
        chip = sdram_chip(config.sdram_chip)
        self.add_sdram_memory(
            phy=self.sdrphy_register,
            module=module_for(config, getattr(litedram.modules, chip.name)),
            size_bytes=config.main_ram_bytes,
            l2_bytes=config.l2_bytes,
        )


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
