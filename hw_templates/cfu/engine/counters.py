"""Counts through pixels, tiles and windows of a layer, one step of the array in a cycle."""

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Signal, Value
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
        "counts": 1,  # its products belong to the sum
        "again": 1,  # weights and constants are those of the tile before
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

    Where windows *slide* the order is another: output column, tile, output row, row of the window,
    column of the window. The first output of a column reads all three rows of its window, each
    further one only those that are new. In the steps of the last of them the array multiplies it
    and the two before, which are still there (see ``Sliding``): so these steps count, all others
    only bring activations and weights. For addresses the next output of a column is the next row of
    a window, and the next column the next pixel.

    Tiles end at least ``cols`` / ``units`` cycles after each other, such that the sums of one have
    left the accumulators' shadows when those of the next come.

    Args:
        config: Of the engine.

    Members:
        start (In, 1): Begin with the first step of ``layer``.
        stop (In, 1): No more steps.
        pause (In, 1): No step in this cycle.
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
                "pause": In(1),
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
        slides = layer.slides
        new_lines, near, middle, far = (
            Signal(max(len(one), len(other)), name=name)
            for name, one, other in (
                ("new_lines", layer.last_kernel_y, layer.stride_y),
                ("near", layer.last_tile, layer.last_output_y),
                ("middle", layer.last_output_x, layer.last_tile),
                ("far", layer.last_output_y, layer.last_output_x),
            )
        )
        # a layer is there for longer than a cycle before it starts
        m.d.sync += [
            new_lines.eq(Mux(slides, layer.stride_y - 1, layer.last_kernel_y)),
            near.eq(Mux(slides, layer.last_output_y, layer.last_tile)),
            middle.eq(Mux(slides, layer.last_tile, layer.last_output_x)),
            far.eq(Mux(slides, layer.last_output_x, layer.last_output_y)),
        ]
        line = _Counter("kernel_y", layer.last_kernel_y, further=new_lines)
        counters = (
            _Counter("block", layer.last_block),
            _Counter("kernel_x", layer.last_kernel_x),
            line,
            _Counter("near", near),
            _Counter("middle", middle),
            _Counter("far", far),
        )
        ends = _count(m, self.start, advances, counters)
        ends_inner, ends_tap, ends_line, ends_near, ends_middle, ends_layer = ends

        is_first, is_first_tile, is_again, begins_line = (
            Signal(name=name) for name in ("is_first", "is_first_tile", "is_again", "begins_line")
        )
        event = Signal(StructLayout(dict.fromkeys(_EVENTS, 1)))
        wait = Signal(range(self._tile_cycles))
        has_room = Signal()
        m.d.comb += advances.eq(self.busy & ~self.pause & (has_room | ~ends_line))
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
            m.d.sync += [is_again.eq(0), begins_line.eq(1)]
            m.d.sync += [event.eq(0), event.is_start.eq(1)]
        with m.Elif(advances):
            m.d.sync += [
                is_first.eq(ends_line),
                begins_line.eq(ends_tap),
                event.is_start.eq(0),
                event.is_tap.eq(ends_inner & ~ends_tap),
            ]
            with m.If(slides):
                m.d.sync += [
                    event.is_line.eq(ends_tap & ~ends_near),
                    event.is_tile.eq(ends_near & ~ends_middle),
                    event.is_pixel.eq(ends_middle),
                    event.is_row.eq(0),
                ]
            with m.Else():
                m.d.sync += [
                    event.is_line.eq(ends_tap & ~ends_line),
                    event.is_tile.eq(ends_line & ~ends_near),
                    event.is_pixel.eq(ends_near & ~ends_middle),
                    event.is_row.eq(ends_middle),
                ]
            with m.If(ends_line):
                m.d.sync += [
                    is_first_tile.eq(Mux(slides, ends_middle, ends_near)),
                    is_again.eq(slides & ~ends_near),
                ]
            with m.If(ends_layer):
                m.d.sync += self.busy.eq(0)
        with m.If(self.stop):
            m.d.sync += self.busy.eq(0)

        m.d.sync += [
            step.valid.eq(advances),
            step.first.eq(Mux(slides, begins_line, is_first)),
            step.last.eq(ends_line),
            step.first_tile.eq(is_first_tile),
            step.counts.eq(~slides | line.is_last),
            step.again.eq(is_again),
        ]
        m.d.sync += [getattr(step, name).eq(getattr(event, name)) for name in _EVENTS]
        return m


_EVENTS = ("is_start", "is_tap", "is_line", "is_tile", "is_pixel", "is_row")


class _Counter:
    """Counts down from ``last``, or from ``further`` where the next counter only moves on."""

    def __init__(self, name: str, last: View | Value, *, further: Value | None = None) -> None:
        self.last = Value.cast(last)
        self.further = further
        self.left = Signal(len(self.last), name=f"{name}s_left")
        self.is_last = Signal(name=f"is_last_{name}")


def _count(m: Module, start: Value, advances: Value, counters: Sequence[_Counter]) -> list[Value]:
    """Let counters count, the first one innermost; return which of them end in this step."""
    ends: list[Value] = []
    moves: Value = advances
    before: Value | None = None
    for counter, outer in zip(counters, (*counters[1:], None), strict=True):
        last = counter.last
        if counter.further is not None and outer is not None:
            last = Mux(start | outer.is_last, last, counter.further)
        with m.If(start | (moves & counter.is_last)):
            m.d.sync += [counter.left.eq(last), counter.is_last.eq(last == 0)]
        with m.Elif(moves):
            m.d.sync += [counter.left.eq(counter.left - 1), counter.is_last.eq(counter.left == 1)]
        end = counter.is_last if before is None else before & counter.is_last
        ends.append(end)
        moves = advances & end
        before = end
    return ends
