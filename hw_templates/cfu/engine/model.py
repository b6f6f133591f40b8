"""Reference model of the engine: executes descriptors in NumPy, without time."""

import numpy as np
import numpy.typing as npt

from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.descriptor import Descriptor
from hw_templates.cfu.engine.image import MOST_BYTES, ImageModel
from hw_templates.cfu.engine.isa import (
    ADD_LEFT_SHIFT,
    CHANNEL_WORDS,
    DESCRIPTOR_WORDS,
    MAX_DESCRIPTORS,
    MAX_STEPS,
    WORD_BYTES,
    Kind,
    Memory,
    Operation,
    place_in,
)
from hw_templates.cfu.engine.weights import as_int8

Int8s = npt.NDArray[np.int8]
Int64s = npt.NDArray[np.int64]

_WORD = 0xFFFF_FFFF


def wrapped(values: Int64s) -> Int64s:
    """Keep the low 32 bits of each value as a number with a sign."""
    return ((values + (1 << 31)) & _WORD) - (1 << 31)


def requantise(
    values: Int64s,
    multipliers: Int64s | np.int64,
    shifts: Int64s | np.int64,
    *,
    rounds_once: bool,
) -> Int64s:
    """Scale sums as ``isa.Word`` says.

    Args:
        values: int32.
        multipliers: Q31, 0 to 2^31 - 1; of the shape of ``values``, or one that becomes it.
        shifts: To the right, 0 to 31.
        rounds_once: Whether there is one rounding at 2^(31 + shift), or two.
    """
    products = values * multipliers
    if rounds_once:
        half = (np.int64(1) << (30 + shifts)) - (values < 0)
        return (products + half) >> (31 + shifts)
    high = (products + (1 << 30)) >> 31
    mask = (np.int64(1) << shifts) - 1
    threshold = (mask >> 1) + (high < 0)
    return (high >> shifts) + ((high & mask) > threshold)


