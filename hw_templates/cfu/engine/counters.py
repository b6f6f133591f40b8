"""Counts through pixels, tiles and windows of a layer, one step of the array in a cycle."""

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout, View
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.layer import layer_layout

STEP = StructLayout(
    {
        "valid": 1,
        "first": 1,  # of its tile
        "last": 1,  # of its tile
        "first_tile": 1,  # of its pixel
        # what has advanced since the step before, one of them; none for the next block
        "is_start": 1,
        "is_tap": 1,
        "is_line": 1,
        "is_tile": 1,
        "is_pixel": 1,
        "is_row": 1,
    }
)
"""What the counters tell the address generator about a step."""


class StepCounter(wiring.Component):
    """Nested counters: row, pixel, tile, row of the window, column of the window, block.

    Tiles end at least ``cols`` / ``units`` cycles after each other, such that the sums of one have
    left the accumulators' shadows when those of the next come.

    Args:
        config: Of the engine.

    Members:
        start (In, 1): Begin with the first step of ``layer``.
        stop (In, 1): No more steps.
        layer (In): The layer.
        step (Out): A step, in registers.
        busy (Out, 1): There are steps to come.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._tile_cycles = config.cols // config.units
        super().__init__(
            {
                "start": In(1),
                "stop": In(1),
                "layer": In(layer_layout(config)),
                "step": Out(STEP),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the counters; each counts down and knows in a register that it is at 0."""
        del platform
        m = Module()
        layer, step = self.layer, self.step
        advances = Signal()
        inner = _Counter("block", layer.last_block)
        tap = _Counter("kernel_x", layer.last_kernel_x)
        line = _Counter("kernel_y", layer.last_kernel_y)
        tile = _Counter("tile", layer.last_tile)
        pixel = _Counter("output_x", layer.last_output_x)
        row = _Counter("output_y", layer.last_output_y)
        ends = _count(m, self.start, advances, (inner, tap, line, tile, pixel, row))
        ends_inner, ends_tap, ends_line, ends_tile, ends_pixel, ends_layer = ends

        is_first, is_first_tile = Signal(), Signal()
        event = Signal(StructLayout(dict.fromkeys(_EVENTS, 1)))
        wait = Signal(range(self._tile_cycles))
        has_room = Signal()
        m.d.comb += advances.eq(self.busy & (has_room | ~ends_line))
        if self._tile_cycles == 1:
            m.d.comb += has_room.eq(1)
        else:
            with m.If(self.start):
                m.d.sync += [wait.eq(0), has_room.eq(1)]
            with m.Elif(advances & ends_line):
                m.d.sync += [wait.eq(self._tile_cycles - 1), has_room.eq(0)]
            with m.Elif(~has_room):
                m.d.sync += [wait.eq(wait - 1), has_room.eq(wait == 1)]

        with m.If(self.start):
            m.d.sync += [self.busy.eq(1), is_first.eq(1), is_first_tile.eq(1)]
            m.d.sync += [event.eq(0), event.is_start.eq(1)]
        with m.Elif(advances):
            m.d.sync += [
                is_first.eq(ends_line),
                event.is_start.eq(0),
                event.is_tap.eq(ends_inner & ~ends_tap),
                event.is_line.eq(ends_tap & ~ends_line),
                event.is_tile.eq(ends_line & ~ends_tile),
                event.is_pixel.eq(ends_tile & ~ends_pixel),
                event.is_row.eq(ends_pixel),
            ]
            with m.If(ends_line):
                m.d.sync += is_first_tile.eq(ends_tile)
            with m.If(ends_layer):
                m.d.sync += self.busy.eq(0)
        with m.If(self.stop):
            m.d.sync += self.busy.eq(0)

        m.d.sync += [
            step.valid.eq(advances),
            step.first.eq(is_first),
            step.last.eq(ends_line),
            step.first_tile.eq(is_first_tile),
        ]
        m.d.sync += [getattr(step, name).eq(getattr(event, name)) for name in _EVENTS]
        return m


_EVENTS = ("is_start", "is_tap", "is_line", "is_tile", "is_pixel", "is_row")


class _Counter:
    def __init__(self, name: str, last: View | Value) -> None:
        self.last = Value.cast(last)
        self.left = Signal(len(self.last), name=f"{name}s_left")
        self.is_last = Signal(name=f"is_last_{name}")


def _count(m: Module, start: Value, advances: Value, counters: Sequence[_Counter]) -> list[Value]:
    """Let counters count, the first one innermost; return which of them end in this step."""
    ends: list[Value] = []
    moves: Value = advances
    before: Value | None = None
    for counter in counters:
        is_zero = counter.last == 0
        with m.If(start | (moves & counter.is_last)):
            m.d.sync += [counter.left.eq(counter.last), counter.is_last.eq(is_zero)]
        with m.Elif(moves):
            m.d.sync += [counter.left.eq(counter.left - 1), counter.is_last.eq(counter.left == 1)]
        end = counter.is_last if before is None else before & counter.is_last
        ends.append(end)
        moves = advances & end
        before = end
    return ends
