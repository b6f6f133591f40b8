"""Kinds of executors: every file in this folder is one, and its name is what a config writes.

A file has a function ``make(measure: str, *, address: str | None) -> Executor``, see
``runners.executors.make_executor``.
Nothing else has to be changed to add one.
"""

import importlib
import pkgutil
from typing import Any

LOCAL = "local"
"""The one that needs nothing but this machine."""


def executor_names() -> tuple[str, ...]:
    """Return the names of all kinds, sorted; imports none of them."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def executor_module(name: str) -> Any:
    """Import the file of one of ``executor_names``."""
    return importlib.import_module(f"{__name__}.{name}")
