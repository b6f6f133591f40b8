"""What CFUs in Amaranth import as ``amaranth_cfu`` in CFU-Playground, by its interface.

``InstructionBase`` is one instruction, ``Cfu`` eight of them by funct3, ``simple_cfu`` makes one of
a table. The classes for tests are there so that files that define some can be imported.
"""

import unittest
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from amaranth.hdl import Array, Elaboratable, Module, Mux, Signal, Value, signed

from hw_templates.cfu.component import CfuComponent


class SimpleElaboratable(Elaboratable):
    """A component whose ``elab`` is handed the module to fill."""

    def elab(self, m: Module) -> None:
        """Fill the module; a subclass defines it."""
        raise NotImplementedError

    def elaborate(self, platform: object) -> Module:
        """Return the module."""
        self.platform = platform
        self.m = Module()
        self.elab(self.m)
        return self.m


class InstructionBase(SimpleElaboratable):
    """One instruction: it starts in the cycle of ``start``, and ends in that of ``done``.

    Attributes:
        in0, in1: Operands, there with ``start``.
        in0s, in1s: The same as signed numbers.
        funct7: Of the instruction, there with ``start``.
        start: High for one cycle.
        output: The answer, there with ``done``.
        done: High for one cycle, that of ``start`` or a later one.
    """

    def __init__(self) -> None:
        self.in0 = Signal(32)
        self.in1 = Signal(32)
        self.in0s = Signal(signed(32))
        self.in1s = Signal(signed(32))
        self.funct7 = Signal(7)
        self.start = Signal()
        self.output = Signal(32)
        self.done = Signal()

    def signal_done(self, m: Module) -> None:
        """Say in ``m`` that it is done."""
        m.d.comb += self.done.eq(1)

    def elaborate(self, platform: object) -> Module:
        """Return the module."""
        m = super().elaborate(platform)
        m.d.comb += [self.in0s.eq(self.in0), self.in1s.eq(self.in1)]
        return m


class _Fallback(InstructionBase):
    """Answers its first operand at once: what nobody defined must not hang."""

    def elab(self, m: Module) -> None:
        m.d.comb += [self.output.eq(self.in0), self.done.eq(1)]


class Cfu(CfuComponent):
    """A CFU of up to eight instructions; a subclass returns them from ``elab_instructions``."""

    def elab_instructions(self, m: Module) -> dict[int, InstructionBase]:
        """Make the instructions, as submodules of ``m``; return them by funct3."""
        del m
        return {}

    def elaborate(self, platform: object) -> Module:
        """Return the module."""
        del platform
        m = Module()
        own = self.elab_instructions(m)
        instructions = []
        for funct3 in range(8):
            if funct3 not in own:
                own[funct3] = m.submodules[f"fallback{funct3}"] = _Fallback()
            instructions.append(own[funct3])
        outputs = Array(each.output for each in instructions)
        dones = Array(each.done for each in instructions)
        kept_funct3, kept_output = Signal(3), Signal(32)
        funct3, start = Signal(3), Signal()
        for number, each in enumerate(instructions):
            m.d.comb += [
                each.in0.eq(self.cmd_payload_inputs_0),
                each.in1.eq(self.cmd_payload_inputs_1),
                each.funct7.eq(self.funct7),
                each.start.eq(start & (funct3 == number)),
            ]

        def answer() -> None:
            with m.If(dones[funct3]):
                m.d.comb += [self.rsp_valid.eq(1), self.rsp_payload_outputs_0.eq(outputs[funct3])]
                m.d.sync += kept_output.eq(outputs[funct3])
                with m.If(self.rsp_ready):
                    m.next = "COMMAND"
                with m.Else():
                    m.next = "KEPT"
            with m.Else():
                m.next = "RUNNING"

        with m.FSM():
            with m.State("COMMAND"):
                m.d.comb += [self.cmd_ready.eq(1), funct3.eq(self.funct3)]
                with m.If(self.cmd_valid):
                    m.d.comb += start.eq(1)
                    m.d.sync += kept_funct3.eq(self.funct3)
                    answer()
            with m.State("RUNNING"):
                m.d.comb += funct3.eq(kept_funct3)
                answer()
            with m.State("KEPT"):
                m.d.comb += [self.rsp_valid.eq(1), self.rsp_payload_outputs_0.eq(kept_output)]
                with m.If(self.rsp_ready):
                    m.next = "COMMAND"
        return m


class _TableCfu(Cfu):
    def __init__(self, instructions: Mapping[int, InstructionBase]) -> None:
        super().__init__()
        self._instructions = instructions

    def elab_instructions(self, m: Module) -> dict[int, InstructionBase]:
        for funct3, instruction in self._instructions.items():
            m.submodules[f"fn{funct3}"] = instruction
        return dict(self._instructions)


def simple_cfu(instructions: Mapping[int, InstructionBase]) -> Cfu:
    """Return a CFU of instructions that know nothing of each other, by funct3."""
    return _TableCfu(instructions)


class ValueBuffer(SimpleElaboratable):
    """Lets a value through while ``capture`` is high, and then keeps it.

    Attributes:
        output: The value, or the one that was kept.
    """

    def __init__(self, inp: Value, capture: Signal) -> None:
        self.input = inp
        self.capture = capture
        self.output = Signal.like(inp)

    def elab(self, m: Module) -> None:
        """Fill the module."""
        kept = Signal.like(self.input)
        with m.If(self.capture):
            m.d.sync += kept.eq(self.input)
        m.d.comb += self.output.eq(Mux(self.capture, self.input, kept))


def all_words(signal: Value, word_length: int) -> Iterator[Value]:
    """Yield the words of a longer value, the lowest first."""
    return (signal[at : at + word_length] for at in range(0, len(signal), word_length))


def tree_sum(values: Sequence[Any]) -> Any:
    """Return the sum of values, added up as a tree."""
    values = list(values)
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return tree_sum(values[:half]) + tree_sum(values[half:])


def pack_vals(*values: int, offset: int = 0, bits: int = 8) -> int:
    """Return values side by side in one number, the first in the low bits."""
    mask = (1 << bits) - 1
    return sum(((value + offset) & mask) << at * bits for at, value in enumerate(values))


def pack128(*words: int) -> int:
    """Return four words of 32 bits side by side in one number."""
    return pack_vals(*words, bits=32)


def is_pysim_run() -> bool:
    """Return whether Amaranth's simulator runs it: never here."""
    return False


class TestBase(unittest.TestCase):
    """A project's own tests are not run."""


class InstructionTestBase(TestBase):
    """A project's own tests are not run."""


class CfuTestBase(TestBase):
    """A project's own tests are not run."""
