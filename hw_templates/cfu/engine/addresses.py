"""From steps to addresses: where activations and weights are, and whether it is padding."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.counters import STEP
from hw_templates.cfu.engine.isa import Kind
from hw_templates.cfu.engine.layer import WEIGHT_ROW_BITS, layer_layout, row_bits

_COORDINATE_BITS = 12
"""With a sign: windows reach from -255 to 1023 + 255, and rest between."""


class AddressGenerator(wiring.Component):
    """Adds up addresses and coordinates; nothing is multiplied.

    Args:
        config: Of the engine.

    Members:
        layer (In): The layer.
        step (In): From the counters.
        valid, first, last, first_tile, counts, again (Out): Of the step whose addresses these are,
            one cycle behind ``step``.
        row (Out): In ACTIVATIONS.
        weight_row (Out): In WEIGHTS or CHANNEL_WEIGHTS.
        part (Out): Which ``cols`` lanes of the row are the tile's channels.
        is_inside (Out, 1): The activations are not padding; one cycle behind the addresses.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._parts = config.rows // config.cols
        super().__init__(
            {
                "layer": In(layer_layout(config)),
                "step": In(STEP),
                "valid": Out(1),
                "first": Out(1),
                "last": Out(1),
                "first_tile": Out(1),
                "counts": Out(1),
                "again": Out(1),
                "row": Out(row_bits(config)),
                "weight_row": Out(WEIGHT_ROW_BITS),
                "part": Out(exact_log2(self._parts)),
                "is_inside": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the registers of each level, and one adder for all of them."""
        del platform
        m = Module()
        layer, step = self.layer, self.step
        m.d.sync += [
            self.valid.eq(step.valid),
            self.first.eq(step.first),
            self.last.eq(step.last),
            self.first_tile.eq(step.first_tile),
            self.counts.eq(step.valid & step.counts),
            self.again.eq(step.again),
        ]
        starts_pixel = step.is_start | step.is_row | step.is_pixel
        starts_tile = starts_pixel | step.is_tile
        starts_line = starts_tile | step.is_line

        # without an event of its own, a step is the next block
        is_block = ~(starts_line | step.is_tap)
        tile_step = Signal()
        if self._parts == 1:
            m.d.comb += tile_step.eq(layer.kind != Kind.DENSE)
        else:
            m.d.comb += tile_step.eq((layer.kind != Kind.DENSE) & self.part.all())
            with m.If(step.valid):
                with m.If(starts_pixel):
                    m.d.sync += self.part.eq(0)
                with m.Elif(step.is_tile):
                    m.d.sync += self.part.eq(self.part + 1)

        row_start, pixel_start, tile_start, line_start = (
            Signal.like(self.row, name=f"{name}_start") for name in ("row", "pixel", "tile", "line")
        )
        start = _chosen(
            (step.is_row, row_start),
            (step.is_pixel, pixel_start),
            (step.is_tile, tile_start),
            (step.is_line, line_start),
            (step.is_tap | is_block, self.row),
        )
        grows = _chosen(
            (step.is_start, layer.first_row),
            (step.is_row, layer.row_step),
            (step.is_pixel, layer.pixel_step),
            (step.is_tile, tile_step),
            (step.is_line, layer.line_step),
            (step.is_tap, layer.tap_step),
            (is_block, 1),
        )
        row = (start + grows)[: len(self.row)]
        with m.If(step.valid):
            m.d.sync += self.row.eq(row)
            with m.If(starts_line):
                m.d.sync += line_start.eq(row)
            with m.If(starts_tile):
                m.d.sync += tile_start.eq(row)
            with m.If(starts_pixel):
                m.d.sync += pixel_start.eq(row)
            with m.If(step.is_start | step.is_row):
                m.d.sync += row_start.eq(row)
            next_weights = self.weight_row + ~step.again
            m.d.sync += self.weight_row.eq(Mux(starts_pixel, layer.weight_row, next_weights))
        self._find_padding(m, starts_pixel=starts_pixel, starts_tile=starts_tile)
        return m

    def _find_padding(self, m: Module, *, starts_pixel: Value, starts_tile: Value) -> None:
        layer, step = self.layer, self.step
        y, x, first_y, first_x = (
            Signal(_COORDINATE_BITS, name=name) for name in ("y", "x", "first_y", "first_x")
        )
        above, left = Signal.like(y), Signal.like(x)
        m.d.comb += [above.eq(-layer.pad_y), left.eq(-layer.pad_x)]
        new_y = _chosen(
            (step.is_line, y + 1),
            (step.is_tile | step.is_pixel, first_y),
            (step.is_row, first_y + layer.stride_y),
            (step.is_start, above),
        )
        new_x = _chosen(
            (step.is_tap, x + 1),
            (step.is_line | step.is_tile, first_x),
            (step.is_pixel, first_x + layer.stride_x),
            (step.is_row | step.is_start, left),
        )
        with m.If(step.valid):
            with m.If(step.is_line | starts_tile):
                m.d.sync += y.eq(new_y)
            with m.If(step.is_tap | step.is_line | starts_tile):
                m.d.sync += x.eq(new_x)
            with m.If(step.is_row | step.is_start):
                m.d.sync += first_y.eq(new_y)
            with m.If(starts_pixel):
                m.d.sync += first_x.eq(new_x)
        is_inside = (y <= layer.last_height) & (x <= layer.last_width)
        m.d.sync += self.is_inside.eq(is_inside | (layer.kind == Kind.ADD))


def _chosen(*choices: tuple[Value, Value | int]) -> Value:
    """Return the value without sign whose condition holds, of at most one; else 0."""
    total: Value | None = None
    for condition, value in choices:
        width = len(Value.cast(value))
        masked = Value.cast(value) & condition.replicate(width)
        total = masked if total is None else total | masked
    assert total is not None
    return total
