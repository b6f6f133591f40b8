"""The generated SoC: same bytes, right instances, right constraints."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hw_templates.soc.config import SocConfig
from hw_templates.soc.generate import strip_variable_parts
from tests.soc.soc_bench import ROOT, generate, generated, scratch, simulation_config

BOARD = SocConfig(
    flavour="synthesis",
    with_cfu=True,
    clock_hz=75_000_000,
    rom_bytes=16384,
    board="ulx3s",
    uart_baud=1_843_200,
)
CONFIGS = {
    "on-chip": simulation_config("on-chip"),
    "sdram": simulation_config("sdram"),
    "board": BOARD,
}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def instances(verilog: str) -> set[str]:
    return set(re.findall(r"^(VexRiscv|Cfu) \w+\(", verilog, re.MULTILINE))


@pytest.mark.parametrize("name", CONFIGS)
def test_the_same_soc_is_the_same_bytes(name: str, tmp_path: Path) -> None:
    config = CONFIGS[name]
    first = contents(generated(config))
    again = contents(generate(config, tmp_path / "another place", PYTHONHASHSEED="2"))
    assert first == again
    text = first["soc.v"].decode()
    assert str(tmp_path) not in text
    assert str(scratch()) not in text
    assert str(ROOT) not in text
    assert not re.search(r"20\d\d-\d\d-\d\d", text)


def test_dates_are_cut_off() -> None:
    text = "// Date : 2026-01-01\n`timescale 1ns\nmodule a;\nendmodule\n// by LiteX on 2026-01-01\n"
    assert strip_variable_parts(text) == "`timescale 1ns\nmodule a;\nendmodule\n"


@pytest.mark.parametrize("name", CONFIGS)
def test_cpu_and_cfu_are_instances_that_somebody_else_brings(name: str) -> None:
    with_cfu = (generated(CONFIGS[name]) / "soc.v").read_text()
    without = (generated(replace(CONFIGS[name], with_cfu=False)) / "soc.v").read_text()
    assert instances(with_cfu) == {"VexRiscv", "Cfu"}
    assert instances(without) == {"VexRiscv"}
    assert "CfuPlugin_bus_cmd_valid" in with_cfu
    assert "CfuPlugin" not in without
    assert re.findall(r"^module (\w+)", with_cfu, re.MULTILINE) == ["soc"]


@pytest.mark.parametrize("memory", ["on-chip", "sdram"])
def test_a_simulated_soc_boots_from_main_memory(memory: str) -> None:
    folder = generated(CONFIGS[memory])
    soc = json.loads((folder / "soc.json").read_text())
    assert soc["reset_address"] == soc["memory"]["main_ram"]["origin"]
    assert soc["memory"]["main_ram"]["size_bytes"] == 4 << 20
    assert soc["clock_hz"] == 75_000_000
    files = re.findall(r'\$readmemh\("([^"]+)"', (folder / "soc.v").read_text())
    assert sorted(files) == sorted(soc["images"]["files"])


def test_a_board_boots_from_its_rom_and_every_port_has_a_pin() -> None:
    folder = generated(BOARD)
    soc = json.loads((folder / "soc.json").read_text())
    assert soc["reset_address"] == soc["memory"]["rom"]["origin"]
    assert soc["device"] == "LFE5U-85F-6BG381C"
    assert soc["files"] == {
        "verilog": ["soc.v"],
        "black_boxes": ["VexRiscv", "Cfu"],
        "memories": ["soc_rom.init"],
        "constraints": "soc.lpf",
    }
    assert {step["register"] for step in soc["sdram"]["start"]} == {
        "dfii_control",
        "dfii_pi0_command",
    }
    assert {"dfii_control", "dfii_pi0_command", "dfii_pi0_command_issue"} <= set(
        soc["sdram"]["registers"]
    )
    assert len((folder / "soc_rom.init").read_text().split()) == 4096
    verilog = (folder / "soc.v").read_text()
    header = verilog[verilog.index("module soc") : verilog.index(");")]
    ports = {
        f"{name}[{bit}]" if width else name
        for width, name in re.findall(
            r"(?:input|output|inout)\s+\w+\s+(\[\d+:0\])?\s*(\w+)", header
        )
        for bit in range(int(width[1:-3]) + 1 if width else 1)
    }
    constraints = (folder / "soc.lpf").read_text()
    assert set(re.findall(r'LOCATE COMP "([^"]+)"', constraints)) == ports
    pins = re.findall(r'SITE "([^"]+)"', constraints)
    assert len(set(pins)) == len(pins) == 44
    assert 'FREQUENCY PORT "clock" 25 MHZ;' in constraints


def test_a_board_can_do_without_its_sdram() -> None:
    config = replace(BOARD, memory="on-chip", main_ram_bytes=65536, l2_bytes=0, with_cfu=False)
    verilog = (generated(config) / "soc.v").read_text()
    assert "sdram" not in verilog
    assert re.findall(r'\$readmemh\("([^"]+)"', verilog) == ["soc_rom.init"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (replace(BOARD, board="moon"), "unknown board 'moon'\n  fix: use one of arty_a7"),
        (replace(BOARD, part="LFE5U-99F"), "part 'LFE5U-99F' does not exist"),
        (
            replace(BOARD, memory="on-chip", l2_bytes=0, clock_hz=2_000_000),
            "cannot make 2 MHz of 25 MHz exactly",
        ),
    ],
)
def test_boards_that_do_not_exist_end_the_command_with_a_fix(
    config: SocConfig, message: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(config.canonical_json())
    run = subprocess.run(
        [sys.executable, "-m", "hw_templates.soc.generate", "config.json", "."],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 2
    assert message in run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
