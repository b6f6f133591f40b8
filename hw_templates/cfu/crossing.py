"""What passes between the CPU and a CFU with a clock of its own, or one that answers ahead."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from amaranth.hdl import Cat, DomainRenamer, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.fifo import AsyncFIFO, SyncFIFO

from hw_templates.cfu.component import CfuComponent

DOMAIN = "cfu"
"""Clock domain of the inside."""
_COMMANDS = 4
"""On their way: the CPU need not wait for the inside to take one before it sends the next."""
_ANSWERS = 2
MOST_AHEAD = 8
"""Answers on their way of an inside that answers ahead."""


class _Queue(Protocol):
    """What both of Amaranth's queues have."""

    width: int
    w_data: Signal
    w_rdy: Signal
    w_en: Signal
    r_data: Signal
    r_rdy: Signal
    r_en: Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersAhead:
    """What tells the answers that an inside gives before it is asked.

    To the first of several commands in a row that ``goes_on`` names, the inside gives one answer as
    to any other, then those to the next ones until another command comes; it takes these next ones
    without a further answer. At most ``MOST_AHEAD`` answers are ahead of their commands.

    Attributes:
        goes_on: Returns from a function id whether the command is one of them.
        is_ahead: Is high with such an answer, save that to the first command; of the inside.
    """

    goes_on: Callable[[Value], Value]
    is_ahead: Signal


class ClockCrossing(CfuComponent):
    """A CFU around another one, which may have another clock than the CPU's.

    Commands and answers pass queues. Between two clocks their counters cross as Gray codes, so the
    clocks may have any frequencies and phases; routers do not check such paths. The inside executes
    one command at a time. While the outside is in reset, so is the inside.

    Args:
        inside: The CFU, in domain ``sync``.
        needs_no_answer: Returns from funct3 whether the CPU goes on with the answer 0 as soon as
            the command is on its way; what the inside answers to it is dropped.
        ahead: Of an inside that answers ahead. What came ahead of a command that never follows is
            dropped.
        domain: What clocks the inside instead of ``sync``; this may be ``sync`` as well.
    """

    def __init__(
        self,
        inside: CfuComponent,
        *,
        needs_no_answer: Callable[[Value], Value],
        ahead: AnswersAhead | None = None,
        domain: str = DOMAIN,
    ) -> None:
        self._inside = inside
        self._needs_no_answer = needs_no_answer
        self._ahead = ahead
        self._domain = domain
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        """Build both queues and what is at their ends."""
        del platform
        m = Module()
        inside = self._inside
        m.submodules.inside = DomainRenamer(self._domain)(inside)
        command_bits = sum(map(len, _command(inside)))
        answer_bits = len(inside.rsp_payload_outputs_0) + 1
        most_answers = _ANSWERS if self._ahead is None else MOST_AHEAD
        commands: _Queue
        answers: _Queue
        if self._domain == "sync":
            commands = SyncFIFO(width=command_bits, depth=1)
            answers = SyncFIFO(width=answer_bits, depth=most_answers)
        else:
            m.submodules.reset = FFSynchronizer(
                ResetSignal("sync"), ResetSignal(DOMAIN), o_domain=DOMAIN, reset_less=True
            )
            commands = AsyncFIFO(
                width=command_bits, depth=_COMMANDS, w_domain="sync", r_domain=DOMAIN
            )
            answers = AsyncFIFO(
                width=answer_bits, depth=most_answers, w_domain=DOMAIN, r_domain="sync"
            )
        m.submodules.commands = commands
        m.submodules.answers = answers
        self._send(m, commands, answers)
        self._execute(m, commands, answers)
        return m

    def _goes_on(self, function_id: Value) -> Value | int:
        return 0 if self._ahead is None else self._ahead.goes_on(function_id)

    def _send(self, m: Module, commands: _Queue, answers: _Queue) -> None:
        """Build the CPU's side; all that it sees are registers."""
        ready, leaves, waits = Signal(init=1), Signal(), Signal()
        command = Signal(commands.width)
        goes_on, is_next = Signal(), Signal()
        taken = self.cmd_valid & ready
        # ahead of a command that never came, or an answer to this one
        is_own = answers.r_data[-1] == is_next
        m.d.comb += [
            self.cmd_ready.eq(ready),
            commands.w_data.eq(command),
            commands.w_en.eq(leaves),
            answers.r_en.eq(waits & ~self.rsp_valid),
        ]
        has_left = leaves & commands.w_rdy
        with m.If(has_left):
            m.d.sync += leaves.eq(0)
        is_given = self.rsp_valid & self.rsp_ready
        with m.If(is_given):
            m.d.sync += self.rsp_valid.eq(0)
        with m.If(waits & ~self.rsp_valid & answers.r_rdy & is_own):
            m.d.sync += [
                waits.eq(0),
                self.rsp_valid.eq(1),
                self.rsp_payload_outputs_0.eq(answers.r_data),
            ]
        # the next one once this one has left and was answered
        is_free = (has_left | ~leaves) & ~waits & (is_given | ~self.rsp_valid)
        m.d.sync += ready.eq(is_free & ~taken)
        with m.If(taken):
            at_once = self._needs_no_answer(self.funct3)
            goes_on_now = self._goes_on(self.cmd_payload_function_id)
            m.d.sync += [
                goes_on.eq(goes_on_now),
                is_next.eq(goes_on_now & goes_on),
                command.eq(Cat(_command(self))),
                leaves.eq(1),
                waits.eq(~at_once),
                self.rsp_valid.eq(at_once),
                self.rsp_payload_outputs_0.eq(0),
            ]

    def _execute(self, m: Module, commands: _Queue, answers: _Queue) -> None:
        """Build the inside's side."""
        inside = self._inside
        is_busy, is_dropped, goes_on = Signal(), Signal(), Signal()
        is_ahead = Signal()
        if self._ahead is not None:
            m.d.comb += is_ahead.eq(self._ahead.is_ahead)
        m.d.comb += [
            Cat(_command(inside)).eq(commands.r_data),
            inside.cmd_valid.eq(commands.r_rdy & ~is_busy),
            commands.r_en.eq(inside.cmd_ready & ~is_busy),
            answers.w_data.eq(Cat(inside.rsp_payload_outputs_0, is_ahead)),
        ]
        drops, is_dropping = Signal(), Signal()
        # a CFU may answer in the cycle of its command
        m.d.comb += [
            drops.eq(Mux(is_busy, is_dropped, self._needs_no_answer(inside.funct3))),
            is_dropping.eq(drops & ~is_ahead),
            inside.rsp_ready.eq(is_dropping | answers.w_rdy),
            answers.w_en.eq(inside.rsp_valid & ~is_dropping),
        ]
        with m.If(inside.cmd_valid & inside.cmd_ready):
            goes_on_now = self._goes_on(inside.cmd_payload_function_id)
            m.d[self._domain] += [
                is_busy.eq(~(goes_on_now & goes_on)),
                is_dropped.eq(drops),
                goes_on.eq(goes_on_now),
            ]
        with m.If(inside.rsp_valid & inside.rsp_ready & ~is_ahead):
            m.d[self._domain] += is_busy.eq(0)


def _command(cfu: CfuComponent) -> tuple[Signal, ...]:
    return cfu.cmd_payload_function_id, cfu.cmd_payload_inputs_0, cfu.cmd_payload_inputs_1
