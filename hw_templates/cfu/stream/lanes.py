"""A lane an output channel: sums and maxima of each byte of a step by itself."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.stream.isa import LANE_BITS
from hw_templates.cfu.stream.walk import CHANNEL_BITS

_PRODUCT_BITS = 16


class Lanes(wiring.Component):
    """Sums products in lanes; the sums of a window leave one a cycle while the next one is read.

    Args:
        width: Lanes, the products of a step.
        latency: Cycles from reading a step to its products.

    Members:
        read, is_last (In, 1): A step is read in this cycle; it is its window's last.
        channel (In): Of its lane 0.
        valid, is_first, is_there (In, 1): A step's products come in this cycle; it is a window's
            first, and counts.
        products (In): Of the step, lane 0 lowest.
        is_maximum (In, 1): The largest low byte is kept and not the sum.
        holds (Out, 1): The last step of a window must not be read yet.
        sum_valid, sum, sum_channel (Out): A lane's sum, lane 0 first.
        busy (Out, 1): Sums have not left.
    """

    def __init__(self, *, width: int, latency: int) -> None:
        self._width = width
        self._latency = latency
        super().__init__(
            {
                "read": In(1),
                "is_last": In(1),
                "channel": In(CHANNEL_BITS),
                "valid": In(1),
                "is_first": In(1),
                "is_there": In(1),
                "products": In(_PRODUCT_BITS * width),
                "is_maximum": In(1),
                "holds": Out(1),
                "sum_valid": Out(1),
                "sum": Out(signed(LANE_BITS)),
                "sum_channel": Out(CHANNEL_BITS),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the lanes and the row of sums that leave."""
        del platform
        m = Module()
        finishes = Signal(self._latency)
        finished = Signal()
        left = Signal(range(self._width + 1))  # sums that have not left
        channel = Signal(CHANNEL_BITS)  # of the window that is on its way to the lanes
        m.d.sync += [
            finishes.eq(Cat(self.read & self.is_last, finishes[:-1])),
            finished.eq(finishes[-1]),
        ]
        with m.If(self.read & self.is_last):
            m.d.sync += channel.eq(self.channel)
        m.d.comb += self.holds.eq(finishes.any() | finished | (left > self._latency + 2))

        lanes = [Signal(signed(LANE_BITS), name=f"lane_{n}") for n in range(self._width)]
        leaving = [Signal(signed(LANE_BITS), name=f"leaving_{n}") for n in range(self._width)]
        with m.If(self.valid & self.is_there):
            for n, lane in enumerate(lanes):
                product = self.products.word_select(n, _PRODUCT_BITS).as_signed()
                byte = product[:8].as_signed()
                is_kept = self.is_maximum & ~self.is_first & (lane[:8].as_signed() > byte)
                start = Mux(self.is_first | self.is_maximum, 0, lane)
                added = Mux(self.is_maximum, byte, product)
                with m.If(~is_kept):
                    m.d.sync += lane.eq(start + added)
        with m.Elif(self.valid & self.is_first):
            m.d.sync += [lane.eq(0) for lane in lanes]
        with m.If(finished):
            m.d.sync += [later.eq(lane) for later, lane in zip(leaving, lanes, strict=True)]
            m.d.sync += [left.eq(self._width), self.sum_channel.eq(channel)]
        with m.Elif(self.sum_valid):
            m.d.sync += [earlier.eq(later) for earlier, later in pairwise(leaving)]
            m.d.sync += [left.eq(left - 1), self.sum_channel.eq(self.sum_channel + 1)]
        m.d.comb += [
            self.sum_valid.eq(left != 0),
            self.sum.eq(leaving[0]),
            self.busy.eq(finishes.any() | finished | self.sum_valid),
        ]
        return m
