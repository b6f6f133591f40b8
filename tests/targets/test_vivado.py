"""Boards that need Vivado: what is missing is said, and a missed clock is no bitstream."""

from pathlib import Path

import pytest

import runners.vivado
from contracts.faults import ConfigError, TimingMissed, ToolCrashed, ToolMissing
from dse.config import load_config
from hw_templates.soc.litex_target import LITEX_TARGETS
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
    assert main(["arty_a7", "VexRiscv.v", "cfu.v", str(tmp_path / "out")]) == 1
    assert "there is no program vivado on PATH\n  fix: install Vivado" in capsys.readouterr().err
    assert main(["moon", "VexRiscv.v", "cfu.v", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("usage: runners.vivado arty_a7|nexys_a7 ")


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
        assert build_bitstream("arty_a7", **build, clock_hz=75_000_000).name == "board.bit"
        assert commands[1] == "vivado"
    else:
        with pytest.raises(TimingMissed, match="worst slack at 75 MHz"):
            build_bitstream("arty_a7", **build, clock_hz=75_000_000)


def test_a_study_on_such_a_board_is_refused_with_the_reason(tmp_path: Path) -> None:
    config = tmp_path / "night.toml"
    config.write_text('[study]\nname = "a"\ntrials = 4\n[workload]\nmodel = "m.tflite"\n')
    with config.open("a") as file:
        file.write('[target]\nname = "arty_a7"\n')
    with pytest.raises(ConfigError) as caught:
        load_config(config)
    assert "[target] name is 'arty_a7', a board that only Vivado can place" in caught.value.what
    assert "python -m runners.vivado" in caught.value.fix


def test_a_summary_without_slack_is_no_pass() -> None:
    with pytest.raises(ToolCrashed, match="timing summary that cannot be read"):
        worst_slack_ns("All user specified timing constraints are met.")
