"""What stands beside the array: the largest activation of each lane, or two of them."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.engine.array import PAIR_BITS
from hw_templates.cfu.engine.config import EngineConfig


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
