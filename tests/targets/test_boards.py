"""Boards as files: each is read, belongs to a family, and becomes a SoC with all its pins."""

import dataclasses
import json
import re
import subprocess
from pathlib import Path

import pytest

from benchmarks.targets import read_target, target_names
from contracts.faults import ConfigError
from hw_templates.soc.fpga_boards import FPGA_BOARDS, FpgaBoard, read_board
from hw_templates.soc.sdram_chips import SDRAM_CHIPS
from runners.fpga import PARTS, family_of_part
from runners.fpga.family import Route
from runners.stages.socs import board_soc, simulated_soc
from tests.docs.pages import blocks
from tests.soc.soc_bench import generate

GUIDE = "add-a-board.md"


@pytest.mark.parametrize("board", FPGA_BOARDS.values(), ids=lambda board: board.name)
def test_every_part_of_a_board_is_known_to_its_tools(board: FpgaBoard) -> None:
    for part in board.parts:
        family = family_of_part(part)
        route = Route(
            device=board.device_of(part),
            netlist="in.json",
            constraints="pins",
            clock_hz=16_500_000,
            seed=3,
            report="report.json",
            placed="out",
        )
        if not family.is_placed:
            with pytest.raises(ConfigError, match=f"{part}.* is to be placed, and no open tool"):
                family.place(route)
            with pytest.raises(ConfigError, match=f"{part}.* is to have a bitstream, and no"):
                family.pack(device=route.device, placed="out", bitstream="bits")
            continue
        command = family.place(route).command
        assert {"in.json", "report.json", "out", "--timing-allow-fail", "3"} <= set(command)
        assert any("pins" in argument for argument in command)


def test_a_part_that_the_board_does_not_come_with_is_refused() -> None:
    with pytest.raises(ConfigError, match="'LFE5U-45F' does not exist on the board orangecrab"):
        FPGA_BOARDS["orangecrab"].device_of("LFE5U-45F")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('pin = "G2"', "pin"),
        ("hz = 25_000_000", "hz"),
        ('family = "ecp5" ', "family"),
    ],
)
def test_a_board_that_lacks_a_key_is_refused_by_name(
    line: str, message: str, tmp_path: Path
) -> None:
    (text,) = (block.text for block in blocks("toml") if "my_board.toml" in block.text)
    path = tmp_path / "my_board.toml"
    path.write_text(text.replace(line, "", 1))
    with pytest.raises(ConfigError, match=f"my_board.toml does not describe a board.*{message}"):
        read_board(path)


def test_the_board_of_the_guide_is_one(tmp_path: Path) -> None:
    (text,) = (block.text for block in blocks("toml") if "my_board.toml" in block.text)
    path = tmp_path / "my_board.toml"
    path.write_text(text)
    board = read_board(path)
    assert board.name == "my_board"
    assert board.device_of("") == "LFE5U-45F-6BG381C"
    path.write_text(text.replace("hz = 25_000_000", 'hz = "25 MHz"'))
    with pytest.raises(ConfigError, match="hz is '25 MHz'"):
        read_board(path)


@pytest.mark.parametrize("name", target_names())
def test_every_target_has_a_soc_whose_ports_all_have_a_pin(name: str, tmp_path: Path) -> None:
    target = read_target(name)
    folder = generate(board_soc(target, with_cfu=True), tmp_path / "soc")
    soc = json.loads((folder / "soc.json").read_text())
    assert soc["memory"]["main_ram"]["size_bytes"] == target.memory.size_bytes
    verilog = (folder / "soc.v").read_text()
    header = verilog[verilog.index("module soc") : verilog.index(");")]
    ports = {
        f"{port}[{bit}]" if width else port
        for width, port in re.findall(
            r"(?:input|output|inout)\s+\w+\s+(\[\d+:0\])?\s*(\w+)", header
        )
        for bit in range(int(width[1:-3]) + 1 if width else 1)
    }
    constraints = (folder / soc["files"]["constraints"]).read_text()
    without_pin = {port for port in ports if not re.search(rf"\b{re.escape(port)}\W", constraints)}
    board = FPGA_BOARDS[target.board]
    if board.sdram is not None and board.sdram.in_package and target.memory.kind == "sdram":
        assert {port.split("_")[1] for port in without_pin} == {"sdram"}
    else:
        assert without_pin == set()


@pytest.mark.parametrize("name", target_names())
def test_the_simulated_soc_has_the_memory_of_the_board(name: str) -> None:
    target = read_target(name)
    simulated, on_board = (make(target, with_cfu=True) for make in (simulated_soc, board_soc))
    for attribute in ("memory", "main_ram_bytes", "sdram_chip", "l2_bytes"):
        assert getattr(simulated, attribute) == getattr(on_board, attribute)
    if simulated.memory == "sdram":
        assert simulated.clocks_hz == on_board.clocks_hz, "its waits are the same"


def test_an_sdram_without_byte_masks_needs_a_cache(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = board_soc(read_target("colorlight_i5"), with_cfu=True)
    with pytest.raises(subprocess.CalledProcessError):
        generate(dataclasses.replace(config, l2_bytes=0), tmp_path / "soc")
    assert (
        "the SDRAM of the board colorlight_i5 cannot write single bytes" in capfd.readouterr().err
    )


def test_sizes_of_sdram_chips_are_those_of_their_data_sheets() -> None:
    assert {name: chip.size_bytes for name, chip in SDRAM_CHIPS.items()} == {
        "MT48LC16M16": 32 << 20,
        "M12L64322A": 8 << 20,
    }


def test_parts_of_all_families_have_different_names() -> None:
    boards = {part for board in FPGA_BOARDS.values() for part in board.parts}
    assert boards <= PARTS.keys()
