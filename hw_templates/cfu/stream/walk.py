"""RUN: which steps are read, cycle by cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw_templates.cfu.stream.isa import (
    COUNT_BITS,
    MAX_CHANNELS,
    MAX_STEPS,
    ROW_BITS,
    ROW_STEP_BITS,
    SumOption,
)
from hw_templates.cfu.stream.ring import OPERAND_BITS

CHANNEL_BITS = exact_log2(MAX_CHANNELS)


class Walk(wiring.Component):
    """Walks over pixels, channels, rows and steps of a RUN, while the next one waits.

    Args:
        products: Bytes of a step, and channels of one with ``is_channelwise``.
        activation_bits, filter_bits: Of a step's number in each ring.
        has_channelwise: Whether there are ``SumOption``.

    Members:
        set_window, set_pixel (In, 1): Take ``a`` and ``b`` as ``Setting`` says; never with work.
        a, b (In, 32): Operands.
        keeps_accumulators (In, 1): Each channel is a word of results.
        start (In, 1): A RUN of ``a`` and ``b``; only with ``ready``.
        frees (In, 1): With ``start``: the filters and channels it used are free behind it.
        activations_there, filters_there, activations_freed, filters_freed (In): With ``start``.
        holds (In, 1): The last step of a window must not be read.
        is_channelwise, is_maximum (Out, 1): The window's options.
        ready (Out, 1): No RUN waits.
        busy (Out, 1): A RUN is being read or waits.
        read (Out, 1): In this cycle read steps ``activation_step`` and ``filter_step``, counted
            from where the RUN's begin.
        is_there, is_first, is_last (Out, 1): Of the step: it counts; it is a window's first, last.
            A window behind MAX_STEPS has one step, which does not count.
        ends_pixel (Out, 1): The window is of a pixel's last channel.
        channel (Out): Counted from the RUN's first; of a step of channels, that of the first byte.
        end (Out, 1): The step is the RUN's last.
        end_activations, end_filters, end_channels (Out): With ``end``: what is freed.
    """

    def __init__(
        self, *, products: int, activation_bits: int, filter_bits: int, has_channelwise: bool
    ) -> None:
        self._products = products
        self._has_channelwise = has_channelwise
        a, f = activation_bits, filter_bits
        super().__init__(
            {
                "set_window": In(1),
                "set_pixel": In(1),
                "a": In(32),
                "b": In(32),
                "keeps_accumulators": In(1),
                "start": In(1),
                "frees": In(1),
                "activations_there": In(a + 1),
                "filters_there": In(f + 1),
                "activations_freed": In(a + 1),
                "filters_freed": In(f + 1),
                "holds": In(1),
                "is_channelwise": Out(1),
                "is_maximum": Out(1),
                "ready": Out(1),
                "busy": Out(1),
                "read": Out(1),
                "activation_step": Out(a),
                "filter_step": Out(f),
                "is_there": Out(1),
                "is_first": Out(1),
                "is_last": Out(1),
                "ends_pixel": Out(1),
                "channel": Out(CHANNEL_BITS),
                "end": Out(1),
                "end_activations": Out(a + 1),
                "end_filters": Out(f + 1),
                "end_channels": Out(CHANNEL_BITS + 1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the RUN that waits, the one that is read, and its four loops."""
        del platform
        m = Module()
        last_column, last_row = Signal(ROW_STEP_BITS), Signal(ROW_BITS)
        column_stride, row_pitch, pixel_advance = (
            Signal.like(self.activation_step, name=name)
            for name in ("column_stride", "row_pitch", "pixel_advance")
        )
        with m.If(self.set_window):
            m.d.sync += [
                Cat(last_column, last_row).eq(self.a),
                column_stride.eq(self.b[:OPERAND_BITS]),
                row_pitch.eq(self.b[OPERAND_BITS:]),
            ]
            if self._has_channelwise:
                options = self.a[16:18]
                m.d.sync += [
                    self.is_channelwise.eq((options & SumOption.CHANNELWISE) != 0),
                    self.is_maximum.eq((options & SumOption.MAXIMUM) != 0),
                ]
        with m.If(self.set_pixel):
            m.d.sync += pixel_advance.eq(self.a)

        # what RUN says, then what is left of it
        waits, active = Signal(), Signal()
        offset = Signal.like(self.activation_step)
        fields = (
            ("results", COUNT_BITS, self.b[:COUNT_BITS]),
            ("last_channel", CHANNEL_BITS, self.b[COUNT_BITS : COUNT_BITS + CHANNEL_BITS]),
            ("frees", 1, self.frees),
            ("activations_there", len(self.activations_there), self.activations_there),
            ("filters_there", len(self.filters_there), self.filters_there),
            ("activations_freed", len(self.activations_freed), self.activations_freed),
            ("filters_freed", len(self.filters_freed), self.filters_freed),
        )
        waiting = {name: Signal(bits, name=f"waiting_{name}") for name, bits, _ in fields}
        run = {name: Signal(bits, name=f"run_{name}") for name, bits, _ in fields}
        takes = Signal()
        m.d.comb += [
            takes.eq(waits & (~active | self.end)),
            self.ready.eq(~waits),
            self.busy.eq(waits | active),
        ]
        with m.If(self.start):
            m.d.sync += [waits.eq(1), offset.eq(self.a[:OPERAND_BITS])]
            m.d.sync += [waiting[name].eq(value) for name, _, value in fields]
        with m.Elif(takes):
            m.d.sync += waits.eq(0)

        column, row = Signal(ROW_STEP_BITS), Signal(ROW_BITS)
        first_of_pixel, first_of_window, first_of_row = (
            Signal.like(self.activation_step, name=name)
            for name in ("first_of_pixel", "first_of_window", "first_of_row")
        )
        steps, is_overdue = Signal(range(2 * MAX_STEPS)), Signal()
        ends_row, ends_word = (column == last_column) | is_overdue, Signal()
        lane_bits = exact_log2(self._products)
        is_last_group = self.channel[lane_bits:] == run["last_channel"][lane_bits:]
        is_last_channel = self.channel == run["last_channel"]
        m.d.comb += [
            self.is_last.eq(ends_row & ((row == last_row) | is_overdue)),
            self.ends_pixel.eq(Mux(self.is_channelwise, is_last_group, is_last_channel)),
            ends_word.eq(
                self.is_channelwise
                | self.ends_pixel
                | (self.channel[:2] == 3)
                | self.keeps_accumulators
            ),
            self.is_there.eq(
                (self.activation_step < run["activations_there"])
                & (self.filter_step < run["filters_there"])
                & ~is_overdue
            ),
            self.is_first.eq((column == 0) & (row == 0)),
            self.read.eq(active & ~(self.is_last & self.holds)),
            self.end.eq(self.read & self.is_last & ends_word & (run["results"] == 0)),
            self.end_activations.eq(run["activations_freed"]),
            self.end_filters.eq(Mux(run["frees"], run["filters_freed"], 0)),
        ]
        channels = Signal(CHANNEL_BITS + 1)
        m.d.comb += [
            channels.eq(
                Mux(
                    self.is_channelwise,
                    run["last_channel"] | (self._products - 1),
                    run["last_channel"],
                )
                + 1
            ),
            self.end_channels.eq(Mux(run["frees"], channels, 0)),
        ]

        next_of_pixel = first_of_pixel + pixel_advance
        next_of_window = Mux(self.ends_pixel, next_of_pixel, first_of_window + self.is_channelwise)
        next_of_row = Mux(self.is_last, next_of_window, first_of_row + row_pitch)
        next_step = Mux(ends_row, next_of_row, self.activation_step + column_stride)
        with m.If(takes):
            m.d.sync += active.eq(1)
            m.d.sync += [run[name].eq(waiting[name]) for name in run]
            m.d.sync += [
                Cat(column, row, self.channel, self.filter_step, steps, is_overdue).eq(0),
                *(
                    step.eq(offset)
                    for step in (
                        first_of_pixel,
                        first_of_window,
                        first_of_row,
                        self.activation_step,
                    )
                ),
            ]
        with m.Elif(self.read):
            m.d.sync += [
                active.eq(~self.end),
                column.eq(Mux(ends_row, 0, column + 1)),
                self.activation_step.eq(next_step),
                self.filter_step.eq(Mux(self.is_last & self.ends_pixel, 0, self.filter_step + 1)),
            ]
            with m.If(ends_row):
                m.d.sync += [
                    row.eq(Mux(self.is_last, 0, row + 1)),
                    first_of_row.eq(next_of_row),
                ]
            with m.If(~is_overdue):
                m.d.sync += steps.eq(steps + 1)
                with m.If(self.is_last):
                    m.d.sync += is_overdue.eq((steps + 1) >= MAX_STEPS)
            with m.If(self.is_last):
                m.d.sync += [
                    first_of_window.eq(next_of_window),
                    run["results"].eq(run["results"] - ends_word),
                    self.channel.eq(
                        Mux(
                            self.ends_pixel,
                            0,
                            self.channel + Mux(self.is_channelwise, self._products, 1),
                        )
                    ),
                ]
                with m.If(self.ends_pixel):
                    m.d.sync += first_of_pixel.eq(next_of_pixel)
        return m
