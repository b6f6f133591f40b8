"""A requantisation unit: from a sum, or from two activations, to an int8 output."""

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.engine.add_tables import ENTRIES
from hw_templates.cfu.engine.memories import RowMemory
from hw_templates.cfu.engine.requantiser import Scaler

ADD_LATENCY = 3
"""From two activations to the sum of what they are scaled to."""
LATENCY = 1 + Scaler.LATENCY + 1
"""From a sum and its constants to the output."""

_LIMITS = ("own_least", "own_greatest", "own_zero_point")


class RequantisationUnit(wiring.Component):
    """Adds a bias, requantises and clamps: a value every cycle.

    Members:
        value (In, 32): A sum, or an activation in byte 0 (MAXIMUM), or two in bytes 0 and 1 (ADD).
        bias, multiplier, shift (In): Of the sum; ADD_LATENCY cycles behind ``value`` for ADD.
        is_add, is_maximum, rounds_once, zero_point, least, greatest (In): Of the layer.
        write, activation, first, second (In): What an activation is scaled to in ADD, for the
            tables of both inputs.
        result (Out, int8): LATENCY cycles behind the constants.
    """

    def __init__(self) -> None:
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
                "write": In(1),
                "activation": In(8),
                "first": In(signed(32)),
                "second": In(signed(32)),
                "result": Out(signed(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the tables and the adder of inputs, the scaler of sums, and the limits."""
        del platform
        m = Module()
        first, second = self._looked_up(m, "first", 0), self._looked_up(m, "second", 1)
        added = Signal(signed(32))
        m.d.sync += added.eq(first + second)
        doubled = self.value[:8].as_signed() << 1
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
        ]
        result = scaler.result
        # what belongs to the layer comes from afar
        least, greatest, offset = (Signal(signed(8), name=name) for name in _LIMITS)
        m.d.sync += [
            least.eq(self.least),
            greatest.eq(self.greatest),
            offset.eq(self.zero_point),
        ]
        m.d.comb += scaler.offset.eq(offset)
        m.d.sync += self.result.eq(
            Mux(
                result < least,
                least,
                Mux(result > greatest, greatest, result[:8].as_signed()),
            )
        )
        return m

    def _looked_up(self, m: Module, operand: str, byte: int) -> Value:
        """Return what an input of ADD is scaled to, two cycles behind ``value``."""
        m.submodules[f"{operand}_table"] = table = RowMemory(
            rows=ENTRIES, row_bits=32, part_bits=32
        )
        scaled = Signal(signed(32), name=f"{operand}_scaled")
        m.d.comb += [
            table.write_row.eq(self.activation),
            table.write_enable.eq(self.write),
            table.write_data.eq(getattr(self, operand)),
            table.read_row.eq(self.value[8 * byte : 8 * byte + 8]),
        ]
        m.d.sync += scaled.eq(table.data)
        return scaled
