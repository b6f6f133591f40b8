"""Families beside the ECP5: cells, commands, ROM contents, and what a full part is called."""

import pytest

from contracts.faults import DoesNotFit
from runners.fpga import FAMILIES
from runners.fpga.family import FpgaFamily
from runners.fpga.gatemate import GATEMATE, multiplier_elements
from runners.fpga.gowin import GW1N, GW2A
from runners.fpga.ice40 import ICE40
from runners.fpga.nexus import NEXUS
from runners.fpga.xilinx7 import XILINX7
from runners.stages.place.stage import fault_of_log


@pytest.mark.parametrize(
    ("family", "cells", "cost"),
    [
        (
            ICE40,
            {"SB_LUT4": 7, "SB_DFFESR": 2, "SB_DFF": 1, "SB_RAM40_4K": 4, "SB_SPRAM256KA": 2},
            {"lut4": 7, "ff": 3, "ebr": 4, "spram": 2, "mac16": 0},
        ),
        (
            GW1N,
            {"LUT1": 1, "LUT4": 2, "ALU": 3, "RAM16SDP4": 1, "DFFRE": 5, "SPX9": 2, "DPX9B": 1},
            {"lut4": 14, "ff": 5, "bsram": 3, "mult18x18": 0, "mult9x9": 0},
        ),
        (
            NEXUS,
            {"LUT4": 1, "WIDEFN9": 2, "FD1P3IX": 3, "PDPSC16K": 4, "SP512K": 2, "MULT18X18": 1},
            {"lut4": 5, "ff": 3, "ebr": 4, "lram": 2, "mult18": 1},
        ),
        (
            XILINX7,
            {
                **{"LUT2": 1, "LUT6": 2, "INV": 3, "SRL16E": 4, "RAM32M": 5, "RAM64X1D": 6},
                **{"CARRY4": 7, "MUXF7": 8, "FDRE": 9, "FDPE_1": 1, "RAMB18E1": 2, "RAMB36E1": 3},
                **{"DSP48E1": 4, "BUFG": 1, "PLLE2_ADV": 1},
            },
            {"lut6": 42, "ff": 10, "ramb18": 8, "dsp48": 4},
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_cells_are_counted_as_what_a_part_holds(
    family: FpgaFamily, cells: dict[str, int], cost: dict[str, int]
) -> None:
    assert family.cost(cells) == cost
    for part, held in family.parts.items():
        assert held.keys() == cost.keys(), part


def test_what_a_report_does_not_count_keeps_its_number_from_synthesis() -> None:
    used = ICE40.used({"ICESTORM_LC": 4331, "ICESTORM_RAM": 22, "SB_IO": 4})
    assert used == {"lut4": 4331, "ebr": 22, "spram": 0, "mac16": 0}


@pytest.mark.parametrize(
    "family", [NEXUS, GW1N, GW2A, GATEMATE, XILINX7], ids=lambda family: family.name
)
def test_only_the_soc_gets_pads(family: FpgaFamily) -> None:
    assert "-noiopad" not in " ".join(family.synthesis_script(top="soc", netlist="n.json"))
    assert "-noiopad" in " ".join(family.synthesis_script(top="Cfu", netlist="n.json"))


def test_the_contents_of_an_ice40_are_read_from_its_routed_design() -> None:
    text = ".device 5k\n.ram_data 6 1\n" + "00ff\n" * 2 + "\n.logic_tile 1 1\n0101\n"
    assert ICE40.rom_bits(text) == [0xFF, 0xFF]
    assert sorted(family.name for family in FAMILIES if not family.patches_rom) == [
        "gw1n",
        "gw2a",
        "nexus",
    ]


@pytest.mark.parametrize(
    ("a_bits", "b_bits", "elements"),
    [  # as nextpnr 0.11.1 says it of multipliers that yosys 0.70 made of products
        (8, 8, 56),
        (9, 9, 73),
        (16, 8, 80),
        (25, 9, 129),
        (16, 16, 136),
        (17, 17, 161),
        (18, 18, 161),
        (32, 32, 392),
        (33, 33, 433),
    ],
)
def test_a_gatemate_multiplier_is_made_of_as_many_elements_as_nextpnr_says(
    a_bits: int, b_bits: int, elements: int
) -> None:
    assert multiplier_elements(a_bits, b_bits) == elements
    parameters = {"A_WIDTH": f"{a_bits:032b}", "B_WIDTH": f"{b_bits:032b}"}
    multiplier = {"type": "CC_MULT", "parameters": parameters, "connections": {}}
    module = {"cells": {"m": multiplier}, "ports": {}}
    added = GATEMATE.revise({"modules": {"Cfu": module}}, top="Cfu")
    assert GATEMATE.cost({"CC_MULT": 1, **added}) == {
        "cpe_half": 2 * elements,
        "ff": 0,
        "ram20": 0,
        "mult": 1,
    }


def gatemate_cell(kind: str, **connections: tuple[str, list[int | str]]) -> dict[str, object]:
    return {
        "type": kind,
        "connections": {name: bits for name, (_, bits) in connections.items()},
        "port_directions": {name: way for name, (way, _) in connections.items()},
    }


def test_a_gatemate_reaches_flip_flops_and_block_rams_through_trees() -> None:
    """nextpnr 0.11.1 packed a core and its SoC into 8,631 trees; so counted they are 8,479."""
    cells = {
        "tree": gatemate_cell("CC_L2T4", I0=("input", [1]), O=("output", [2])),
        "its own": gatemate_cell("CC_DFF", D=("input", [2]), Q=("output", [3])),
        "read twice": gatemate_cell("CC_LUT2", I0=("input", [3]), O=("output", [4])),
        "another": gatemate_cell("CC_DFF", D=("input", [4]), Q=("output", [5])),
        "behind a flip-flop": gatemate_cell("CC_DFF", D=("input", [5]), Q=("output", [6])),
        "of a constant": gatemate_cell("CC_DFF", D=("input", ["1"]), Q=("output", [7])),
        "block": gatemate_cell("CC_BRAM_20K", A_ADDR=("input", [6, 7, "0"]), A_DO=("output", [8])),
    }
    ports = {"y": {"direction": "output", "bits": [4, 8]}, "a": {"direction": "input", "bits": [1]}}
    netlist = {"modules": {"Cfu": {"cells": cells, "ports": ports}}}
    added = GATEMATE.revise(netlist, top="Cfu")
    counts = {"CC_L2T4": 1, "CC_LUT2": 1, "CC_DFF": 4, "CC_BRAM_20K": 1}
    assert GATEMATE.cost({**counts, **added}) == {"cpe_half": 6, "ff": 4, "ram20": 1, "mult": 0}


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: Unable to place cell 'VexRiscv.RegFilePlugin_regFile.0.0', no BELs remaining to"
        " implement cell type 'SDP'",
        "ERROR: Failed to route arc 0.0 of net 'pll_clk', from X86/Y53/A to X49/Y56/B.",
    ],
)
def test_a_full_part_is_a_design_that_does_not_fit(line: str) -> None:
    assert isinstance(fault_of_log(f"Info: packing\n{line}\n", part="GW1NR-9C"), DoesNotFit)
