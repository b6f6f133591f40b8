"""On-chip main memory that answers from registers in its banks. Needs LiteX; see ``generate``.

A large memory lies all over the FPGA, and block RAM is slow: from its clock through the choice of a
bank to a core is the longest way of a SoC without caches. So each bank has a register, which a
block RAM has inside of it (``absorb_output_registers``), and the choice comes after it. The cycle
that this takes is lost once: the words of a burst follow each other without one.
"""

from collections.abc import Sequence
from typing import Any

from litex.soc.interconnect import wishbone
from migen import READ_FIRST, Array, Cat, Memory, Module, Mux, Replicate, Signal, log2_int

BANK_BYTES = 1 << 16
"""A bank for which an ECP5 needs no choice between block RAMs; also an iCE40's or a Nexus' large
RAM."""
_BURST_BITS = 4
"""Of the address of a word in the longest burst, 64 bytes."""


class BlockRamBank(Module):
    """A bank of block RAM. What is read while it writes is not used, so yosys adds nothing for it.

    Args:
        size_bytes: A multiple of 4.
        init: First words of it; None for nothing in particular.
        name: Of the memory in Verilog.

    Attributes:
        bus: As ``OnChipRam`` takes it.
    """

    def __init__(
        self, size_bytes: int, *, init: list[int] | None = None, name: str | None = None
    ) -> None:
        self.bus = bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        memory = Memory(32, size_bytes // 4, init=init, name=name)
        port = memory.get_port(write_capable=True, we_granularity=8, mode=READ_FIRST)
        self.specials += memory, port
        self.comb += [
            port.adr.eq(bus.adr),
            port.dat_w.eq(bus.dat_w),
            port.we.eq(Replicate(bus.we, 4) & bus.sel),
            bus.dat_r.eq(port.dat_r),
        ]


def block_ram_banks(size_bytes: int) -> list[BlockRamBank]:
    """Return banks of ``BANK_BYTES`` and a last one of what is left."""
    starts = range(0, size_bytes, BANK_BYTES)
    return [BlockRamBank(min(BANK_BYTES, size_bytes - start)) for start in starts]


class OnChipRam(Module):
    """Banks that follow each other, as one memory.

    A master holds what it asks for until it is acknowledged: reading takes three cycles, each
    further word of a burst (CTI) one, writing two. Bursts only read, increment, and stay inside 64
    aligned bytes.

    Args:
        banks: Interfaces with a word a cycle after its address, which write at once.
        bank_bytes: Size of each; a power of two where there are several, of which the last one may
            be smaller. What is read behind the end is not defined, what is written there lost.

    Attributes:
        bus: For the masters.
    """

    def __init__(self, banks: Sequence[Any], *, bank_bytes: int) -> None:
        self.bus = bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        bank_bits = log2_int(bank_bytes // 4, need_pow2=False)
        address_bits = bank_bits + log2_int(len(banks), need_pow2=False)

        is_burst = Signal()
        asks = Signal()
        wanted = Signal()
        writes = Signal()
        reads = Signal()
        asked = Signal(address_bits)
        ahead = Signal(address_bits)
        self.comb += [
            is_burst.eq(bus.cti == wishbone.CTI_BURST_INCREMENTING),
            asks.eq(bus.cyc & bus.stb & ~bus.ack),
            writes.eq(asks & bus.we),
            wanted.eq(~bus.we & (asks | (bus.cyc & bus.stb & reads & is_burst))),
            asked.eq(Mux(reads, ahead, bus.adr[:address_bits])),
        ]
        self.sync += [
            ahead.eq(Cat((asked[:_BURST_BITS] + 1)[:_BURST_BITS], asked[_BURST_BITS:])),
            reads.eq(wanted & (~reads | is_burst)),
            bus.ack.eq(writes | (reads & wanted)),
        ]

        words = []
        for index, bank in enumerate(banks):
            word = Signal(32, reset_less=True)  # as a block RAM's own
            words.append(word)
            here = bus.adr[bank_bits:address_bits] == index if len(banks) > 1 else 1
            self.comb += [
                bank.adr.eq(asked[:bank_bits]),
                bank.dat_w.eq(bus.dat_w),
                bank.sel.eq(bus.sel),
                bank.cyc.eq(1),
                bank.stb.eq(1),
                bank.we.eq(writes & here),
            ]
            self.sync += word.eq(bank.dat_r)
        if len(banks) == 1:
            self.comb += bus.dat_r.eq(words[0])
        else:
            before, chosen = (Signal(address_bits - bank_bits) for _ in range(2))
            self.sync += [before.eq(asked[bank_bits:]), chosen.eq(before)]
            self.comb += bus.dat_r.eq(Array(words)[chosen])
