"""Reference models of the ``simd`` CFUs: what each instruction does, without time."""

from hw_templates.cfu.parts.model import OutputStage, dot, signed
from hw_templates.cfu.simd.isa import (
    ACCUMULATORS,
    LANE_BITS,
    MAX_ACTIVATION_WORDS,
    MAX_CHANNELS,
    RESULT_WORDS,
    STEP_BITS,
    WINDOW_RESULT_WORDS,
    WINDOW_SIDE_BITS,
    BufferOp,
    RegisterOp,
    WindowOption,
)

_WORD = 0xFFFF_FFFF


class RegistersModel:
    """The CFU without buffers; see ``RegisterOp``."""

    def __init__(self, *, width: int, has_requantiser: bool) -> None:
        self._width = width
        self._has_requantiser = has_requantiser
        self._accumulators = [0] * ACCUMULATORS
        self._output = OutputStage(result_words=RESULT_WORDS)

    def op(self, funct3: int, funct7: int, a: int, b: int) -> int:
        """Execute one instruction and return its answer."""
        index = funct7 % ACCUMULATORS
        value = self._accumulators[index]
        if funct3 == RegisterOp.MULTIPLY:
            low_a = a.to_bytes(4, "little")[: self._width]
            low_b = b.to_bytes(4, "little")[: self._width]
            self._accumulators[index] = (value + dot(low_a, low_b)) & _WORD
        elif funct3 == RegisterOp.SET:
            self._accumulators[index] = a
        elif funct3 == RegisterOp.GET:
            return value
        elif self._has_requantiser:
            return self._output_op(funct3, funct7, a, b)
        return 0

    def _output_op(self, funct3: int, funct7: int, a: int, b: int) -> int:
        if funct3 == RegisterOp.CONFIGURE and funct7 % 4 == 0:
            self._output.clear()
        elif funct3 == RegisterOp.CONFIGURE:
            self._output.configure(funct7 % 4, a, b)
        elif funct3 == RegisterOp.FINISH:
            value = signed(self._accumulators[funct7 % ACCUMULATORS], 32)
            self._output.add_result(value, a % (1 << 31), b % 32, is_last=False)
        elif funct3 == RegisterOp.ADD:
            self._output.add_tensors(a, b, keeps_words=True)
        elif funct3 == RegisterOp.READ:
            return self._output.read()
        return 0


class _Buffer:
    """Bytes written by words and read by steps; both addresses wrap."""

    def __init__(self, depth_words: int, step_bytes: int) -> None:
        self._bytes = bytearray(4 * depth_words)
        self._step_bytes = step_bytes
        self._word = 0

    def restart(self) -> None:
        self._word = 0

    def load(self, low: int, high: int, *, is_pair: bool) -> None:
        words = len(self._bytes) // 4
        if is_pair:
            self._store(self._word & ~1, low)
            self._store(self._word | 1, high)
        else:
            self._store(self._word, low)
        self._word = (self._word + (2 if is_pair else 1)) % words

    def _store(self, word: int, value: int) -> None:
        self._bytes[4 * word : 4 * word + 4] = value.to_bytes(4, "little")

    def step(self, index: int) -> bytes:
        start = index * self._step_bytes % len(self._bytes)
        return bytes(self._bytes[start : start + self._step_bytes])


def _is_for_windows(funct3: int, funct7: int) -> bool:
    if funct3 == BufferOp.CONFIGURE:
        return funct7 % 8 == WindowOption.SHAPE
    if funct3 == BufferOp.LOAD_ACTIVATIONS:
        return bool(funct7 & WindowOption.LOAD_READS)
    return funct3 in (BufferOp.MULTIPLY, BufferOp.ADD) and funct7 % 2 == 1


