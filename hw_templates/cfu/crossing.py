"""A CFU that runs on a clock of its own: what passes between the CPU's clock and that one."""

from collections.abc import Callable

from amaranth.hdl import Cat, DomainRenamer, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.fifo import AsyncFIFO

from hw_templates.cfu.component import CfuComponent

DOMAIN = "cfu"
"""Clock domain of the inside."""
_COMMANDS = 4
"""On their way: the CPU need not wait for the inside to take one before it sends the next."""
_ANSWERS = 2


class ClockCrossing(CfuComponent):
    """A CFU around another one, which domain ``DOMAIN`` clocks instead of ``sync``.

    Commands and answers pass queues whose counters cross as Gray codes, so the two clocks may have
    any frequencies and phases; routers do not check such paths. The inside executes one command at
    a time. While the outside is in reset, so is the inside.

    Args:
        inside: The CFU, in domain ``sync``.
        needs_no_answer: Returns from funct3 whether the CPU goes on with the answer 0 as soon as
            the command is on its way; what the inside answers to it is dropped.
    """

    def __init__(self, inside: CfuComponent, *, needs_no_answer: Callable[[Value], Value]) -> None:
        self._inside = inside
        self._needs_no_answer = needs_no_answer
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        """Build both queues and what is at their ends."""
        del platform
        m = Module()
        m.submodules.reset = FFSynchronizer(
            ResetSignal("sync"), ResetSignal(DOMAIN), o_domain=DOMAIN, reset_less=True
        )
        inside = self._inside
        m.submodules.inside = DomainRenamer(DOMAIN)(inside)
        width = sum(map(len, _command(inside)))
        m.submodules.commands = commands = AsyncFIFO(
            width=width, depth=_COMMANDS, w_domain="sync", r_domain=DOMAIN
        )
        m.submodules.answers = answers = AsyncFIFO(
            width=len(inside.rsp_payload_outputs_0),
            depth=_ANSWERS,
            w_domain=DOMAIN,
            r_domain="sync",
        )
        self._send(m, commands, answers)
        self._execute(m, commands, answers)
        return m

    def _send(self, m: Module, commands: AsyncFIFO, answers: AsyncFIFO) -> None:
        """Build the CPU's side; all that it sees are registers."""
        ready, leaves, waits = Signal(init=1), Signal(), Signal()
        command = Signal(commands.width)
        taken = self.cmd_valid & ready
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
        with m.If(waits & ~self.rsp_valid & answers.r_rdy):
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
            m.d.sync += [
                command.eq(Cat(_command(self))),
                leaves.eq(1),
                waits.eq(~at_once),
                self.rsp_valid.eq(at_once),
                self.rsp_payload_outputs_0.eq(0),
            ]

    def _execute(self, m: Module, commands: AsyncFIFO, answers: AsyncFIFO) -> None:
        """Build the inside's side."""
        inside = self._inside
        is_busy, is_dropped = Signal(), Signal()
        m.d.comb += [
            Cat(_command(inside)).eq(commands.r_data),
            inside.cmd_valid.eq(commands.r_rdy & ~is_busy),
            commands.r_en.eq(inside.cmd_ready & ~is_busy),
            answers.w_data.eq(inside.rsp_payload_outputs_0),
        ]
        is_dropping = Signal()
        # a CFU may answer in the cycle of its command
        m.d.comb += [
            is_dropping.eq(Mux(is_busy, is_dropped, self._needs_no_answer(inside.funct3))),
            inside.rsp_ready.eq(is_dropping | answers.w_rdy),
            answers.w_en.eq(inside.rsp_valid & ~is_dropping),
        ]
        with m.If(inside.cmd_valid & inside.cmd_ready):
            m.d[DOMAIN] += [is_busy.eq(1), is_dropped.eq(is_dropping)]
        with m.If(inside.rsp_valid & inside.rsp_ready):
            m.d[DOMAIN] += is_busy.eq(0)


def _command(cfu: CfuComponent) -> tuple[Signal, ...]:
    return cfu.cmd_payload_function_id, cfu.cmd_payload_inputs_0, cfu.cmd_payload_inputs_1
