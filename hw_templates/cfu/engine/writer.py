"""Puts the results of a tile together and writes them behind those of the tile before."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.layer import layer_layout, row_bits


class Writer(wiring.Component):
    """Collects ``cols`` results and knows where they go.

    Args:
        config: Of the engine.

    Members:
        start (In, 1): A layer begins: with the output's first row.
        layer (In): The layer.
        valid, results (In): int8 of ``units`` columns.
        write (Out, 1): A tile is written in this cycle.
        row, part (Out): Where: ``cols`` bytes of a row of ACTIVATIONS.
        data (Out): The tile.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "layer": In(layer_layout(config)),
                "valid": In(1),
                "results": In(ArrayLayout(signed(8), config.units)),
                "write": Out(1),
                "row": Out(row_bits(config)),
                "part": Out((config.rows // config.cols - 1).bit_length()),
                "data": Out(8 * config.cols),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the shift register and the counters of tiles and rows."""
        del platform
        m = Module()
        config, layer = self._config, self.layer
        groups = config.cols // config.units
        results = self.results.as_value()
        with m.If(self.valid):
            m.d.sync += self.data.eq(Cat(self.data, results)[len(results) :])
        if groups == 1:
            m.d.sync += self.write.eq(self.valid)
        else:
            left = Signal(range(groups))
            m.d.sync += self.write.eq(self.valid & (left == 0))
            with m.If(self.start):
                m.d.sync += left.eq(groups - 1)
            with m.Elif(self.valid):
                m.d.sync += left.eq(left - 1)  # groups are a power of two

        # the tiles of a pixel or, where windows slide, the lines that one tile of a column is in
        last = Mux(layer.slides, layer.last_output_y, layer.last_tile)
        left_over = Signal(len(last))
        is_last = Signal()
        column = Signal.like(self.row)
        m.d.comb += is_last.eq(left_over == 0)
        with m.If(self.start):
            m.d.sync += [
                self.row.eq(layer.output_row),
                column.eq(layer.output_row),
                self.part.eq(0),
                left_over.eq(last),
            ]
        with m.Elif(self.write):
            m.d.sync += left_over.eq(left_over - 1)
            with m.If(is_last):
                m.d.sync += [left_over.eq(last), self.part.eq(0)]
            with m.Else():
                m.d.sync += self.part.eq(self.part + 1)
            is_last_part = self.part.all() if len(self.part) else 1
            with m.If(layer.slides):
                # the next tile or column lies behind this one
                with m.If(is_last):
                    m.d.sync += [self.row.eq(column + 1), column.eq(column + 1)]
                with m.Else():
                    m.d.sync += self.row.eq(self.row + layer.output_line_step)
            with m.Elif(is_last | is_last_part):
                m.d.sync += self.row.eq(self.row + 1)
        return m
