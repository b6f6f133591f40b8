"""Reads rows of ACTIVATIONS for the CPU, word by word ahead of the READs that ask for them."""

from enum import Enum

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw_templates.cfu.crossing import MOST_AHEAD
from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.isa import WORD_BYTES
from hw_templates.cfu.engine.layer import row_bits

_COMPARING_CYCLES = 2
"""From a row's number to whether it is written, in a register."""


class _State(Enum):
    """What is done about the row that has the next word."""

    IDLE = 0  # nobody asks for it
    AIM = 1  # it may not be written yet
    FIND = 2  # it waits for a cycle without a step
    FETCH = 3  # it is on its way
    GIVE = 4  # its words are given


class RowReader(wiring.Component):
    """Fetches a row, gives its words, and goes on with the next one.

    While a run is in progress it reads only what the last descriptor has written, and makes the
    array pause for a cycle where all of them are taken.

    Args:
        config: Of the engine.
        word_bits: Of an address of a word.
        latency: Cycles from ``row`` to ``data``.

    Members:
        begin (In, 1): READ asks for the word at ``word``.
        word (In): Of ACTIVATIONS.
        go_on (In, 1): READ asks for the word behind the last one that was asked for.
        stop (In, 1): There will be no more of them; what was read ahead is not needed.
        running, ends (In, 1): Of ``Control``.
        in_order (In, 1): The layer that runs writes its rows one after the other.
        first_row, written_row (In): Where that layer's outputs begin, and what is written next.
        pause (Out, 1): Take no step.
        is_free (In, 1): ``row`` is what is read in this cycle.
        row (Out): In ACTIVATIONS.
        data (In): The row that was read.
        valid, ready (Out, In): A word is given in a cycle in which both are high, unless stopped.
        answer (Out, 32): It.
        is_ahead (Out, 1): It is not the one that was asked for with ``begin``.
    """

    def __init__(self, config: EngineConfig, *, word_bits: int, latency: int) -> None:
        self._config = config
        self._latency = latency
        row = row_bits(config)
        super().__init__(
            {
                "begin": In(1),
                "word": In(word_bits),
                "go_on": In(1),
                "stop": In(1),
                "running": In(1),
                "ends": In(1),
                "in_order": In(1),
                "first_row": In(row),
                "written_row": In(row),
                "pause": Out(1),
                "is_free": In(1),
                "row": Out(row),
                "data": In(8 * config.rows),
                "valid": Out(1),
                "ready": In(1),
                "answer": Out(32),
                "is_ahead": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the row, the words that may still be given, and the states of a fetch."""
        del platform
        m = Module()
        in_row = exact_log2(self._config.rows // WORD_BYTES)
        held = Signal(8 * self._config.rows)
        lane = Signal(in_row)
        credit = Signal(range(MOST_AHEAD + 1))
        is_given = self.valid & self.ready
        m.d.comb += self.answer.eq(held.word_select(lane, 32) if in_row else held)
        with m.If(self.begin):
            m.d.sync += credit.eq(MOST_AHEAD)
        with m.Else():
            m.d.sync += credit.eq(credit + self.go_on - is_given)

        offset, written = Signal.like(self.row), Signal.like(self.row)
        is_written, ends = Signal(), Signal(_COMPARING_CYCLES)
        m.d.sync += [
            offset.eq(self.row - self.first_row),
            written.eq(self.written_row - self.first_row),
            is_written.eq(offset < written),
            ends.eq(Mux(self.ends, Cat(1, ends), 0)),
        ]
        state = Signal(_State)
        waited = Signal(range(max(_COMPARING_CYCLES, self._latency) + 1))
        m.d.sync += self.pause.eq(0)
        with m.Switch(state):
            with m.Case(_State.IDLE):
                m.d.sync += [waited.eq(0), self.is_ahead.eq(0)]
                with m.If(self.begin):
                    m.d.sync += [
                        state.eq(_State.AIM),
                        lane.eq(self.word),
                        self.row.eq(self.word[in_row:]),
                    ]
            with m.Case(_State.AIM):
                is_compared = waited == _COMPARING_CYCLES
                with m.If(~is_compared):
                    m.d.sync += waited.eq(waited + 1)
                is_there = self.in_order & ends[-1] & is_compared & is_written
                with m.If(~self.running | is_there):
                    m.d.sync += [state.eq(_State.FIND), self.pause.eq(1)]
            with m.Case(_State.FIND):
                m.d.sync += waited.eq(1)
                with m.If(self.is_free):
                    m.d.sync += state.eq(_State.FETCH)
            with m.Case(_State.FETCH):
                m.d.sync += waited.eq(waited + 1)
                with m.If(waited == self._latency):
                    m.d.sync += [state.eq(_State.GIVE), held.eq(self.data)]
            with m.Case(_State.GIVE):
                m.d.comb += self.valid.eq(credit != 0)
                m.d.sync += waited.eq(0)
                with m.If(is_given):
                    m.d.sync += [lane.eq(lane + 1), self.is_ahead.eq(1)]
                    with m.If(lane.all() if in_row else 1):
                        m.d.sync += [state.eq(_State.AIM), self.row.eq(self.row + 1)]
        with m.If(self.stop):
            m.d.sync += state.eq(_State.IDLE)
        return m
