"""The two SoCs of a target: the one that is simulated and the one for its board."""

from hw_templates.soc.config import SocConfig
from hw_templates.soc.fpga_boards import fpga_board
from runners.fpga import family_of_part
from runners.job import Target


def simulated_soc(target: Target, *, with_cfu: bool) -> SocConfig:
    """Return the SoC that the simulated board runs.

    Raises:
        ConfigError: The target's memory or clock is outside of what the generator can make.
    """
    memory = target.memory
    return SocConfig(
        flavour="simulation",
        with_cfu=with_cfu,
        memory=memory.kind,
        main_ram_bytes=memory.size_bytes,
        sdram_chip=_sdram_chip(target),
        l2_bytes=memory.l2_bytes,
        sram_bytes=memory.sram_bytes,
        clock_hz=target.clock_hz,
    )


def board_soc(target: Target, *, with_cfu: bool) -> SocConfig:
    """Return the SoC that is synthesised for the board.

    Raises:
        ConfigError: As ``simulated_soc``, or the board's PLL cannot make the clock.
    """
    memory = target.memory
    family_of_part(target.part).require_clock(target.clock_hz, fpga_board(target.board).clock.hz)
    return SocConfig(
        flavour="synthesis",
        with_cfu=with_cfu,
        memory=memory.kind,
        main_ram_bytes=memory.size_bytes,
        sdram_chip=_sdram_chip(target),
        l2_bytes=memory.l2_bytes,
        sram_bytes=memory.sram_bytes,
        rom_bytes=memory.rom_bytes,
        clock_hz=target.clock_hz,
        board=target.board,
        part=target.part,
        uart_baud=target.uart_baud,
    )


def _sdram_chip(target: Target) -> str:
    """Return the board's SDRAM; nothing to tell two SoCs without one apart."""
    sdram = fpga_board(target.board).sdram
    return sdram.chip if sdram is not None and target.memory.kind == "sdram" else ""
