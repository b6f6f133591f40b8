"""Registers behind an ECP5's multipliers and block RAMs, moved into them."""

import json
from pathlib import Path
from typing import Any

import pytest

from runners.fpga.ecp5 import ECP5
from runners.fpga.ecp5_registers import absorb_output_registers
from runners.stages.synthesis import NETLIST, read_cost, synthesise

CLOCK, PRODUCT, RESULT = 2, 10, 20
OTHER = 30


def flop(data: int, q: int, **parameters: str) -> dict[str, Any]:
    return {
        "type": "TRELLIS_FF",
        "parameters": {"CEMUX": "1 ", "CLKMUX": "CLK", "REGSET": "RESET", **parameters},
        "port_directions": {"CLK": "input", "DI": "input", "LSR": "input", "Q": "output"},
        "connections": {"CLK": [CLOCK], "DI": [data], "LSR": ["0"], "Q": [q]},
    }


def netlist(*others: dict[str, Any], ram: bool = False) -> dict[str, Any]:
    """A block with one output bit, in module ``Part``, which stands twice in ``Top``."""
    multiplier = {
        "type": "MULT18X18D",
        "parameters": {},
        "port_directions": {"A0": "input", "P0": "output"},
        "connections": {"A0": [3], "P0": [PRODUCT]},
    }
    memory = {
        "type": "DP16KD",
        "parameters": {"REGMODE_A": "NOREG", "REGMODE_B": "NOREG"},
        "port_directions": {"CLKA": "input", "CLKB": "input", "DOB0": "output"},
        "connections": {"CLKA": [CLOCK], "CLKB": [CLOCK], "DOB0": [PRODUCT]},
    }
    cells = {"block": memory if ram else multiplier}
    cells |= {f"other_{number}": cell for number, cell in enumerate(others)}
    part = {"ports": {"q": {"bits": [RESULT]}}, "cells": cells}
    instance = {"type": "Part", "port_directions": {}, "connections": {}}
    return {"modules": {"Top": {"cells": {"one": instance, "two": instance}}, "Part": part}}


def test_a_product_register_becomes_the_multipliers_own_in_every_instance() -> None:
    design = netlist(flop(PRODUCT, RESULT))
    assert absorb_output_registers(design, top="Top") == 2
    cells = design["modules"]["Part"]["cells"]
    assert list(cells) == ["block"]
    assert cells["block"]["connections"]["P0"] == [RESULT]
    assert cells["block"]["connections"]["CLK0"] == [CLOCK]
    assert cells["block"]["parameters"]["REG_OUTPUT_CLK"] == "CLK0"


def test_a_register_behind_a_block_ram_becomes_that_of_the_port_that_is_read() -> None:
    design = netlist(flop(PRODUCT, RESULT), ram=True)
    assert absorb_output_registers(design, top="Top") == 2
    block = design["modules"]["Part"]["cells"]["block"]
    assert block["parameters"] == {"REGMODE_A": "NOREG", "REGMODE_B": "OUTREG"}
    assert block["connections"]["DOB0"] == [RESULT]


@pytest.mark.parametrize(
    "others",
    [
        [flop(PRODUCT, RESULT, CEMUX="CE")],
        [flop(PRODUCT, RESULT, REGSET="SET")],
        [flop(PRODUCT, RESULT, CLKMUX="INV")],
        [flop(PRODUCT, RESULT) | {"attributes": {"keep": "1"}}],
        [flop(PRODUCT, RESULT), flop(PRODUCT, OTHER)],
        [{"type": "LUT4", "port_directions": {"A": "input"}, "connections": {"A": [PRODUCT]}}],
    ],
    ids=["enable", "starts at 1", "falling edge", "kept", "read twice", "no register"],
)
@pytest.mark.parametrize("ram", [False, True], ids=["multiplier", "block RAM"])
def test_what_is_not_the_blocks_register_stays(others: list[dict[str, Any]], *, ram: bool) -> None:
    design = netlist(*others, ram=ram)
    before = json.dumps(design)
    assert absorb_output_registers(design, top="Top") == 0
    assert json.dumps(design) == before


def test_a_register_with_a_reset_stays() -> None:
    with_reset = flop(PRODUCT, RESULT)
    with_reset["connections"]["LSR"] = [5]
    assert absorb_output_registers(netlist(with_reset), top="Top") == 0


def test_a_block_ram_with_one_port_takes_its_register() -> None:
    design = netlist(flop(PRODUCT, RESULT), ram=True)
    design["modules"]["Part"]["cells"]["block"]["connections"]["CLKA"] = ["0"]
    assert absorb_output_registers(design, top="Top") == 2


def test_a_block_ram_with_two_clocks_keeps_its_registers_outside() -> None:
    design = netlist(flop(PRODUCT, RESULT), ram=True)
    design["modules"]["Part"]["cells"]["block"]["connections"]["CLKA"] = [OTHER]
    assert absorb_output_registers(design, top="Top") == 0


@pytest.mark.slow
def test_synthesis_counts_no_flip_flops_that_multipliers_took(tmp_path: Path) -> None:
    source, out = tmp_path / "product.v", tmp_path / "synthesis"
    source.write_text(
        "module Product(input clk, input signed [8:0] a, b, output reg signed [17:0] q);\n"
        "  always @(posedge clk) q <= a * b;\n"
        "endmodule\n"
    )
    out.mkdir()
    synthesise([source], family=ECP5, top="Product", black_boxes=(), out=out, timeout_s=300)
    cost = read_cost(out)
    assert (cost["mult18x18d"], cost["ff"]) == (1, 0)
    cells = json.loads((out / NETLIST).read_text())["modules"]["Product"]["cells"].values()
    assert [cell["parameters"]["REG_OUTPUT_CLK"] for cell in cells] == ["CLK0"]
