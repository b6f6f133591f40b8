"""Command lines that turn generated sources into a program; a runner runs them.

And the one thing that is put into a firmware afterwards: its clock. The code does not depend on it,
so a firmware is compiled and simulated once, whatever clock its design settles on; whoever loads it
writes the clock into its image, as the boot program is written into the routed ROM.
"""

from collections.abc import Sequence

from contracts.faults import Bug
from sw_templates.generate import EMULATION, Firmware
from sw_templates.options import FirmwareOptions
from sw_templates.tflm import Adopted

RISCV_COMPILER = "riscv64-unknown-elf-gcc"
RISCV_CPP_COMPILER = "riscv64-unknown-elf-g++"
RISCV_OBJCOPY = "riscv64-unknown-elf-objcopy"
HOST_COMPILER = "cc"
HOST_CPP_COMPILER = "g++"

ELF_NAME = "firmware.elf"
BINARY_NAME = "firmware.bin"
HOST_NAME = "firmware_host"
HOST_KERNELS = "firmware_host.o"
"""Everything of ``firmware_host`` but the emulation of the CFU."""

_CLOCK = slice(4, 8)
"""Where a firmware has its clock: behind the first instruction, see ``start.S.j2``."""

_WARNINGS = ("-Wall", "-Wextra", "-Werror")
_IN_ORDER_CORE = (
    # Moving loads up before registers are assigned, and adding sums up as trees, costs the
    # convolution's inner loop 27 spills in 122 instructions; without both it has 95 and none.
    "-fno-schedule-insns",
    "-fno-tree-reassoc",
    # The loops of memcpy and memset must not be turned into calls of themselves.
    "-fno-tree-loop-distribute-patterns",
)
_LANGUAGE = ("-std=gnu11", "-fwrapv")  # accumulators of a hostile model may wrap, as TFLite's do

