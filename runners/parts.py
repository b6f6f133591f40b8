"""What each FPGA part holds: the limits that a design is checked against.

Source: Lattice FPGA-DS-02012 (ECP5 and ECP5-5G family data sheet), table 1.1; the LFE5U-12F is
the 25F's die, and the open tools give access to all of it.
"""

from dataclasses import dataclass

from contracts.faults import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How many cells of each kind a part has.

    Attributes:
        lut4: 4-input look-up tables; as many as there are slice sites for them.
        ff: Slice flip-flops.
        dp16kd: Block RAMs of 18 kbit.
        mult18x18d: 18 x 18 bit multipliers.
    """

    lut4: int
    ff: int
    dp16kd: int
    mult18x18d: int


_ECP5_25 = Capacity(lut4=24_288, ff=24_288, dp16kd=56, mult18x18d=28)
_ECP5_45 = Capacity(lut4=43_848, ff=43_848, dp16kd=108, mult18x18d=72)
_ECP5_85 = Capacity(lut4=83_640, ff=83_640, dp16kd=208, mult18x18d=156)

PARTS: dict[str, Capacity] = {
    "LFE5U-12F": _ECP5_25,
    "LFE5U-25F": _ECP5_25,
    "LFE5U-45F": _ECP5_45,
    "LFE5U-85F": _ECP5_85,
    "LFE5UM-25F": _ECP5_25,
    "LFE5UM-45F": _ECP5_45,
    "LFE5UM-85F": _ECP5_85,
    "LFE5UM5G-25F": _ECP5_25,
    "LFE5UM5G-45F": _ECP5_45,
    "LFE5UM5G-85F": _ECP5_85,
}


def capacity_of(part: str) -> Capacity:
    """Return what ``part`` holds.

    Raises:
        ConfigError: The part is not in the table.
    """
    try:
        return PARTS[part]
    except KeyError:
        raise ConfigError(
            f"the part {part!r} is not known", fix=f"use one of {', '.join(PARTS)}"
        ) from None
