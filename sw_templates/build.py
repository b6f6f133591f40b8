"""Command lines that turn generated sources into a program; a runner runs them."""

from collections.abc import Sequence
from pathlib import Path

from sw_templates.generate import Firmware
from sw_templates.options import FirmwareOptions

RISCV_COMPILER = "riscv64-unknown-elf-gcc"
RISCV_OBJCOPY = "riscv64-unknown-elf-objcopy"
HOST_COMPILER = "cc"

ELF_NAME = "firmware.elf"
BINARY_NAME = "firmware.bin"
HOST_NAME = "firmware_host"

_WARNINGS = ("-Wall", "-Wextra", "-Werror")
_LANGUAGE = ("-std=gnu11", "-fwrapv")  # accumulators of a hostile model may wrap, as TFLite's do


def riscv_commands(
    firmware: Firmware, *, options: FirmwareOptions, cpu_flags: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """Return the commands that make ``firmware.elf`` and ``firmware.bin``.

    They are to run in ``firmware.folder``, in order.

    Args:
        firmware: Generated for a SoC.
        options: The optimisation level is taken from here.
        cpu_flags: What the core has, for example ``-march=rv32im -misa-spec=2.2 -mabi=ilp32``.
    """
    compile_and_link = (
        RISCV_COMPILER,
        *cpu_flags,
        f"-{options.optimisation}",
        *_LANGUAGE,
        *_WARNINGS,
        "-ffreestanding",
        "-fno-tree-loop-distribute-patterns",  # memcpy must not be turned into a call of itself
        "-ffunction-sections",
        "-fdata-sections",
        "-I.",
        "-nostdlib",
        "-nostartfiles",
        "-Wl,--gc-sections,--no-warn-rwx-segments",
        "-T",
        "linker.ld",
        *firmware.sources,
        "-lgcc",
        "-o",
        ELF_NAME,
    )
    to_binary = (RISCV_OBJCOPY, "-O", "binary", ELF_NAME, BINARY_NAME)
    return (compile_and_link, to_binary)


def host_command(firmware: Firmware, *, sanitise: bool = False) -> tuple[str, ...]:
    """Return the command that makes ``firmware_host``; to run in ``firmware.folder``.

    Args:
        firmware: Generated for the host.
        sanitise: Add the address and undefined-behaviour sanitisers.
    """
    checks = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g") if sanitise else ()
    return (
        HOST_COMPILER,
        "-O2",
        *_LANGUAGE,
        *_WARNINGS,
        *checks,
        "-I.",
        *firmware.sources,
        "-o",
        HOST_NAME,
    )


def host_batch_command(
    program: Path, *, inputs: Path, outputs: Path, crcs: Path
) -> tuple[str, ...]:
    """Return the command that runs every input tensor of a file on the host.

    Args:
        program: Path of ``firmware_host``.
        inputs: Input tensors one after the other, raw int8.
        outputs: Written: output tensors one after the other, raw int8.
        crcs: Written: for each input one uint32 per layer, in native byte order.
    """
    return (str(program), str(inputs), str(outputs), str(crcs))