class EngineModel:
    """What the hardware answers, and what its memories hold."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._memories = {memory: np.zeros(config.words(memory), dtype="<u4") for memory in Memory}
        self._pointer = 0
        self._image = ImageModel(row_bytes=min(config.rows, MOST_BYTES))

    def op(self, funct3: int, funct7: int, a: int, b: int) -> int:
        """Execute one instruction and return its answer."""
        if funct3 == Operation.SET_POINTER:
            self._pointer = a
        elif funct3 == Operation.WRITE:
            self._write(funct7, self._pointer, a)
            self._pointer += 1
        elif funct3 == Operation.WRITE_PAIR:
            self._write(funct7, self._pointer & ~1, a)
            self._write(funct7, self._pointer | 1, b)
            self._pointer += 2
        elif funct3 == Operation.READ:
            at, self._pointer = self._pointer, self._pointer + 1
            words = self._memories[Memory.ACTIVATIONS]
            return int(words[place_in(len(words), at)]) if funct7 % 8 == Memory.ACTIVATIONS else 0
        elif funct3 == Operation.START:
            self._run(a % MAX_DESCRIPTORS, b % 256)
        elif funct3 == Operation.STREAM:
            self._stream(funct7 % 2, a, b)
        return 0

    def _stream(self, begins: int, a: int, b: int) -> None:
        if begins:
            self._image = ImageModel.begin(a, b, rows=self._config.rows)
            return
        for row in self._image.append(a, b):
            for number, word in enumerate(row):
                self._write(Memory.ACTIVATIONS, self._pointer + number, word)
            self._pointer += self._config.rows // WORD_BYTES

    def _write(self, funct7: int, pointer: int, value: int) -> None:
        if funct7 % 8 in self._memories:
            words = self._memories[Memory(funct7 % 8)]
            words[place_in(len(words), pointer)] = value

    def _run(self, first: int, count: int) -> None:
        program = self._memories[Memory.PROGRAM].reshape(-1, DESCRIPTOR_WORDS)
        for number in range(first, first + count):
            words = [int(word) for word in program[number % MAX_DESCRIPTORS]]
            layer = Descriptor.from_words(words)
            if layer is None or layer.steps > MAX_STEPS:
                return
            self._execute(layer)

    def _execute(self, layer: Descriptor) -> None:
        if layer.kind is Kind.ADD:
            sums = self._added(layer)
        elif layer.kind is Kind.DENSE:
            sums = self._dense(layer)
        else:
            sums = self._channelwise(layer)
        tiles = layer.output_tiles if layer.kind is not Kind.ADD else 1
        cols = self._config.cols
        channels = self._memories[Memory.CHANNELS].reshape(-1, CHANNEL_WORDS).astype(np.int64)
        first = layer.channels // cols * cols
        own = channels[(first + np.arange(tiles * cols)) % len(channels)].reshape(tiles, cols, -1)
        scaled = requantise(
            wrapped(sums + wrapped(own[..., 0])),
            own[..., 1] % (1 << 31),
            own[..., 2] % 32,
            rounds_once=layer.rounds_once,
        )
        least, greatest = layer.limits
        results = scaled + layer.output_zero_point
        clamped = np.where(results < least, least, np.where(results > greatest, greatest, results))
        self._store(layer, clamped.astype(np.int8))

    def _store(self, layer: Descriptor, results: Int8s) -> None:
        """Write results of shape [pixel, tile, column]."""
        cols, rows = self._config.cols, self._config.rows
        parts = self._activations().reshape(-1, rows // cols, cols)
        blocks = -(-layer.output_tiles * cols // rows)
        at, part = self._tile_places(layer)
        first = layer.output * WORD_BYTES // rows
        pixels = np.arange(len(results))[:, None]
        parts[place_in(len(parts), first + pixels * blocks + at), part] = results

    def _tile_places(self, layer: Descriptor) -> tuple[Int64s, Int64s]:
        """Return for each tile the block that holds its channels, and which part of its row."""
        channels = np.arange(layer.output_tiles) * self._config.cols
        return channels // self._config.rows, channels % self._config.rows // self._config.cols

    def _activations(self) -> Int8s:
        """Return ACTIVATIONS by rows."""
        return self._memories[Memory.ACTIVATIONS].view(np.int8).reshape(-1, self._config.rows)

    def _dense(self, layer: Descriptor) -> Int64s:
        rows, cols = self._config.rows, self._config.cols
        height, width = layer.kernel
        stored = self._memories[Memory.WEIGHTS].view(np.int8)
        weights = as_int8(stored, bits=self._config.weight_bits).reshape(-1, cols, rows)
        steps = height * width * layer.input_blocks
        numbers = layer.weights + np.arange(layer.output_tiles * steps)
        own = weights[place_in(len(weights), numbers)].reshape(
            layer.output_tiles, height * width, -1, cols, rows
        )
        pixels = layer.output_size[0] * layer.output_size[1]
        sums = np.zeros((pixels, layer.output_tiles * cols))
        for tap in range(height * width):
            inputs, _ = self._inputs(layer, tap, np.arange(layer.input_blocks))
            matrix = own[:, tap].transpose(1, 3, 0, 2).reshape(layer.input_blocks * rows, -1)
            # exact: less than 2^24 steps of 32 products of 14 bits
            sums += inputs.reshape(pixels, -1).astype(float) @ matrix.astype(float)
        return wrapped(sums.astype(np.int64)).reshape(pixels, layer.output_tiles, cols)

    def _channelwise(self, layer: Descriptor) -> Int64s:
        """Return sums or, for MAXIMUM, twice the largest activations."""
        rows, cols = self._config.rows, self._config.cols
        taps = layer.kernel[0] * layer.kernel[1]
        weights = self._memories[Memory.CHANNEL_WEIGHTS].view(np.int8).reshape(-1, cols)
        numbers = layer.weights + np.arange(layer.output_tiles * taps)
        own = weights[place_in(len(weights), numbers)].reshape(layer.output_tiles, taps, cols)
        at, part = self._tile_places(layer)
        pixels = layer.output_size[0] * layer.output_size[1]
        is_maximum = layer.kind is Kind.MAXIMUM
        shape = (pixels, layer.output_tiles, cols)
        sums = np.full(shape, -256 if is_maximum else 0, dtype=np.int64)
        for tap in range(taps):
            blocks, is_inside = self._inputs(layer, tap, at)
            parts = blocks.reshape(pixels, layer.output_tiles, rows // cols, cols)
            inputs = parts[:, np.arange(layer.output_tiles), part].astype(np.int64)
            if is_maximum:
                np.maximum(sums, 2 * inputs, out=sums, where=is_inside[:, None, None])
            else:
                sums += inputs * own[:, tap]
        return wrapped(sums)

    def _inputs(
        self, layer: Descriptor, tap: int, blocks: Int64s
    ) -> tuple[Int8s, npt.NDArray[np.bool_]]:
        """Return the rows [pixel, block, lane] under a tap, and which pixels are in the image."""
        y, x = np.divmod(
            np.arange(layer.output_size[0] * layer.output_size[1]), layer.output_size[1]
        )
        in_y = y * layer.stride[0] + tap // layer.kernel[1] - layer.padding[0]
        in_x = x * layer.stride[1] + tap % layer.kernel[1] - layer.padding[1]
        height, width = layer.input_size
        is_inside = (in_y >= 0) & (in_y < height) & (in_x >= 0) & (in_x < width)
        inputs = self._rows_of(layer.input, in_y * width + in_x, layer.input_blocks, blocks)
        return np.where(is_inside[:, None, None], inputs, np.int8(layer.padded_with)), is_inside

    def _rows_of(self, word: int, pixels: Int64s, pixel_blocks: int, blocks: Int64s) -> Int8s:
        """Return rows [pixel, block, lane] of a tensor that begins at a word."""
        activations = self._activations()
        first = word * WORD_BYTES // self._config.rows
        numbers = first + pixels[:, None] * pixel_blocks + blocks
        return np.asarray(activations[place_in(len(activations), numbers)])

    def _added(self, layer: Descriptor) -> Int64s:
        rows, cols = self._config.rows, self._config.cols
        pixels = np.arange(layer.output_size[0] * layer.output_size[1])
        at, part = self._tile_places(layer)
        total = np.zeros((len(pixels), layer.output_tiles, cols), dtype=np.int64)
        operands = zip(
            (layer.input, layer.second_input),
            layer.zero_points,
            layer.multipliers,
            layer.shifts,
            strict=True,
        )
        for word, zero_point, multiplier, shift in operands:
            blocks = self._rows_of(word, pixels, layer.input_blocks, at)
            parts = blocks.reshape(len(pixels), layer.output_tiles, rows // cols, cols)
            inputs = parts[:, np.arange(layer.output_tiles), part].astype(np.int64)
            total += requantise(
                (inputs - zero_point) << ADD_LEFT_SHIFT,
                np.array(multiplier, dtype=np.int64),
                np.array(shift, dtype=np.int64),
                rounds_once=layer.rounds_once,
            )
        return wrapped(total)
