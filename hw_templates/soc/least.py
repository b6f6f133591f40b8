"""The least that a SoC takes of an FPGA, without the CPU and the CFU in it."""

from contracts.least_hardware import LeastHardware, Memory
from hw_templates.soc.config import SocConfig

_WORD_BITS = 32
_L2_LANES = 4
"""The level-2 cache is written byte by byte: a memory for each byte of a word."""


def least_soc(config: SocConfig, *, main_ram_in_blocks: bool) -> LeastHardware:
    """Return the least that a SoC of the synthesis flavour takes.

    Args:
        config: The SoC.
        main_ram_in_blocks: Whether on-chip main memory lies in block RAM, not in large RAMs.
    """
    sizes = [config.rom_bytes, config.sram_bytes]
    if config.memory == "on-chip" and main_ram_in_blocks:
        sizes.append(config.main_ram_bytes)
    memories = [Memory(rows=size // 4, row_bits=_WORD_BITS) for size in sizes]
    if config.memory == "sdram" and config.l2_bytes:
        lane = Memory(rows=config.l2_bytes // _L2_LANES, row_bits=8)
        memories += [*_L2_LANES * [lane], Memory(rows=1, row_bits=1)]
    return LeastHardware(memories=tuple(memories))
