"""From finished accumulators to words of results: what both kinds of CFU have behind products."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.parts.adder import ScaledAdder
from hw_templates.cfu.parts.datapath import CommandPort, Packer, ResultWords
from hw_templates.cfu.parts.requantiser import Requantiser
from hw_templates.cfu.simd.isa import RESULT_WORDS, WINDOW_RESULT_WORDS, BufferOp

_FEW_WORDS = WINDOW_RESULT_WORDS - 12
"""Windows in flight have twelve words of results at most; all fit behind these."""


class OutputStage(wiring.Component):
    """Requantisation, ADD and the queue of results.

    Executes ADD and the options 1, 2 and 3 of CONFIGURE by itself.

    Args:
        port: Where commands come from.
        can_keep_accumulators: Whether option 1 can switch requantisation off.
        has_windows: Whether there is ``start_word``, and ADD can be MAXIMUM, which is not for here.

    Members:
        clear (In, 1): Forget all results.
        start_word (In, 1): Forget the results of a word that is not complete.
        valid (In, 1): ``value`` is a finished accumulator; never while ``adds`` is high.
        value, multiplier, shift, is_last (In): The accumulator, how to scale it, and whether its
            result completes a word.
        read (In, 1): Remove the oldest word.
        head (Out, 32): The oldest word, 0 when there is none.
        has_few (Out, 1): Only with windows: there is a word, and room for all that windows which
            are not finished can bring.
        add_waits (Out, 1): An ADD that is offered must wait for the ADD before it.
        adds (Out, 1): An ADD is being executed: everything else must wait.
        busy (Out, 1): Results are on their way.
    """

    def __init__(
        self, *, port: CommandPort, can_keep_accumulators: bool, has_windows: bool = False
    ) -> None:
        self._port = port
        self._can_keep_accumulators = can_keep_accumulators
        self._has_windows = has_windows
        super().__init__(
            {
                **({"start_word": In(1), "has_few": Out(1)} if has_windows else {}),
                "clear": In(1),
                "valid": In(1),
                "value": In(signed(32)),
                "multiplier": In(31),
                "shift": In(5),
                "is_last": In(1),
                "read": In(1),
                "head": Out(32),
                "add_waits": Out(1),
                "adds": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Connect the parts."""
        del platform
        m = Module()
        port = self._port
        m.submodules.requantiser = requantiser = Requantiser()
        m.submodules.adder = adder = ScaledAdder()
        m.submodules.packer = packer = Packer()
        depth_words = WINDOW_RESULT_WORDS if self._has_windows else RESULT_WORDS
        m.submodules.results = results = ResultWords(depth_words=depth_words)

        configures = port.valid & (port.funct3 == BufferOp.CONFIGURE)
        option = port.funct7[:2]
        zero_point, lowest, highest = (
            Signal(signed(8), name=name) for name in ("zero_point", "lowest", "highest")
        )
        keeps_accumulators = Signal()
        with m.If(configures & (option == 1)):
            m.d.sync += Cat(zero_point, lowest, highest).eq(Cat(port.a[:8], port.b[:16]))
            if self._can_keep_accumulators:
                m.d.sync += keeps_accumulators.eq(port.b[16])
        is_add = port.funct3 == BufferOp.ADD
        clears_word = self.clear
        if self._has_windows:
            is_add = is_add & ~port.funct7[0]
            clears_word = self.clear | self.start_word
            count = Signal.like(results.first)
            m.d.comb += [
                count.eq(results.behind_last - results.first),
                self.has_few.eq((count != 0) & (count <= _FEW_WORDS) & ~keeps_accumulators),
            ]
        m.d.comb += [
            adder.start.eq(port.valid & is_add),
            adder.a.eq(port.a),
            adder.b.eq(port.b),
            adder.set_scale.eq(configures & (option == 2)),
            adder.set_zero_points.eq(configures & (option == 3)),
            adder.scaled.eq(requantiser.scaled),
            self.add_waits.eq(adder.wait),
            self.adds.eq(adder.busy),
            self.busy.eq(adder.busy | requantiser.busy),
        ]
        m.d.comb += [
            requantiser.zero_point.eq(zero_point),
            requantiser.lowest.eq(lowest),
            requantiser.highest.eq(highest),
            requantiser.valid.eq(Mux(adder.busy, adder.valid, self.valid & ~keeps_accumulators)),
            requantiser.value.eq(Mux(adder.busy, adder.value, self.value)),
            requantiser.multiplier.eq(Mux(adder.busy, adder.multiplier, self.multiplier)),
            requantiser.shift.eq(Mux(adder.busy, adder.shift, self.shift)),
            requantiser.is_result.eq(~adder.busy | adder.is_sum),
            requantiser.tag.eq(~adder.busy & self.is_last),
        ]
        m.d.comb += [
            packer.clear.eq(clears_word),
            packer.valid.eq(requantiser.result_valid),
            packer.result.eq(requantiser.result),
            packer.is_last.eq(requantiser.result_tag),
            results.clear.eq(self.clear),
            results.write.eq(Mux(keeps_accumulators, self.valid, packer.word_valid)),
            results.write_data.eq(Mux(keeps_accumulators, self.value, packer.word)),
            results.read.eq(self.read),
            self.head.eq(results.head),
        ]
        return m
