"""A requantisation unit: from a sum, or from two activations, to an int8 output."""

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.engine.isa import ADD_LEFT_SHIFT
from hw_templates.cfu.engine.requantiser import Scaler

ACTIVATION_BITS = 9
"""Of an activation less its zero point."""
ADD_LATENCY = 1 + Scaler.NARROW_LATENCY + 1
"""From two activations to the sum of what they are scaled to."""
LATENCY = 1 + Scaler.LATENCY + 1
"""From a sum and its constants to the output."""


class RequantisationUnit(wiring.Component):
    """Adds a bias, requantises and clamps: a value every cycle.

    Members:
        value (In, 32): A sum, or an activation in byte 0 (MAXIMUM), or two in bytes 0 and 1 (ADD).
        bias, multiplier, shift (In): Of the sum; ADD_LATENCY cycles behind ``value`` for ADD.
        is_add, is_maximum, rounds_once, zero_point, least, greatest (In): Of the layer.
        first_zero_point and so on (In): Of both inputs of ADD.
        result (Out, int8): LATENCY cycles behind the constants.
    """

    def __init__(self) -> None:
        operands = {
            f"{operand}_{name}": In(shape)
            for operand in ("first", "second")
            for name, shape in (("zero_point", signed(8)), ("multiplier", 31), ("shift", 5))
        }
        super().__init__(
            {
                "value": In(signed(32)),
                "bias": In(signed(32)),
                "multiplier": In(31),
                "shift": In(5),
                "is_add": In(1),
                "is_maximum": In(1),
                "rounds_once": In(1),
                "zero_point": In(signed(8)),
                "least": In(signed(8)),
                "greatest": In(signed(8)),
                **operands,
                "result": Out(signed(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the adder of scaled inputs, the scaler of sums, and the limits."""
        del platform
        m = Module()
        added = Signal(signed(32))
        m.d.sync += added.eq(self._scaled(m, "first", 0) + self._scaled(m, "second", 1))
        doubled = (self.value[:8].as_signed() << 1)[:ACTIVATION_BITS].as_signed()
        chosen = Mux(self.is_add, added, Mux(self.is_maximum, doubled, self.value))
        total, multiplier, shift = Signal(signed(32)), Signal(31), Signal(5)
        m.d.sync += [
            total.eq(chosen + self.bias),
            multiplier.eq(self.multiplier),
            shift.eq(self.shift),
        ]
        m.submodules.scaler = scaler = Scaler(value_bits=32)
        m.d.comb += [
            scaler.value.eq(total),
            scaler.multiplier.eq(multiplier),
            scaler.shift.eq(shift),
            scaler.rounds_once.eq(self.rounds_once),
            scaler.offset.eq(self.zero_point),
        ]
        result = scaler.result
        m.d.sync += self.result.eq(
            Mux(
                result < self.least,
                self.least,
                Mux(result > self.greatest, self.greatest, result[:8].as_signed()),
            )
        )
        return m

    def _scaled(self, m: Module, operand: str, byte: int) -> Value:
        """Return an input of ADD at the scale of the sum."""
        difference = Signal(signed(ACTIVATION_BITS), name=f"{operand}_difference")
        activation = self.value[8 * byte : 8 * byte + 8].as_signed()
        m.d.sync += difference.eq(activation - getattr(self, f"{operand}_zero_point"))
        scaler = Scaler(value_bits=ACTIVATION_BITS, left_shift=ADD_LEFT_SHIFT)
        m.submodules[f"{operand}_scaler"] = scaler
        m.d.comb += [
            scaler.value.eq(difference),
            scaler.multiplier.eq(getattr(self, f"{operand}_multiplier")),
            scaler.shift.eq(getattr(self, f"{operand}_shift")),
            scaler.rounds_once.eq(self.rounds_once),
        ]
        return scaler.result
