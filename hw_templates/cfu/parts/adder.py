"""Element-wise addition of quantised tensors, on the requantiser that is there anyway."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.parts.requantiser import Requantiser

ADD_LEFT_SHIFT = 20
"""TFLite scales the inputs of ADD up by this before it brings them to a common scale."""
_ELEMENTS = 4
_PHASES = 3


class ScaledAdder(wiring.Component):
    """Feeds the requantiser with ADD of TFLite: both inputs scaled, their sum scaled again.

    An element takes three slots of the requantiser: first input, second input, and the sum of an
    element before. The latency from a second input to its sum is such that the three never meet,
    so a command of four elements takes twelve cycles.

    Members:
        start (In, 1): Begin with ``a`` and ``b``; they must stay until ``wait`` is low.
        a, b (In, 32): Four int8 each, the first one lowest.
        set_scale (In, 1): Multiplier ``a``, shift to the right ``b`` (bits 0 to 4) of operand
            ``b`` (bits 8, 9): 0 and 1 for the inputs, 2 for the sum.
        set_zero_points (In, 1): Of the inputs, in bytes 0 and 1 of ``a``.
        scaled (In, int32): The requantiser's result without zero point and limits.
        valid, value, multiplier, shift, is_sum (Out): To the requantiser; ``is_sum`` marks what
            becomes a result.
        wait (Out, 1): A command that is taken in this cycle would come too early.
        busy (Out, 1): Slots of the requantiser are in use or will be.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "start": In(1),
                "a": In(32),
                "b": In(32),
                "set_scale": In(1),
                "set_zero_points": In(1),
                "scaled": In(signed(32)),
                "valid": Out(1),
                "value": Out(signed(32)),
                "multiplier": Out(31),
                "shift": Out(5),
                "is_sum": Out(1),
                "wait": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the sequence and the sum."""
        del platform
        m = Module()
        m.submodules.scales = scales = Memory(
            shape=unsigned(36), depth=4, init=[], attrs={"ram_style": "distributed"}
        )
        write_port = scales.write_port()
        read_port = scales.read_port(domain="comb")
        zero_points = Signal(16)
        with m.If(self.set_zero_points):
            m.d.sync += zero_points.eq(self.a)

        phase = Signal(range(_PHASES))
        m.d.sync += phase.eq(Mux(phase == _PHASES - 1, 0, phase + 1))
        left = Signal(range(_ELEMENTS + 1))
        with m.If(self.start):
            m.d.sync += left.eq(_ELEMENTS)
        with m.Elif((phase == 1) & (left != 0)):
            m.d.sync += left.eq(left - 1)

        # A sum enters the requantiser as long after its second input as the first input's scaled
        # value takes to leave it, wait for the second's, and be added to it.
        sums = Signal(Requantiser.SCALED_LATENCY + 1)
        m.d.sync += sums.eq(Cat((phase == 1) & (left != 0), sums[:-1]))
        earlier, total = Signal(signed(32)), Signal(signed(32))
        m.d.sync += [earlier.eq(self.scaled), total.eq(earlier + self.scaled)]

        is_second = phase == 1
        first_bytes = Array(self.a.word_select(n, 8) for n in (0, 3, 2, 1))
        second_bytes = Array(self.b.word_select(n, 8) for n in (0, 3, 2, 1))
        element = Mux(is_second, second_bytes[left[:2]], first_bytes[left[:2]]).as_signed()
        zero_point = zero_points.word_select(is_second, 8).as_signed()
        m.d.comb += [
            write_port.en.eq(self.set_scale),
            write_port.addr.eq(self.b[8:10]),
            write_port.data.eq(Cat(self.a[:31], self.b[:5])),
            read_port.addr.eq(phase),
            self.multiplier.eq(read_port.data[:31]),
            self.shift.eq(read_port.data[31:]),
            self.is_sum.eq(phase == _PHASES - 1),
            self.value.eq(Mux(self.is_sum, total, (element - zero_point) << ADD_LEFT_SHIFT)),
            self.valid.eq(Mux(self.is_sum, sums[-1], left != 0)),
            self.wait.eq(self.start | (left > 1) | ((left == 1) & ~is_second)),
            self.busy.eq(self.start | (left != 0) | sums.any()),
        ]
        return m
