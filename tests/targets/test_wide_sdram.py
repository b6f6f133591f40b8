"""The 32-bit SDRAM of the Colorlight i5 and the Tang Nano 20K, simulated."""

from dataclasses import replace
from pathlib import Path

import pytest

from runners.boards import SimulatedBoard
from tests.soc.soc_bench import built, prepare_letters, simulation_config


@pytest.mark.slow
def test_a_firmware_runs_from_a_32_bit_sdram_and_finds_it_whole(tmp_path: Path) -> None:
    which = built(replace(simulation_config("sdram"), sdram_chip="M12L64322A"))
    board = SimulatedBoard(which.program, prepare_letters(which, tmp_path))
    board.send(b"hm")
    board.receive_until(b"hello\r\n", timeout_s=120)
    assert board.receive_until(b"\r\n", timeout_s=120) == b"00000000\r\n"
    board.close()
