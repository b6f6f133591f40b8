"""FPGA families: what differs between them from synthesis to bitstream.

Each folder of ``hw_templates/soc/fpga`` has a file of the same name here with ``FAMILIES``: one for
each set of tools, so that a vendor's series that are placed differently are two.
"""

import importlib
from collections.abc import Mapping

from contracts.faults import ConfigError
from contracts.metric import MetricDefinition
from hw_templates.soc.fpga import family_names
from runners.fpga.cells import ROLES
from runners.fpga.family import FpgaFamily


def find_families() -> tuple[FpgaFamily, ...]:
    """Return the families of all files, by the name of the file."""
    modules = (importlib.import_module(f"{__name__}.{name}") for name in family_names())
    return tuple(family for module in modules for family in module.FAMILIES)


FAMILIES = find_families()
"""All families; a part belongs to the one that lists it."""

PARTS: Mapping[str, Mapping[str, int]] = {
    part: capacity for each in FAMILIES for part, capacity in each.parts.items()
}
"""What each part holds, by name of part and resource: the limits that a design is checked with."""

PACKAGES = tuple(
    sorted({name for each in FAMILIES for name in (*each.place_packages, *each.pack_packages)})
)
"""Python packages that place, route and pack for any of them."""

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
