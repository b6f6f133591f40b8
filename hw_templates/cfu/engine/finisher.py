"""From the finished sums of tiles to int8 outputs."""

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.engine.collector import SUM_BITS
from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.isa import ADD_LEFT_SHIFT, Kind
from hw_templates.cfu.engine.layer import layer_layout
from hw_templates.cfu.engine.requantiser import Scaler

EARLY_CYCLES = 3
"""From the announcement of a tile to its first values."""
_ACTIVATION_BITS = 9
_ADD_LATENCY = 1 + Scaler.NARROW_LATENCY + 1
"""From two activations to the sum of what they are scaled to."""


class Finisher(wiring.Component):
    """Adds biases, requantises and clamps, ``units`` values a cycle.

    Args:
        config: Of the engine.

    Members:
        layer (In): The layer.
        early (In, 1): The values of a tile come in EARLY_CYCLES.
        is_first_tile (In, 1): It is the first one of its pixel; with ``early``.
        values (In): Of ``units`` columns, in ``cols`` / ``units`` cycles.
        channel_row (Out): Row of constants to read.
        biases, multipliers, shifts (In): What is there, one cycle later.
        valid, results (Out): int8 of ``units`` columns.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        units = config.units
        layout = layer_layout(config)
        super().__init__(
            {
                "layer": In(layout),
                "early": In(1),
                "is_first_tile": In(1),
                "values": In(ArrayLayout(signed(SUM_BITS), units)),
                "channel_row": Out(layout["channel_row"].shape),
                "biases": In(ArrayLayout(signed(32), units)),
                "multipliers": In(ArrayLayout(32, units)),
                "shifts": In(ArrayLayout(8, units)),
                "valid": Out(1),
                "results": Out(ArrayLayout(signed(8), units)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the units and what feeds them with constants."""
        del platform
        m = Module()
        layer = self.layer
        is_add = layer.kind == Kind.ADD
        added = [self._added(m, unit) for unit in range(self._config.units)]

        early = Mux(is_add, _delayed(m, self.early, _ADD_LATENCY, "early"), self.early)
        is_valid = self._read_channels(m, early, self.is_first_tile | is_add)
        for unit in range(self._config.units):
            bias, multiplier, shift = Signal(signed(32)), Signal(31), Signal(5)
            later_multiplier, later_shift = Signal(31), Signal(5)
            m.d.sync += [
                bias.eq(self.biases[unit]),
                multiplier.eq(self.multipliers[unit]),
                shift.eq(self.shifts[unit]),
                later_multiplier.eq(multiplier),
                later_shift.eq(shift),
            ]
            value = self.values[unit]
            doubled = (value[:8].as_signed() << 1)[:9].as_signed()
            chosen = Mux(is_add, added[unit], Mux(layer.kind == Kind.MAXIMUM, doubled, value))
            total = Signal(signed(32))
            m.d.sync += total.eq(chosen + bias)
            m.submodules[f"scaler_{unit}"] = scaler = Scaler(value_bits=32)
            m.d.comb += [
                scaler.value.eq(total),
                scaler.multiplier.eq(later_multiplier),
                scaler.shift.eq(later_shift),
                scaler.rounds_once.eq(layer.rounds_once),
                scaler.offset.eq(layer.zero_point),
            ]
            result = scaler.result
            m.d.sync += self.results[unit].eq(
                Mux(
                    result < layer.least,
                    layer.least,
                    Mux(result > layer.greatest, layer.greatest, result[:8].as_signed()),
                )
            )
        m.d.comb += self.valid.eq(_delayed(m, is_valid, 1 + Scaler.LATENCY + 1, "valid"))
        return m

    def _read_channels(self, m: Module, early: Value, is_first_tile: Value) -> Value:
        """Return whether values meet their constants in this cycle."""
        groups = self._config.cols // self._config.units
        is_first = Signal()
        m.d.comb += is_first.eq(is_first_tile)
        moves = early
        if groups > 1:
            left = Signal(range(groups))
            moves = early | (left != 0)
            with m.If(early):
                m.d.sync += left.eq(groups - 1)
            with m.Elif(left != 0):
                m.d.sync += left.eq(left - 1)
        with m.If(early & is_first):
            m.d.sync += self.channel_row.eq(self.layer.channel_row)
        with m.Elif(moves):
            m.d.sync += self.channel_row.eq(self.channel_row + 1)
        return _delayed(m, moves, EARLY_CYCLES, "moves")

    def _added(self, m: Module, unit: int) -> Value:
        """Return the sum of both scaled inputs, ``_ADD_LATENCY`` cycles behind the values."""
        layer, value = self.layer, self.values[unit]
        scaled = []
        for operand in range(2):
            difference = Signal(signed(_ACTIVATION_BITS), name=f"difference_{unit}_{operand}")
            activation = value[8 * operand : 8 * operand + 8].as_signed()
            m.d.sync += difference.eq(activation - layer.zero_points[operand])
            scaler = Scaler(value_bits=_ACTIVATION_BITS, left_shift=ADD_LEFT_SHIFT)
            m.submodules[f"add_scaler_{unit}_{operand}"] = scaler
            m.d.comb += [
                scaler.value.eq(difference),
                scaler.multiplier.eq(layer.multipliers[operand]),
                scaler.shift.eq(layer.shifts[operand]),
                scaler.rounds_once.eq(layer.rounds_once),
            ]
            scaled.append(scaler.result)
        total = Signal(signed(32), name=f"added_{unit}")
        m.d.sync += total.eq(scaled[0] + scaled[1])
        return total


def _delayed(m: Module, signal: Value, cycles: int, name: str) -> Value:
    for cycle in range(cycles):
        later = Signal.like(signal, name=f"{name}_{cycle + 1}")
        m.d.sync += later.eq(signal)
        signal = later
    return signal
