"""Steps in a ring: the CPU appends at one end, what is computed from is freed at the other."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw_templates.cfu.parts.datapath import StepBuffer
from hw_templates.cfu.stream.isa import ROW_STEP_BITS

_MARGIN_WORDS = 4
"""Of two commands whose effect is not seen yet when a third one is offered."""
OPERAND_BITS = 2 * ROW_STEP_BITS
"""Bits of a number of steps in an operand."""


class Ring(wiring.Component):
    """A memory of words that are read in steps, and how many of them are there.

    What a RUN frees is gone at once for the commands behind it (``free``), but the place is taken
    until it has ended (``end``).

    Args:
        depth_words: Words that fit.
        step_bytes: Bytes of a step: 4, 8 or 16.

    Members:
        clear (In, 1): Nothing is there.
        load, is_pair, low, high (In): Append ``low`` or both; dropped if they do not fit, or if a
            pair does not start at an even word.
        is_full (Out, 1): A load that is offered must wait, if anything runs.
        free, free_steps (In): So many steps are gone, or all that are there.
        freed (Out): How many they are, in the cycle of ``free``.
        there (Out): How many steps there are before ``free``.
        end, end_steps (In): The place of so many freed steps is free.
        read, step (In): Read a step, counted from the oldest one whose place is taken.
        data (Out): The step, two cycles behind ``read``.
    """

    def __init__(self, *, depth_words: int, step_bytes: int) -> None:
        self._depth_words = depth_words
        self._step_bytes = step_bytes
        steps = 4 * depth_words // step_bytes
        self.index_bits = exact_log2(steps)
        super().__init__(
            {
                "clear": In(1),
                "load": In(1),
                "is_pair": In(1),
                "low": In(32),
                "high": In(32),
                "is_full": Out(1),
                "free": In(1),
                "free_steps": In(OPERAND_BITS),
                "freed": Out(self.index_bits + 1),
                "there": Out(self.index_bits + 1),
                "end": In(1),
                "end_steps": In(self.index_bits + 1),
                "read": In(1),
                "step": In(self.index_bits),
                "data": Out(8 * step_bytes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the memory and its counters."""
        del platform
        m = Module()
        m.submodules.buffer = buffer = StepBuffer(
            depth_words=self._depth_words, step_bytes=self._step_bytes
        )
        words_bits = exact_log2(self._step_bytes // 4)
        there, taken = Signal(range(self._depth_words + 1)), Signal(range(self._depth_words + 1))
        is_odd = Signal()
        fits = Mux(
            self.is_pair,
            (there <= self._depth_words - 2) & ~is_odd,
            there != self._depth_words,
        )
        loaded = Signal(2)
        with m.If(self.load & fits):
            m.d.comb += loaded.eq(Mux(self.is_pair, 2, 1))
        m.d.comb += [
            self.there.eq(there[words_bits:]),
            self.freed.eq(Mux(self.free_steps > self.there, self.there, self.free_steps)),
            self.is_full.eq(taken > self._depth_words - _MARGIN_WORDS),
        ]
        freed_words, ended_words = Signal.like(there), Signal.like(there)
        base = Signal(self.index_bits)
        m.d.comb += [
            freed_words.eq(Mux(self.free, self.freed << words_bits, 0)),
            ended_words.eq(Mux(self.end, self.end_steps << words_bits, 0)),
        ]
        with m.If(self.clear):
            m.d.sync += [there.eq(0), taken.eq(0), is_odd.eq(0), base.eq(0)]
        with m.Else():
            m.d.sync += [
                there.eq(there + loaded - freed_words),
                taken.eq(taken + loaded - ended_words),
                is_odd.eq(is_odd ^ loaded[0]),
                base.eq(base + Mux(self.end, self.end_steps, 0)),
            ]
        m.d.comb += [
            buffer.restart.eq(self.clear),
            buffer.write.eq(loaded != 0),
            buffer.is_pair.eq(self.is_pair),
            buffer.low.eq(self.low),
            buffer.high.eq(self.high),
            buffer.read.eq(self.read),
            buffer.step.eq(base + self.step),
            self.data.eq(buffer.data),
        ]
        return m
