"""A register between an SDRAM's controller and its PHY. Needs LiteDRAM; see ``generate``.

LiteDRAM takes what is written from where it waits, through the crossbar, to the flip-flops in the
pads within one cycle, and the pads are far. With a register in between, the way to the pads has its
own cycle.
"""

from copy import copy
from typing import Any

from litedram.phy.dfi import Interface, phase_description
from migen import DIR_M_TO_S, Module


class DfiRegister(Module):
    """Gives everything to the PHY one cycle later; the controller has it in the PHY's place.

    Commands, their enables and what is written stay together, so the SDRAM sees the same sequence
    in the same distances. What is read comes back as the PHY gives it: its pads have flip-flops.

    Args:
        phy: A PHY of LiteDRAM for an SDR SDRAM, with one phase.

    Attributes:
        dfi: For the controller.
        settings: Those of the PHY for the controller, to which what is read comes a cycle later.
    """

    def __init__(self, phy: Any) -> None:
        behind = phy.dfi.p0
        widths = (len(behind.address), len(behind.bank), len(behind.cs_n), len(behind.wrdata))
        self.dfi = Interface(*widths)
        before = self.dfi.p0
        for name, _, direction in phase_description(*widths):
            if direction == DIR_M_TO_S:
                self.sync += getattr(behind, name).eq(getattr(before, name))
            else:
                self.comb += getattr(before, name).eq(getattr(behind, name))
        self.settings = copy(phy.settings)
        self.settings.read_latency += 1
