"""The two SoCs of a target: the one that is simulated and the one for its board.

Both are right for every clock of the target's range, so that neither they nor what is made of them
depend on the clock that a design settles on.
"""

from contracts.cfu_clock import CPU_CLOCK_PERCENT
from contracts.faults import ConfigError
from hw_templates.soc.config import SocConfig
from hw_templates.soc.fpga_boards import fpga_board
from runners.fpga import family_of_part
from runners.job import Target


def clocks_in_range(target: Target, cfu_clock_percent: int = CPU_CLOCK_PERCENT) -> tuple[int, ...]:
    """Return every clock in Hz that a design of a target may be settled on, ascending.

    Args:
        target: Says which clocks will do.
        cfu_clock_percent: Clock of the design's CFU in percent of it.

    Raises:
        ConfigError: The board's PLL makes none of them; the nearest ones are named.
    """
    low, high = target.clocks_hz
    if low == high:
        return (low,)  # whether it can be made is for who builds it to check
    family, reference_hz = family_of_part(target.part), fpga_board(target.board).clock.hz
    made = family.clocks_with_cfu_hz(reference_hz, cfu_clock_percent)
    if not made:
        raise ConfigError(
            f"the PLL of the family {family.name} makes no clock for a CFU of"
            f" {cfu_clock_percent} percent of the CPU's",
            fix="let the CFU have the CPU's clock",
        )
    within = tuple(each for each in made if low <= each <= high)
    if not within:
        below, above = [each for each in made if each < low], [each for each in made if each > high]
        near = [f"{each / 1e6:.8g}" for each in (*below[-1:], *above[:1])]
        raise ConfigError(
            f"clock_range_mhz is {low / 1e6:.8g} to {high / 1e6:.8g}, and the PLL of the family"
            f" {family.name} makes no clock in it of {reference_hz / 1e6:.8g} MHz",
            fix="widen it to " + (" or ".join(near) or "what another board makes"),
        )
    return within


def asked_clock_hz(target: Target, cfu_clock_percent: int = CPU_CLOCK_PERCENT) -> int:
    """Return the clock in Hz that a design of a target is routed for first: the highest there is.

    Raises:
        ConfigError: As ``clocks_in_range``.
    """
    return clocks_in_range(target, cfu_clock_percent)[-1]


def built_clock_hz(target: Target, cfu_clock_percent: int = CPU_CLOCK_PERCENT) -> int:
    """Return the clock in Hz that the SoC's PLL is synthesised and routed with.

    Where the PLL can be set after routing that is the asked clock, whatever a design settles on.
    Where it cannot, a design that has settled is built again for its clock.

    Raises:
        ConfigError: As ``clocks_in_range``.
    """
    if family_of_part(target.part).patches_clock:
        return asked_clock_hz(target, cfu_clock_percent)
    return target.clock_hz


def simulated_soc(
    target: Target, *, with_cfu: bool, cfu_clock_percent: int = CPU_CLOCK_PERCENT
) -> SocConfig:
    """Return the SoC that the simulated board runs.

    Raises:
        ConfigError: The target's memory or clocks are outside of what the generator can make.
    """
    memory = target.memory
    low, high = _sdram_clocks_hz(target, cfu_clock_percent)
    return SocConfig(
        flavour="simulation",
        with_cfu=with_cfu,
        cfu_clock_percent=cfu_clock_percent,
        memory=memory.kind,
        main_ram_bytes=memory.size_bytes,
        sdram_chip=_sdram_chip(target),
        l2_bytes=memory.l2_bytes,
        sram_bytes=memory.sram_bytes,
        clock_hz=asked_clock_hz(target, cfu_clock_percent),
        lowest_clock_hz=low,
        highest_clock_hz=high,
    )


def board_soc(
    target: Target, *, with_cfu: bool, cfu_clock_percent: int = CPU_CLOCK_PERCENT
) -> SocConfig:
    """Return the SoC that is synthesised for the board.

    Raises:
        ConfigError: As ``simulated_soc``, or the board's PLL cannot make the clock.
    """
    memory = target.memory
    clock_hz = built_clock_hz(target, cfu_clock_percent)
    family = family_of_part(target.part)
    family.require_clock(clock_hz, fpga_board(target.board).clock.hz)
    low, high = _sdram_clocks_hz(target, cfu_clock_percent)
    return SocConfig(
        flavour="synthesis",
        with_cfu=with_cfu,
        cfu_clock_percent=cfu_clock_percent,
        memory=memory.kind,
        main_ram_bytes=memory.size_bytes,
        sdram_chip=_sdram_chip(target),
        l2_bytes=memory.l2_bytes,
        sram_bytes=memory.sram_bytes,
        rom_bytes=memory.rom_bytes,
        clock_hz=clock_hz,
        lowest_clock_hz=low,
        highest_clock_hz=high,
        dynamic_baud=family.patches_clock and target.clocks_hz[0] < target.clocks_hz[1],
        board=target.board,
        part=target.part,
        uart_baud=target.uart_baud,
    )


def _sdram_clocks_hz(target: Target, cfu_clock_percent: int) -> tuple[int, int]:
    """Return the range that an SDRAM's waits are for, 0 and 0 without one: nothing follows it."""
    if target.memory.kind == "on-chip":
        return 0, 0
    return target.clocks_hz[0], asked_clock_hz(target, cfu_clock_percent)


def _sdram_chip(target: Target) -> str:
    """Return the board's SDRAM; nothing to tell two SoCs without one apart."""
    sdram = fpga_board(target.board).sdram
    return sdram.chip if sdram is not None and target.memory.kind == "sdram" else ""
