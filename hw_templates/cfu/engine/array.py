"""The array: products of a row of activations with a row of weights, summed column by column."""

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.engine.config import EngineConfig

_SUMMANDS = 4
"""Summed between two registers."""
_PRODUCT_BITS = 16


class ProductArray(wiring.Component):
    """Multiplies and sums, every cycle.

    Args:
        config: Of the engine.

    Members:
        activations (In): ``rows`` bytes.
        weights (In): [column][row] bytes.
        sums (Out): Of each column, ``latency`` cycles behind its operands.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        stages, summands = 0, config.rows
        while summands > 1:
            stages, summands = stages + 1, -(-summands // _SUMMANDS)
        self.latency = 1 + stages
        self.sum_bits = _PRODUCT_BITS + (config.rows - 1).bit_length()
        super().__init__(
            {
                "activations": In(8 * config.rows),
                "weights": In(8 * config.rows * config.cols),
                "sums": Out(ArrayLayout(signed(self.sum_bits), config.cols)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build multipliers and adder trees, a register behind each stage."""
        del platform
        m = Module()
        rows = self._config.rows
        for column in range(self._config.cols):
            products = [
                Signal(signed(_PRODUCT_BITS), name=f"product_{column}_{row}") for row in range(rows)
            ]
            for row, product in enumerate(products):
                activation = self.activations.word_select(row, 8).as_signed()
                weight = self.weights.word_select(column * rows + row, 8).as_signed()
                m.d.sync += product.eq(activation * weight)
            m.d.comb += self.sums[column].eq(registered_sum(m, products))
        return m


def registered_sum(m: Module, summands: Sequence[Value]) -> Value:
    """Return the sum of signed values, behind a register for each four-fold."""
    while len(summands) > 1:
        summands = [
            _sum_of_few(m, summands[first : first + _SUMMANDS])
            for first in range(0, len(summands), _SUMMANDS)
        ]
    return summands[0]


def _sum_of_few(m: Module, summands: Sequence[Value]) -> Value:
    while len(summands) > 1:
        pairs = []
        for first, second in zip(summands[::2], summands[1::2], strict=True):
            # keep: yosys would merge the tree into compressors, twice as large as carry chains
            pair = Signal(signed(len(first) + 1), attrs={"keep": 1})
            m.d.comb += pair.eq(first + second)
            pairs.append(pair)
        summands = pairs
    result = Signal(signed(len(summands[0])))
    m.d.sync += result.eq(summands[0])
    return result
