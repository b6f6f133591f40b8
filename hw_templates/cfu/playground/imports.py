"""What the Python of a CFU may import: the files of its folder, and CFU-Playground's library."""

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LIBRARY = "hw_templates.cfu.playground.amaranth_cfu"
_LIBRARY_NAMES = tuple(
    f"{name}{part}" for name in ("amaranth_cfu", "nmigen_cfu") for part in ("", ".cfu", ".util")
)
_AMARANTH = (
    *("amaranth", "amaranth.asserts", "amaranth.back", "amaranth.back.rtlil"),
    *("amaranth.back.verilog", "amaranth.build", "amaranth.hdl", "amaranth.hdl.ast"),
    *("amaranth.hdl.cd", "amaranth.hdl.dsl", "amaranth.hdl.ir", "amaranth.hdl.mem"),
    *("amaranth.hdl.rec", "amaranth.hdl.xfrm", "amaranth.lib", "amaranth.lib.cdc"),
    *("amaranth.lib.coding", "amaranth.lib.data", "amaranth.lib.fifo", "amaranth.sim"),
    *("amaranth.utils",),
)
"""Modules that were there when Amaranth was called nMigen, and projects still call so."""
GONE = {
    "Repl": "write value.replicate(count)",
    "Part": "write value.bit_select(offset, width)",
    "Past": "keep it in a register",
    "Stable": "compare with a register",
    "Rose": "compare with a register",
    "Fell": "compare with a register",
}
"""Names of Amaranth that 0.5 has no longer, and what to do."""


@contextmanager
def project_imports(folder: Path) -> Iterator[None]:
    """Within it the modules of a folder can be imported, and the library by its names.

    Warnings of names that Amaranth calls otherwise today are kept back: the project's author
    cannot change them for this program alone.

    Args:
        folder: Absolute. Its modules are forgotten afterwards: two projects may have files of one
            name.
    """
    before, writes_none = dict(sys.modules), sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # looking at a project changes nothing in it
    library = importlib.import_module(_LIBRARY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in _AMARANTH:
            try:
                real = importlib.import_module(name)
            except ImportError:  # one that this Amaranth has no longer
                continue
            sys.modules.setdefault(name.replace("amaranth", "nmigen", 1), real)
        for name in _LIBRARY_NAMES:
            sys.modules.setdefault(name, library)
        sys.path.insert(0, str(folder))
        # a folder that an earlier project was read from may have changed since
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.dont_write_bytecode = writes_none
            sys.path.remove(str(folder))
            for name, module in list(sys.modules.items()):
                if before.get(name) is module:
                    continue
                if is_below(module, folder) or name.split(".")[0] in ("nmigen", *_LIBRARY_NAMES):
                    del sys.modules[name]


def is_below(module: object, folder: Path) -> bool:
    """Return whether a module, or a package without a file of its own, is in a folder."""
    origin = getattr(module, "__file__", None)
    places = [origin] if origin else list(getattr(module, "__path__", ()))
    return any(Path(place).resolve().is_relative_to(folder) for place in places)
