"""The boot program of boards whose ROM has no room for LiteX's BIOS: its sources and commands."""

import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2

from contracts.faults import ConfigError
from sw_templates.build import RISCV_COMPILER, RISCV_OBJCOPY
from sw_templates.soc_map import Region, SocMap

BOOT_BINARY = "boot.bin"
_FOLDER = Path(__file__).parent / "boot"
_ELF = "boot.elf"
_FLAGS = (  # of the smallest core: good for all
    *("-march=rv32i", "-misa-spec=2.2", "-mabi=ilp32", "-Os", "-std=gnu11"),
    *("-Wall", "-Wextra", "-Werror", "-ffreestanding", "-nostdlib", "-nostartfiles"),
    *("-fno-tree-loop-distribute-patterns", "-ffunction-sections", "-Wl,--gc-sections"),
)
_CRC_BYTES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BootMap:
    """What the boot program has to know of its SoC.

    Attributes:
        soc: Serial port, clock and main memory.
        rom: Where it lies.
        stack: On-chip memory that it may use.
        sdram: Registers and the steps that bring an SDRAM up, None where there is none.
        tuning_register: Address of the serial port's divider, None where it is fixed.
        tuning_word: What the boot program writes there first.
    """

    soc: SocMap
    rom: Region
    stack: Region
    sdram: Any
    tuning_register: int | None = None
    tuning_word: int = 0

    @classmethod
    def from_json(
        cls, path: Path, *, clock_hz: int | None = None, tuning_word: int = 0
    ) -> "BootMap":
        """Read the ``soc.json`` of a SoC with a ROM.

        Args:
            path: The file.
            clock_hz: Clock that the board will have; None for the one that the file names.
            tuning_word: The serial port's divider at that clock, where it is not fixed.

        Raises:
            ConfigError: The file cannot be used, or there is no ROM.
        """
        soc = SocMap.from_json(path)
        description = json.loads(path.read_text(encoding="utf-8"))
        try:
            rom, stack = (
                Region(
                    origin=int(description["memory"][name]["origin"]),
                    size_bytes=int(description["memory"][name]["size_bytes"]),
                )
                for name in ("rom", "sram")
            )
        except KeyError as error:
            raise ConfigError(
                f"the SoC of {path} has no {error}, which a boot program needs",
                fix="generate a SoC with rom_bytes and sram_bytes",
            ) from None
        return cls(
            soc=soc if clock_hz is None else replace(soc, clock_hz=clock_hz),
            rom=rom,
            stack=stack,
            sdram=description.get("sdram"),
            tuning_register=description.get("uart_tuning_word"),
            tuning_word=tuning_word,
        )


def generate_boot(where: BootMap, out: Path) -> None:
    """Write the sources into the existing folder ``out``."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # C, not HTML
    )
    variables = {
        "soc": where.soc,
        "rom": where.rom,
        "stack": where.stack,
        "sdram": where.sdram,
        "tuning_register": where.tuning_register,
        "tuning_word": where.tuning_word,
    }
    for name in environment.list_templates(extensions=["j2"]):
        text = environment.get_template(name).render(variables)
        (out / name.removesuffix(".j2")).write_text(text, encoding="utf-8")


def boot_commands() -> tuple[Sequence[str], ...]:
    """Return the commands that make ``boot.bin``; to run beside the sources, in order."""
    link = ("-Wl,--no-warn-rwx-segments", "-T", "linker.ld", "start.S", "boot.c", "-o", _ELF)
    return (
        (RISCV_COMPILER, *_FLAGS, *link),
        (RISCV_OBJCOPY, "-O", "binary", _ELF, BOOT_BINARY),
    )


def with_checksum(program: bytes) -> bytes:
    """Return the program with its CRC in its last two bytes, by which it checks itself."""
    covered = program[:-_CRC_BYTES]
    return covered + binascii.crc_hqx(covered, 0).to_bytes(_CRC_BYTES, "big")
