from typing import Any

import pytest

from contracts.faults import ToolCrashed
from runners.stages.place.netlist import join_netlists


def module(*cells: str, box: bool = False, top: bool = False) -> dict[str, Any]:
    attributes = {**({"blackbox": "1"} if box else {}), **({"top": "1"} if top else {})}
    return {
        "attributes": attributes,
        "cells": {f"{cell}_{index}": {"type": cell} for index, cell in enumerate(cells)},
    }


SOC = {"modules": {"soc": module("Cpu", "LUT4", top=True), "Cpu": module(box=True),
                   "LUT4": module(box=True), "PLL": module(box=True)}}  # fmt: skip
CPU = {"modules": {"Cpu": module("LUT4", "$scopeinfo", top=True), "LUT4": module(box=True)}}


def test_a_black_box_is_replaced_by_the_part_that_defines_it() -> None:
    joined = join_netlists([SOC, CPU], top="soc")["modules"]
    assert joined.keys() == {"LUT4", "Cpu", "soc"}, "unused primitives are left out"
    assert "blackbox" not in joined["Cpu"]["attributes"]
    assert [name for name, each in joined.items() if "top" in each["attributes"]] == ["soc"]


def test_the_parts_stay_as_they_were() -> None:
    join_netlists([SOC, CPU], top="soc")
    assert CPU["modules"]["Cpu"]["attributes"] == {"top": "1"}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([CPU], "no part defines the module soc"),
        ([SOC, CPU, CPU], "two parts define the module Cpu"),
        ([SOC, {"modules": {"Cpu": module("DSP")}}], "no part knows the modules DSP"),
    ],
)
def test_parts_that_do_not_go_together_are_a_crash_of_the_tool(
    parts: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(ToolCrashed, match=message):
        join_netlists(parts, top="soc")
