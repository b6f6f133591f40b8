"""A requantisation unit: from a sum, or from two activations, to an int8 output."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.engine.add_tables import ENTRIES
from hw_templates.cfu.engine.memories import RowMemory
from hw_templates.cfu.engine.requantiser import Scaler

ADD_LATENCY = 3
"""From two activations to the sum of what they are scaled to."""
LATENCY = 2 + Scaler.LATENCY + 1
"""From a sum and its constants to the output."""


class RequantisationUnit(wiring.Component):
    """Adds a bias, requantises and clamps: a value every cycle.

    Members:
        copies (In, 1): The copies of what all units read are loaded; high while there is anything
            to compute. Where each unit is told in a cycle of its own, their registers are not
            merged.
        value (In, 32): A sum, or an activation in byte 0 (MAXIMUM), or two in bytes 0 and 1 (ADD).
        bias, multiplier, shift (In): Of the sum; ADD_LATENCY cycles behind ``value`` for ADD.
        is_add, is_maximum, rounds_once, zero_point, least, greatest (In): Of the layer.
        write, activations, scaled (In): What an activation is scaled to in ADD, for the tables of
            both inputs.
        result (Out, int8): LATENCY cycles behind the constants.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "copies": In(1),
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
                "activations": In(2 * 8),
                "scaled": In(2 * 32),
                "result": Out(signed(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the tables and the adder of inputs, the scaler of sums, and the limits."""
        del platform
        m = Module()
        # all of it comes from afar
        value, bias = Signal(signed(32)), Signal(signed(32))
        multipliers = [Signal(31, name=f"multiplier_{stage}") for stage in range(2)]
        shifts = [Signal(5, name=f"shift_{stage}") for stage in range(2)]
        m.d.sync += [
            value.eq(self.value),
            bias.eq(self.bias),
            multipliers[0].eq(self.multiplier),
            shifts[0].eq(self.shift),
        ]
        names = ("is_add", "is_maximum", "rounds_once", "least", "greatest", "zero_point")
        is_add, is_maximum, rounds_once, least, greatest, zero_point = (
            self._copied(m, name) for name in names
        )
        write, activations, scaled = (
            self._copied(m, name) for name in ("write", "activations", "scaled")
        )
        looked_up = []
        for operand in range(2):
            table = RowMemory(rows=ENTRIES, row_bits=32, part_bits=32)
            m.submodules[f"table_{operand}"] = table
            found = Signal(signed(32), name=f"found_{operand}")
            m.d.comb += [
                table.write_row.eq(activations.word_select(operand, 8)),
                table.write_enable.eq(write),
                table.write_data.eq(scaled.word_select(operand, 32)),
                table.read_row.eq(value.word_select(operand, 8)),
            ]
            m.d.sync += found.eq(table.data)
            looked_up.append(found)
        added, total = Signal(signed(32)), Signal(signed(32))
        doubled = value[:8].as_signed() << 1
        chosen = Mux(is_add, added, Mux(is_maximum, doubled, value))
        m.d.sync += [
            added.eq(looked_up[0] + looked_up[1]),
            total.eq(chosen + bias),
            multipliers[1].eq(multipliers[0]),
            shifts[1].eq(shifts[0]),
        ]
        m.submodules.scaler = scaler = Scaler()
        m.d.comb += [
            scaler.value.eq(total),
            scaler.multiplier.eq(multipliers[1]),
            scaler.shift.eq(shifts[1]),
            scaler.rounds_once.eq(rounds_once),
            scaler.offset.eq(zero_point),
        ]
        result = scaler.result
        m.d.sync += self.result.eq(
            Mux(
                result < least,
                least,
                Mux(result > greatest, greatest, result[:8].as_signed()),
            )
        )
        return m

    def _copied(self, m: Module, name: str) -> Signal:
        port = getattr(self, name)
        copy = Signal.like(port, name=f"own_{name}")
        with m.If(self.copies):
            m.d.sync += copy.eq(port)
        return copy