_CPP_LANGUAGE = (
    *("-std=gnu++17", "-ffreestanding", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"),
    # Inline functions stay in their file: each header is compiled apart, one of them with another
    # way to round, and a function of one name in two headers is not one function.
    "-fno-weak",
    # Their kernels read four int8 as a word; their own flow does not look at types either.
    *("-fwrapv", "-fno-strict-aliasing"),
)

_HOST_COMPILE = (HOST_COMPILER, "-O2", *_LANGUAGE, *_WARNINGS, "-I.")


def riscv_commands(
    firmware: Firmware,
    *,
    options: FirmwareOptions,
    cpu_flags: Sequence[str],
    libgcc_flags: Sequence[str],
) -> tuple[tuple[str, ...], ...]:
    """Return the commands that make ``firmware.elf`` and ``firmware.bin``.

    They are to run in ``firmware.folder``, in order.

    Args:
        firmware: Generated for a SoC.
        options: The optimisation level is taken from here.
        cpu_flags: What the core has, for example ``-march=rv32im -misa-spec=2.2 -mabi=ilp32``.
        libgcc_flags: What the routines of GCC's library may use of it, such as the division of
            64-bit numbers; for example ``-march=rv32im -mabi=ilp32``.
    """
    cpp = riscv_cpp_commands(firmware.headers, options=options, cpu_flags=cpu_flags)
    compile_c = (
        RISCV_COMPILER,
        *cpu_flags,
        f"-{options.optimisation}",
        *_LANGUAGE,
        *_WARNINGS,
        "-ffreestanding",
        *_IN_ORDER_CORE,
        "-ffunction-sections",
        "-fdata-sections",
        "-I.",
        "-c",
        *firmware.sources,
    )
    link = (
        RISCV_COMPILER,
        *libgcc_flags,  # GCC chooses among its libraries by what it links for
        "-nostdlib",
        "-nostartfiles",
        "-Wl,--gc-sections,--no-warn-rwx-segments",
        "-T",
        "linker.ld",
        *(f"{source.rpartition('.')[0]}.o" for source in firmware.sources),
        *(command[-1] for command in cpp),
        "-lgcc",
        "-o",
        ELF_NAME,
    )
    to_binary = (RISCV_OBJCOPY, "-O", "binary", ELF_NAME, BINARY_NAME)
    return (*cpp, compile_c, link, to_binary)


def riscv_cpp_commands(
    adopted: Adopted | None, *, options: FirmwareOptions, cpu_flags: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """Return a command for each C++ source of a firmware; its last word is the object file.

    Args:
        adopted: The C++; None for none.
        options: The optimisation level is taken from here.
        cpu_flags: What the core has.
    """
    flags = (*cpu_flags, f"-{options.optimisation}", *_IN_ORDER_CORE)
    return _cpp_commands(adopted, RISCV_CPP_COMPILER, flags)


def _cpp_commands(
    adopted: Adopted | None, compiler: str, flags: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    if adopted is None:
        return ()
    return tuple(
        (
            *(compiler, *flags, *_CPP_LANGUAGE, "-ffunction-sections", "-fdata-sections"),
            *(*adopted.flags, "-c", source, "-o", f"{source.replace('/', '_')}.o"),
        )
        for source in adopted.sources
    )


def host_object_command(source: str, *, out: str) -> tuple[str, ...]:
    """Return the command that compiles one source of a firmware for the host.

    To run in the firmware's folder; ``out`` is the path of the object file.
    """
    return (HOST_COMPILER, "-O1", *_LANGUAGE, "-I.", "-c", source, "-o", out)


def host_link_command(objects: Sequence[str], *, out: str) -> tuple[str, ...]:
    """Return the command that makes a program of ``host_object_command``'s objects."""
    return (HOST_COMPILER, *objects, "-o", out)


def host_commands(firmware: Firmware, *, needs_cfu: bool = False) -> tuple[tuple[str, ...], ...]:
    """Return the commands that make ``HOST_KERNELS``, then ``firmware_host`` of it.

    They are to run in ``firmware.folder``, in order. Another CFU than the emulation may be linked
    to the first; where there is no emulation and ``needs_cfu``, nothing else is made.

    Args:
        firmware: Generated for the host.
        needs_cfu: Its kernels use a CFU, so without a model of it there is no program.
    """
    emulation = [source for source in firmware.sources if source == EMULATION]
    kernels = [source for source in firmware.sources if source != EMULATION]
    cpp = _cpp_commands(firmware.headers, HOST_CPP_COMPILER, ("-O2",))
    objects = (command[-1] for command in cpp)
    link = (*_HOST_COMPILE, HOST_KERNELS, *emulation, "-o", HOST_NAME)
    return (
        *cpp,
        (*_HOST_COMPILE, "-r", "-nostdlib", *kernels, *objects, "-o", HOST_KERNELS),
        *(() if needs_cfu and not emulation else (link,)),
    )


def host_command(firmware: Firmware, *, sanitise: bool = False) -> tuple[str, ...]:
    """Return the command that makes ``firmware_host`` at once; to run in ``firmware.folder``.

    Args:
        firmware: Generated for the host.
        sanitise: Add the address and undefined-behaviour sanitisers.
    """
    checks = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g") if sanitise else ()
    return (*_HOST_COMPILE, *checks, *firmware.sources, "-o", HOST_NAME)


def clock_of(image: bytes) -> int:
    """Return the clock in Hz that a firmware tells time by."""
    return int.from_bytes(image[_CLOCK], "little")


def with_clock(image: bytes, *, before_hz: int, after_hz: int) -> bytes:
    """Return a firmware that tells time by another clock.

    Args:
        image: ``firmware.bin``.
        before_hz: The clock of the SoC that it was generated for.
        after_hz: What the PLL makes.

    Raises:
        Bug: The image does not have ``before_hz`` where the clock belongs.
    """
    if clock_of(image) != before_hz:
        raise Bug(
            f"the firmware has {clock_of(image)} where its clock of {before_hz} Hz belongs",
            fix="report it with the target and the design",
        )
    word = after_hz.to_bytes(_CLOCK.stop - _CLOCK.start, "little")
    return image[: _CLOCK.start] + word + image[_CLOCK.stop :]
