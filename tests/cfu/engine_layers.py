"""Random layers for the engine, what they must give in plain loops, and how they are run."""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.descriptor import Descriptor
from hw_templates.cfu.engine.image import ImageFormat
from hw_templates.cfu.engine.isa import ADD_LEFT_SHIFT, DESCRIPTOR_WORDS, Kind, Memory, Operation
from sw_templates.constants import packed_int4
from tests.cfu.cfu_harness import Command
from tests.cfu.simd_layers import requantised, requantised_once

Int8s = npt.NDArray[np.int8]
EDGES = (-128, -127, -1, 0, 1, 127)
WORD = 0xFFFF_FFFF


def int32(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def random_int8s(rng: random.Random, shape: tuple[int, ...]) -> Int8s:
    """Return noise, noise of extremes, or one extreme everywhere."""
    style = rng.random()
    choices = EDGES if style < 0.3 else (rng.choice(EDGES),) if style < 0.4 else range(-128, 128)
    values = rng.choices(choices, k=int(np.prod(shape)))
    return np.array(values, dtype=np.int8).reshape(shape)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A descriptor with all that lies in the memories, and the channels that count."""

    descriptor: Descriptor
    image: Int8s  # row, column, channel
    second: Int8s | None
    weights: Int8s  # DENSE: channel, row, column, input channel; CHANNELWISE: channel, row, column
    channels: tuple[tuple[int, int, int], ...]  # bias, multiplier, shift

    def expected(self) -> Int8s:
        """Return the output [row, column, channel] of the channels that count."""
        d = self.descriptor
        result = np.zeros((*d.output_size, len(self.channels)), dtype=np.int8)
        for y, x, channel in np.ndindex(result.shape):
            bias, multiplier, shift = self.channels[channel]
            scale = requantised_once if d.rounds_once else requantised
            total = int32(self._sum(y, x, channel) + bias)
            value = scale(total, multiplier, -shift) + d.output_zero_point
            if value < d.limits[0]:
                value = d.limits[0]
            elif value > d.limits[1]:
                value = d.limits[1]
            result[y, x, channel] = value
        return result

    def _sum(self, y: int, x: int, channel: int) -> int:
        d = self.descriptor
        if d.kind is Kind.ADD:
            assert self.second is not None
            scale = requantised_once if d.rounds_once else requantised
            total = 0
            for operand, tensor in enumerate((self.image, self.second)):
                value = int(tensor[y, x, channel]) - d.zero_points[operand]
                total += scale(value << ADD_LEFT_SHIFT, d.multipliers[operand], -d.shifts[operand])
            return total
        total, largest = 0, -128
        for ky, kx in np.ndindex(d.kernel):
            row = y * d.stride[0] + ky - d.padding[0]
            column = x * d.stride[1] + kx - d.padding[1]
            is_inside = 0 <= row < d.input_size[0] and 0 <= column < d.input_size[1]
            if d.kind is Kind.DENSE:
                filling = np.full(self.image.shape[2], d.padded_with)
                pixel = self.image[row, column] if is_inside else filling
                total += int(pixel.astype(np.int64) @ self.weights[channel, ky, kx])
            else:
                value = int(self.image[row, column, channel]) if is_inside else d.padded_with
                if is_inside:
                    largest = max(largest, value)
                total += value * int(self.weights[channel, ky, kx])
        return 2 * largest if d.kind is Kind.MAXIMUM else total


def random_layer(
    rng: random.Random, config: EngineConfig, kind: Kind, *, window: tuple[int, int] | None = None
) -> Layer:
    """Return a small layer of any shape, or with a window of one size."""
    while True:
        kernel = window or (rng.randrange(1, 5), rng.randrange(1, 5))
        stride = (rng.randrange(1, 4), rng.randrange(1, 4))
        size = (rng.randrange(1, 9), rng.randrange(1, 9))
        padding = (rng.randrange(kernel[0]), rng.randrange(kernel[1]))
        output = (rng.randrange(1, 6), rng.randrange(1, 6))
        in_channels = rng.choice((1, 3, config.rows, rng.randrange(1, 2 * config.rows + 2)))
        out_channels = rng.choice((1, config.cols, rng.randrange(1, 2 * config.rows + 2)))
        if kind is Kind.ADD:
            kernel, stride, padding, size = (1, 1), (1, 1), (0, 0), output
        if kind is not Kind.DENSE:
            out_channels = in_channels
        blocks = -(-in_channels // config.rows)
        tiles = -(-out_channels // config.cols)
        weight_shape = (out_channels, *kernel, *([in_channels] if kind is Kind.DENSE else []))
        if kind is Kind.DENSE and tiles * kernel[0] * kernel[1] * blocks > config.weight_rows:
            continue
        word = WORD + 1
        in_words = size[0] * size[1] * blocks * config.rows // 4
        out_blocks = -(-tiles * config.cols // config.rows)
        out_words = output[0] * output[1] * out_blocks * config.rows // 4
        all_words = config.words(Memory.ACTIVATIONS)
        if 2 * in_words + out_words > all_words:
            continue
        start = _start(rng, all_words, needed=2 * in_words + out_words, step=config.rows // 4)
        taps = tiles * kernel[0] * kernel[1]
        if kind is Kind.DENSE:
            weights = _start(rng, config.weight_rows, needed=taps * blocks, most=1 << 16)
        else:
            weights = _start(rng, config.channel_weight_rows, needed=taps, most=1 << 16)
        channels_at = _start(rng, config.channels, needed=tiles * config.cols, step=config.cols)
        limits = sorted(rng.choices(range(-128, 128), k=2))
        edge = rng.random() < 0.3
        descriptor = Descriptor(
            kind=kind,
            rounds_once=rng.random() < 0.5,
            input=start,
            second_input=(start + in_words) % all_words,
            output=(start + 2 * in_words) % all_words,
            input_size=size,
            output_size=output,
            input_blocks=blocks,
            output_tiles=tiles,
            kernel=kernel,
            stride=stride,
            padding=padding,
            padded_with=rng.choice(EDGES),
            weights=weights,
            channels=channels_at,
            output_zero_point=rng.choice(EDGES),
            limits=(-128, 127) if rng.random() < 0.7 else (limits[0], limits[1]),
            zero_points=(rng.choice(EDGES), rng.choice(EDGES)),
            multipliers=(rng.randrange(word // 4, word // 2), rng.randrange(word // 4, word // 2)),
            shifts=(rng.choice((0, 0, 1, 5, 31)), rng.choice((0, 0, 1, 5, 31))),
        )
        count = out_channels
        channels = tuple(
            (
                0 if kind is Kind.ADD and not edge else _bias(rng),
                rng.choice((0, 1, word // 2 - 1, 1 << 30))
                if edge
                else rng.randrange(1 << 30, 1 << 31),
                rng.randrange(32) if edge else rng.randrange(5, 12),
            )
            for _ in range(min(count, config.cols) if kind is Kind.ADD else count)
        )
        if kind is Kind.ADD:
            scale = 9 if not edge else 0
            channels = tuple(
                (b, m, s + scale) if s + scale < 32 else (b, m, s) for b, m, s in channels
            )
            channels = tuple(channels[n % config.cols] for n in range(count))
        return Layer(
            descriptor=descriptor,
            image=random_int8s(rng, (*size, in_channels)),
            second=random_int8s(rng, (*size, in_channels)) if kind is Kind.ADD else None,
            weights=random_int8s(rng, weight_shape)
            >> (8 - config.weight_bits if kind is Kind.DENSE else 0),
            channels=channels,
        )


def _start(
    rng: random.Random, size: int, *, needed: int, step: int = 1, most: int | None = None
) -> int:
    """Return where something begins: where it fits, or anywhere up to `most` if addresses wrap."""
    wraps = size & (size - 1) == 0
    room = (size if most is None else most) if wraps else size - needed + step
    return rng.randrange(room // step) * step


def _bias(rng: random.Random) -> int:
    if rng.random() < 0.1:
        return rng.choice(((1 << 31) - 1, -(1 << 31)))
    return rng.randrange(-5000, 5000)


def packed_activations(rng: random.Random, config: EngineConfig, tensor: Int8s) -> bytes:
    """Return a tensor as the engine lays it out, noise in the lanes that do not count."""
    blocks = -(-tensor.shape[2] // config.rows)
    rows = random_int8s(rng, (*tensor.shape[:2], blocks * config.rows))
    rows[:, :, : tensor.shape[2]] = tensor
    return rows.tobytes()


def packed_weights(config: EngineConfig, layer: Layer) -> bytes:
    """Return the rows of WEIGHTS or CHANNEL_WEIGHTS."""
    d = layer.descriptor
    out_channels = d.output_tiles * config.cols
    if d.kind is not Kind.DENSE:
        padded = np.zeros((out_channels, *d.kernel), dtype=np.int8)
        padded[: len(layer.weights)] = layer.weights
        return padded.reshape(d.output_tiles, config.cols, -1).transpose(0, 2, 1).tobytes()
    padded = np.zeros((out_channels, *d.kernel, d.input_blocks * config.rows), dtype=np.int8)
    padded[: len(layer.weights), :, :, : layer.weights.shape[3]] = layer.weights
    tiles = padded.reshape(d.output_tiles, config.cols, -1, config.rows)
    weights = tiles.transpose(0, 2, 1, 3).reshape(-1)
    return (packed_int4(weights[None]) if config.weight_bits == 4 else weights).tobytes()


def writes(memory: Memory, word: int, data: bytes) -> list[Command]:
    """Return the instructions that write bytes to a memory."""
    words = np.frombuffer(data, dtype="<u4")
    commands = [Command(Operation.SET_POINTER, memory, word)]
    start = 0
    if word % 2 and len(words):
        commands.append(Command(Operation.WRITE, memory, int(words[0])))
        start = 1
    pairs = (len(words) - start) // 2
    for at in range(start, start + 2 * pairs, 2):
        commands.append(Command(Operation.WRITE_PAIR, memory, int(words[at]), int(words[at + 1])))
    if start + 2 * pairs < len(words):
        commands.append(Command(Operation.WRITE, memory, int(words[-1])))
    return commands


def sent(words: npt.NDArray[Any]) -> list[Command]:
    """Return the instructions that stream an even number of words."""
    return [Command(Operation.STREAM, 0, int(a), int(b)) for a, b in words.reshape(-1, 2)]


def sending(image: ImageFormat, content: bytes, *, at: int) -> list[Command]:
    """Return the instructions that spread an image over rows from a word on."""
    padded = content + b"\xa5" * (-len(content) % 8)
    return [
        Command(Operation.SET_POINTER, 0, at),
        Command(Operation.STREAM, 1, *image.words()),
        *sent(np.frombuffer(padded, dtype="<u4")),
    ]


def loads(rng: random.Random, config: EngineConfig, layer: Layer, number: int) -> list[Command]:
    """Return the instructions that bring a layer into the memories as descriptor ``number``."""
    d = layer.descriptor
    program = np.array(d.words(), dtype="<u4").tobytes()
    commands = writes(Memory.PROGRAM, number * DESCRIPTOR_WORDS, program)
    commands += writes(Memory.ACTIVATIONS, d.input, packed_activations(rng, config, layer.image))
    if layer.second is not None:
        second = packed_activations(rng, config, layer.second)
        commands += writes(Memory.ACTIVATIONS, d.second_input, second)
    if d.kind is Kind.DENSE:
        words = d.weights * config.rows * config.cols * config.weight_bits // 32
        commands += writes(Memory.WEIGHTS, words, packed_weights(config, layer))
    elif d.kind is Kind.CHANNELWISE:
        words = d.weights * config.cols // 4
        commands += writes(Memory.CHANNEL_WEIGHTS, words, packed_weights(config, layer))
    held = d.output_tiles * config.cols if d.kind is not Kind.ADD else config.cols
    constants = np.zeros((held, 4), dtype=np.int64)
    kept = np.array(layer.channels, dtype=np.int64)[:held]
    constants[: len(kept), :3] = kept
    noise = [rng.getrandbits(32) for _ in range(held)]
    constants[:, 3] = noise
    commands += writes(Memory.CHANNELS, 4 * d.channels, (constants & WORD).astype("<u4").tobytes())
    return commands


def runs(number: int) -> list[Command]:
    """Return the instructions that run one descriptor and wait."""
    return [Command(Operation.START, 0, number, 1), Command(Operation.WAIT)]


def reads(config: EngineConfig, layer: Layer) -> list[Command]:
    """Return the instructions that read the whole output."""
    d = layer.descriptor
    blocks = -(-d.output_tiles * config.cols // config.rows)
    words = d.output_size[0] * d.output_size[1] * blocks * config.rows // 4
    return [
        Command(Operation.SET_POINTER, 0, d.output),
        *[Command(Operation.READ, Memory.ACTIVATIONS)] * words,
    ]


def unpacked(layer: Layer, answers: list[int]) -> Int8s:
    """Return the tensor [row, column, channel] from the answers of ``reads``."""
    d = layer.descriptor
    data = np.array(answers[1:], dtype="<u4").view(np.int8)
    return data.reshape(*d.output_size, -1)[:, :, : len(layer.channels)]
