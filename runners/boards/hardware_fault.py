"""What a program of Verilator says where the design's hardware is at fault."""

import re

from contracts.faults import CfuHangs, DseError, InvalidDesign

_HANGS = re.compile(r"(?:^|: )(the CFU does not .*)$", re.MULTILINE)
_LOOP_SIGN = "converge"
"""In what a program says whose signals do not settle."""


def hardware_fault(said: str) -> DseError | None:
    """Return the fault that a program's last words stand for; None when they tell none."""
    if hangs := _HANGS.search(said):
        return CfuHangs(
            hangs[1],
            fix="answer each command, and take one again afterwards: compare hardware and model"
            " with tests/cfu/test_cfu_contract.py (docs/how-to/add-a-cfu-family.md)",
        )
    if _LOOP_SIGN in said:
        return InvalidDesign(
            "the design has a combinational loop: its signals do not settle",
            fix="put a register into the loop of the CFU family",
            detail=said[-2000:],
        )
    return None
