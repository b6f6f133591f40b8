"""The array: products of a row of activations with a row of weights, summed column by column."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.engine.config import ALL_WEIGHT_BITS, SLIDING_TAPS, EngineConfig
from hw_templates.cfu.engine.memories import RegisteredRowMemory
from hw_templates.cfu.engine.sliding import window_weights
from hw_templates.cfu.parts.products import (
    PackedProduct,
    product_in_luts,
    registered,
    registered_sum,
    tree_stages,
)

SUM_BITS = 32
PAIR_BITS = 16
"""Of two activations."""
TOTAL_BITS = 13
"""Of the sum of 32 activations."""
SIGN = 0x80
WORD_BITS = 32


class ArrayColumns(wiring.Component):
    """A column of the array, or two that share multipliers, with weights and accumulators.

    All columns of an engine are equal: which lane is theirs in CHANNELWISE comes from outside. What
    all of them read is copied into registers of their own, since they lie all over the chip.

    Args:
        config: Of the engine.
        in_luts: Whether products are made of look-up tables, not multipliers.

    Members:
        write_row, write_enable, write_data (In): A word of a row of weights: [column][row].
        copies (In, 1): The copies are loaded; high while there is anything to compute. Where each
            column is told in a cycle of its own, their registers are not merged.
        read_row (In): Row of weights to read.
        is_channelwise (In, 1): Lanes in ``own_lanes`` have the weight ``own``, all others have 0.
        slides (In, 1): Windows slide, see ``sliding``: the first lanes of ``activations`` are those
            of three lines of each column's channel, all others have the weight 0.
        moves, again (In, 1): Of ``window_weights``, with ``own``.
        own (In): [column] bytes; two cycles behind ``read_row``.
        own_lanes (In): [column][row] bits; three cycles behind ``read_row``.
        activations (In): ``rows`` bytes, three cycles behind ``read_row``.
        total_activation (In): Sum of ``activations``, ``latency`` - 2 cycles behind them.
        valid, first (In, 1): The sums count, and are the first ones of their tile; ``latency`` - 1
            cycles behind ``activations``. What they are added to is complete two cycles later.
        load (In, 1): Hold what there is one cycle later: the totals or, with ``takes_pairs``,
            ``pairs``. Without it ``held`` becomes ``behind``.
        takes_pairs (In, 1): Constant while a layer runs.
        pairs, behind (In): [column] of PAIR_BITS and of SUM_BITS.
        held (Out): [column] of SUM_BITS, two cycles behind ``load``: finished values of a tile,
            which leave while the next one is added up.

    Attributes:
        latency: Cycles from activations to their sums.
        columns: How many there are.
    """

    def __init__(self, config: EngineConfig, *, in_luts: bool) -> None:
        self._config = config
        self._in_luts = in_luts
        self._shares_multipliers = config.packed and not in_luts
        self.latency = 2 + tree_stages(config.rows) + config.packed
        self.columns = 2 if config.packed else 1
        words = config.rows * config.weight_bits // WORD_BITS
        row_bits = (config.weight_rows - 1).bit_length()
        super().__init__(
            {
                "write_row": In(row_bits),
                "write_enable": In(self.columns * words),
                "write_data": In(32),
                "copies": In(1),
                "read_row": In(row_bits),
                "is_channelwise": In(1),
                "slides": In(1),
                "moves": In(1),
                "again": In(1),
                "own": In(8 * self.columns),
                "own_lanes": In(config.rows * self.columns),
                "activations": In(8 * config.rows),
                "total_activation": In(signed(TOTAL_BITS)),
                "valid": In(1),
                "first": In(1),
                "load": In(1),
                "takes_pairs": In(1),
                "pairs": In(PAIR_BITS * self.columns),
                "behind": In(SUM_BITS * self.columns),
                "held": Out(SUM_BITS * self.columns),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build memory, multipliers and adder trees, a register behind each stage."""
        del platform
        m = Module()
        config = self._config
        read_row, own, valid, first, load, takes_pairs = (
            self._copied(m, name)
            for name in ("read_row", "own", "valid", "first", "load", "takes_pairs")
        )
        self._is_channelwise = self._copied(m, "is_channelwise")
        if config.slides:
            self._slides, self._moves, self._again = (
                self._copied(m, name) for name in ("slides", "moves", "again")
            )
        self._write_enable = Signal.like(self.write_enable, name="own_write_enable")
        self._write_row = Signal.like(self.write_row, name="own_write_row")
        self._write_data = Signal.like(self.write_data, name="own_write_data")
        m.d.sync += self._write_enable.eq(self.write_enable)
        with m.If(self.write_enable.any()):
            m.d.sync += [
                self._write_row.eq(self.write_row),
                self._write_data.eq(self.write_data),
            ]
        self._activations = self._copied(m, "activations")
        weights = [
            self._weights(m, column, read_row=read_row, own=own) for column in range(self.columns)
        ]
        if self._shares_multipliers:
            sums = self._pair(m, *weights)
        else:
            sums = [self._single(m, column) for column in weights]
        for column, sum_ in enumerate(sums):
            total = Signal(signed(SUM_BITS), name=f"total_{column}")
            with m.If(valid):
                m.d.sync += total.eq(Mux(first, 0, total) + sum_)
            held = Signal(SUM_BITS, name=f"held_{column}")
            pair = self.pairs.word_select(column, PAIR_BITS)
            low = Mux(takes_pairs, pair, total[:PAIR_BITS])
            behind = self.behind.word_select(column, SUM_BITS)
            m.d.sync += held.eq(Mux(load, Cat(low, total[PAIR_BITS:]), behind))
            m.d.comb += self.held.word_select(column, SUM_BITS).eq(held)
        return m

    def _copied(self, m: Module, name: str) -> Signal:
        port = getattr(self, name)
        copy = Signal.like(port, name=f"own_{name}")
        with m.If(self.copies):
            m.d.sync += copy.eq(port)
        return copy

    def _weights(self, m: Module, column: int, *, read_row: Signal, own: Signal) -> list[Value]:
        """Return the weight of each row as int8, in registers; what is not needed can be kept at 0.

        Where two columns share multipliers, those of the first one have 128 added, which makes
        them numbers without a sign.
        """
        config, bits = self._config, self._config.weight_bits
        words = config.rows * bits // WORD_BITS
        zero = SIGN if self._shares_multipliers and column == 0 else 0
        # int8 have the 128 in the memory; of fewer bits, the sign is only at hand behind it
        zero_held = zero if bits == ALL_WEIGHT_BITS else 0
        memory = RegisteredRowMemory(
            rows=config.weight_rows, row_bits=bits * config.rows, part_bits=WORD_BITS
        )
        m.submodules[f"weights_{column}"] = memory
        m.d.comb += [
            memory.write_row.eq(self._write_row),
            memory.write_enable.eq(self._write_enable.word_select(column, words)),
            memory.write_data.eq((self._write_data ^ (zero_held * 0x0101_0101)).replicate(words)),
            memory.read_row.eq(read_row),
        ]
        own_weight = own.word_select(column, 8)
        taps: Sequence[Value] = ()
        if config.slides:
            taps = window_weights(
                m, own_weight, name=f"window_{column}", moves=self._moves, again=self._again
            )
        weights: list[Value] = []
        for row in range(config.rows):
            is_own = self.own_lanes[column * config.rows + row]
            weight = Signal(8, name=f"weight_{column}_{row}")
            # as a reset of the register, a 0 costs no look-up tables
            with m.If(self._is_channelwise & ~is_own):
                m.d.sync += weight.eq(zero)
            with m.Else():
                held = memory.data.word_select(row, bits)
                loaded = Cat(held, held[-1].replicate(8 - bits)) ^ zero ^ zero_held
                chosen = Mux(self._is_channelwise & is_own, own_weight ^ zero, loaded)
                if config.slides:
                    # without 128, what is no column's adds nothing that was to be taken off again
                    is_tap = row // SLIDING_TAPS == column
                    tap = taps[row % SLIDING_TAPS] ^ zero if is_tap else 0
                    chosen = Mux(self._slides, tap, chosen)
                m.d.sync += weight.eq(chosen)
            weights.append(weight)
        return weights

    def _activation(self, row: int) -> Value:
        return self._activations.word_select(row, 8).as_signed()

    def _single(self, m: Module, weights: Sequence[Value]) -> Value:
        """Build multipliers of which each has one product."""
        products = []
        for row, weight in enumerate(weights):
            factors = self._activation(row), weight.as_signed()
            product = product_in_luts(m, *factors) if self._in_luts else factors[0] * factors[1]
            products.append(registered(m, product, name=f"product_{row}"))
        total = registered_sum(m, products)
        # as late as those that share multipliers
        return registered(m, total, name="sum") if self._config.packed else total

    def _pair(self, m: Module, lows: Sequence[Value], highs: Sequence[Value]) -> list[Value]:
        """Build multipliers of which each has the products of two columns."""
        low_parts, carries, high_parts = [], [], []
        for row, (low, high) in enumerate(zip(lows, highs, strict=True)):
            activation = self._activation(row)
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
        low_sum, carry, high_sum = (
            registered_sum(m, parts) for parts in (low_parts, carries, high_parts)
        )
        total_activation = self._copied(m, "total_activation")
        # the low weights had 128 added
        return [
            registered(m, low_sum + (((carry << 3) - total_activation) << 7), name="low_sum"),
            registered(m, high_sum - carry, name="high_sum"),
        ]
