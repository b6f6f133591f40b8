"""The ``simd`` CFU without buffers: operands come from the CPU's registers."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib.memory import Memory
from amaranth.utils import exact_log2

from hw_templates.cfu.component import CfuComponent
from hw_templates.cfu.simd.datapath import CommandPort, DotProduct, Packer, ResultWords
from hw_templates.cfu.simd.isa import ACCUMULATORS, RegisterOp
from hw_templates.cfu.simd.requantiser import Requantiser

_INDEX_BITS = exact_log2(ACCUMULATORS)


class SimdRegisters(CfuComponent):
    """Multiplies ``width`` int8 pairs an instruction into one of 16 accumulators.

    The accumulators lie in one distributed memory: sixteen cost what one and a half would in
    flip-flops. Every instruction is answered in the cycle after it was taken; MULTIPLY, FINISH
    and SET are taken in every cycle.

    Args:
        width: Products an instruction: 1, 2 or 4.
        has_requantiser: Whether there are CONFIGURE, FINISH and READ.
    """

    def __init__(self, *, width: int, has_requantiser: bool) -> None:
        self._width = width
        self._has_requantiser = has_requantiser
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        """Build products, accumulators and, if wanted, requantisation."""
        del platform
        m = Module()
        m.submodules.port = port = CommandPort(cfu=self)
        m.submodules.dot = dot = DotProduct(width=self._width)
        m.submodules.accumulators = accumulators = Memory(
            shape=unsigned(32), depth=ACCUMULATORS, init=[], attrs={"ram_style": "distributed"}
        )
        write_port = accumulators.write_port()
        read_port = accumulators.read_port(domain="comb")

        # A product carries the number of its accumulator; the command itself is stage 0.
        is_product = port.valid & (port.funct3 == RegisterOp.MULTIPLY)
        is_set = port.valid & (port.funct3 == RegisterOp.SET)
        in_flight = Signal(dot.latency)
        indices = [Signal(_INDEX_BITS, name=f"index_{stage}") for stage in range(dot.latency)]
        sum_valid, sum_index = in_flight[-1], indices[-1]
        products_busy = is_product | in_flight.any()
        m.d.comb += [
            dot.a.eq(port.a[: 8 * self._width]),
            dot.b.eq(port.b[: 8 * self._width]),
        ]
        m.d.sync += in_flight.eq(Cat(is_product, in_flight[:-1]))
        m.d.sync += [
            later.eq(earlier)
            for earlier, later in zip(
                [port.funct7[:_INDEX_BITS], *indices[:-1]], indices, strict=True
            )
        ]

        m.d.comb += [
            read_port.addr.eq(Mux(sum_valid, sum_index, self.funct7[:_INDEX_BITS])),
            write_port.en.eq(sum_valid | is_set),
            write_port.addr.eq(Mux(sum_valid, sum_index, port.funct7[:_INDEX_BITS])),
            write_port.data.eq(Mux(sum_valid, read_port.data + dot.sum, port.a)),
        ]

        wants_accumulator = (self.funct3 == RegisterOp.GET) | (self.funct3 == RegisterOp.FINISH)
        accumulators_wait = (wants_accumulator & (products_busy | is_set)) | (
            (self.funct3 == RegisterOp.SET) & products_busy
        )
        is_get = self.funct3 == RegisterOp.GET
        if self._has_requantiser:
            head, results_wait = self._add_requantisation(m, port, read_port.data)
            m.d.comb += [
                port.wait.eq(accumulators_wait | results_wait),
                port.answer.eq(Mux(is_get, read_port.data, head)),
            ]
        else:
            m.d.comb += [
                port.wait.eq(accumulators_wait),
                port.answer.eq(Mux(is_get, read_port.data, 0)),
            ]
        return m

    def _add_requantisation(
        self, m: Module, port: CommandPort, accumulator: Signal
    ) -> tuple[Signal, Signal]:
        """Add the path from FINISH to READ; return the answer and whether to wait."""
        m.submodules.requantiser = requantiser = Requantiser()
        m.submodules.packer = packer = Packer()
        m.submodules.results = results = ResultWords()

        # FINISH's accumulator is read when the command is taken, beside its operands.
        value = Signal(32)
        with m.If(port.taken):
            m.d.sync += value.eq(accumulator)
        m.d.comb += [
            requantiser.valid.eq(port.valid & (port.funct3 == RegisterOp.FINISH)),
            requantiser.value.eq(value),
            requantiser.multiplier.eq(port.a),
            requantiser.shift.eq(port.b),
            packer.valid.eq(requantiser.result_valid),
            packer.result.eq(requantiser.result),
            results.write.eq(packer.word_valid),
            results.write_data.eq(packer.word),
            results.read.eq(port.taken & (self.funct3 == RegisterOp.READ)),
        ]
        is_configure = port.valid & (port.funct3 == RegisterOp.CONFIGURE)
        m.d.comb += [packer.clear.eq(is_configure), results.clear.eq(is_configure)]
        output_stage = Cat(requantiser.zero_point, requantiser.lowest, requantiser.highest)
        stored = Signal.like(output_stage)
        m.d.comb += output_stage.eq(stored)
        with m.If(is_configure):
            m.d.sync += stored.eq(Cat(port.a[:8], port.b[:16]))

        is_read = self.funct3 == RegisterOp.READ
        waits = is_read | (self.funct3 == RegisterOp.CONFIGURE)
        answer = Signal(32)
        m.d.comb += answer.eq(Mux(is_read, results.head, 0))
        return answer, waits & (port.valid | requantiser.busy)
