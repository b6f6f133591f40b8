"""How a simulated SoC becomes a program: the command lines, and our own C++ around the model.

Measured over alternatives: the model in one unit without vectorisation is 15 % faster than clang's
default (single bits gathered into vectors cost more than they save), ``-O3`` and verilator's own
tables make no difference, ``-O1`` is a quarter slower.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

TOP = "soc"
"""Module of the SoC; the model's class is ``Vsoc``."""
CPP_FOLDER = Path(__file__).parent
RUNTIME_SOURCES = ("verilated.cpp", "verilated_threads.cpp")
RUNTIME_OBJECTS = ("verilated.o", "verilated_threads.o")

VERILATOR_FLAGS = (
    # Generated Verilog is not ours to lint; what is wrong in it is still an error.
    *("-Wno-fatal", "-Wno-lint", "-Wno-style", "-Wno-COMBDLY"),
    *("-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert", "--no-timing"),
)
_FLAGS = ("-std=c++20", "-O2", "-fno-vectorize", "-fno-slp-vectorize", "-DNDEBUG")
_PUBLIC = re.compile(r"/\*\s*verilator public\s*\*/")


def verilator_root_command() -> list[str]:
    """Return the command that prints where Verilator's C++ runtime is."""
    return ["verilator", "--getenv", "VERILATOR_ROOT"]


def runtime_commands(verilator_root: Path, *, compiler: str) -> list[list[str]]:
    """Return the commands that compile Verilator's runtime in the current folder.

    Args:
        verilator_root: Where Verilator's headers are.
        compiler: The ``clang++`` to call.
    """
    include = verilator_root / "include"
    return [
        [compiler, *_FLAGS, f"-I{include}", "-c", str(include / source), "-o", compiled]
        for source, compiled in zip(RUNTIME_SOURCES, RUNTIME_OBJECTS, strict=True)
    ]


def verilate_command(sources: Sequence[str], folder: str) -> list[str]:
    """Return the command that turns Verilog into C++ in ``folder``.

    Args:
        sources: Names of Verilog files in the current folder; relative, because Verilator writes
            them into the C++.
        folder: Where the C++ goes.
    """
    return [
        "verilator",
        *("--cc", "--top-module", TOP, "--prefix", "Vsoc", "--Mdir", folder),
        *VERILATOR_FLAGS,
        *sources,
    ]


def lint_command(source: str) -> list[str]:
    """Return the command that says what Verilator thinks of a stranger's module ``Cfu``."""
    return ["verilator", "--lint-only", "--top-module", "Cfu", "-Wno-fatal", "--no-timing", source]


def simulator_unit(model_sources: Sequence[str]) -> str:
    """Return the C++ of the whole simulator: one unit, so that the compiler sees all of it."""
    names = [*sorted(model_sources), "main.cpp"]
    return "".join(f'#include "{name}"\n' for name in names)


def cfu_clock_flags(percent: int) -> tuple[str, ...]:
    """Return what tells the C++ around a model how fast its CFU's own clock is.

    Args:
        percent: Of the CPU's clock; 100 where the model has no such clock.
    """
    if percent == 100:
        return ()
    periods = Fraction(percent, 100)
    return (f"-DCFU_CYCLES={periods.numerator}", f"-DCFU_CYCLES_IN={periods.denominator}")


def compile_command(
    unit: str,
    *,
    compiler: str,
    verilator_root: Path,
    runtime: Path,
    cfu_clock_percent: int = 100,
    out: Path,
) -> list[str]:
    """Return the command that compiles and links the simulator.

    Args:
        unit: File with the text of ``simulator_unit``, beside the model's C++.
        compiler: The ``clang++`` that compiled the runtime.
        verilator_root: Where Verilator's headers are.
        runtime: Folder of the compiled runtime.
        cfu_clock_percent: Clock of the CFU in percent of the SoC's.
        out: The program to write.
    """
    includes = (
        verilator_root / "include",
        verilator_root / "include" / "vltstd",
        CPP_FOLDER,
    )
    return [
        compiler,
        *_FLAGS,
        *cfu_clock_flags(cfu_clock_percent),
        "-I.",
        *(f"-I{include}" for include in includes),
        *("-x", "c++", unit, "-x", "none"),
        *(str(runtime / name) for name in RUNTIME_OBJECTS),
        *("-o", str(out), "-lpthread", "-latomic"),
    ]


def without_public(verilog: str) -> str:
    """Take out SpinalHDL's ``verilator public``: signals seen from outside cannot be optimised."""
    return _PUBLIC.sub("", verilog)
