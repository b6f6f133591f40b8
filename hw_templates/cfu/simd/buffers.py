"""The ``simd`` CFU with buffers: weights and activations lie inside the CFU."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib.memory import Memory
from amaranth.utils import exact_log2

from hw_templates.cfu.component import CfuComponent
from hw_templates.cfu.parts.datapath import (
    CommandPort,
    DotProduct,
    ResultWords,
    StepBuffer,
)
from hw_templates.cfu.simd.isa import (
    DEPTHS_WORDS,
    LANE_BITS,
    MAX_ACTIVATION_WORDS,
    MAX_CHANNELS,
    MIN_WINDOW_WIDTH,
    RESULT_WORDS,
    STEP_BITS,
    WIDTHS,
    BufferOp,
    WindowOption,
)
from hw_templates.cfu.simd.output import OutputStage
from hw_templates.cfu.simd.windows import Windows
from hw_templates.checks import require_choice

_CHANNEL_BITS = exact_log2(MAX_CHANNELS)
_BUFFER_LATENCY = 2
_SHAPE = int(WindowOption.SHAPE)


class SimdBuffers(CfuComponent):
    """Multiplies ``width`` int8 pairs an instruction, read from two buffers at own addresses.

    Every instruction is answered in the cycle after it was taken. MULTIPLY, LOAD_ACTIVATIONS,
    LOAD_WEIGHTS and REWIND are taken in every cycle; products and requantisation follow in a
    pipeline, results are collected for READ.

    Args:
        width: Products an instruction: 1, 2, 4, 8 or 16.
        buffer_depth: Words of the weight buffer: 256, 512, 1024, 2048 or 4096; the activation
            buffer has as many, up to ``MAX_ACTIVATION_WORDS``.
        has_requantiser: Whether there is SET_CHANNEL and results are int8.
        has_windows: Whether there are the instructions of ``WindowOption``; needs a requantiser and
            4 products at least.

    Raises:
        ConfigError: An argument is not one of these.
    """

    def __init__(
        self, *, width: int, buffer_depth: int, has_requantiser: bool, has_windows: bool = False
    ) -> None:
        require_choice("SimdBuffers width", width, WIDTHS)
        require_choice("SimdBuffers buffer_depth", buffer_depth, [d for d in DEPTHS_WORDS if d])
        require_choice("SimdBuffers has_requantiser", has_requantiser, (False, True))
        can_have_windows = has_requantiser and width >= MIN_WINDOW_WIDTH
        choices = (False, True) if can_have_windows else (False,)
        require_choice("SimdBuffers has_windows", has_windows, choices)
        self._width = width
        self._buffer_depth = buffer_depth
        self._has_requantiser = has_requantiser
        self._has_windows = has_windows
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        """Build addresses, products, the accumulator and, if wanted, requantisation."""
        del platform
        m = Module()
        m.submodules.port = port = CommandPort(cfu=self)
        m.submodules.dot = dot = DotProduct(width=self._width)

        operation = [port.valid & (port.funct3 == code) for code in range(8)]
        is_product = operation[BufferOp.MULTIPLY]
        starts_layer = operation[BufferOp.CONFIGURE] & (port.funct7[:2] == 0)
        windows = None
        if self._has_windows:
            is_product = is_product & ~port.funct7[0]
            starts_layer = starts_layer & ~port.funct7[2]
            m.submodules.windows = windows = self._windows(m, port, dot)

        is_first, is_last = self._add_operands(m, port, dot, is_product, starts_layer, windows)

        # Where each product is: bit k is the product k + 1 cycles behind its instruction.
        stages = _BUFFER_LATENCY + dot.latency
        valids, firsts, lasts = Signal(stages), Signal(stages), Signal(stages)
        m.d.sync += [
            valids.eq(Cat(is_product, valids[:-1])),
            firsts.eq(Cat(is_first, firsts[:-1])),
            lasts.eq(Cat(is_product & is_last, lasts[:-1])),
        ]

        accumulator = Signal(signed(32))
        start = Signal(signed(32))
        total = Signal(signed(32))
        summand, finishes = dot.sum, lasts[-3]
        if windows is not None:
            # A sum that leaves a window joins the products two stages before the accumulator.
            summand, finishes = self._join(m, windows, valids, firsts, lasts, dot.sum)
        m.d.comb += total.eq(Mux(firsts[-1], start, accumulator) + summand)
        with m.If(valids[-1]):
            m.d.sync += accumulator.eq(total)
        finished = Signal()
        m.d.sync += finished.eq(lasts[-1])

        is_read = self._reads()
        is_add = self.funct3 == BufferOp.ADD
        for_all = (
            is_read | (self.funct3 == BufferOp.CONFIGURE) | (self.funct3 == BufferOp.SET_CHANNEL)
        )
        changes = (port.valid & (port.funct3 != BufferOp.READ)) | valids.any() | finished
        if self._has_requantiser:
            m.submodules.output = output = OutputStage(
                port=port, can_keep_accumulators=True, has_windows=self._has_windows
            )
            self._add_channels(m, port, output, start, finishes, starts_layer, windows)
            waits = Mux(is_add, output.add_waits | changes, output.adds) | (
                for_all & (changes | output.busy)
            )
            answer = Mux(is_read, output.head, 0)
            if windows is not None:
                in_flight = is_product | valids.any() | finished | output.busy
                waits = self._window_waits(m, output, windows, in_flight, waits)
                answer = Mux(is_add, self._maximum(m), answer)
            m.d.comb += [
                output.valid.eq(finished),
                output.value.eq(accumulator),
                output.clear.eq(starts_layer),
                output.read.eq(port.taken & is_read),
                port.answer.eq(answer),
                port.wait.eq(waits),
            ]
        else:
            m.submodules.results = results = ResultWords(depth_words=RESULT_WORDS)
            m.d.comb += [
                results.write.eq(finished),
                results.write_data.eq(accumulator),
                results.clear.eq(starts_layer),
                results.read.eq(port.taken & is_read),
                port.answer.eq(Mux(is_read, results.head, 0)),
                port.wait.eq(for_all & changes),
            ]
        return m

    def _windows(self, m: Module, port: CommandPort, dot: DotProduct) -> Windows:
        """Return what walks over windows, connected to commands and products."""
        step_bytes_bits = exact_log2(self._width)
        windows = Windows(
            width=self._width,
            activation_bits=exact_log2(4 * self._activation_words) - step_bytes_bits,
            weight_bits=exact_log2(4 * self._buffer_depth) - step_bytes_bits,
        )
        m.d.comb += [
            windows.set_shape.eq(
                port.valid & (port.funct3 == BufferOp.CONFIGURE) & (port.funct7[:3] == _SHAPE)
            ),
            windows.start.eq(port.valid & (port.funct3 == BufferOp.MULTIPLY) & port.funct7[0]),
            windows.continues.eq(port.funct7[1]),
            windows.keeps.eq(port.funct7[2]),
            windows.a.eq(port.a),
            windows.b.eq(port.b),
            windows.products.eq(Cat(*dot.products)),
        ]
        return windows

    @staticmethod
    def _join(
        m: Module, windows: Windows, valids: Signal, firsts: Signal, lasts: Signal, products: Signal
    ) -> tuple[Signal, Signal]:
        """Lead sums of windows into the pipeline; return its summand and its ends of channels."""
        sums = [Signal(signed(LANE_BITS), name=f"window_sum_{n}") for n in range(2)]
        are_sums = Signal(2)
        m.d.sync += [
            sums[0].eq(windows.sum),
            sums[1].eq(sums[0]),
            are_sums.eq(Cat(windows.sum_valid, are_sums[0])),
            *(stages[-2].eq(stages[-3] | windows.sum_valid) for stages in (valids, firsts, lasts)),
        ]
        summand = Signal(signed(LANE_BITS))
        m.d.comb += summand.eq(Mux(are_sums[1], sums[1], products))
        return summand, lasts[-3] | windows.sum_valid

    def _window_waits(
        self, m: Module, output: OutputStage, windows: Windows, in_flight: Signal, waits: Signal
    ) -> Signal:
        """Return whether the offered command waits; ``waits`` is the answer without windows."""
        has_windows_in_flight = Signal()
        with m.If(windows.start):
            m.d.sync += has_windows_in_flight.eq(1)
        with m.Elif(~windows.busy & ~in_flight):
            m.d.sync += has_windows_in_flight.eq(0)
        m.d.comb += output.start_word.eq(windows.start & ~has_windows_in_flight)

        needs_ready = (self.funct3 == BufferOp.LOAD_WEIGHTS) | (
            (self.funct3 == BufferOp.LOAD_ACTIVATIONS) | self._is_window
        )
        only_reads = self.funct3 == BufferOp.READ
        after_windows = windows.start | has_windows_in_flight
        all_waits = ~(needs_ready | only_reads)
        among_windows = Signal()
        m.d.comb += among_windows.eq(
            Mux(
                windows.busy | in_flight,
                all_waits | (needs_ready & ~windows.ready) | (self._reads() & ~output.has_few),
                0,
            )
        )
        return Mux(
            (self.funct3 == BufferOp.ADD) & self.funct7[0],
            output.adds,
            Mux(after_windows, among_windows, waits | (self._is_window & in_flight)),
        )

    @property
    def _is_window(self) -> Signal:
        """Whether the offered command is a window."""
        return (self.funct3 == BufferOp.MULTIPLY) & self.funct7[0]

    def _reads(self) -> Signal:
        """Return whether the offered command answers the oldest word of results."""
        is_read = self.funct3 == BufferOp.READ
        if not self._has_windows:
            return is_read
        is_load = self.funct3 == BufferOp.LOAD_ACTIVATIONS
        return is_read | (self._is_window & self.funct7[3]) | (is_load & self.funct7[1])

    def _maximum(self, m: Module) -> Signal:
        """Return the larger one of each int8 of the offered command's operands."""
        answer = Signal(32)
        for byte in range(4):
            a, b = (
                operand.word_select(byte, 8).as_signed()
                for operand in (self.cmd_payload_inputs_0, self.cmd_payload_inputs_1)
            )
            m.d.comb += answer.word_select(byte, 8).eq(Mux(a > b, a, b))
        return Mux(self.funct7[0], answer, 0)

    @property
    def _activation_words(self) -> int:
        return min(self._buffer_depth, MAX_ACTIVATION_WORDS)

    def _add_operands(
        self,
        m: Module,
        port: CommandPort,
        dot: DotProduct,
        is_product: Signal,
        starts_layer: Signal,
        windows: Windows | None,
    ) -> tuple[Signal, Signal]:
        """Add buffers and their addresses; return whether a product is a channel's first, last."""
        m.submodules.activations = activations = StepBuffer(
            depth_words=self._activation_words, step_bytes=self._width
        )
        m.submodules.weights = weights = StepBuffer(
            depth_words=self._buffer_depth, step_bytes=self._width
        )
        for buffer, load in (
            (activations, BufferOp.LOAD_ACTIVATIONS),
            (weights, BufferOp.LOAD_WEIGHTS),
        ):
            m.d.comb += [
                buffer.restart.eq(starts_layer),
                buffer.write.eq(port.valid & (port.funct3 == load)),
                buffer.is_pair.eq(~port.funct7[0]),
                buffer.low.eq(port.a),
                buffer.high.eq(port.b),
                buffer.read.eq(is_product | windows.read if windows is not None else is_product),
            ]
        m.d.comb += [dot.a.eq(activations.data), dot.b.eq(weights.data)]

        window = Signal.like(activations.step)
        activation_step = Signal.like(activations.step)
        weight_step = Signal.like(weights.step)
        step, last_step = Signal(STEP_BITS), Signal(STEP_BITS)
        is_last = Signal()
        read_activation, read_weight = activation_step, weight_step
        if windows is not None:
            read_activation = Mux(windows.read, windows.activation_step, activation_step)
            read_weight = Mux(windows.read, windows.weight_step, weight_step)
        m.d.comb += [
            activations.step.eq(read_activation),
            weights.step.eq(read_weight),
            is_last.eq(step == last_step),
        ]
        with m.If(starts_layer):
            m.d.sync += last_step.eq(port.a - 1)
        with m.If(starts_layer | (port.valid & (port.funct3 == BufferOp.REWIND))):
            start = Mux(starts_layer, 0, port.a)
            m.d.sync += [
                window.eq(start),
                activation_step.eq(start),
                weight_step.eq(0),
                step.eq(0),
            ]
        with m.Elif(is_product):
            m.d.sync += [
                activation_step.eq(Mux(is_last, window, activation_step + 1)),
                weight_step.eq(weight_step + 1),
                step.eq(Mux(is_last, 0, step + 1)),
            ]
        return step == 0, is_last

    def _add_channels(
        self,
        m: Module,
        port: CommandPort,
        output: OutputStage,
        start: Signal,
        finishes: Signal,
        starts_layer: Signal,
        windows: Windows | None,
    ) -> None:
        """Add what differs from channel to channel: bias, multiplier, shift, the end of a word."""
        # Two stages ahead of the accumulator a product looks up its channel: one for the memory,
        # one for the register behind it.
        channel, last_channel = Signal(_CHANNEL_BITS), Signal(_CHANNEL_BITS)
        is_last_channel = Signal(3)
        with m.If(starts_layer):
            m.d.sync += [last_channel.eq(port.b - 1), channel.eq(0)]
        with m.Elif(finishes):
            m.d.sync += channel.eq(Mux(channel == last_channel, 0, channel + 1))
        bias, multiplier, shift = self._add_channel_memories(m, port, channel, starts_layer)
        multipliers = [Signal(31, name=f"multiplier_{n}") for n in range(2)]
        shifts = [Signal(5, name=f"shift_{n}") for n in range(2)]
        m.d.sync += [
            start.eq(bias),
            multipliers[0].eq(multiplier),
            multipliers[1].eq(multipliers[0]),
            shifts[0].eq(shift),
            shifts[1].eq(shifts[0]),
            is_last_channel.eq(Cat(channel == last_channel, is_last_channel[:-1])),
        ]
        if windows is not None:
            m.d.comb += windows.is_last_channel.eq(channel == last_channel)
        m.d.comb += [
            output.multiplier.eq(multipliers[1]),
            output.shift.eq(shifts[1]),
            output.is_last.eq(is_last_channel[2]),
        ]

    @staticmethod
    def _add_channel_memories(
        m: Module, port: CommandPort, channel: Signal, starts_layer: Signal
    ) -> tuple[Signal, Signal, Signal]:
        """Add bias, multiplier and shift of each channel, read a cycle behind ``channel``."""
        attributes = {"ram_style": "block", "no_rw_check": 1}
        m.submodules.biases = biases = Memory(
            shape=unsigned(32), depth=MAX_CHANNELS, init=[], attrs=attributes
        )
        m.submodules.scales = scales = Memory(
            shape=unsigned(36), depth=MAX_CHANNELS, init=[], attrs=attributes
        )
        written = Signal(_CHANNEL_BITS)
        is_set = port.valid & (port.funct3 == BufferOp.SET_CHANNEL)
        is_bias = port.funct7[0]
        with m.If(starts_layer):
            m.d.sync += written.eq(0)
        with m.Elif(is_set & is_bias):
            m.d.sync += written.eq(written + 1)
        for memory, enable, data in (
            (biases, is_set & is_bias, port.a),
            (scales, is_set & ~is_bias, Cat(port.a[:31], port.b[:5])),
        ):
            write_port = memory.write_port()
            m.d.comb += [
                write_port.addr.eq(written),
                write_port.data.eq(data),
                write_port.en.eq(enable),
            ]
        bias_port, scale_port = biases.read_port(), scales.read_port()
        m.d.comb += [bias_port.addr.eq(channel), scale_port.addr.eq(channel)]
        return bias_port.data, scale_port.data[:31], scale_port.data[31:36]
