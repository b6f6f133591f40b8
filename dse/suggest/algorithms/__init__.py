"""Search algorithms: every file in this folder is one, and its name is what a config writes.

A file of somebody else's algorithm is called by whose it is, two underscores and its name, and a
config writes a colon between them. A file has a function
``make(*, timeout_s, compilation_cache) -> Suggester``, see ``dse.suggest.make_suggester``, and says
``LEARNS_FROM_OTHERS = True`` if it uses what other studies found (``suggest.learn_from``). Nothing
else has to be changed to add one.
"""

import importlib
import pkgutil
from typing import Any

DEFAULT = "vizier"


def algorithm_names() -> tuple[str, ...]:
    """Return the names of all algorithms, the default first; imports none of them."""
    found = [_name(module.name) for module in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=lambda name: (name != DEFAULT, ":" in name, name)))


def algorithm_module(name: str) -> Any:
    """Import the file of one of ``algorithm_names``."""
    file = name.replace(":", "__").replace("-", "_")
    return importlib.import_module(f"{__name__}.{file}")


def learners_from_others() -> tuple[str, ...]:
    """Return the algorithms that use what other studies found, see ``suggest.learn_from``."""
    return tuple(
        name
        for name in algorithm_names()
        if getattr(algorithm_module(name), "LEARNS_FROM_OTHERS", False)
    )


def _name(file: str) -> str:
    """Return what a config calls a file: ``vizier__gp_ucb_pe`` is ``vizier:gp-ucb-pe``."""
    source, colon, rest = file.partition("__")
    return f"{source}:{rest.replace('_', '-')}" if colon else source
