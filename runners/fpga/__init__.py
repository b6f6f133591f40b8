"""FPGA families: what differs between them from synthesis to bitstream."""

from collections.abc import Mapping

from contracts.faults import ConfigError
from contracts.metric import MetricDefinition
from runners.fpga.cells import ROLES
from runners.fpga.ecp5 import ECP5
from runners.fpga.family import FpgaFamily
from runners.fpga.gowin import GW1N, GW2A
from runners.fpga.ice40 import ICE40
from runners.fpga.nexus import NEXUS

FAMILIES: tuple[FpgaFamily, ...] = (ECP5, NEXUS, GW1N, GW2A, ICE40)
"""All families; a part belongs to the one that lists it."""

PARTS: Mapping[str, Mapping[str, int]] = {
    part: capacity for each in FAMILIES for part, capacity in each.parts.items()
}
"""What each part holds, by name of part and resource: the limits that a design is checked with."""

METRICS: tuple[MetricDefinition, ...] = (
    *(resource.metric for each in FAMILIES for resource in each.resources),
    *ROLES.values(),
)
"""What parts are made of, family by family, then by role; a cell that families share repeats."""


def family_of_part(part: str) -> FpgaFamily:
    """Return the family that a part belongs to.

    Raises:
        ConfigError: No family lists it.
    """
    for each in FAMILIES:
        if part in each.parts:
            return each
    raise ConfigError(f"the part {part!r} is not known", fix=f"use one of {', '.join(PARTS)}")


def capacity_of(part: str) -> Mapping[str, int]:
    """Return what a part holds, by metric: its own resources, then roles.

    Empty for a part that no family lists: a database can name one of a newer version.
    """
    return family_of_part(part).capacity(part) if part in PARTS else {}
