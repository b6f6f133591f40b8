"""Spreads an image of few channels over rows while the CPU sends it."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw_templates.cfu.engine.image import MOST_AHEAD, MOST_BYTES, MOST_CHANNELS
from hw_templates.cfu.engine.isa import SIZE_BITS, WORD_BYTES

_SENT_BYTES = 8
_WAITING_BYTES = _SENT_BYTES + MOST_CHANNELS - 1


class ImageLoader(wiring.Component):
    """Takes bytes, and gives the words of rows, one in a cycle; see ``ImageFormat``.

    Args:
        rows: Of the engine.

    Members:
        begin (In, 1): An image as ``a`` and ``b`` say; not while busy.
        append (In, 1): ``a`` and ``b`` are its next 8 bytes; not while busy.
        a, b (In, 32): What the CPU sent.
        busy (Out, 1): The bytes are not all used up.
        write, word, data (Out): A word of the row at the pointer.
        advance (Out, 1): It is the last one of its row.
    """

    def __init__(self, rows: int) -> None:
        self._row_bytes = min(rows, MOST_BYTES)
        super().__init__(
            {
                "begin": In(1),
                "append": In(1),
                "a": In(32),
                "b": In(32),
                "busy": Out(1),
                "write": Out(1),
                "word": Out(2),
                "data": Out(32),
                "advance": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the format, the bytes that wait, the row, and what happens in turn."""
        del platform
        m = Module()
        size = self._row_bytes
        channels_less, last = Signal(2), Signal(exact_log2(size))
        words_less, ahead = Signal(exact_log2(size // WORD_BYTES)), Signal(range(MOST_AHEAD + 1))
        padding, width, lines = Signal(8), Signal(SIZE_BITS), Signal(SIZE_BITS)
        has_lines = Signal()  # lines are not 0, in a register
        row, waiting = Signal(8 * size), Signal(8 * _WAITING_BYTES)
        count = Signal(range(_WAITING_BYTES + 1))
        # of this line: pixels that are still to come, then padding; pushes before the first row
        left, tail, skipped = Signal.like(width), Signal.like(ahead), Signal.like(ahead)

        def begin_line(beside: Value, pixels: Value, over: Value) -> list[object]:
            return [
                row.eq(beside.replicate(size)),
                left.eq(pixels),
                tail.eq(over),
                skipped.eq(over),
            ]

        is_padding = left == 0
        has_pixel = has_lines & (is_padding | (count > channels_less))
        pixel = Mux(is_padding, padding.replicate(MOST_CHANNELS), waiting[: 8 * MOST_CHANNELS])
        is_line_over = is_padding & (tail == 0)
        m.d.comb += self.data.eq(row.word_select(self.word, 32) if len(words_less) else row)

        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += self.busy.eq(has_pixel)
                with m.If(has_pixel & is_line_over):
                    m.d.sync += begin_line(padding, width, ahead)
                    m.d.sync += [lines.eq(lines - 1), has_lines.eq(lines != 1)]
                    with m.If(lines == 1):
                        m.d.sync += count.eq(0)
                with m.Elif(has_pixel):
                    m.d.sync += row.eq(_pushed(row, pixel, channels_less, last))
                    with m.If(is_padding):
                        m.d.sync += tail.eq(tail - 1)
                    with m.Else():
                        m.d.sync += [
                            left.eq(left - 1),
                            waiting.eq(Array(waiting[8 * n :] for n in range(1, 5))[channels_less]),
                            count.eq(count - channels_less - 1),
                        ]
                    with m.If(skipped != 0):
                        m.d.sync += skipped.eq(skipped - 1)
                    with m.Else():
                        m.next = "WRITE"
            with m.State("WRITE"):
                is_last = self.word == words_less
                m.d.comb += [self.busy.eq(1), self.write.eq(1), self.advance.eq(is_last)]
                m.d.sync += self.word.eq(self.word + 1)
                with m.If(is_last):
                    m.d.sync += self.word.eq(0)
                    m.next = "TAKE"

        with m.If(self.append & has_lines):
            sent = Cat(self.a, self.b)
            kept = Array(Cat(waiting[: 8 * n], sent) for n in range(MOST_CHANNELS))
            m.d.sync += [waiting.eq(kept[count[:2]]), count.eq(count + _SENT_BYTES)]
        with m.If(self.begin):
            own, own_width = self.a, _from_one(self.b[:SIZE_BITS])
            m.d.sync += begin_line(own[16:24], own_width, own[12:15])
            m.d.sync += [
                channels_less.eq(own[0:2]),
                last.eq(own[4:]),
                words_less.eq(own[8:]),
                ahead.eq(own[12:]),
                padding.eq(own[16:]),
                width.eq(own_width),
                lines.eq(_from_one(self.b[16 : 16 + SIZE_BITS])),
                has_lines.eq(1),
                count.eq(0),
            ]
        return m


def _from_one(value: Value) -> Value:
    return Mux(value == 0, 1, value)


def _pushed(row: Signal, pixel: Value, channels_less: Signal, last: Signal) -> Value:
    """Return a row whose bytes have moved down by a pixel, with another one at byte ``last``."""
    size = len(row) // 8
    result = []
    for number in range(size):
        moved = Array(
            row[8 * (number + n) : 8 * (number + n + 1)] if number + n < size else 0
            for n in range(1, 1 + MOST_CHANNELS)
        )[channels_less]
        own: Value = moved & (last > number).replicate(8)
        for channel in range(min(MOST_CHANNELS, number + 1)):
            is_here = (last == number - channel) & (channels_less >= channel)
            own = own | pixel.word_select(channel, 8) & is_here.replicate(8)
        result.append(own)
    return Cat(*result)
