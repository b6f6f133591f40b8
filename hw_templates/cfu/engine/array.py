"""The array: products of a row of activations with a row of weights, summed column by column."""

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.isa import WORD_BYTES
from hw_templates.cfu.engine.memories import RowMemory

SUM_BITS = 32
SIGN = 0x80

_SUMMANDS = 4
"""Summed between two registers."""
_PRODUCT_BITS = 16


def _tree_stages(summands: int) -> int:
    stages = 0
    while summands > 1:
        stages, summands = stages + 1, -(-summands // _SUMMANDS)
    return stages


class ArrayColumns(wiring.Component):
    """A column of the array, or two that share multipliers, with weights and accumulators.

    All columns of an engine are equal: which lane is theirs in CHANNELWISE comes from outside.

    Args:
        config: Of the engine.

    Members:
        write_row, write_enable, write_data (In): A word of a row of weights: [column][row].
        read_row (In): Row of weights to read.
        is_channelwise (In, 1): Lanes in ``own_lanes`` have the weight ``own``, all others have 0;
            one cycle behind ``read_row``, like these two.
        own (In): [column] bytes.
        own_lanes (In): [column][row] bits.
        activations (In): ``rows`` bytes, two cycles behind ``read_row``.
        valid, first (In, 1): The sums count, and are the first ones of their tile; ``latency``
            cycles behind ``activations``.
        totals (Out): [column] sums, int32; one cycle behind ``valid``.

    Attributes:
        latency: Cycles from activations to their sums.
        columns: How many there are.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self.latency = 1 + _tree_stages(config.rows) + config.packed
        self.columns = 2 if config.packed else 1
        words = config.rows // WORD_BYTES
        row_bits = (config.weight_rows - 1).bit_length()
        super().__init__(
            {
                "write_row": In(row_bits),
                "write_enable": In(self.columns * words),
                "write_data": In(32),
                "read_row": In(row_bits),
                "is_channelwise": In(1),
                "own": In(8 * self.columns),
                "own_lanes": In(config.rows * self.columns),
                "activations": In(8 * config.rows),
                "valid": In(1),
                "first": In(1),
                "totals": Out(SUM_BITS * self.columns),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build memory, multipliers and adder trees, a register behind each stage."""
        del platform
        m = Module()
        weights = [self._weights(m, column) for column in range(self.columns)]
        sums = self._pair(m, *weights) if self._config.packed else [self._single(m, *weights)]
        for column, sum_ in enumerate(sums):
            total = Signal(signed(SUM_BITS), name=f"total_{column}")
            with m.If(self.valid):
                m.d.sync += total.eq(Mux(self.first, 0, total) + sum_)
            m.d.comb += self.totals.word_select(column, SUM_BITS).eq(total)
        return m

    def _weights(self, m: Module, column: int) -> list[Value]:
        """Return the weight of each row, in registers; what is not needed can be kept at 0.

        The first of two columns has 128 added, which makes numbers without a sign.
        """
        config = self._config
        words = config.rows // WORD_BYTES
        zero = SIGN if config.packed and column == 0 else 0
        memory = RowMemory(rows=config.weight_rows, row_bits=8 * config.rows, part_bits=32)
        m.submodules[f"weights_{column}"] = memory
        m.d.comb += [
            memory.write_row.eq(self.write_row),
            memory.write_enable.eq(self.write_enable.word_select(column, words)),
            memory.write_data.eq((self.write_data ^ (zero * 0x0101_0101)).replicate(words)),
            memory.read_row.eq(self.read_row),
        ]
        own = self.own.word_select(column, 8) ^ zero
        weights: list[Value] = []
        for row in range(config.rows):
            is_own = self.own_lanes[column * config.rows + row]
            weight = Signal(8, name=f"weight_{column}_{row}")
            # as a reset of the register, a 0 costs no look-up tables
            with m.If(self.is_channelwise & ~is_own):
                m.d.sync += weight.eq(zero)
            with m.Else():
                loaded = memory.data.word_select(row, 8)
                m.d.sync += weight.eq(Mux(self.is_channelwise & is_own, own, loaded))
            weights.append(weight)
        return weights

    def _activation(self, row: int) -> Value:
        return self.activations.word_select(row, 8).as_signed()

    def _single(self, m: Module, weights: Sequence[Value]) -> Value:
        """Build multipliers of which each has one product."""
        products = [
            _registered(m, self._activation(row) * weight.as_signed(), name=f"product_{row}")
            for row, weight in enumerate(weights)
        ]
        return registered_sum(m, products)

    def _pair(self, m: Module, lows: Sequence[Value], highs: Sequence[Value]) -> list[Value]:
        """Build multipliers of which each has the products of two columns."""
        activations, low_parts, carries, high_parts = [], [], [], []
        for row, (low, high) in enumerate(zip(lows, highs, strict=True)):
            activation = self._activation(row)
            activations.append(_registered(m, activation, name=f"activation_{row}"))
            product = PackedProduct()
            m.submodules[f"product_{row}"] = product
            m.d.comb += [
                product.activation.eq(activation),
                product.low.eq(low),
                product.high.eq(high),
            ]
            low_parts.append(product.low_part)
            carries.append(product.carry)
            high_parts.append(product.high_part)
        total_activation, low_sum, carry, high_sum = (
            registered_sum(m, parts) for parts in (activations, low_parts, carries, high_parts)
        )
        # the low weights had 128 added
        return [
            _registered(m, low_sum + (((carry << 3) - total_activation) << 7), name="low_sum"),
            _registered(m, high_sum - carry, name="high_sum"),
        ]


class PackedProduct(wiring.Component):
    """Multiplies one activation with two weights in one multiplier of 18 x 18 bits.

    The weights lie ten bits apart: their product with the activation is
    activation x high x 1024 + activation x low, and the second summand has 16 bits. So its carry
    into the first one, of 6 bits with a sign, is what the low 6 bits of activation x high are
    wrong by; those are cheap to compute once more. All is exact.

    Members:
        activation, high (In, int8): Operands.
        low (In, 8): A weight with 128 added, without a sign.
        low_part, carry (Out): activation x low is carry x 1024 + low_part.
        high_part (Out): activation x high is high_part - carry. All three one cycle behind the
            operands.
    """

    CARRY_BITS = 6
    _GAP_BITS = 10

    def __init__(self) -> None:
        super().__init__(
            {
                "activation": In(signed(8)),
                "low": In(8),
                "high": In(signed(8)),
                "low_part": Out(signed(self._GAP_BITS + 1)),
                "carry": Out(signed(self.CARRY_BITS)),
                "high_part": Out(signed(_PRODUCT_BITS)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the multiplier and the low bits of one product."""
        del platform
        m = Module()
        weights = Signal(signed(18))
        product = Signal(signed(26))
        lowest = Signal(self.CARRY_BITS)
        m.d.comb += weights.eq((self.high << self._GAP_BITS) | self.low)
        m.d.sync += [product.eq(self.activation * weights), lowest.eq(self._lowest(m))]
        gap = self._GAP_BITS
        m.d.comb += [
            self.low_part.eq(product[:gap]),
            self.carry.eq(product[gap : gap + self.CARRY_BITS] - lowest),
            self.high_part.eq(product[gap:].as_signed()),
        ]
        return m

    def _lowest(self, m: Module) -> Value:
        """Return the low bits of activation x high, from sums: ``*`` would be a multiplier."""
        bits = self.CARRY_BITS
        rows = [
            (self.activation[: bits - at] & self.high[at].replicate(bits - at)) << at
            for at in range(bits)
        ]
        while len(rows) > 1:
            pairs = []
            for number, first in enumerate(rows[::2]):
                if 2 * number + 1 == len(rows):
                    pairs.append(first)
                    continue
                pair = Signal(bits, name=f"pair_{len(rows)}_{number}", attrs={"keep": 1})
                m.d.comb += pair.eq(first + rows[2 * number + 1])
                pairs.append(pair)
            rows = pairs
        return rows[0]


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
    return _registered(m, summands[0], name="partial_sum")


def _registered(m: Module, value: Value, *, name: str) -> Signal:
    register = Signal(signed(len(value)), name=name)
    m.d.sync += register.eq(value)
    return register
