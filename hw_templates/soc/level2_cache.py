"""A level-2 cache between the SoC's bus and its SDRAM. Needs LiteX; see ``generate``.

All masters wait for one acknowledge, so nothing that is slow may stand in front of it: a tag goes
from its block RAM through one comparison into two flip-flops, "acknowledged" and "missed", and
nowhere else. What follows, the write into the data, the fetch of a line, begins there in the next
cycle.

The two steps, asking the block RAMs and comparing what they say, overlap: while a word of a burst
is compared the next one is asked for. So the first word of a burst is acknowledged two cycles after
it was asked for, and each further one in the next cycle.

A line is fetched from the missed word on, around its end, and each word of a burst is given to the
master as soon as it comes. While the SDRAM looks for them the line that is displaced is copied; if
it is dirty it is written back afterwards, while the bus goes on.
"""

from typing import Any

from litex.soc.interconnect import wishbone
from migen import (
    READ_FIRST,
    Case,
    Cat,
    If,
    Memory,
    Module,
    Mux,
    Record,
    Replicate,
    Signal,
    log2_int,
)

LINE_WORDS = 8
LEAST_LATENCY = LINE_WORDS - 1
"""Cycles in which the displaced line is copied, before another one comes in its place."""
_OFFSET_BITS = log2_int(LINE_WORDS)
_BURST_BITS = 4
"""Of the address of a word in the longest line of a core's cache, 64 bytes: no burst leaves its
line."""


