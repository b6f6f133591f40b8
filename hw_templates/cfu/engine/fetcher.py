"""Reads a descriptor and works out what the address generator adds."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw_templates.cfu.engine.config import SLIDING_TAPS, EngineConfig
from hw_templates.cfu.engine.isa import (
    BLOCK_BITS,
    DESCRIPTOR_WORDS,
    MAGIC,
    MAX_DESCRIPTORS,
    SIZE_BITS,
    Kind,
    Word,
)
from hw_templates.cfu.engine.layer import layer_layout, row_bits
from hw_templates.cfu.parts.products import product_in_luts

_LATENCY = 2
"""Cycles from a word's address to the word in a register."""
_FIRST_PRODUCT = Word.PADDING + _LATENCY + 1
_LAST_STEP = DESCRIPTOR_WORDS + _LATENCY


def _last(count: Value) -> Value:
    """Return the number of the last of ``count``, where 0 is as good as 1."""
    return Mux(count == 0, 0, count - 1)[: len(count)]


def _at_least_one(count: Value) -> Value:
    return Cat(count[0] | (count == 0), count[1:])


class Fetcher(wiring.Component):
    """Reads descriptors from their memory, one while another one runs.

    Args:
        config: Of the engine.

    Members:
        start, number (In): Read this descriptor.
        word_at (Out): Address of a word.
        word (In, 32): What is there, one cycle later.
        done (Out, 1): It was read completely; low from the cycle behind ``start`` on.
        has_magic (Out, 1): What was read is a descriptor.
        take (In, 1): What was read goes to ``layer``.
        layer (Out): The registers of the layer that runs; see ``layer_layout``.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._fetched = Signal(layer_layout(config))
        super().__init__(
            {
                "start": In(1),
                "number": In(exact_log2(MAX_DESCRIPTORS)),
                "word_at": Out(exact_log2(MAX_DESCRIPTORS * DESCRIPTOR_WORDS)),
                "word": In(32),
                "done": Out(1),
                "has_magic": Out(1),
                "take": In(1),
                "layer": Out(layer_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the sequence: a word each cycle, products as soon as their factors are there."""
        del platform
        m = Module()
        step = Signal(range(_LAST_STEP + 1))
        runs = Signal()
        number = Signal.like(self.number)
        with m.If(self.take):
            m.d.sync += self.layer.eq(self._fetched)
        with m.If(self.start):
            m.d.sync += [runs.eq(1), step.eq(0), number.eq(self.number), self.done.eq(0)]
        with m.Elif(runs):
            m.d.sync += step.eq(step + 1)
            with m.If(step == _LAST_STEP):
                m.d.sync += [runs.eq(0), self.done.eq(1)]
        word = Signal(32, reset_less=True)
        m.d.sync += word.eq(self.word)
        m.d.comb += [
            self.word_at.eq(Cat(step[: exact_log2(DESCRIPTOR_WORDS)], number)),
        ]
        width, blocks = Signal(SIZE_BITS), Signal(BLOCK_BITS)
        output_width, tiles = Signal(SIZE_BITS), Signal(BLOCK_BITS)
        factor, other = Signal(SIZE_BITS), Signal(row_bits(self._config))
        product = self._multiplied(m, factor, other)
        with m.If(runs):
            self._take_fields(m, step, word, width=width, blocks=blocks)
            with m.If(step == Word.OUTPUT_SIZE + _LATENCY):
                m.d.sync += output_width.eq(_at_least_one(word[16:][:SIZE_BITS]))
            with m.If(step == Word.BLOCKS + _LATENCY):
                m.d.sync += tiles.eq(_at_least_one(word[16:][:BLOCK_BITS]))
            self._take_products(
                m,
                step,
                width=width,
                blocks=blocks,
                output_line=(output_width, tiles),
                factor=factor,
                other=other,
                product=product,
            )
        return m

    def _multiplied(self, m: Module, factor: Signal, other: Signal) -> Signal:
        """Return the product, two cycles later, from look-up tables: no multiplier is to spare."""
        factors = Signal(signed(16)), Signal(signed(16))
        product = Signal(len(other))
        m.d.comb += [factors[0].eq(other), factors[1].eq(factor)]
        m.d.sync += product.eq(product_in_luts(m, *factors, registered_at=4))
        return product

    def _take_products(
        self,
        m: Module,
        step: Signal,
        *,
        width: Signal,
        blocks: Signal,
        output_line: tuple[Signal, Signal],
        factor: Signal,
        other: Signal,
        product: Signal,
    ) -> None:
        """Have ``factor`` and ``other`` multiplied, while the words that are no factors come in."""
        layer = self._fetched
        line = layer.line_step
        first = _FIRST_PRODUCT
        for at, one, another in (
            (first, width, blocks),
            (first + 1, layer.stride_x, blocks),
            (first + 2, layer.pad_x, blocks),
            (first + 3, *output_line),
            (first + 4, layer.stride_y, line),
            (first + 5, layer.pad_y, line),
        ):
            with m.If(step == at):
                m.d.sync += [factor.eq(one), other.eq(another)]
        for at, field in (
            (first + 3, line),
            (first + 4, layer.pixel_step),
            (first + 6, layer.output_line_step),
            (first + 7, layer.row_step),
        ):
            with m.If(step == at):
                m.d.sync += field.eq(product)
        with m.If((step == first + 5) | (step == first + 8)):
            m.d.sync += layer.first_row.eq(layer.first_row - product)
        with m.If((step == first + 7) & (layer.kind == Kind.ADD)):
            # the second input is a second row of the window
            m.d.sync += line.eq(layer.second_row - layer.first_row)

    def _slides(self, kind: Value, window: Value) -> Value | int:
        """Return whether a layer's windows slide, by the word WINDOW: those that share lines do."""
        if not self._config.slides:
            return 0
        height, width, stride_y = window[:8], window[8:16], window[16:24]
        is_square = (height == SLIDING_TAPS) & (width == SLIDING_TAPS)
        return (kind == Kind.CHANNELWISE) & is_square & (stride_y < SLIDING_TAPS)

    def _take_fields(
        self, m: Module, step: Signal, word: Signal, *, width: Signal, blocks: Signal
    ) -> None:
        config, layer = self._config, self._fetched
        row = slice(exact_log2(config.rows // 4), None)
        is_add = layer.kind == Kind.ADD
        low, high = word[:16], word[16:]

        def halves(bits: int) -> tuple[Value, Value]:
            return low[:bits], high[:bits]

        with m.Switch(step):
            with m.Case(Word.HEAD + _LATENCY):
                m.d.sync += [
                    layer.kind.eq(word),
                    layer.rounds_once.eq(word[4]),
                    self.has_magic.eq(high == MAGIC),
                ]
            with m.Case(Word.INPUT + _LATENCY):
                m.d.sync += layer.first_row.eq(word[row])
            with m.Case(Word.OUTPUT + _LATENCY):
                m.d.sync += layer.output_row.eq(word[row])
            with m.Case(Word.INPUT_SIZE + _LATENCY):
                height, columns = halves(SIZE_BITS)
                m.d.sync += [
                    layer.last_height.eq(_last(height)),
                    layer.last_width.eq(_last(columns)),
                    width.eq(_at_least_one(columns)),
                ]
            with m.Case(Word.OUTPUT_SIZE + _LATENCY):
                height, columns = halves(SIZE_BITS)
                m.d.sync += [
                    layer.last_output_y.eq(_last(height)),
                    layer.last_output_x.eq(_last(columns)),
                ]
                with m.If(is_add):
                    m.d.sync += width.eq(_at_least_one(columns))
            with m.Case(Word.BLOCKS + _LATENCY):
                held, tiles = halves(BLOCK_BITS)
                is_dense = layer.kind == Kind.DENSE
                m.d.sync += [
                    layer.last_block.eq(Mux(is_dense, _last(held), 0)),
                    layer.last_tile.eq(_last(tiles)),
                    blocks.eq(_at_least_one(held)),
                    layer.tap_step.eq(Mux(is_dense, 1, _at_least_one(held))),
                ]
            with m.Case(Word.WINDOW + _LATENCY):
                m.d.sync += [
                    layer.last_kernel_y.eq(Mux(is_add, 1, _last(word[:8]))),
                    layer.last_kernel_x.eq(Mux(is_add, 0, _last(word[8:16]))),
                    layer.stride_y.eq(Mux(is_add, 1, _at_least_one(word[16:24]))),
                    layer.stride_x.eq(Mux(is_add, 1, _at_least_one(word[24:]))),
                    layer.slides.eq(self._slides(layer.kind, word)),
                ]
            with m.Case(Word.PADDING + _LATENCY):
                m.d.sync += [
                    layer.pad_y.eq(Mux(is_add, 0, word[:8])),
                    layer.pad_x.eq(Mux(is_add, 0, word[8:16])),
                    # the least activation: padding wins no maximum
                    layer.padded_with.eq(Mux(layer.kind == Kind.MAXIMUM, 0x80, word[16:24])),
                ]
            with m.Case(Word.WEIGHTS + _LATENCY):
                m.d.sync += layer.weight_row.eq(word)
            with m.Case(Word.CHANNELS + _LATENCY):
                first_group = Const(0, exact_log2(config.cols // config.units))
                tile = word[exact_log2(config.cols) :]
                m.d.sync += layer.channel_row.eq(Cat(first_group, tile))
            with m.Case(Word.CLAMP + _LATENCY):
                m.d.sync += [
                    layer.zero_point.eq(word[:8]),
                    layer.least.eq(word[8:16]),
                    layer.greatest.eq(word[16:24]),
                ]
            with m.Case(Word.SECOND_INPUT + _LATENCY):
                m.d.sync += layer.second_row.eq(word[row])
            with m.Case(Word.ZERO_POINTS + _LATENCY):
                m.d.sync += Cat(layer.zero_points[0], layer.zero_points[1]).eq(low)
            for n, name in enumerate((Word.FIRST_MULTIPLIER, Word.SECOND_MULTIPLIER)):
                with m.Case(name + _LATENCY):
                    m.d.sync += layer.multipliers[n].eq(word)
            with m.Case(Word.SHIFTS + _LATENCY):
                m.d.sync += [layer.shifts[0].eq(word[:8]), layer.shifts[1].eq(word[8:16])]
