"""How a CFU's own Verilog takes the place of its C emulation in a program of the host.

The kernels of a host firmware call ``cfu_emulate``; here it is a model that Verilator makes of the
hardware. A program that links it computes with the hardware, without a core around it.
"""

from collections.abc import Sequence
from pathlib import Path

from hw_templates.soc.simulation import (
    CPP_FOLDER,
    RUNTIME_OBJECTS,
    VERILATOR_FLAGS,
    cfu_clock_flags,
)

CFU_OBJECT = "cfu.o"
"""What ``compile_command`` writes."""
CYCLES_FILE = "cfu_cycles"
"""Left by a program in the folder where it runs: how many cycles its CFU was clocked."""
COMMANDS_FILE = "cfu_commands"
"""Left likewise: the first 4,096 instructions, a line each: function id, operands, hexadecimal."""

_DRIVER = "cfu_on_host.cpp"
_FOLDER = Path(__file__).parent


def verilate_command(source: str, folder: str) -> list[str]:
    """Return the command that turns module ``Cfu`` into C++ in ``folder``.

    Args:
        source: Name of the Verilog file in the current folder.
        folder: Where the C++ goes.
    """
    return [
        *("verilator", "--cc", "--top-module", "Cfu", "--prefix", "Vcfu", "--Mdir", folder),
        *VERILATOR_FLAGS,
        source,
    ]


def unit(model_sources: Sequence[str]) -> str:
    """Return the C++ of ``cfu_emulate`` and the model that it drives, as one unit."""
    return "".join(f'#include "{name}"\n' for name in (*sorted(model_sources), _DRIVER))


def compile_command(
    unit: str, *, compiler: str, verilator_root: Path, cfu_clock_percent: int, out: Path
) -> list[str]:
    """Return the command that compiles ``unit``, a file beside the model's C++, to an object.

    Args:
        unit: The file.
        compiler: The ``clang++`` to call.
        verilator_root: Where Verilator's headers are.
        cfu_clock_percent: Clock of the CFU in percent of that of its port ``clk``.
        out: The object to write.
    """
    include = verilator_root / "include"
    # -O2 takes half as long again to compile and is no faster
    flags = ("-std=c++20", "-O1", "-fno-vectorize", "-fno-slp-vectorize", "-DNDEBUG")
    includes = (f"-I{folder}" for folder in (include, include / "vltstd", CPP_FOLDER, _FOLDER))
    clock = cfu_clock_flags(cfu_clock_percent)
    return [compiler, *flags, *clock, "-I.", *includes, "-x", "c++", "-c", unit, "-o", str(out)]


def link_command(objects: Sequence[str], *, compiler: str, runtime: Path, out: str) -> list[str]:
    """Return the command that links a host firmware's objects with a CFU.

    Args:
        objects: Those of the firmware, without an emulation, and ``CFU_OBJECT``.
        compiler: The ``clang++`` that compiled Verilator's runtime.
        runtime: Folder of the compiled runtime.
        out: The program to write.
    """
    compiled = (str(runtime / name) for name in RUNTIME_OBJECTS)
    return [compiler, *objects, *compiled, "-o", out, "-lpthread", "-latomic"]
