"""A lane an output channel: depthwise convolution and pooling on the products that are there."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.simd.isa import LANE_BITS, WINDOW_SIDE_BITS

_PRODUCT_LATENCY = 3
"""Cycles from reading a step to its products: two for the buffer, one for the multipliers."""
_FINISH_LATENCY = _PRODUCT_LATENCY + 1
"""Cycles from reading a window's last tap to its sums going to where they leave one by one."""


class Windows(wiring.Component):
    """Walks over the taps of a window by itself and sums each lane's products.

    The sums leave one a cycle, while the next window is being read. A window's last tap waits for
    the sums before it, so nothing overtakes.

    Args:
        width: Lanes, the products of a step.
        activation_bits, weight_bits: Of a step's number in each buffer.

    Members:
        set_shape (In, 1): Take the shape from ``a`` and ``b`` as CONFIGURE's option 4 does.
        start (In, 1): Begin a window at activation step ``a`` and weight step ``b``.
        continues, keeps (In, 1): With ``start``: go on from the sums that are there; do not
            finish.
        a, b (In, 32): Operands.
        products (In, 16 * width): Of the step read ``_PRODUCT_LATENCY`` cycles ago, lane 0 lowest.
        is_last_channel (In, 1): The sum that leaves in this cycle is the last; drop the others.
        ready (Out, 1): A command taken in this cycle may start a window or write to the buffers.
        read (Out, 1): Read steps ``activation_step`` and ``weight_step``.
        sum_valid, sum (Out): A lane's sum, lane 0 first.
        busy (Out, 1): A window is being read or summed.
    """

    def __init__(self, *, width: int, activation_bits: int, weight_bits: int) -> None:
        self._width = width
        super().__init__(
            {
                "set_shape": In(1),
                "start": In(1),
                "continues": In(1),
                "keeps": In(1),
                "a": In(32),
                "b": In(32),
                "products": In(16 * width),
                "is_last_channel": In(1),
                "ready": Out(1),
                "read": Out(1),
                "activation_step": Out(activation_bits),
                "weight_step": Out(weight_bits),
                "sum_valid": Out(1),
                "sum": Out(signed(LANE_BITS)),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the walk over the taps, the lanes and the row of sums that leave."""
        del platform
        m = Module()
        left = Signal(range(self._width + 1))  # sums that have not left
        finishes = Signal(_PRODUCT_LATENCY)
        finished = Signal()
        must_hold = Signal()
        m.d.comb += must_hold.eq(finishes.any() | finished | (left > _FINISH_LATENCY + 1))

        is_first, is_last, keeps = self._add_walk(m, must_hold)
        valids, firsts = Signal(_PRODUCT_LATENCY), Signal(_PRODUCT_LATENCY)
        m.d.sync += [
            valids.eq(Cat(self.read, valids[:-1])),
            firsts.eq(Cat(is_first, firsts[:-1])),
            finishes.eq(Cat(self.read & is_last & ~keeps, finishes[:-1])),
            finished.eq(finishes[-1]),
        ]

        lanes = [Signal(signed(LANE_BITS), name=f"lane_{n}") for n in range(self._width)]
        leaving = [Signal(signed(LANE_BITS), name=f"leaving_{n}") for n in range(self._width)]
        with m.If(valids[-1]):
            for n, lane in enumerate(lanes):
                product = self.products.word_select(n, 16).as_signed()
                m.d.sync += lane.eq(Mux(firsts[-1], 0, lane) + product)
        with m.If(finished):
            m.d.sync += [later.eq(lane) for later, lane in zip(leaving, lanes, strict=True)]
            m.d.sync += left.eq(self._width)
        with m.Elif(self.sum_valid):
            m.d.sync += [earlier.eq(later) for earlier, later in pairwise(leaving)]
            m.d.sync += left.eq(Mux(self.is_last_channel, 0, left - 1))
        m.d.comb += [
            self.sum_valid.eq(left != 0),
            self.sum.eq(leaving[0]),
            self.busy.eq(~self.ready | self.read | valids.any() | finished | self.sum_valid),
        ]
        return m

    def _add_walk(self, m: Module, must_hold: Signal) -> tuple[Signal, Signal, Signal]:
        """Add the addresses; return whether a tap starts sums, is the last, and keeps sums."""
        last_column, last_row, column, row = (
            Signal(WINDOW_SIDE_BITS, name=name)
            for name in ("last_column", "last_row", "column", "row")
        )
        column_step, row_step, first_of_row = (
            Signal.like(self.activation_step, name=name)
            for name in ("column_step", "row_step", "first_of_row")
        )
        with m.If(self.set_shape):
            m.d.sync += [
                Cat(last_column, last_row).eq(self.b),
                column_step.eq(self.a[:16]),
                row_step.eq(self.a[16:]),
            ]

        active, is_first, continues, keeps = (
            Signal(name=name) for name in ("active", "is_first", "continues", "keeps_sums")
        )
        is_row_end, is_last = column == last_column, Signal()
        next_row = first_of_row + row_step
        m.d.comb += [
            is_last.eq(is_row_end & (row == last_row)),
            self.read.eq(active & ~(is_last & ~keeps & must_hold)),
            self.ready.eq(~self.start & (~active | (self.read & is_last))),
        ]
        with m.If(self.start):
            m.d.sync += [
                active.eq(1),
                is_first.eq(1),
                continues.eq(self.continues),
                keeps.eq(self.keeps),
                Cat(column, row).eq(0),
                self.activation_step.eq(self.a),
                first_of_row.eq(self.a),
                self.weight_step.eq(self.b),
            ]
        with m.Elif(self.read):
            m.d.sync += [
                active.eq(~is_last),
                is_first.eq(0),
                self.weight_step.eq(self.weight_step + 1),
                column.eq(Mux(is_row_end, 0, column + 1)),
                self.activation_step.eq(
                    Mux(is_row_end, next_row, self.activation_step + column_step)
                ),
            ]
            with m.If(is_row_end):
                m.d.sync += [row.eq(row + 1), first_of_row.eq(next_row)]
        return is_first & ~continues, is_last, keeps
