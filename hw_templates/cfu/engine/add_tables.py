"""ADD by tables: what an activation of either input is scaled to, worked out once for a layer."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.isa import ADD_LEFT_SHIFT
from hw_templates.cfu.engine.layer import layer_layout
from hw_templates.cfu.engine.requantiser import Scaler

ENTRIES = 256
_DIFFERENCE_BITS = 9
_LATENCY = 1 + Scaler.NARROW_LATENCY
"""From an activation to what it is scaled to."""


class AddTables(wiring.Component):
    """Scales all 256 activations of both inputs, one after the other, for the units' tables.

    A table costs a block RAM where a scaler costs multipliers and a shifter, and every unit looks
    two activations up in a cycle.

    Args:
        config: Of the engine.

    Members:
        start (In, 1): The layer's registers are complete.
        layer (In): The layer.
        busy (Out, 1): Tables are being filled, from the cycle behind ``start`` on.
        write, activation (Out): An entry is written.
        first, second (Out, int32): What the activation is scaled to.
    """

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(
            {
                "start": In(1),
                "layer": In(layer_layout(config)),
                "busy": Out(1),
                "write": Out(1),
                "activation": Out(8),
                "first": Out(signed(32)),
                "second": Out(signed(32)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build two scalers, and counters before and behind them."""
        del platform
        m = Module()
        layer = self.layer
        activation = Signal(8)
        waits = Signal(range(_LATENCY + 1))
        with m.If(self.start):
            m.d.sync += [
                self.busy.eq(1),
                activation.eq(0),
                self.activation.eq(0),
                waits.eq(_LATENCY),
            ]
        with m.Elif(self.busy):
            m.d.sync += [activation.eq(activation + 1), waits.eq(Mux(waits == 0, 0, waits - 1))]
            with m.If(waits == 0):
                m.d.sync += self.activation.eq(self.activation + 1)
                with m.If(self.activation == ENTRIES - 1):
                    m.d.sync += self.busy.eq(0)
        m.d.comb += self.write.eq(self.busy & (waits == 0))

        for operand, result in enumerate((self.first, self.second)):
            difference = Signal(signed(_DIFFERENCE_BITS), name=f"difference_{operand}")
            scaler = Scaler(value_bits=_DIFFERENCE_BITS, left_shift=ADD_LEFT_SHIFT)
            m.submodules[f"scaler_{operand}"] = scaler
            m.d.sync += difference.eq(activation.as_signed() - layer.zero_points[operand])
            m.d.comb += [
                scaler.value.eq(difference),
                scaler.multiplier.eq(layer.multipliers[operand]),
                scaler.shift.eq(layer.shifts[operand]),
                scaler.rounds_once.eq(layer.rounds_once),
                result.eq(scaler.result),
            ]
        return m
