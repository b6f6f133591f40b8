"""``python -m runners.vivado BOARD CPU.v CFU.v OUT [CLOCK_MHZ]``: a bitstream by Vivado.

For boards whose FPGA no open tool of the registries can place: LiteX's own target of the board
with a generated core and a CFU, built by Vivado, where the user has it. A study on the target of
the same name ends at synthesis by yosys; LiteX's SoC has the board's DDR memory, which the study's
has not.
"""

import importlib.util
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from contracts.faults import DseError, TimingMissed, ToolCrashed, ToolMissing
from hw_templates.soc.litex_target import LITEX_TARGETS, PROJECT
from runners.pipeline import ROOT
from runners.tools import run_tool

_SLACK = re.compile(r"^\s*WNS\(ns\).*\n[\s-]+\n\s*(-?\d+\.\d+)", re.MULTILINE)
_TIMEOUT_S = 7200.0
_DEFAULT_CLOCK_HZ = 75_000_000


def require_vivado(board: str) -> None:
    """Check that a board's bitstream can be built here.

    Raises:
        ToolMissing: Vivado or litex-boards is not installed.
    """
    if shutil.which("vivado") is None:
        raise ToolMissing(
            f"the board {board} needs Vivado for its {LITEX_TARGETS[board].part}, and there is no"
            " program vivado on PATH",
            fix="install Vivado and source its settings64.sh, or take a board of"
            " docs/reference/targets.md",
        )
    if importlib.util.find_spec("litex_boards") is None:
        raise ToolMissing(
            f"the board {board} needs the Python package litex-boards, which is not installed",
            fix="pip install litex-boards==2023.12",
        )


def build_bitstream(board: str, *, cpu: Path, cfu: Path, out: Path, clock_hz: int) -> Path:
    """Build a board's bitstream; return it.

    Args:
        board: One of ``LITEX_TARGETS``.
        cpu: ``VexRiscv.v`` with a CFU port.
        cfu: ``cfu.v``.
        out: Folder to write into; must exist.
        clock_hz: System clock.

    Raises:
        ToolMissing: Vivado or litex-boards is not installed.
        TimingMissed: The routed design does not strictly meet its clocks.
        DseError: Another fault of ``run_tool``.
    """
    require_vivado(board)
    run_tool(
        [
            *(sys.executable, "-m", "hw_templates.soc.litex_target"),
            *(board, str(clock_hz), cpu.resolve(), cfu.resolve(), out.resolve()),
        ],
        cwd=out,
        log=out / "litex.log",
        timeout_s=_TIMEOUT_S,
        env={"PYTHONPATH": str(ROOT)},
    )
    gateware = out / "gateware"
    run_tool(
        ["vivado", "-mode", "batch", "-source", f"{PROJECT}.tcl"],
        cwd=gateware,
        log=out / "vivado.log",
        timeout_s=_TIMEOUT_S,
    )
    slack_ns = worst_slack_ns((gateware / f"{PROJECT}_timing.rpt").read_text())
    if slack_ns <= 0:
        raise TimingMissed(
            f"Vivado's worst slack at {clock_hz / 1e6:g} MHz is {slack_ns:g} ns",
            fix="ask for a lower clock",
        )
    return gateware / f"{PROJECT}.bit"


def worst_slack_ns(report: str) -> float:
    """Return the worst negative slack of Vivado's timing summary.

    Raises:
        ToolCrashed: The text has no such line.
    """
    found = _SLACK.search(report)
    if found is None:
        raise ToolCrashed(
            "Vivado wrote a timing summary that cannot be read",
            fix="look at vivado.log beside it",
            detail=report[:500],
        )
    return float(found[1])


def main(arguments: Sequence[str]) -> int:
    """Run the command; 1 when there is no bitstream."""
    if len(arguments) not in (4, 5) or arguments[0] not in LITEX_TARGETS:
        sys.stderr.write(f"usage: runners.vivado {'|'.join(LITEX_TARGETS)} CPU.v CFU.v OUT [MHZ]\n")
        return 2
    board, cpu, cfu, out = arguments[0], *map(Path, arguments[1:4])
    clock_hz = round(float(arguments[4]) * 1e6) if len(arguments) == 5 else _DEFAULT_CLOCK_HZ
    try:
        out.mkdir(parents=True, exist_ok=True)
        bitstream = build_bitstream(board, cpu=cpu, cfu=cfu, out=out, clock_hz=clock_hz)
    except DseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{bitstream}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
