"""ADD by tables: what an activation of either input is scaled to, worked out once for a layer."""

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.isa import ADD_LEFT_SHIFT
from hw_templates.cfu.engine.layer import layer_layout
from hw_templates.cfu.engine.requantiser import Rounding

ENTRIES = 256
_PRODUCT_BITS = 40
"""Of a multiplier and the difference of two int8."""
_BELOW = 30 - ADD_LEFT_SHIFT
"""Bits of a product that ``Rounding`` does not want."""
_GREATEST = 127


class AddTables(wiring.Component):
    """Scales all 256 activations of both inputs, one after the other, for the units' tables.

    A table costs a block RAM where a scaler costs multipliers and a shifter, and every unit looks
    two activations up in a cycle. Nothing is multiplied here either: the first activation is the
    zero point, and the product of each one is that of the one before plus the multiplier.

    Args:
        config: Of the engine.

    Members:
        start (In, 1): The layer's registers are complete.
        layer (In): The layer.
        busy (Out, 1): Tables are being filled, from the cycle behind ``start`` on.
        write (Out, 1): An entry of each input's table is written.
        activations (Out): [input] int8.
        scaled (Out): [input] int32, what the activation is scaled to.
    """

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(
            {
                "start": In(1),
                "layer": In(layer_layout(config)),
                "busy": Out(1),
                "write": Out(1),
                "activations": Out(2 * 8),
                "scaled": Out(2 * 32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build a counter of entries, and what adds up and rounds for each input."""
        del platform
        m = Module()
        waits = Signal(range(Rounding.LATENCY + 1))
        left = Signal(range(ENTRIES))
        with m.If(self.start):
            m.d.sync += [self.busy.eq(1), left.eq(ENTRIES - 1), waits.eq(Rounding.LATENCY)]
        with m.Elif(waits != 0):
            m.d.sync += waits.eq(waits - 1)
        with m.Elif(self.busy):
            m.d.sync += [left.eq(left - 1), self.busy.eq(left != 0)]
        m.d.comb += self.write.eq(self.busy & (waits == 0))
        for operand in range(2):
            self._scale(m, operand)
        return m

    def _scale(self, m: Module, operand: int) -> None:
        layer = self.layer
        multiplier: Value = layer.multipliers[operand]
        product, step, wrapping_step = (
            Signal(signed(_PRODUCT_BITS), name=f"{name}_{operand}")
            for name in ("product", "step", "wrapping_step")
        )
        activation, written = (
            Signal(signed(8), name=f"{name}_{operand}") for name in ("next", "written")
        )
        m.d.comb += step.eq(multiplier)
        # from 127 to -128 the difference falls by 255
        m.d.sync += wrapping_step.eq(multiplier - (multiplier << 8))
        with m.If(self.start):
            m.d.sync += [
                product.eq(0),
                activation.eq(layer.zero_points[operand]),
                written.eq(layer.zero_points[operand]),
            ]
        with m.Else():
            m.d.sync += [
                product.eq(product + Mux(activation == _GREATEST, wrapping_step, step)),
                activation.eq(activation + 1),
            ]
            with m.If(self.write):
                m.d.sync += written.eq(written + 1)
        rounding = Rounding(product_bits=_PRODUCT_BITS - _BELOW)
        m.submodules[f"rounding_{operand}"] = rounding
        m.d.comb += [
            rounding.product.eq(product[_BELOW:]),
            rounding.low_is_zero.eq(product[:_BELOW] == 0),
            rounding.shift.eq(layer.shifts[operand]),
            rounding.rounds_once.eq(layer.rounds_once),
            self.activations.word_select(operand, 8).eq(written),
            self.scaled.word_select(operand, 32).eq(rounding.result),
        ]
