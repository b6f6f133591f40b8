"""What the least hardware comes to in the cells of a family.

A block RAM holds what its resource is worth in bits, and reads a port's width at once at most; a
memory takes the larger of both. What is written apart has lanes of its own: 32 bits take 36 where a
lane has 9. The factors of a multiplication take a multiplier, where a family
has small ones, too, the share that a small one counts for.
"""

import math
from collections.abc import Mapping

from contracts.least_hardware import LeastHardware, Memory
from runners.fpga.cells import BLOCK_RAM_BITS, MULTIPLIERS
from runners.fpga.family import FpgaFamily, Resource

_SMALL_FACTOR_BITS = 9


def least_cells(hardware: LeastHardware, family: FpgaFamily) -> dict[str, float]:
    """Return the least of each role that hardware takes on a family's parts.

    Args:
        hardware: What there is at the least.
        family: Of the part.

    Returns:
        Block RAMs and multipliers of the role's largest resource, by role.
    """
    block = _block_ram(family)
    blocks = sum(_blocks(memory, block) for memory in hardware.memories)
    of_role = [each for each in family.resources if each.metric.role == MULTIPLIERS.name]
    small = min((each.worth for each in of_role), default=1.0)
    multipliers = sum(small if bits <= _SMALL_FACTOR_BITS else 1.0 for bits in hardware.factor_bits)
    return {BLOCK_RAM_BITS.name: float(blocks), MULTIPLIERS.name: multipliers}


def held_cells(family: FpgaFamily, part: str) -> Mapping[str, float]:
    """Return what a part holds of the same."""
    capacity = family.capacity(part)
    return {
        BLOCK_RAM_BITS.name: capacity[BLOCK_RAM_BITS.name] / block_bits(family),
        MULTIPLIERS.name: float(capacity[MULTIPLIERS.name]),
    }


def block_bits(family: FpgaFamily) -> int:
    """Return the bits of one block RAM of a family."""
    return round(_block_ram(family).worth)


def has_large_rams(family: FpgaFamily) -> bool:
    """Tell whether on-chip main memory has RAMs of its own, which have no role."""
    return any(each.metric.role is None for each in family.resources)


def _block_ram(family: FpgaFamily) -> Resource:
    of_role = (each for each in family.resources if each.metric.role == BLOCK_RAM_BITS.name)
    return max(of_role, key=lambda each: each.worth)


def _blocks(memory: Memory, block: Resource) -> int:
    if memory.rows * memory.row_bits < block.least_bits:
        return 0
    row_bits = memory.row_bits
    if part_bits := memory.part_bits:  # a lane belongs to one part
        lanes = math.ceil(part_bits / block.lane_bits)
        row_bits = row_bits // part_bits * lanes * block.lane_bits
    bits = memory.rows * row_bits
    return max(1, math.ceil(bits / block.worth), math.ceil(row_bits / block.port_bits))
