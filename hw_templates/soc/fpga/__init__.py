"""Families of FPGAs: every folder here is one, and its name is what a board's file writes.

A folder has ``platform.py`` with ``VENDOR``, what LiteX needs of the family, and whatever that is
made of. The tools of the same family are in ``runners/fpga`` in the file of the same name.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # needs LiteX, which keeps global state; see ``generate``
    from hw_templates.soc.vendor import Vendor


def family_names() -> tuple[str, ...]:
    """Return the names of all families, sorted; imports none of them."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def vendor_of(family: str) -> "Vendor":
    """Return what the SoC generator needs of one of ``family_names``."""
    module = importlib.import_module(f"{__name__}.{family}.platform")
    found: Vendor = module.VENDOR()
    return found
