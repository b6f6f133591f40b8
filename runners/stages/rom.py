"""What the boot ROM holds, in the text that synthesis and the packers read."""

from collections.abc import Sequence
from pathlib import Path

from contracts.faults import DoesNotFit

BIOS = "bios.bin"
"""File that stage ``bios`` leaves."""


def rom_words(program: bytes, *, count: int) -> list[int]:
    """Return a boot program as little-endian words that fill a ROM.

    Raises:
        DoesNotFit: The program is larger than the ROM.
    """
    if len(program) > 4 * count:
        raise DoesNotFit(
            f"the boot program has {len(program)} bytes, the ROM {4 * count}",
            fix="raise memory.rom_bytes of the target",
        )
    padded = program.ljust(4 * count, b"\0")
    return [int.from_bytes(padded[at : at + 4], "little") for at in range(0, 4 * count, 4)]


def write_words(words: Sequence[int], path: Path) -> None:
    """Write words in hexadecimal, one a line."""
    path.write_text("".join(f"{word:08x}\n" for word in words))


def bits_that_differ(before: Sequence[int], after: Sequence[int]) -> int:
    """Return in how many bits two contents of the same size differ."""
    return sum((old ^ new).bit_count() for old, new in zip(before, after, strict=True))
