"""LiteX's SoC with a bus on which every acknowledge is a short path. Needs LiteX; see ``generate``.

All masters wait for one acknowledge, and on what they do with it hangs the whole core. So it
comes from registers: those of on-chip memories, and one behind an SDRAM and the tags of its
cache. There is no time-out, whose counter of 20 bits LiteX puts in front of it; an address where
nothing is, the only thing that could keep the bus waiting, is answered instead.
"""

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any

from litex.soc.integration.soc import SoCRegion
from litex.soc.integration.soc_core import SoCCore
from litex.soc.interconnect import wishbone
from migen import Cat, Module, Signal

_ALL_ONES = 0xFFFF_FFFF
_LINE_BITS = 4
"""Of the address of a word in the longest line of a cache, 64 bytes: no burst leaves its line."""


class ShortBusSoc(SoCCore):
    """A SoC whose registers are behind a register, and that answers where nothing is.

    Reading from there gives all ones, writing does nothing.
    """

    def put_main_ram_behind_register(self) -> None:
        """Let the answers of the main memory pass a register; called once there is an SDRAM.

        Not for memory in block RAM: yosys makes such a register the block RAM's own.
        """
        self.submodules.main_ram_answers = behind = AnswerRegister(self.bus.slaves["main_ram"])
        self.bus.slaves["main_ram"] = behind.bus

    def add_csr_bridge(self, name: str = "csr", origin: Any = None, register: bool = True) -> None:
        """Add the way to the registers, as LiteX asks for when it finishes; then all else."""
        del register  # LiteX gives it to SoCs with an SDRAM only
        super().add_csr_bridge(name=name, origin=origin, register=True)
        self.submodules.nothing = nothing = _Nothing()
        self.bus.add_slave("nothing", nothing.bus, _Elsewhere())


class _Elsewhere(SoCRegion):
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


class AnswerRegister(Module):
    """Acknowledge and data of a slave, one cycle later; a burst loses that cycle once.

    While the master takes a word the slave is asked for the next one of the burst already.

    Args:
        slave: Interface of 32-bit words.

    Attributes:
        bus: In its place.
    """

    def __init__(self, slave: Any) -> None:
        self.bus = bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        goes_on = Signal()
        is_burst = bus.cti == wishbone.CTI_BURST_INCREMENTING
        self.comb += [
            goes_on.eq(bus.cyc & bus.stb & (~bus.ack | is_burst)),
            slave.cyc.eq(goes_on),
            slave.stb.eq(goes_on),
            slave.adr.eq(Cat((bus.adr[:_LINE_BITS] + bus.ack)[:_LINE_BITS], bus.adr[_LINE_BITS:])),
            slave.we.eq(bus.we),
            slave.sel.eq(bus.sel),
            slave.dat_w.eq(bus.dat_w),
        ]
        self.sync += [bus.ack.eq(goes_on & slave.ack), bus.dat_r.eq(slave.dat_r)]
