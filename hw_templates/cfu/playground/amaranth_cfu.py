"""What CFUs in Amaranth import as ``amaranth_cfu`` in CFU-Playground, by its interface.

``InstructionBase`` is one instruction, ``Cfu`` eight of them by funct3, ``simple_cfu`` makes one of
a table. The classes for tests are there so that files that define some can be imported.
"""

import unittest
from collections.abc import Mapping
from typing import NoReturn

from amaranth.hdl import Array, Module, ResetSignal, Signal, Value, signed

from contracts.faults import ConfigError
from hw_templates.cfu.component import CfuComponent
from hw_templates.cfu.playground.parts import (
    DualPortMemory,
    SequentialMemoryReader,
    SimpleElaboratable,
    ValueBuffer,
    all_words,
    increment_to_limit,
    is_pysim_run,
    pack128,
    pack_vals,
    tree_sum,
)

__all__ = (
    "Cfu",
    "CfuBase",
    "CfuTestBase",
    "DualPortMemory",
    "InstructionBase",
    "InstructionTestBase",
    "SequentialMemoryReader",
    "SimpleElaboratable",
    "TestBase",
    "ValueBuffer",
    "all_words",
    "increment_to_limit",
    "is_pysim_run",
    "is_sim_run",
    "pack128",
    "pack_vals",
    "simple_cfu",
    "tree_sum",
)
is_sim_run = is_pysim_run
"""Its name in older versions."""


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


class CfuBase(SimpleElaboratable, CfuComponent):
    """The ports of a CFU by CFU-Playground's names; a subclass fills the module in ``elab``."""

    @property
    def cmd_function_id(self) -> Signal:
        """funct7 above funct3."""
        return self.cmd_payload_function_id

    @property
    def cmd_in0(self) -> Signal:
        """The first operand."""
        return self.cmd_payload_inputs_0

    @property
    def cmd_in1(self) -> Signal:
        """The second operand."""
        return self.cmd_payload_inputs_1

    @property
    def rsp_out(self) -> Signal:
        """The answer."""
        return self.rsp_payload_outputs_0

    @property
    def reset(self) -> Value:
        """The reset of the SoC."""
        return ResetSignal("sync")

    @property
    def lram_addr(self) -> NoReturn:
        """Refuse it: see ``lram_data``."""
        self._refuse_large_rams()

    @property
    def lram_data(self) -> NoReturn:
        """Refuse it: the large RAMs of a CrossLink-NX are main memory here."""
        self._refuse_large_rams()

    def _refuse_large_rams(self) -> NoReturn:
        raise ConfigError(
            "it reads main memory through four ports of its own (lram_addr, lram_data), which no"
            " SoC here has",
            fix="copy what it needs into a memory of the CFU by instructions",
        )


class Cfu(CfuBase):
    """A CFU of up to eight instructions.

    A subclass returns them from ``elab_instructions``, or hands them to ``__init__`` as older
    versions of the library want it. One that overrides ``elab`` calls this one first.

    Args:
        instructions: By funct3; they become submodules.
    """

    def __init__(self, instructions: Mapping[int, InstructionBase] | None = None) -> None:
        super().__init__()
        self._instructions = dict(instructions or {})

    def elab_instructions(self, m: Module) -> dict[int, InstructionBase]:
        """Make the instructions, as submodules of ``m``; return them by funct3."""
        for funct3, instruction in self._instructions.items():
            m.submodules[f"fn{funct3}"] = instruction
        return dict(self._instructions)

    def elab(self, m: Module) -> None:
        """Fill the module."""
        own = self.elab_instructions(m)
        if wrong := [funct3 for funct3 in own if funct3 not in range(8)]:
            raise ConfigError(
                f"an instruction has the number {wrong[0]!r}", fix="number them by funct3, 0 to 7"
            )
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


def simple_cfu(instructions: Mapping[int, InstructionBase]) -> Cfu:
    """Return a CFU of instructions that know nothing of each other, by funct3."""
    return Cfu(instructions)


class TestBase(unittest.TestCase):
    """A project's own tests are not run."""


class InstructionTestBase(TestBase):
    """A project's own tests are not run."""


class CfuTestBase(TestBase):
    """A project's own tests are not run."""
