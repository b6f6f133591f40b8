"""Boards that need Vivado: what is missing is said, and a missed clock is no bitstream."""

import dataclasses
from pathlib import Path

import pytest

import runners.vivado
from benchmarks.targets import job_for, read_target
from contracts.faults import ConfigError, TimingMissed, ToolCrashed, ToolMissing
from contracts.measurement import Fidelity
from dse.config import load_config
from hw_templates.soc.litex_target import LITEX_TARGETS
from runners.fpga import family_of_part
from runners.measuring.measure import measure
from runners.pipeline import Cache
from runners.vivado import build_bitstream, main, require_vivado, worst_slack_ns

SUMMARY = """
| Design Timing Summary
| ---------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)
    -------      -------  ---------------------  -------------------      -------
     {slack}        0.000                      0                12345        0.041
"""


@pytest.mark.parametrize("board", LITEX_TARGETS)
def test_without_vivado_its_boards_are_not_offered(
    board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolMissing) as caught:
        require_vivado(board)
    assert f"the board {board} needs Vivado" in caught.value.what
    assert "settings64.sh" in caught.value.fix


def test_the_command_says_so_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert main(["arty_a7_35t", "VexRiscv.v", "cfu.v", str(tmp_path / "out")]) == 1
    assert "there is no program vivado on PATH\n  fix: install Vivado" in capsys.readouterr().err
    assert main(["moon", "VexRiscv.v", "cfu.v", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("usage: runners.vivado arty_a7_35t|arty_a7_100t|")


@pytest.mark.parametrize(("slack", "is_met"), [("0.123", True), ("0.000", False), ("-1.5", False)])
def test_vivados_timing_is_a_gate(
    slack: str, is_met: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []

    def pretend(command: list[object], **_: object) -> None:
        commands.append(str(command[0]).rpartition("/")[2])
        (tmp_path / "gateware").mkdir(exist_ok=True)
        (tmp_path / "gateware" / "board_timing.rpt").write_text(SUMMARY.format(slack=slack))

    monkeypatch.setattr(runners.vivado, "run_tool", pretend)
    monkeypatch.setattr(runners.vivado, "require_vivado", lambda _: None)
    build = {"cpu": Path("VexRiscv.v"), "cfu": Path("cfu.v"), "out": tmp_path}
    if is_met:
        assert build_bitstream("arty_a7_35t", **build, clock_hz=75_000_000).name == "board.bit"
        assert commands[1] == "vivado"
    else:
        with pytest.raises(TimingMissed, match="worst slack at 75 MHz"):
            build_bitstream("arty_a7_35t", **build, clock_hz=75_000_000)


@pytest.mark.parametrize("board", LITEX_TARGETS)
def test_a_board_for_vivado_is_a_target_with_the_same_part(board: str) -> None:
    target = read_target(board)
    assert LITEX_TARGETS[board].part.startswith(target.part.lower())
    assert not family_of_part(target.part).is_placed


@pytest.mark.parametrize("fidelity", ["place", "board"])
def test_a_study_that_would_place_on_such_a_board_is_refused_with_the_reason(
    fidelity: str, tmp_path: Path
) -> None:
    config = tmp_path / "night.toml"
    config.write_text(
        f'[study]\nname = "a"\ntrials = 4\nfidelity = "{fidelity}"\n'
        '[workload]\nmodel = "m.tflite"\n[target]\nname = "arty_a7_35t"\n'
    )
    with pytest.raises(ConfigError) as caught:
        load_config(config, with_workload=False)
    assert (
        f"night.toml: [study] fidelity is '{fidelity}' with the part XC7A35T, and no open tool"
        " places and routes the family xilinx7" in caught.value.what
    )
    assert 'set fidelity = "synthesise"' in caught.value.fix
    assert "python -m runners.vivado" in caught.value.fix


def test_a_design_for_such_a_board_that_shall_be_placed_is_refused_before_anything_is_built(
    tmp_path: Path,
) -> None:
    job = dataclasses.replace(job_for(read_target("arty_a7_35t")), fidelity=Fidelity.PLACED)
    with pytest.raises(ConfigError, match="a design for the target arty_a7_35t is to be placed"):
        measure(job, report=lambda _: None, cache=Cache(tmp_path))
    assert not list(tmp_path.glob("*/*/stat.json")), "nothing was synthesised"


def test_a_summary_without_slack_is_no_pass() -> None:
    with pytest.raises(ToolCrashed, match="timing summary that cannot be read"):
        worst_slack_ns("All user specified timing constraints are met.")
