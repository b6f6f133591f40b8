"""Firmware as memory contents: the files that ``$readmemh`` reads when a simulation starts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.faults import InvalidDesign


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryImages:
    """How main memory is laid out over files.

    Word ``i`` of the memory lies in file ``(i // chunk_words) % len(files)``, behind the words of
    that file that came before. LiteDRAM's ROW_BANK_COL mapping is that, with one chunk a row.

    Attributes:
        files: Names, in the order of their chunks.
        word_bytes: Bytes of one line of a file; the lowest address is the least significant.
        chunk_words: Words that stay together.
        fill_words: Least words of a file: an empty one is an error to some simulators.
    """

    files: tuple[str, ...]
    word_bytes: int
    chunk_words: int
    fill_words: int = 1

    @classmethod
    def from_json(cls, description: Mapping[str, Any]) -> "MemoryImages":
        """Read the entry ``images`` of a ``soc.json``."""
        return cls(
            files=tuple(description["files"]),
            word_bytes=int(description["word_bytes"]),
            chunk_words=int(description["chunk_words"]),
            fill_words=int(description["fill_words"]),
        )

    def split(self, firmware: bytes) -> dict[str, str]:
        """Return the text of each file for a firmware that begins at the memory's origin."""
        chunk_bytes = self.chunk_words * self.word_bytes
        padded = firmware + bytes(-len(firmware) % self.word_bytes)
        parts: list[list[str]] = [[] for _ in self.files]
        for number, start in enumerate(range(0, len(padded), chunk_bytes)):
            parts[number % len(parts)].extend(self._lines(padded[start : start + chunk_bytes]))
        empty = ["0" * (2 * self.word_bytes)] * self.fill_words
        return {
            name: "\n".join(part or empty) + "\n"
            for name, part in zip(self.files, parts, strict=True)
        }

    def _lines(self, chunk: bytes) -> list[str]:
        reversed_hex = chunk[::-1].hex()  # one reversal turns every word at once
        width = 2 * self.word_bytes
        lines = [reversed_hex[at : at + width] for at in range(0, len(reversed_hex), width)]
        return lines[::-1]


_ROM = MemoryImages(files=("soc_rom.init",), word_bytes=4, chunk_words=1)


def write_memory_images(firmware: bytes, soc_json: str, folder: Path) -> None:
    """Write the contents of main memory where a simulation will start.

    Args:
        firmware: Flat binary that begins at the origin of ``main_ram``.
        soc_json: Text of the ``soc.json`` beside the simulated SoC.
        folder: The folder that the simulator will run in.

    Raises:
        InvalidDesign: The firmware is larger than the main memory.
    """
    soc = json.loads(soc_json)
    size_bytes = soc["memory"]["main_ram"]["size_bytes"]
    if len(firmware) > size_bytes:
        raise InvalidDesign(
            f"the firmware has {len(firmware)} bytes, the main memory only {size_bytes}",
            fix="raise memory.size_bytes of the target, or use a smaller model",
        )
    for name, text in MemoryImages.from_json(soc["images"]).split(firmware).items():
        (folder / name).write_text(text, encoding="ascii")


def write_rom_image(program: bytes, soc_json: str, folder: Path) -> None:
    """Write the contents of the boot ROM where a simulation will start.

    Args:
        program: Begins at the origin of ``rom``.
        soc_json: Text of the ``soc.json`` beside a simulated SoC with a ROM.
        folder: The folder that the simulator will run in.

    Raises:
        InvalidDesign: The program is larger than the ROM, or there is none.
    """
    size_bytes = json.loads(soc_json)["memory"].get("rom", {"size_bytes": 0})["size_bytes"]
    if len(program) > size_bytes:
        raise InvalidDesign(
            f"the boot program has {len(program)} bytes, the ROM {size_bytes}",
            fix="raise memory.rom_bytes of the target",
        )
    for name, text in _ROM.split(program).items():
        (folder / name).write_text(text, encoding="ascii")
