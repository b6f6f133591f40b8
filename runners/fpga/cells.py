"""Metrics of what an FPGA is made of: roles that every part has, and cells that families share.

A role counts the same thing on every part, so that studies of several parts can be compared; what
the cells of a family are worth in it stands in the family's ``Resource``.
"""

from typing import Literal

from contracts.measurement import Fidelity
from contracts.metric import MetricDefinition


def cells(name: str, description: str, *, role: str | None) -> MetricDefinition:
    """Return the definition of a family's own count of cells."""
    return MetricDefinition(
        name=name,
        unit="cells",
        description=description,
        since=Fidelity.SYNTHESISED,
        better="lower",
        role=role,
    )


def _role(name: str, unit: Literal["", "bit"], description: str) -> MetricDefinition:
    return MetricDefinition(
        name=name,
        unit=unit,
        description=description,
        since=Fidelity.SYNTHESISED,
        better="lower",
    )


LUTS = _role("luts", "", "look-up tables with four inputs; one with six (Xilinx) counts as 1.6")
FLIP_FLOPS = _role("flip_flops", "", "flip-flops")
MULTIPLIERS = _role(
    "multipliers", "", "multipliers of 16 x 16 to 25 x 18 bits; one of 9 x 9 is a half"
)
BLOCK_RAM_BITS = _role(
    "block_ram_bits",
    "bit",
    "all bits, parity included, of the block RAMs taken; large RAMs for main memory not counted",
)
ROLES = {each.name: each for each in (LUTS, FLIP_FLOPS, MULTIPLIERS, BLOCK_RAM_BITS)}
"""By name. A large RAM (SPRAM, LRAM) has no role: only main memory goes there, the same in all
designs of a target, and its capacity would hide how full the block RAMs are."""

LUT4 = cells("lut4", "look-up-table sites, carry and distributed RAM included", role="luts")
FF = cells("ff", "flip-flops", role="flip_flops")
EBR = cells("ebr", "block RAMs of CrossLink-NX (18 kbit) and iCE40 (4 kbit)", role="block_ram_bits")