class Level2Cache(Module):
    """Keeps lines of an SDRAM: direct-mapped, written back, filled for writes, too.

    A master holds what it asks for until it is acknowledged. Bursts (CTI) only read, increment, and
    stay inside 64 aligned bytes. The tags' block RAM starts with zeros: no line is there.

    Args:
        size_bytes: Of all lines; a power of two, 128 or more.
        memory_bytes: Size of the memory, a power of two; further address bits are not looked at.
        port: LiteDRAM's native port of 16 or 32 bits for it alone, which gives what is read in
            order, the first of it ``LEAST_LATENCY`` or more cycles after its command.

    Attributes:
        bus: For the masters, 32-bit words; its answers come from registers.
    """

    def __init__(self, *, size_bytes: int, memory_bytes: int, port: Any) -> None:
        self.bus = bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        within_bits = log2_int(size_bytes // 4)
        address_bits = log2_int(memory_bytes // 4)
        tag = bus.adr[within_bits:address_bits]

        lanes = [Memory(8, 1 << within_bits) for _ in range(4)]  # no FPGA lacks such block RAM
        lane_ports = [lane.get_port(write_capable=True, mode=READ_FIRST) for lane in lanes]
        found = Record([("tag", len(tag)), ("valid", 1), ("dirty", 1)])
        tags = Memory(len(found), size_bytes // 4 // LINE_WORDS)
        tag_port = tags.get_port(write_capable=True, mode=READ_FIRST)
        self.specials += [*lanes, *lane_ports, tags, tag_port]

        # The word "asked" for is "compared" in the next cycle, with "ahead" being asked for then.
        is_burst = Signal()
        wanted = Signal()
        compares = Signal()
        hits = Signal()
        missed = Signal()
        asked = Signal(within_bits)
        ahead = Signal(within_bits)
        asked_tag = Signal(len(tag))
        # A miss: the displaced line is copied, then the other one arrives.
        copies = Signal()
        copied = Signal(_OFFSET_BITS)
        copied_all = copied == LINE_WORDS - 1
        fills = Signal()
        arrived = Signal()
        arrival = Signal(32)
        filled = Signal()
        forwards = Signal()
        follows = Signal()
        returns = Signal()
        written = Signal()
        starts = Signal()
        data = Cat(*(lane.dat_r for lane in lane_ports))
        self.comb += [
            is_burst.eq((bus.cti == wishbone.CTI_BURST_INCREMENTING) & ~bus.we),
            wanted.eq(bus.cyc & bus.stb & (~bus.ack | (compares & is_burst))),
            asked.eq(Mux(fills | (compares & ~missed), ahead, bus.adr[:within_bits])),
            tag_port.adr.eq(asked[_OFFSET_BITS:]),
            found.raw_bits().eq(tag_port.dat_r),
            hits.eq(Cat(found.tag, found.valid) == Cat(asked_tag, 1)),
            starts.eq(missed & ~returns),
        ]
        in_line = ahead_of(asked, _OFFSET_BITS)
        self.sync += [
            compares.eq(~fills & wanted & ~missed & (~compares | is_burst)),
            bus.ack.eq((compares & wanted & ~missed & hits) | forwards),
            bus.dat_r.eq(Mux(fills, arrival, data)),
            missed.eq((compares & wanted & ~missed & ~hits) | (missed & returns)),
            If(starts | (copies & ~copied_all) | arrived, ahead.eq(in_line)).Elif(
                ~fills, ahead.eq(ahead_of(asked, _BURST_BITS))
            ),
            If(~fills, asked_tag.eq(tag)),
        ]

        came = Signal(_OFFSET_BITS)
        was_dirty = Signal()
        home_tag = Signal(len(tag))
        self.sync += [
            If(starts, fills.eq(1), copies.eq(1), follows.eq(~bus.we)),
            If(
                copies,
                copied.eq(copied + 1),
                was_dirty.eq(found.dirty),
                home_tag.eq(found.tag),
                If(copied_all, copies.eq(0)),
            ),
            If(arrived, came.eq(came + 1)),
            If(filled, fills.eq(0)),
        ]
        # The master takes words as long as it goes on, and the line does.
        takes = Signal()
        self.comb += [
            takes.eq(bus.cyc & bus.stb & ~bus.we & (~bus.ack | is_burst)),
            forwards.eq(arrived & follows & takes),
            filled.eq(arrived & (came == LINE_WORDS - 1)),
        ]
        is_last = ahead[:_OFFSET_BITS] == LINE_WORDS - 1
        self.sync += If((bus.ack & ~is_burst) | (arrived & (~takes | is_last)), follows.eq(0))

        # Either a word that came is written, or one of the bus whose line was found.
        self.comb += [
            written.eq(bus.ack & bus.we),
            tag_port.we.eq(filled | written),
            tag_port.dat_w.eq(Cat(asked_tag, 1, written)),
        ]
        for n, lane in enumerate(lane_ports):
            self.comb += [
                lane.adr.eq(asked),
                lane.dat_w.eq(Mux(fills, arrival[8 * n : 8 * n + 8], bus.dat_w[8 * n : 8 * n + 8])),
                lane.we.eq(arrived | (written & bus.sel[n])),
            ]

        # The SDRAM's words are half as wide, or as wide.
        pieces = 32 // port.data_width
        piece_bits = log2_int(pieces)
        line_pieces = pieces * LINE_WORDS
        if pieces == 1:
            self.comb += [arrived.eq(port.rdata.valid), arrival.eq(port.rdata.data)]
        else:
            low = Signal(port.data_width, reset_less=True)
            is_high = Signal()
            self.comb += [
                arrived.eq(port.rdata.valid & is_high),
                arrival.eq(Cat(low, port.rdata.data)),
            ]
            self.sync += If(port.rdata.valid, is_high.eq(~is_high), low.eq(port.rdata.data))

        # What was copied lies in the order of the fetch, and goes back in it.
        copy = Memory(32, LINE_WORDS)
        copy_write = copy.get_port(write_capable=True)
        copy_read = copy.get_port(async_read=True)
        self.specials += copy, copy_write, copy_read
        sent = Signal(max=line_pieces)
        self.comb += [
            copy_write.adr.eq(copied),
            copy_write.dat_w.eq(data),
            copy_write.we.eq(copies),
            copy_read.adr.eq(sent[piece_bits:]),
            port.rdata.ready.eq(1),
            port.wdata.valid.eq(returns),
            port.wdata.we.eq(Replicate(1, port.data_width // 8)),
        ]
        width = port.data_width
        halves = {
            n: port.wdata.data.eq(copy_read.dat_r[n * width : (n + 1) * width])
            for n in range(pieces)
        }
        self.comb += Case(sent[:piece_bits], halves) if pieces > 1 else halves[0]

        # Commands: from the missed word's first piece around the line, to fetch, then to return.
        commands = Signal()
        issued = Signal(max=line_pieces)
        place = Signal(max=line_pieces)
        row = Signal(within_bits - _OFFSET_BITS)
        row_tag = Signal(len(tag))
        self.comb += [
            port.cmd.valid.eq(commands),
            port.cmd.we.eq(returns),
            port.cmd.addr.eq(Cat(place, row, row_tag)),
        ]
        self.sync += [
            If(
                commands & port.cmd.ready,
                place.eq(place + 1),
                issued.eq(issued + 1),
                If(issued == line_pieces - 1, commands.eq(0)),
            ),
            If(
                starts,
                commands.eq(1),
                place.eq(bus.adr[:_OFFSET_BITS] << piece_bits),
                row.eq(bus.adr[_OFFSET_BITS:within_bits]),
                row_tag.eq(tag),
            ),
            If(filled & was_dirty, commands.eq(1), returns.eq(1), row_tag.eq(home_tag)),
            If(
                returns & port.wdata.ready,
                sent.eq(sent + 1),
                If(sent == line_pieces - 1, returns.eq(0)),
            ),
        ]


def ahead_of(word: Any, bits: int) -> Any:
    """Return the address of the word after ``word``, around the end of ``1 << bits`` words."""
    return Cat((word[:bits] + 1)[:bits], word[bits:])