class BuffersModel:
    """The CFU with buffers; see ``BufferOp``."""

    def __init__(
        self, *, width: int, buffer_depth: int, has_requantiser: bool, has_windows: bool = False
    ) -> None:
        self._has_requantiser = has_requantiser
        self._has_windows = has_windows
        self._lanes = [0] * width
        self._shape = (1, 1)
        self._strides = (0, 0)
        self._activations = _Buffer(min(buffer_depth, MAX_ACTIVATION_WORDS), width)
        self._weights = _Buffer(buffer_depth, width)
        self._output = OutputStage(
            result_words=WINDOW_RESULT_WORDS if has_windows else RESULT_WORDS
        )
        self._biases = [0] * MAX_CHANNELS
        self._multipliers = [0] * MAX_CHANNELS
        self._shifts = [0] * MAX_CHANNELS
        self._last_step = self._last_channel = 0
        self._written = self._channel = self._accumulator = 0
        self._window_start = self._activation_step = self._weight_step = self._step = 0
        self._keeps_accumulators = not has_requantiser

    def op(self, funct3: int, funct7: int, a: int, b: int) -> int:
        """Execute one instruction and return its answer."""
        option = funct7 & 1
        if self._has_windows and _is_for_windows(funct3, funct7):
            return self._window_op(funct3, funct7, a, b)
        if funct3 == BufferOp.MULTIPLY:
            self._multiply()
        elif funct3 == BufferOp.CONFIGURE and funct7 % 4 == 0:
            self._last_step = (a - 1) % (1 << STEP_BITS)
            self._last_channel = (b - 1) % MAX_CHANNELS
            self._start_layer()
        elif funct3 == BufferOp.CONFIGURE and self._has_requantiser:
            self._output.configure(funct7 % 4, a, b)
            if funct7 % 4 == 1:
                self._keeps_accumulators = bool(b >> 16 & 1)
        elif funct3 == BufferOp.LOAD_ACTIVATIONS:
            self._activations.load(a, b, is_pair=option == 0)
        elif funct3 == BufferOp.LOAD_WEIGHTS:
            self._weights.load(a, b, is_pair=option == 0)
        elif funct3 == BufferOp.REWIND:
            self._rewind(a)
        elif funct3 == BufferOp.SET_CHANNEL and option == 0:
            self._multipliers[self._written] = a % (1 << 31)
            self._shifts[self._written] = b % 32
        elif funct3 == BufferOp.SET_CHANNEL:
            self._biases[self._written] = signed(a, 32)
            self._written = (self._written + 1) % MAX_CHANNELS
        elif funct3 == BufferOp.READ:
            return self._output.read()
        elif funct3 == BufferOp.ADD and self._has_requantiser:
            self._output.add_tensors(a, b, keeps_words=not self._keeps_accumulators)
        return 0

    def _window_op(self, funct3: int, funct7: int, a: int, b: int) -> int:
        if funct3 == BufferOp.MULTIPLY:
            answer = self._output.read() if funct7 & WindowOption.WINDOW_READS else 0
            self._window(funct7, a, b)
            return answer
        if funct3 == BufferOp.LOAD_ACTIVATIONS:
            self._activations.load(a, b, is_pair=funct7 % 2 == 0)
            return self._output.read()
        if funct3 == BufferOp.CONFIGURE:
            self._strides = (a % (1 << 16), a >> 16)
            side = 1 << WINDOW_SIDE_BITS
            self._shape = (b % side + 1, b // side % side + 1)
        else:
            pairs = zip(a.to_bytes(4, "little"), b.to_bytes(4, "little"), strict=True)
            larger = bytes(max(pair, key=lambda byte: signed(byte, 8)) for pair in pairs)
            return int.from_bytes(larger, "little")
        return 0

    def _window(self, options: int, activation_step: int, weight_step: int) -> None:
        if not options & WindowOption.WINDOW_CONTINUES:
            self._lanes = [0] * len(self._lanes)
        for row in range(self._shape[1]):
            for column in range(self._shape[0]):
                tap = activation_step + row * self._strides[1] + column * self._strides[0]
                pairs = zip(
                    self._activations.step(tap), self._weights.step(weight_step), strict=True
                )
                for lane, (x, y) in enumerate(pairs):
                    total = self._lanes[lane] + signed(x, 8) * signed(y, 8)
                    self._lanes[lane] = signed(total, LANE_BITS)
                weight_step += 1
        self._output.start_word()
        if options & WindowOption.WINDOW_KEEPS:
            return
        for lane in self._lanes:
            self._accumulator = signed(lane + self._biases[self._channel], 32)
            if self._end_channel():
                break

    def _start_layer(self) -> None:
        self._activations.restart()
        self._weights.restart()
        self._output.clear()
        self._written = self._channel = self._accumulator = 0
        self._rewind(0)

    def _rewind(self, window: int) -> None:
        self._window_start = self._activation_step = window
        self._weight_step = self._step = 0

    def _multiply(self) -> None:
        if self._step == 0:
            self._accumulator = self._biases[self._channel] if self._has_requantiser else 0
        products = dot(
            self._activations.step(self._activation_step), self._weights.step(self._weight_step)
        )
        self._accumulator = signed(self._accumulator + products, 32)
        self._weight_step += 1
        if self._step == self._last_step:
            self._finish_channel()
        else:
            self._step += 1
            self._activation_step += 1

    def _finish_channel(self) -> None:
        self._activation_step = self._window_start
        self._step = 0
        self._end_channel()

    def _end_channel(self) -> bool:
        """Hand out the accumulator; tell whether its channel was the layer's last."""
        channel, is_last = self._channel, self._channel == self._last_channel
        self._channel = 0 if is_last else (channel + 1) % MAX_CHANNELS
        if self._keeps_accumulators:
            self._output.add_word(self._accumulator)
        else:
            self._output.add_result(
                self._accumulator,
                self._multipliers[channel],
                self._shifts[channel],
                is_last=is_last,
            )
        return is_last
