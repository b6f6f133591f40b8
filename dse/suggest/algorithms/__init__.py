"""Search algorithms: every file in this folder is one, and its name is what a config writes.

A file has a function ``make(*, timeout_s, compilation_cache) -> Suggester``, see
``dse.suggest.make_suggester``. Nothing else has to be changed to add one.
"""

import importlib
import pkgutil
from typing import Any

DEFAULT = "vizier"


def algorithm_names() -> tuple[str, ...]:
    """Return the names of all algorithms, the default first; imports none of them."""
    found = [module.name for module in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=lambda name: (name != DEFAULT, name)))


def algorithm_module(name: str) -> Any:
    """Import the file of one of ``algorithm_names``."""
    return importlib.import_module(f"{__name__}.{name}")
