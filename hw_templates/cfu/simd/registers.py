"""The ``simd`` CFU without buffers: operands come from the CPU's registers."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib.memory import Memory
from amaranth.utils import exact_log2

from hw_templates.cfu.component import CfuComponent
from hw_templates.cfu.parts.datapath import CommandPort, DotProduct
from hw_templates.cfu.simd.isa import ACCUMULATORS, REGISTER_BYTES, WIDTHS, RegisterOp
from hw_templates.cfu.simd.output import OutputStage
from hw_templates.checks import require_choice

_INDEX_BITS = exact_log2(ACCUMULATORS)


class SimdRegisters(CfuComponent):
    """Multiplies ``width`` int8 pairs an instruction into one of 16 accumulators.

    The accumulators lie in one distributed memory: sixteen cost what one and a half would in
    flip-flops. Every instruction is answered in the cycle after it was taken; MULTIPLY, FINISH
    and SET are taken in every cycle.

    Args:
        width: Products an instruction: 1, 2 or 4.
        has_requantiser: Whether there are CONFIGURE, FINISH and READ.

    Raises:
        ConfigError: An argument is not one of these.
    """

    def __init__(self, *, width: int, has_requantiser: bool) -> None:
        require_choice("SimdRegisters width", width, [w for w in WIDTHS if w <= REGISTER_BYTES])
        require_choice("SimdRegisters has_requantiser", has_requantiser, (False, True))
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

        is_get = self.funct3 == RegisterOp.GET
        wants_accumulator = is_get | (self.funct3 == RegisterOp.FINISH)
        waits = (wants_accumulator & (products_busy | is_set)) | (
            (self.funct3 == RegisterOp.SET) & products_busy
        )
        if self._has_requantiser:
            head, output_waits = self._add_output(m, port, read_port.data)
            m.d.comb += [
                port.wait.eq(waits | output_waits),
                port.answer.eq(Mux(is_get, read_port.data, head)),
            ]
        else:
            m.d.comb += [port.wait.eq(waits), port.answer.eq(Mux(is_get, read_port.data, 0))]
        return m

    def _add_output(
        self, m: Module, port: CommandPort, accumulator: Signal
    ) -> tuple[Signal, Signal]:
        """Add the path from FINISH to READ; return READ's answer and whether to wait."""
        m.submodules.output = output = OutputStage(port=port, can_keep_accumulators=False)

        # FINISH's accumulator is read when the command is taken, beside its operands.
        value = Signal(32)
        with m.If(port.taken):
            m.d.sync += value.eq(accumulator)
        is_read = self.funct3 == RegisterOp.READ
        is_add = self.funct3 == RegisterOp.ADD
        changes = port.valid & (port.funct3 != RegisterOp.READ)
        m.d.comb += [
            output.valid.eq(port.valid & (port.funct3 == RegisterOp.FINISH)),
            output.value.eq(value),
            output.multiplier.eq(port.a),
            output.shift.eq(port.b),
            output.clear.eq(
                port.valid & (port.funct3 == RegisterOp.CONFIGURE) & (port.funct7[:2] == 0)
            ),
            output.read.eq(port.taken & is_read),
        ]
        for_all = is_read | (self.funct3 == RegisterOp.CONFIGURE)
        waits = Mux(is_add, output.add_waits | changes, output.adds) | (
            for_all & (changes | output.busy)
        )
        return Mux(is_read, output.head, 0), waits
