"""Cologne Chip GateMate by yosys, nextpnr-himbaechel-gatemate and Project Peppercorn.

Capacities: Cologne Chip DS1001 (GateMate data sheet), overview. Its multipliers are made of logic
elements (CPEs), of which each is two look-up-table trees and two flip-flops. RAM contents cannot be
exchanged in a routed design, so the boot program is synthesised into the ROM.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hw_templates.soc.fpga.gatemate import pll
from runners.fpga.cells import FF, cells
from runners.fpga.family import FpgaFamily, Resource, Route, Step

CPE_HALF = cells("cpe_half", "look-up-table trees, two of a logic element (GateMate)", role="luts")
MULT = cells(
    "mult", "multipliers of any size, made of logic elements (GateMate)", role="multipliers"
)
_OF_MULTIPLIERS = "trees of CC_MULT"
_LOGIC_ELEMENTS = 20_480
RAM20 = cells("ram20", "block RAMs of 20 kbit (GateMate)", role="block_ram_bits")


def multiplier_elements(a_bits: int, b_bits: int) -> int:
    """Return how many logic elements nextpnr 0.11 makes a multiplier of.

    A column for two bits of one factor, extended by its sign, has an element for two bits of the
    other and five that feed it and pass its carries on; in front of them is one column of inputs.
    """
    rows, columns = (bits // 2 + 1 + bits % 2 for bits in (a_bits, b_bits))
    return columns * (rows + 5) + rows + 1


class GateMate(FpgaFamily):
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
            },
            sites=("CPE_LT",),
        ),
        Resource(metric=FF, cells={"CC_DFF": 1, "CC_DLT": 1}, sites=("CPE_FF",)),
        Resource(
            metric=RAM20,
            cells={"CC_BRAM_20K": 1, "CC_BRAM_40K": 2},
            sites=("RAM_HALF",),
            worth=20_480,
            port_bits=40,
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
    place_packages = ("yowasp-nextpnr-himbaechel-gatemate",)
    pack_packages = ("yowasp-nextpnr-himbaechel-gatemate",)
    constraints_file = "soc.ccf"
    placed_file = "soc.txt"
    bitstream_file = "soc.bit"
    patches_rom = False
    netlist_sources = (Path(__file__),)

    def synthesis_script(self, *, top: str, netlist: str) -> Sequence[str]:
        """Return yosys' own flow for nextpnr; pads and clock buffers belong to the SoC alone."""
        of_soc = "" if top == "soc" else "-noiopad -noclkbuf "
        return (f"synth_gatemate -luttree -nomx8 {of_soc}-top {top} -json {netlist}",)

    def revise(self, netlist: dict[str, Any], *, top: str) -> Mapping[str, int]:
        """Count what multipliers are made of, which follows from their widths."""
        multipliers = (
            cell["parameters"]
            for cell in netlist["modules"][top]["cells"].values()
            if cell["type"] == "CC_MULT"
        )
        elements = sum(
            multiplier_elements(int(each["A_WIDTH"], 2), int(each["B_WIDTH"], 2))
            for each in multipliers
        )
        return {_OF_MULTIPLIERS: 2 * elements}

    def place(self, route: Route) -> Step:
        """Return nextpnr's run; its constraints know no clocks, so it is told one for all."""
        return Step(
            command=(
                *("yowasp-nextpnr-himbaechel-gatemate", "--device", route.device),
                *("--vopt", f"ccf={route.constraints}", "--vopt", f"out={route.placed}"),
                *("--vopt", "fpga_mode=2", "--vopt", "time_mode=3", "--router", "router2"),
                *("--json", route.netlist, "--freq", f"{route.clock_hz / 1e6:.6f}"),
                *("--seed", str(route.seed), "--report", route.report, "--timing-allow-fail"),
            )
        )

    def pack(self, *, device: str, placed: str, bitstream: str) -> Step:
        """Return gmpack's run."""
        del device  # the routed design names it
        return Step(command=("yowasp-gmpack", placed, bitstream))

    def clocks_hz(self, reference_hz: int) -> Sequence[int]:
        """Return what CC_PLL makes."""
        return pll.clocks_hz(reference_hz)


GATEMATE = GateMate()
FAMILIES = (GATEMATE,)
