"""Xilinx 7 series (Artix-7) by yosys, as far as synthesis.

Its place and route is Vivado's: prjxray and nextpnr-xilinx are in no registry.

Capacities: Xilinx DS180 (7 series overview), Artix-7 feature summary.
"""

from collections.abc import Mapping, Sequence

from hw_templates.soc.fpga.xilinx7 import pll
from runners.fpga.cells import FF, cells
from runners.fpga.family import Resource, UnplacedFamily

LUT6 = cells(
    "lut6",
    "look-up tables with six inputs, distributed RAM and shift registers included (Xilinx)",
    role="luts",
)
RAMB18 = cells(
    "ramb18", "block RAMs of 18 kbit; one of 36 kbit is two (Xilinx)", role="block_ram_bits"
)
DSP48 = cells("dsp48", "25 x 18 bit multipliers with adder (Xilinx)", role="multipliers")
_SHIFT_REGISTERS = ("SRL16", "SRL16E", "SRLC16", "SRLC16E", "SRLC32E")
_DISTRIBUTED_RAMS = {
    "RAM32X1S": 1,
    "RAM64X1S": 1,
    "RAM128X1S": 2,
    "RAM256X1S": 4,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1D": 4,
    "RAM32M": 4,
    "RAM64M": 4,
}
"""Look-up tables of each, as UG474 has them."""
_LOGIC_CELLS = 1.6
"""Look-up tables with four inputs that one with six stands for: DS180 calls them logic cells.

Of a core and five CFUs it stood for 1.4 to 1.7 of an ECP5's; see docs/reference/metrics.md.
"""


class Xilinx7(UnplacedFamily):
    """Artix-7."""

    name = "xilinx7"
    resources = (
        # Each look-up table of the netlist counts as a whole one. A packer may put two small ones
        # into one place, so a design takes no more than this. Carry chains and wide multiplexers
        # have places of their own.
        Resource(
            metric=LUT6,
            cells={
                **{f"LUT{inputs}": 1 for inputs in range(1, 7)},
                "INV": 1,
                **dict.fromkeys(_SHIFT_REGISTERS, 1),
                **_DISTRIBUTED_RAMS,
            },
            sites=(),
            worth=_LOGIC_CELLS,
        ),
        Resource(
            metric=FF,
            cells={
                f"{kind}{edge}": 1
                for kind in ("FDRE", "FDSE", "FDCE", "FDPE", "LDCE", "LDPE")
                for edge in ("", "_1")
            },
            sites=(),
        ),
        Resource(
            metric=RAMB18,
            cells={"RAMB18E1": 1, "RAMB36E1": 2},
            sites=(),
            worth=18_432,
            port_bits=36,
            lane_bits=9,
        ),
        Resource(metric=DSP48, cells={"DSP48E1": 1}, sites=()),
    )
    parts: Mapping[str, Mapping[str, int]] = {
        "XC7A35T": {"lut6": 20_800, "ff": 41_600, "ramb18": 100, "dsp48": 90},
        "XC7A100T": {"lut6": 63_400, "ff": 126_800, "ramb18": 270, "dsp48": 240},
    }
    instead = "`python -m runners.vivado` makes a bitstream of one design where Vivado is installed"

    def synthesis_script(self, *, top: str, netlist: str) -> Sequence[str]:
        """Return yosys' own flow, flat as for the others; pads and clocks belong to the SoC."""
        of_soc = "" if top == "soc" else "-noiopad -noclkbuf "
        return (f"synth_xilinx -family xc7 -flatten {of_soc}-top {top} -json {netlist}",)

    def clocks_hz(self, reference_hz: int) -> Sequence[int]:
        """Return what the PLLE2 makes."""
        return pll.clocks_hz(reference_hz)


XILINX7 = Xilinx7()
FAMILIES = (XILINX7,)
