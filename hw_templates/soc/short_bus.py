"""LiteX's SoC with a bus on which every acknowledge is a short path. Needs LiteX; see ``generate``.

LiteX's own time-out gives the shared acknowledge a counter of 20 bits to wait for. Nothing on our
bus can keep it waiting but an address where nothing is, so such an address is answered like one
of a memory instead, and there is no time-out.
"""

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any

from litex.soc.integration.soc import SoCRegion
from litex.soc.integration.soc_core import SoCCore
from litex.soc.interconnect import wishbone
from migen import Module

_ALL_ONES = 0xFFFF_FFFF


class ShortBusSoc(SoCCore):
    """A SoC whose registers are behind a register, and that answers where nothing is.

    Reading from there gives all ones, writing does nothing.
    """

    def add_csr_bridge(self, name: str = "csr", origin: Any = None, register: bool = True) -> None:
        """Add the way to the registers, as LiteX asks for when it finishes; then all else."""
        del register  # LiteX gives it to SoCs with an SDRAM only
        super().add_csr_bridge(name=name, origin=origin, register=True)
        self.submodules.nothing = nothing = _Nothing()
        self.bus.add_slave("nothing", nothing.bus, _Elsewhere())


class _Elsewhere(SoCRegion):  # type: ignore[misc]
    """All addresses that no other region has."""

    def __init__(self) -> None:
        super().__init__(origin=0, size=1 << 32, linker=True)  # may overlap with others

    def decoder(self, bus: Any) -> Callable[[Any], Any]:
        """Return what tells from an address on ``bus`` that it is one of these."""
        others = [bus.regions[name] for name in bus.slaves if bus.regions[name] is not self]
        decoders = [region.decoder(bus) for region in others]
        return lambda address: ~reduce(or_, (decodes(address) for decodes in decoders))


class _Nothing(Module):
    """Answers each access in the next cycle.

    Attributes:
        bus: Where it is asked.
    """

    def __init__(self) -> None:
        self.bus = bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        self.comb += bus.dat_r.eq(_ALL_ONES)
        self.sync += bus.ack.eq(bus.cyc & bus.stb & ~bus.ack)
