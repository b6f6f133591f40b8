"""Cologne Chip GateMate by yosys, as far as synthesis.

nextpnr knows it, but its only build in a registry (0.11.1, WebAssembly) ends with an overflow of
its stack after it has routed a core: nextpnr's pull request 1697 mends that.

Capacities: Cologne Chip DS1001 (GateMate data sheet), overview. Its multipliers are made of logic
elements (CPEs), of which each is two look-up-table trees and two flip-flops.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hw_templates.soc.fpga.gatemate import pll
from runners.fpga.cells import FF, cells
from runners.fpga.family import Resource, UnplacedFamily

CPE_HALF = cells("cpe_half", "look-up-table trees, two of a logic element (GateMate)", role="luts")
MULT = cells(
    "mult", "multipliers of any size, made of logic elements (GateMate)", role="multipliers"
)
_OF_MULTIPLIERS, _PASSING_ON = "trees of CC_MULT", "trees that pass a signal on"
"""Stand for cells that the netlist does not have; see ``GateMate.revise``."""
_TREES = ("CC_LUT1", "CC_LUT2", "CC_L2T4", "CC_L2T5", "CC_MX2", "CC_MX4", "CC_ADDF")
_LOGIC_ELEMENTS = 20_480
RAM20 = cells("ram20", "block RAMs of 20 kbit (GateMate)", role="block_ram_bits")


def multiplier_elements(a_bits: int, b_bits: int) -> int:
    """Return how many logic elements nextpnr 0.11 makes a multiplier of.

    A column for two bits of one factor, extended by its sign, has an element for two bits of the
    other and five that feed it and pass its carries on; in front of them is one column of inputs.
    """
    rows, columns = (bits // 2 + 1 + bits % 2 for bits in (a_bits, b_bits))
    return columns * (rows + 5) + rows + 1


def _elements_of(cell: Mapping[str, Any]) -> int:
    """Return how many logic elements a cell is made of, 0 for all but multipliers."""
    if cell["type"] != "CC_MULT":
        return 0
    widths = (int(cell["parameters"][name], 2) for name in ("A_WIDTH", "B_WIDTH"))
    return multiplier_elements(*widths)


def _passing_on(module: Mapping[str, Any]) -> int:
    """Return how many trees do nothing but pass a signal on.

    A flip-flop is reached through the tree before it, and so is a port of a block RAM. A flip-flop
    shares the tree that computes its value where nothing else reads that.
    """
    driver_of: dict[int, str] = {}
    readers: Counter[int] = Counter(
        bit
        for port in module["ports"].values()
        if port["direction"] != "input"
        for bit in port["bits"]
    )
    to_flip_flops: list[int] = []
    to_block_rams = 0
    for cell in module["cells"].values():
        for name, bits in cell["connections"].items():
            signals = [bit for bit in bits if isinstance(bit, int)]  # constants are texts
            if cell["port_directions"][name] == "output":
                driver_of |= dict.fromkeys(signals, cell["type"])
                continue
            readers.update(signals)
            if cell["type"] == "CC_DFF" and name == "D":
                to_flip_flops += signals
            elif cell["type"].startswith("CC_BRAM"):
                to_block_rams += len(signals)
    shared = sum(driver_of.get(bit) in _TREES and readers[bit] == 1 for bit in to_flip_flops)
    return len(to_flip_flops) - shared + to_block_rams


class GateMate(UnplacedFamily):
    """CCGM1A1."""

    name = "gatemate"
    resources = (
        Resource(
            metric=CPE_HALF,
            cells={
                "CC_LUT1": 1,
                "CC_LUT2": 1,
                "CC_L2T4": 1,
                "CC_L2T5": 2,
                "CC_ADDF": 1,
                "CC_MX2": 1,
                "CC_MX4": 2,
                _OF_MULTIPLIERS: 1,
                _PASSING_ON: 1,
            },
            sites=(),
        ),
        Resource(metric=FF, cells={"CC_DFF": 1, "CC_DLT": 1}, sites=()),
        Resource(
            metric=RAM20,
            cells={"CC_BRAM_20K": 1, "CC_BRAM_40K": 2},
            sites=(),
            worth=20_480,
            port_bits=40,
            least_bits=288,  # of a core's memories, 72 bits became flip-flops and 288 did not
        ),
        Resource(metric=MULT, cells={"CC_MULT": 1}, sites=()),
    )
    parts: Mapping[str, Mapping[str, int]] = {
        "CCGM1A1": {
            "cpe_half": 2 * _LOGIC_ELEMENTS,
            "ff": 2 * _LOGIC_ELEMENTS,
            "ram20": 64,
            "mult": _LOGIC_ELEMENTS // multiplier_elements(8, 8),  # as many small ones
        }
    }
    instead = "nextpnr of a later version than 0.11.1 does, and Cologne Chip's own tools"
    netlist_sources = (Path(__file__),)

    def synthesis_script(self, *, top: str, netlist: str) -> Sequence[str]:
        """Return yosys' own flow for nextpnr; pads and clock buffers belong to the SoC.

        Memories that want distributed RAM, which there is none of, become flip-flops.
        """
        of_soc = "" if top == "soc" else "-noiopad -noclkbuf "
        return (
            "setattr -unset ram_style m:*",
            f"synth_gatemate -luttree -nomx8 {of_soc}-top {top} -json {netlist}",
        )

    def revise(self, netlist: dict[str, Any], *, top: str) -> Mapping[str, int]:
        """Count the trees that no cell of the netlist stands for; the netlist stays as it is."""
        cells = netlist["modules"][top]["cells"].values()
        return {
            _OF_MULTIPLIERS: sum(2 * _elements_of(cell) for cell in cells),
            _PASSING_ON: _passing_on(netlist["modules"][top]),
        }

    def clocks_hz(self, reference_hz: int) -> Sequence[int]:
        """Return what CC_PLL makes."""
        return pll.clocks_hz(reference_hz)


GATEMATE = GateMate()
FAMILIES = (GATEMATE,)
