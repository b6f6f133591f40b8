"""The reference model of the ``stream`` CFU: what each instruction does, without time."""

import numpy as np
import numpy.typing as npt

from hw_templates.cfu.parts.model import OutputStage, signed
from hw_templates.cfu.stream.isa import (
    COUNT_BITS,
    FREE,
    LANE_BITS,
    MAX_CHANNELS,
    MAX_STEPS,
    RESULT_WORDS,
    ROW_BITS,
    ROW_STEP_BITS,
    Op,
    Setting,
    SumOption,
)

_COUNTS = 1 << COUNT_BITS
_HALF = 1 << 16


class _Ring:
    """Steps in a ring of words: appended at one end, freed at the other."""

    def __init__(self, words: int, step_bytes: int) -> None:
        self._bytes = np.zeros(4 * words, dtype=np.int8)
        self._step_bytes = step_bytes
        self._base = self._words = 0

    def clear(self) -> None:
        self._base = self._words = 0

    def load(self, low: int, high: int, *, is_pair: bool) -> None:
        room = len(self._bytes) // 4 - self._words
        if is_pair and room >= 2 and (self._base + self._words) % 2 == 0:
            self._append(low)
            self._append(high)
        elif not is_pair and room >= 1:
            self._append(low)

    def _append(self, word: int) -> None:
        at = 4 * (self._base + self._words) % len(self._bytes)
        self._bytes[at : at + 4] = np.frombuffer(word.to_bytes(4, "little"), dtype=np.int8)
        self._words += 1

    def free(self, steps: int) -> None:
        step_words = self._step_bytes // 4
        words = min(steps, self._words // step_words) * step_words
        self._base += words
        self._words -= words

    def steps(
        self, numbers: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return a row of bytes for each step, zeros where it is not there; and whether it is."""
        in_ring = numbers % (len(self._bytes) // self._step_bytes)
        is_there = in_ring < self._words * 4 // self._step_bytes
        first = self._base * 4 + in_ring[is_there] * self._step_bytes
        at = (first[:, None] + np.arange(self._step_bytes)) % len(self._bytes)
        found = np.zeros((len(numbers), self._step_bytes), dtype=np.int64)
        found[is_there] = self._bytes[at]
        return found, is_there


class StreamModel:
    """The CFU of one design; see ``Op``."""

    def __init__(
        self, *, products: int, filter_words: int, activation_words: int, is_channelwise: bool
    ) -> None:
        self._products = products
        self._can_be_channelwise = is_channelwise
        self._activations = _Ring(activation_words, products)
        self._filters = _Ring(filter_words, products)
        self._biases = [0] * MAX_CHANNELS
        self._scales = [(0, 0)] * MAX_CHANNELS
        self._first_channel = self._channels = 0
        self._output = OutputStage(result_words=RESULT_WORDS)
        self._keeps_accumulators = False
        self._columns = self._rows = 1
        self._column_stride = self._row_pitch = self._pixel_advance = 0
        self._is_channelwise = self._is_maximum = False

    def op(self, funct3: int, funct7: int, a: int, b: int) -> int:
        """Execute one instruction and return its answer."""
        if funct3 == Op.RUN:
            self._run(a, b, frees=bool(funct7 & FREE))
        elif funct3 == Op.CONFIGURE:
            self._configure(funct7 % 8, a, b)
        elif funct3 == Op.LOAD_ACTIVATIONS:
            self._activations.load(a, b, is_pair=funct7 % 2 == 0)
        elif funct3 == Op.LOAD_FILTERS:
            self._filters.load(a, b, is_pair=funct7 % 2 == 0)
        elif funct3 == Op.SET_CHANNEL and self._channels < MAX_CHANNELS:
            at = (self._first_channel + self._channels) % MAX_CHANNELS
            if funct7 % 2 == 0:
                self._scales[at] = (a % (1 << 31), b % 32)
            else:
                self._biases[at] = signed(a, 32)
                self._channels += 1
        elif funct3 == Op.READ:
            return self._output.read()
        elif funct3 == Op.ADD:
            self._output.add_tensors(a, b, keeps_words=True)
        return 0

    def _configure(self, setting: int, a: int, b: int) -> None:
        if setting == Setting.LAYER:
            self._activations.clear()
            self._filters.clear()
            self._first_channel = self._channels = 0
            self._output.clear()
        elif setting == Setting.WINDOW:
            self._columns = a % (1 << ROW_STEP_BITS) + 1
            self._rows = (a >> ROW_STEP_BITS) % (1 << ROW_BITS) + 1
            option = a >> 16 if self._can_be_channelwise else 0
            self._is_channelwise = bool(option & SumOption.CHANNELWISE)
            self._is_maximum = bool(option & SumOption.MAXIMUM)
            self._column_stride, self._row_pitch = b % _HALF, b // _HALF
        elif setting == Setting.PIXEL:
            self._pixel_advance = a % _HALF
        else:
            self._output.configure(setting, a, b)
            if setting == Setting.OUTPUT:
                self._keeps_accumulators = bool(b >> 16 & 1)

    def _run(self, a: int, b: int, *, frees: bool) -> None:
        results, channels = b % _COUNTS + 1, b // _COUNTS % _COUNTS + 1
        words = results
        if self._is_channelwise:
            channels = -(-channels // self._products) * self._products
            words = results * self._products // 4
            if self._keeps_accumulators:
                return
        if channels > self._channels or self._output.waiting + words > RESULT_WORDS:
            return
        rows, columns = np.indices((self._rows, self._columns)).reshape(2, -1)
        window = rows * self._row_pitch + columns * self._column_stride
        if self._is_channelwise:
            self._run_channelwise(window + a % _HALF, results, channels)
        else:
            self._run_sums(window + a % _HALF, results, channels)
        self._activations.free(a >> 16)
        if frees:
            self._filters.free(b >> 16)
            self._first_channel += channels
            self._channels -= channels

    def _run_sums(self, window: npt.NDArray[np.int64], words: int, channels: int) -> None:
        # sums stay far below 2^53, so floating point is exact, and much faster
        filters = self._there(self._filters, np.arange(channels * len(window)))
        filters = filters.reshape(channels, -1)
        steps = 0
        while words > 0:
            sums = filters @ self._there(self._activations, window).reshape(-1)
            begins = steps + np.arange(channels) * len(window)
            sums = np.where(begins < MAX_STEPS, sums, 0)
            steps += channels * len(window)
            for channel in range(channels):
                is_last = channel == channels - 1
                self._finish(int(sums[channel]), channel, is_last=is_last)
                words -= is_last or channel % 4 == 3 or self._keeps_accumulators
                if words == 0:
                    break
            window = window + self._pixel_advance

    @staticmethod
    def _there(ring: _Ring, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        return ring.steps(numbers)[0].astype(np.float64)

    def _run_channelwise(self, window: npt.NDArray[np.int64], results: int, channels: int) -> None:
        groups = channels // self._products
        for result in range(results):
            pixel, group = divmod(result, groups)
            activations, activations_there = self._activations.steps(
                window + group + pixel * self._pixel_advance
            )
            filters, filters_there = self._filters.steps(
                np.arange(len(window)) + group * len(window)
            )
            are_there = activations_there & filters_there
            if result * len(window) >= MAX_STEPS:
                are_there = np.zeros_like(are_there)
            products = (activations * filters)[are_there]
            if self._is_maximum:
                low = (products + 128) % 256 - 128
                starts = np.zeros((int(not are_there[0]), self._products), dtype=np.int64)
                lanes = np.concatenate([starts, low]).max(axis=0)
            else:
                lanes = products.sum(axis=0)
            for lane, total in enumerate(lanes):
                channel = group * self._products + lane
                self._finish(signed(int(total), LANE_BITS), channel, is_last=False)

    def _finish(self, total: int, channel: int, *, is_last: bool) -> None:
        at = (self._first_channel + channel) % MAX_CHANNELS
        accumulator = signed(total + self._biases[at], 32)
        if self._keeps_accumulators:
            self._output.add_word(accumulator)
        else:
            self._output.add_result(accumulator, *self._scales[at], is_last=is_last)
