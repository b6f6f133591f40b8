"""From the finished sums of tiles to int8 outputs."""

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.engine import unit
from hw_templates.cfu.engine.add_tables import AddTables
from hw_templates.cfu.engine.array import SUM_BITS
from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.isa import Kind
from hw_templates.cfu.engine.layer import layer_layout
from hw_templates.cfu.engine.shared import SharedModule

COPIES = 8
"""Registers of what all columns or all units read, which lie all over the chip."""
EARLY_CYCLES = 3
"""From the announcement of a tile to its first values: constants are on their way meanwhile."""


class Finisher(wiring.Component):
    """Feeds the requantisation units with values and constants, ``units`` a cycle.

    Args:
        config: Of the engine.
        module: A requantisation unit.

    Members:
        layer (In): The layer.
        prepare (In, 1): ``layer`` is complete, and its steps begin as soon as ``prepares`` is low.
        prepares (Out, 1): From the cycle behind ``prepare`` on.
        copies (In): Each in a cycle of its own: the registers that copy are loaded.
        early (In, 1): The values of a tile come in EARLY_CYCLES.
        is_first_tile (In, 1): It is the first one of its pixel; with ``early``.
        is_again (In, 1): Its constants are those of the tile before; with ``early``.
        values (In): Of ``units`` columns, in ``cols`` / ``units`` cycles.
        channel_row (Out): Row of constants to read.
        biases, multipliers, shifts (In): What is there, one cycle later.
        valid, results (Out): int8 of ``units`` columns.
    """

    def __init__(self, config: EngineConfig, module: SharedModule) -> None:
        self._config = config
        self._module = module
        units = config.units
        layout = layer_layout(config)
        super().__init__(
            {
                "layer": In(layout),
                "prepare": In(1),
                "prepares": Out(1),
                "copies": In(COPIES),
                "early": In(1),
                "is_first_tile": In(1),
                "is_again": In(1),
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
        """Build the units, their tables and the address of their constants."""
        del platform
        m = Module()
        layer = self.layer
        is_add, is_maximum = Signal(), Signal()
        m.d.sync += [
            is_add.eq(layer.kind == Kind.ADD),
            is_maximum.eq(layer.kind == Kind.MAXIMUM),
        ]
        m.submodules.tables = tables = AddTables(self._config)
        m.d.comb += [
            tables.start.eq(self.prepare & (layer.kind == Kind.ADD)),
            tables.layer.eq(layer),
            self.prepares.eq(tables.busy),
        ]
        for number in range(self._config.units):
            ports = self._module.instance(m, f"unit_{number}")
            m.d.sync += [
                ports.bias.eq(self.biases[number]),
                ports.multiplier.eq(self.multipliers[number]),
                ports.shift.eq(self.shifts[number]),
            ]
            m.d.comb += [
                ports.copies.eq(self.copies[number * COPIES // self._config.units]),
                ports.value.eq(self.values[number]),
                ports.is_add.eq(is_add),
                ports.is_maximum.eq(is_maximum),
                ports.rounds_once.eq(layer.rounds_once),
                ports.zero_point.eq(layer.zero_point),
                ports.least.eq(layer.least),
                ports.greatest.eq(layer.greatest),
                ports.write.eq(tables.write),
                ports.activations.eq(tables.activations),
                ports.scaled.eq(tables.scaled),
                self.results[number].eq(ports.result),
            ]
        later = _delayed(m, self.early, unit.ADD_LATENCY, "early")
        starts = self._read_channels(m, Mux(is_add, later, self.early), self.is_first_tile | is_add)
        m.d.comb += self.valid.eq(_delayed(m, starts, EARLY_CYCLES + unit.LATENCY, "starts"))
        return m

    def _read_channels(self, m: Module, early: Value, is_first_tile: Value) -> Value:
        """Return whether the constants' row moves, EARLY_CYCLES before they meet their values."""
        groups = self._config.cols // self._config.units
        moves = early
        if groups > 1:
            left = Signal(range(groups))
            moves = early | (left != 0)
            with m.If(early):
                m.d.sync += left.eq(groups - 1)
            with m.Elif(left != 0):
                m.d.sync += left.eq(left - 1)
        tile_row = Signal.like(self.channel_row)
        row = Signal.like(self.channel_row)
        m.d.comb += row.eq(Mux(is_first_tile, self.layer.channel_row, self.channel_row + 1))
        with m.If(early & self.is_again):
            m.d.sync += self.channel_row.eq(tile_row)
        with m.Elif(early):
            m.d.sync += [self.channel_row.eq(row), tile_row.eq(row)]
        with m.Elif(moves):
            m.d.sync += self.channel_row.eq(self.channel_row + 1)
        return moves


def _delayed(m: Module, signal: Value, cycles: int, name: str) -> Value:
    for cycle in range(cycles):
        later = Signal.like(signal, name=f"{name}_{cycle + 1}")
        m.d.sync += later.eq(signal)
        signal = later
    return signal
