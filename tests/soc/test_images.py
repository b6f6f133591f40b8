"""Firmware as memory contents."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.faults import InvalidDesign
from hw_templates.soc.images import MemoryImages, write_memory_images, write_rom_image

LINEAR = MemoryImages(files=("a",), word_bytes=4, chunk_words=1)
BANKS = MemoryImages(files=("a", "b", "c", "d"), word_bytes=2, chunk_words=8)


def read_back(images: MemoryImages, texts: dict[str, str]) -> bytes:
    """Put words together by their addresses, as the memory model does."""
    words = {name: texts[name].split() for name in images.files}
    found = bytearray()
    for index in range(sum(map(len, words.values()))):
        chunk, offset = divmod(index, images.chunk_words)
        row, bank = divmod(chunk, len(images.files))
        column = words[images.files[bank]]
        place = row * images.chunk_words + offset
        if place < len(column):
            found += int(column[place], 16).to_bytes(images.word_bytes, "little")
    return bytes(found)


@pytest.mark.parametrize("images", [LINEAR, BANKS])
@given(firmware=st.binary(max_size=300))
def test_every_byte_lies_at_its_address(images: MemoryImages, firmware: bytes) -> None:
    found = read_back(images, images.split(firmware))
    assert found[: len(firmware)] == firmware
    assert not any(found[len(firmware) :])


def test_words_are_little_endian_and_no_file_is_empty() -> None:
    assert LINEAR.split(bytes(range(6))) == {"a": "03020100\n00000504\n"}
    assert BANKS.split(b"\x01\x02") == {
        "a": "0201\n",
        "b": "0000\n",
        "c": "0000\n",
        "d": "0000\n",
    }


def test_a_firmware_larger_than_the_memory_is_the_designs_fault(tmp_path: Path) -> None:
    soc = {
        "memory": {"main_ram": {"size_bytes": 8}},
        "images": {"files": ["a"], "word_bytes": 4, "chunk_words": 1, "fill_words": 1},
    }
    with pytest.raises(InvalidDesign, match="9 bytes, the main memory only 8"):
        write_memory_images(bytes(9), json.dumps(soc), tmp_path)
    write_memory_images(bytes(8), json.dumps(soc), tmp_path)
    assert (tmp_path / "a").read_text() == "00000000\n" * 2


def test_a_boot_program_fills_the_rom_from_its_start(tmp_path: Path) -> None:
    soc = json.dumps({"memory": {"rom": {"origin": 0, "size_bytes": 8}}})
    write_rom_image(b"\1\2\3\4\5", soc, tmp_path)
    assert (tmp_path / "soc_rom.init").read_text() == "04030201\n00000005\n"
    with pytest.raises(InvalidDesign, match="9 bytes, the ROM 8"):
        write_rom_image(bytes(9), soc, tmp_path)
    with pytest.raises(InvalidDesign, match="the ROM 0"):
        write_rom_image(b"x", json.dumps({"memory": {}}), tmp_path)
