"""A firmware's code does not know its clock: one word of its image does."""

from dataclasses import replace
from pathlib import Path

import pytest

from contracts.faults import Bug
from sw_templates.build import BINARY_NAME, clock_of, with_clock
from sw_templates.tflite_import import load_model
from tests.firmware.firmware_bench import SOC, riscv_firmware, small_network


@pytest.fixture
def image(tmp_path: Path) -> bytes:
    return compiled(tmp_path / "fast", SOC.clock_hz)


def compiled(folder: Path, clock_hz: int) -> bytes:
    folder.mkdir()
    (folder / "net.tflite").write_bytes(small_network())
    model = load_model(folder / "net.tflite")
    riscv_firmware(model, folder, core="rv32i", soc=replace(SOC, clock_hz=clock_hz))
    return (folder / BINARY_NAME).read_bytes()


def test_a_firmware_compiled_for_another_clock_differs_in_that_word_alone(
    image: bytes, tmp_path: Path
) -> None:
    slow_hz = 41_666_667
    assert clock_of(image) == SOC.clock_hz
    filled = with_clock(image, before_hz=SOC.clock_hz, after_hz=slow_hz)
    assert filled == compiled(tmp_path / "slow", slow_hz)
    assert clock_of(filled) == slow_hz


def test_an_image_without_that_clock_is_refused(image: bytes) -> None:
    with pytest.raises(Bug, match="has 50000000 where its clock of 75000000 Hz belongs"):
        with_clock(image, before_hz=75_000_000, after_hz=40_000_000)
    with pytest.raises(Bug, match="has 0 where"):
        with_clock(bytes(64), before_hz=75_000_000, after_hz=40_000_000)
