"""LiteX's SoC with a bus on which every acknowledge is a short path. Needs LiteX; see ``generate``.

All masters wait for one acknowledge, and on what they do with it hangs the whole core. So it
comes from registers: those of on-chip memories, of the level-2 cache in front of an SDRAM, or of
``AnswerRegister``. There is no time-out, whose counter of 20 bits LiteX puts in front of it; an
address where nothing is, the only thing that could keep the bus waiting, is answered instead.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import or_
from typing import Any

from litex.soc.integration.soc import SoCRegion
from litex.soc.integration.soc_core import SoCCore
from litex.soc.interconnect import wishbone
from migen import Cat, Module, Signal

from hw_templates.soc.level2_cache import Level2Cache
from hw_templates.soc.on_chip_ram import OnChipRam

_ALL_ONES = 0xFFFF_FFFF
_LINE_BITS = 4
"""Of the address of a word in the longest line of a cache, 64 bytes: no burst leaves its line."""


class ShortBusSoc(SoCCore):
    """A SoC whose registers are behind a register, and that answers where nothing is.

    Reading from there gives all ones, writing does nothing.
    """

    def add_sdram_memory(self, *, phy: Any, module: Any, size_bytes: int, l2_bytes: int) -> None:
        """Let an SDRAM be the main memory, behind a level-2 cache or at least a register.

        Memory in block RAM has no such register: yosys would make it the block RAM's own.

        Args:
            phy: LiteDRAM's way to the chip.
            module: LiteDRAM's description of the chip.
            size_bytes: How much of it is seen.
            l2_bytes: Size of the level-2 cache, or 0.
        """
        if not l2_bytes:
            self.add_sdram("sdram", phy=phy, module=module, size=size_bytes, l2_cache_size=0)
            self.submodules.main_ram_answers = behind = AnswerRegister(self.bus.slaves["main_ram"])
            self.bus.slaves["main_ram"] = behind.bus
            return
        self.add_sdram("sdram", phy=phy, module=module, with_soc_interconnect=False)
        region = SoCRegion(origin=self.mem_map["main_ram"], size=size_bytes, mode="rwx")
        self.bus.add_region("main_ram", region)
        self.submodules.l2_cache = cache = Level2Cache(
            size_bytes=l2_bytes, memory_bytes=size_bytes, port=self.sdram.crossbar.get_port()
        )
        self.bus.add_slave("main_ram", cache.bus)
        self.add_config("L2_SIZE", l2_bytes)  # LiteX's BIOS reads as much to empty it

    def add_on_chip_memory(self, banks: Sequence[Any], *, bank_bytes: int, size_bytes: int) -> None:
        """Let banks of on-chip memory be the main memory.

        Args:
            banks: Modules with an interface ``bus``, as ``OnChipRam`` takes it.
            bank_bytes: Size of each, as ``OnChipRam`` takes it.
            size_bytes: Of all together.
        """
        for index, bank in enumerate(banks):
            self.add_module(name=f"main_ram_bank{index}", module=bank)
        self.submodules.main_ram = ram = OnChipRam(
            [bank.bus for bank in banks], bank_bytes=bank_bytes
        )
        region = SoCRegion(origin=self.mem_map["main_ram"], size=size_bytes, mode="rwx")
        self.bus.add_slave("main_ram", ram.bus, region)

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
