"""Kinds of meters: every file in this folder is one, and its name is what ``boards.toml`` writes.

A file has

- ``NEEDS``: the keys of its section that must be given;
- ``PACKAGE``: the Python package that it imports when a meter is opened, and what pip calls it, or
  None;
- ``make(settings: PowerSection) -> Meter``.

Nothing else has to be changed to add one.
"""

import importlib
import pkgutil
from typing import Any


def meter_names() -> tuple[str, ...]:
    """Return the names of all kinds, sorted; imports none of them."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def meter_module(name: str) -> Any:
    """Import the file of one of ``meter_names``; it imports no package of a meter's maker."""
    return importlib.import_module(f"{__name__}.{name}")
