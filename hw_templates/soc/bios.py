"""LiteX's BIOS as command lines: what a board runs first, and what loads the firmware.

The sources are those of the packages litex, picolibc and compiler-rt, unchanged. We write their
settings and the headers of a SoC (``bios_headers``); a runner runs ``make``.

The flags are those of the smallest core, so one BIOS is good for every CPU and CFU of a target. It
polls the serial port instead of taking interrupts: the host sends nothing that it was not asked
for, a simulated clock stands still while the BIOS waits, and no core needs more than it has.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

BIOS_BINARY = "bios.bin"
"""The BIOS for the ROM, its CRC-32 behind it: it checks itself when it starts."""
LIBRARIES = ("libc", "libcompiler_rt")
"""Independent of the SoC; most of the work."""
PROGRAM = ("libbase", "liblitedram", "bios")
"""Compiled for each SoC, in this order."""

LIBRARY_HEADERS = {
    "csr.h": "#define CSR_UART_BASE 0 /* there is one; where does not matter to the library */\n",
    "soc.h": "",
}
"""All that the libraries ask of a SoC's headers."""

_TRIPLE = "riscv64-unknown-elf"
_MEMORY_TEST_BYTES = 64 << 10
_CPU_FLAGS = (
    *("-march=rv32i", "-misa-spec=2.2", "-mabi=ilp32"),
    "-D__vexriscv__",
    "-DUART_POLLING",
    f"-DMEMTEST_DATA_SIZE={_MEMORY_TEST_BYTES}",
)


def variables_text(packages: "Packages") -> str:
    """Return ``generated/variables.mak``, which LiteX's makefiles include."""
    software = packages.litex / "soc" / "software"
    names = (*LIBRARIES, *PROGRAM)
    variables = {
        "PACKAGES": " ".join(names),
        "PACKAGE_DIRS": " ".join(str(software / name) for name in names),
        "LIBS": " ".join(name for name in names if name != "bios"),
        "TRIPLE": _TRIPLE,
        "CPU": "vexriscv",
        "CPUFAMILY": "riscv",
        "CPUFLAGS": " ".join(_CPU_FLAGS),
        "CPUENDIANNESS": "little",
        "CLANG": "0",
        "CPU_DIRECTORY": str(packages.litex / "soc" / "cores" / "cpu" / "vexriscv"),
        "SOC_DIRECTORY": str(packages.litex / "soc"),
        "PICOLIBC_DIRECTORY": str(packages.picolibc),
        "PICOLIBC_FORMAT": "integer",
        "COMPILER_RT_DIRECTORY": str(packages.compiler_rt),
        **{f"{name.upper()}_DIRECTORY": str(software / name) for name in names},
        "LTO": "0",
        "BIOS_CONSOLE_LITE": "1",  # a console, so that a boot that was missed can be asked for
    }
    lines = [f"{name}={value}" for name, value in variables.items()]
    return "\n".join([*lines, "BUILDINC_DIRECTORY=$(CURDIR)/../include", ""])


class Packages:
    """Where the sources are: the Python packages litex, picolibc and compiler-rt."""

    def __init__(self) -> None:
        # Imported here: finding LiteX's folder starts its global state.
        import litex

        self.litex = Path(litex.__path__[0])
        self.picolibc, self.compiler_rt = (
            Path(litex.get_data_mod("software", name).data_location)
            for name in ("picolibc", "compiler_rt")
        )


def headers_command(config: str, folder: str) -> list[str]:
    """Return the command that writes the headers of the SoC of ``config`` into ``folder``."""
    return [sys.executable, "-m", "hw_templates.soc.bios_headers", config, folder]


def make_command(name: str, packages: Packages) -> list[str]:
    """Return the command that compiles one part; it is to run beside ``include``."""
    makefile = packages.litex / "soc" / "software" / name / "Makefile"
    return ["make", "-C", name, "-f", str(makefile), f"PYTHON={sys.executable}", f"{_target(name)}"]


def make_environment() -> dict[str, str]:
    """Return the variables that the makefiles need: meson and ninja lie beside this Python."""
    folder = str(Path(sys.executable).parent)
    return {"PATH": f"{folder}:{os.environ.get('PATH', os.defpath)}", "MAKEFLAGS": ""}


def library_files() -> Sequence[str]:
    """Return what ``LIBRARIES`` leave for the program: archives and picolibc's settings."""
    return ("libc/libc.a", "libc/picolibc.h", "libcompiler_rt/libcompiler_rt.a")


def _target(name: str) -> str:
    return BIOS_BINARY if name == "bios" else f"{name}.a"
