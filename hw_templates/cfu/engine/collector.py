"""What stands between the array and requantisation: values of complete tiles."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.engine.array import SUM_BITS
from hw_templates.cfu.engine.config import EngineConfig

PAIR_BITS = 16


class LanePairs(wiring.Component):
    """Finds the largest activation of each lane, or keeps the first and the last one.

    Args:
        config: Of the engine.

    Members:
        valid, first (In, 1): ``activations`` count, and are the first ones of their tile.
        activations (In): ``rows`` bytes.
        part (In): Which ``cols`` of them.
        keeps_first (In, 1): Whether the low byte stays what it was first.
        pairs (Out): Of each lane: the largest or the first activation, then the last, one cycle
            behind ``activations``.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._cols = config.cols
        super().__init__(
            {
                "valid": In(1),
                "first": In(1),
                "activations": In(8 * config.rows),
                "part": In((config.rows // config.cols - 1).bit_length()),
                "keeps_first": In(1),
                "pairs": Out(ArrayLayout(signed(PAIR_BITS), config.cols)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build a comparator and two registers for each lane."""
        del platform
        m = Module()
        lanes = Signal(8 * self._cols)
        if len(self.part):
            m.d.comb += lanes.eq(self.activations.word_select(self.part, 8 * self._cols))
        else:
            m.d.comb += lanes.eq(self.activations)
        with m.If(self.valid):
            for column in range(self._cols):
                lane = lanes.word_select(column, 8)
                largest, last = self.pairs[column][:8], self.pairs[column][8:]
                is_larger = lane.as_signed() > largest.as_signed()
                m.d.sync += last.eq(lane)
                with m.If(self.first | (is_larger & ~self.keeps_first)):
                    m.d.sync += largest.eq(lane)
        return m


class Shadows(wiring.Component):
    """Holds the finished values of a tile while the next one is added up, and hands them out.

    Args:
        cols: Columns.
        units: Values that leave in a cycle.

    Members:
        load (In, 1): Take values.
        takes_pairs (In, 1): From ``pairs``, not ``totals``.
        totals, pairs (In): Of each column.
        values (Out): Of ``units`` columns, from the cycle behind ``load`` on.
    """

    def __init__(self, *, cols: int, units: int) -> None:
        self._cols = cols
        self._units = units
        super().__init__(
            {
                "load": In(1),
                "takes_pairs": In(1),
                "totals": In(ArrayLayout(signed(SUM_BITS), cols)),
                "pairs": In(ArrayLayout(signed(PAIR_BITS), cols)),
                "values": Out(ArrayLayout(signed(SUM_BITS), units)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build a register for each column, which shifts while it is not loaded."""
        del platform
        m = Module()
        held = [Signal(signed(SUM_BITS), name=f"held_{column}") for column in range(self._cols)]
        for column, value in enumerate(held):
            behind = column + self._units
            with m.If(self.load):
                total, pair = self.totals[column], self.pairs[column]
                low = Mux(self.takes_pairs, pair[:PAIR_BITS], total[:PAIR_BITS])
                m.d.sync += value.eq(Cat(low, total[PAIR_BITS:]).as_signed())
            if behind < self._cols:
                with m.Else():
                    m.d.sync += value.eq(held[behind])
        m.d.comb += [self.values[unit].eq(held[unit]) for unit in range(self._units)]
        return m
