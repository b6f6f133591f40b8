"""The side of the engine that the CPU sees: executes instructions one after the other."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.component import CfuComponent
from hw_templates.cfu.engine.isa import (
    MAX_DESCRIPTORS,
    WAIT_CYCLES,
    WORD_BYTES,
    Memory,
    Operation,
)
from hw_templates.cfu.engine.loader import ImageLoader
from hw_templates.cfu.engine.reader import RowReader

MEMORY_BITS = 3
COUNT_LATENCY = 3
"""Cycles from the number of a counter to what COUNT answers."""


class HostPort(wiring.Component):
    """Takes commands, answers them, and drives the memories and the control unit.

    No path leads from the CPU to the outputs towards it. READ after READ is answered ahead, see
    ``AnswersAhead``.

    Args:
        cfu: The component whose ports are served.
        reader: Has the words that READ answers.
        rows: Of the engine.
        word_bits: Of an address of a word in the largest memory.

    Members:
        is_ahead (Out, 1): With an answer: it may be ahead of its command.
        write, memory, word, data (Out): A word is written to a memory in this cycle.
        start, first, count (Out): Run ``count`` descriptors from ``first`` on.
        running (In, 1): A run is in progress; high from the cycle behind ``start``.
        counter (Out, 7): Descriptor that COUNT asks for, and which counter (highest bit).
        counter_data (In, 32): What is there, within COUNT_LATENCY cycles.
    """

    def __init__(self, *, cfu: CfuComponent, reader: RowReader, rows: int, word_bits: int) -> None:
        self._cfu = cfu
        self._reader = reader
        self._rows = rows
        descriptor_bits = (MAX_DESCRIPTORS - 1).bit_length()
        super().__init__(
            {
                "is_ahead": Out(1),
                "write": Out(1),
                "memory": Out(MEMORY_BITS),
                "word": Out(word_bits),
                "data": Out(32),
                "start": Out(1),
                "first": Out(descriptor_bits),
                "count": Out(8),
                "running": In(1),
                "counter": Out(descriptor_bits + 1),
                "counter_data": In(32),
            }
        )

    @staticmethod
    def is_quick(funct3: Value) -> Value:
        """Return whether an instruction needs no answer, so that the CPU can go on."""
        return (
            (funct3 == Operation.SET_POINTER)
            | (funct3 == Operation.WRITE)
            | (funct3 == Operation.WRITE_PAIR)
            | (funct3 == Operation.START)
            | (funct3 == Operation.STREAM)
        )

    @staticmethod
    def is_read(function_id: Value) -> Value:
        """Return whether an instruction reads a word, as the next one may."""
        is_of_activations = function_id[3:][:MEMORY_BITS] == Memory.ACTIVATIONS
        return (function_id[:3] == Operation.READ) & is_of_activations

    def elaborate(self, platform: object) -> Module:
        """Build the command's and the answer's registers, and what happens between them."""
        del platform
        m = Module()
        cfu, reader = self._cfu, self._reader
        ready = Signal(init=1)
        reads, goes_on = Signal(), Signal()
        pending, is_answered = Signal(), Signal()
        funct3, memory = Signal(3), Signal(MEMORY_BITS)
        a, b = Signal(32), Signal(32)
        answer, answers = Signal(32), Signal()
        given, gives = Signal(32), Signal()
        is_second = Signal()
        waited = Signal(range(WAIT_CYCLES + 1))
        is_overdue = waited[-1]
        pointer = Signal(len(self.word))

        taken = cfu.cmd_valid & ready
        quick = self.is_quick(cfu.funct3)
        is_read = self.is_read(cfu.cmd_payload_function_id)
        m.d.comb += [
            cfu.cmd_ready.eq(ready),
            self.memory.eq(memory),
            self.data.eq(Mux(is_second, b, a)),
            reader.begin.eq(pending & reads & ~goes_on),
            reader.go_on.eq(pending & reads & goes_on),
            reader.stop.eq(taken & ~is_read),
            reader.word.eq(pointer),
            reader.ready.eq(cfu.rsp_ready & ~gives),
            # there is either an answer or a word: another command than READ stops the reader
            cfu.rsp_valid.eq(gives | reader.valid),
            cfu.rsp_payload_outputs_0.eq(Mux(gives, given, reader.answer)),
            self.is_ahead.eq(reader.is_ahead & ~gives),
            self.first.eq(a),
            self.count.eq(b),
            self.counter.eq(Cat(a[: len(self.first)], memory[0])),
        ]

        m.submodules.loader = loader = ImageLoader(self._rows)
        m.d.comb += [loader.a.eq(a), loader.b.eq(b)]

        free = pending & ~self.running
        settled = Signal(range(COUNT_LATENCY + 1))
        has_counter = settled == COUNT_LATENCY
        with m.If(pending):
            m.d.sync += waited.eq(waited + 1)
        with m.If(free & ~has_counter):
            m.d.sync += settled.eq(settled + 1)
        with m.Switch(funct3):
            with m.Case(Operation.SET_POINTER):
                m.d.comb += answers.eq(pending)
                with m.If(pending):
                    m.d.sync += pointer.eq(a)
            with m.Case(Operation.WRITE):
                m.d.comb += [
                    self.write.eq(free),
                    self.word.eq(pointer),
                    answers.eq(free),
                ]
                with m.If(free):
                    m.d.sync += pointer.eq(pointer + 1)
            with m.Case(Operation.WRITE_PAIR):
                m.d.comb += [
                    self.write.eq(free),
                    self.word.eq(Cat(is_second, pointer[1:])),
                    answers.eq(free & is_second),
                ]
                with m.If(free):
                    m.d.sync += is_second.eq(~is_second)
                with m.If(free & is_second):
                    m.d.sync += pointer.eq(pointer + 2)
            with m.Case(Operation.READ):
                m.d.comb += answers.eq(pending)
                with m.If(pending):
                    m.d.sync += pointer.eq(pointer + 1)
            with m.Case(Operation.START):
                m.d.comb += [self.start.eq(free), answers.eq(free)]
            with m.Case(Operation.WAIT):
                m.d.comb += [
                    answer.eq(self.running),
                    answers.eq(pending & (~self.running | is_overdue)),
                ]
            with m.Case(Operation.COUNT):
                m.d.comb += [answer.eq(self.counter_data), answers.eq(free & has_counter)]
            with m.Case(Operation.STREAM):
                m.d.comb += [
                    self.memory.eq(Memory.ACTIVATIONS),
                    self.write.eq(loader.write),
                    self.word.eq(pointer + loader.word),
                    self.data.eq(loader.data),
                    loader.begin.eq(free & memory[0]),
                    loader.append.eq(free & ~memory[0] & ~is_second),
                    answers.eq(free & (memory[0] | (is_second & ~loader.busy))),
                ]
                with m.If(loader.append):
                    m.d.sync += is_second.eq(1)
                with m.If(answers):
                    m.d.sync += is_second.eq(0)
                with m.If(loader.advance):
                    m.d.sync += pointer.eq(pointer + self._rows // WORD_BYTES)
            with m.Default():
                m.d.comb += answers.eq(free)

        # all others end within the cycle after they were answered
        is_streaming = pending & ~answers & (funct3 == Operation.STREAM)
        with m.If(gives & cfu.rsp_ready):
            m.d.sync += [gives.eq(0), ready.eq(~is_streaming)]
        with m.Elif(answers & is_answered & ~gives):
            m.d.sync += ready.eq(1)
        with m.If(answers):
            m.d.sync += pending.eq(0)
            with m.If(~is_answered):
                m.d.sync += [gives.eq(1), given.eq(answer)]
        with m.If(taken):
            m.d.sync += [
                ready.eq(0),
                pending.eq(1),
                waited.eq(0),
                settled.eq(0),
                is_answered.eq(is_read),  # by the reader
                reads.eq(is_read),
                goes_on.eq(is_read & reads),
                funct3.eq(cfu.funct3),
                memory.eq(cfu.funct7),
                a.eq(cfu.cmd_payload_inputs_0),
                b.eq(cfu.cmd_payload_inputs_1),
            ]
            # what needs no answer is executed while the CPU goes on
            with m.If(quick & ~self.running):
                m.d.sync += [is_answered.eq(1), gives.eq(1), given.eq(0)]
        return m
