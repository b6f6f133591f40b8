"""Biases and scales in a ring, looked up by what comes out of the products."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.stream.isa import MAX_CHANNELS
from hw_templates.cfu.stream.walk import CHANNEL_BITS

_MULTIPLIER_BITS, _SHIFT_BITS = 31, 5
_SETTLE_CYCLES = 31
"""More than what a RUN has read needs to look up its channels."""


class Channels(wiring.Component):
    """Bias, multiplier and shift of up to ``MAX_CHANNELS`` channels, in a ring.

    Members:
        clear (In, 1): None is there.
        set_scale, set_bias (In, 1): Write the next channel's scale; its bias, and it is there.
            Dropped where none fits.
        a, b (In, 32): Operands.
        is_full (Out, 1): A command that writes and is offered must wait, if there is work.
        there (Out): How many are there.
        free, free_channels (In): So many of them are gone.
        end, end_channels (In): What belongs to a RUN is read; so many freed places will be free.
        is_settling (Out, 1): They are not yet.
        channel, index (In, Out): Counted from a RUN's first, and in the memory.
        look_up (In): An index.
        bias (Out, int32): Two cycles behind ``look_up``.
        multiplier, shift (Out): Three cycles behind it.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "clear": In(1),
                "set_scale": In(1),
                "set_bias": In(1),
                "a": In(32),
                "b": In(32),
                "is_full": Out(1),
                "there": Out(CHANNEL_BITS + 1),
                "free": In(1),
                "free_channels": In(CHANNEL_BITS + 1),
                "end": In(1),
                "end_channels": In(CHANNEL_BITS + 1),
                "is_settling": Out(1),
                "channel": In(CHANNEL_BITS),
                "index": Out(CHANNEL_BITS),
                "look_up": In(CHANNEL_BITS),
                "bias": Out(signed(32)),
                "multiplier": Out(_MULTIPLIER_BITS),
                "shift": Out(_SHIFT_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the two memories and the ring's counters."""
        del platform
        m = Module()
        taken, settling = Signal.like(self.there), Signal.like(self.there)
        behind_last, base = Signal(CHANNEL_BITS), Signal(CHANNEL_BITS)
        timer = Signal(range(_SETTLE_CYCLES + 1))
        fits = self.there != MAX_CHANNELS
        sets = self.set_bias & fits
        freed = Mux(self.free, self.free_channels, 0)
        is_settled = timer == 1
        m.d.comb += [
            self.is_full.eq(taken > MAX_CHANNELS - 2),
            self.is_settling.eq(timer != 0),
            self.index.eq(base + self.channel),
        ]
        with m.If(self.clear):
            m.d.sync += Cat(self.there, taken, settling, behind_last, base, timer).eq(0)
        with m.Else():
            m.d.sync += [
                self.there.eq(self.there + sets - freed),
                behind_last.eq(behind_last + sets),
                taken.eq(taken + sets - Mux(is_settled & ~self.end, settling, 0)),
            ]
            with m.If(self.end):
                m.d.sync += [
                    base.eq(base + self.end_channels),
                    settling.eq(settling + self.end_channels),
                    timer.eq(_SETTLE_CYCLES),
                ]
            with m.Elif(timer != 0):
                m.d.sync += timer.eq(timer - 1)
                with m.If(is_settled):
                    m.d.sync += settling.eq(0)

        attributes = {"ram_style": "block", "no_rw_check": 1}
        m.submodules.biases = biases = Memory(
            shape=unsigned(32), depth=MAX_CHANNELS, init=[], attrs=attributes
        )
        m.submodules.scales = scales = Memory(
            shape=unsigned(_MULTIPLIER_BITS + _SHIFT_BITS),
            depth=MAX_CHANNELS,
            init=[],
            attrs=attributes,
        )
        bias, scale = biases.read_port(), scales.read_port()
        for memory, is_set, value in (
            (biases, self.set_bias, self.a),
            (scales, self.set_scale, Cat(self.a[:_MULTIPLIER_BITS], self.b[:_SHIFT_BITS])),
        ):
            port = memory.write_port()
            m.d.comb += [
                port.en.eq(is_set & fits),
                port.addr.eq(behind_last),
                port.data.eq(value),
            ]
        late_scale = Signal.like(scale.data)
        m.d.comb += [bias.addr.eq(self.look_up), scale.addr.eq(self.look_up)]
        m.d.sync += [
            self.bias.eq(bias.data),
            late_scale.eq(scale.data),
            Cat(self.multiplier, self.shift).eq(late_scale),
        ]
        return m
