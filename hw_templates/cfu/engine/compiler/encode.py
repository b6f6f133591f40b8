"""From placed tasks to the words of the engine's memories, and to what the driver's C needs."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.network import Image
from hw_templates.cfu.engine.compiler.memory import ConstantMemory, Home
from hw_templates.cfu.engine.compiler.task import SpreadImage, Task, blocks, tiles
from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.descriptor import Descriptor
from hw_templates.cfu.engine.image import ImageFormat
from hw_templates.cfu.engine.isa import CHANNEL_WORDS, WORD_BYTES, Kind, Memory

_PIXEL_CYCLES = 10
_WORD_CYCLES = 3
_SHIFTED_WORD_CYCLES = 10
_PUSH_CYCLES = 1
"""Of a pixel that the engine spreads over rows, beside one for each word of a row."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """A task with its place: in the network, and in the memory of activations.

    Attributes:
        task: What is done.
        layer: Position of the layer.
        inputs: Where its inputs lie.
        output: Where its output does.
    """

    task: Task
    layer: int
    inputs: tuple[Home, ...]
    output: Home


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One row of the driver's table of transfers.

    Attributes:
        word: Where the tensor begins in ACTIVATIONS.
        pixels: How many pieces it is copied in.
        pixel_bytes: Bytes of one of them in the CPU's memory.
        pixel_words: From one to the next in ACTIVATIONS.
        spread: How the engine spreads it over rows while it is written; None for copies.
    """

    word: int
    pixels: int
    pixel_bytes: int
    pixel_words: int
    spread: ImageFormat | None = None

    @property
    def stream(self) -> tuple[int, int]:
        """What begins the image of STREAM; zeros for copies."""
        return self.spread.words() if self.spread is not None else (0, 0)

    @property
    def cycles(self) -> int:
        """About how many the CPU takes to write it: whole words by pairs, others by shifts."""
        words = -(-self.pixel_bytes // WORD_BYTES)
        if self.spread is not None:
            pushes = self.spread.height * (self.spread.width + self.spread.ahead)
            pixels = self.spread.height * self.spread.width
            return max(_WORD_CYCLES * words, _PUSH_CYCLES * pushes + self.spread.row_words * pixels)
        if self.pixels == 1 or self.pixel_bytes % WORD_BYTES == 0:
            return self.pixels * (_PIXEL_CYCLES + _WORD_CYCLES * words)
        return self.pixels * (_PIXEL_CYCLES + _SHIFTED_WORD_CYCLES * words)


def program_variables(
    tasks: Sequence[Placed], copied: Sequence[Home], names: Sequence[str], config: EngineConfig
) -> tuple[dict[str, object], int]:
    """Return the variables of ``unit.c.j2``, and the bytes of the constants among them.

    Args:
        tasks: In the order of their numbers.
        copied: The homes that the CPU writes or reads, in the order of their numbers.
        names: Of the network's layers, for messages.
        config: The engine.

    Raises:
        DoesNotFit: A memory of constants is too small.
    """
    weights = ConstantMemory(
        what="weights",
        row_bytes=config.rows * config.cols,
        capacity_rows=config.weight_rows,
    )
    channel_weights = ConstantMemory(
        what="channel-by-channel weights",
        row_bytes=config.cols,
        capacity_rows=config.channel_weight_rows,
    )
    channels = ConstantMemory(
        what="channels' constants",
        row_bytes=CHANNEL_WORDS * WORD_BYTES,
        capacity_rows=config.channels,
    )
    program = []
    for placed in tasks:
        name, rows = names[placed.layer], placed.task.weights
        memory = weights if placed.task.kind is Kind.DENSE else channel_weights
        first_weight = 0 if rows is None else memory.add(rows, name)
        first_channel = channels.add(placed.task.channels.astype("<i4"), name)
        program += _descriptor(placed, first_weight, first_channel, config).words()
    for memory in (weights, channel_weights, channels):
        memory.require_room()
    loads = [
        {"memory": int(memory), "name": f"engine_{memory.name.lower()}", "words": words}
        for memory, words in (
            (Memory.PROGRAM, program),
            (Memory.WEIGHTS, weights.words),
            (Memory.CHANNEL_WEIGHTS, channel_weights.words),
            (Memory.CHANNELS, channels.words),
        )
        if words
    ]
    copies = [copy_of(home.image, config, word=_word(home, config)) for home in copied]
    constant_words = len(program) + sum(
        len(memory.words) for memory in (weights, channel_weights, channels)
    )
    variables: dict[str, object] = {"engine_loads": loads, "engine_copies": copies}
    return variables, WORD_BYTES * constant_words


def _descriptor(
    placed: Placed, first_weight: int, first_channel: int, config: EngineConfig
) -> Descriptor:
    task = placed.task
    window, requantisation = task.window, task.requantisation
    first, second, output = (
        _word(home, config) + task.first_block * config.rows // WORD_BYTES
        for home in (placed.inputs[0], placed.inputs[-1], placed.output)
    )
    return Descriptor(
        kind=task.kind,
        rounds_once=requantisation.rounds_once,
        input=first,
        second_input=second,
        output=output,
        input_size=(task.image.height, task.image.width),
        output_size=(task.output.height, task.output.width),
        input_blocks=blocks(task.image, config),
        output_tiles=tiles(task.output, config),
        kernel=(window.kernel_height, window.kernel_width),
        stride=(window.stride_height, window.stride_width),
        padding=(window.pad_top, window.pad_left),
        padded_with=task.padding,
        weights=first_weight,
        channels=first_channel,
        output_zero_point=requantisation.zero_point,
        limits=(requantisation.least, requantisation.greatest),
        zero_points=task.zero_points,
        multipliers=(task.scales[0].multiplier, task.scales[1].multiplier),
        shifts=(-task.scales[0].shift, -task.scales[1].shift),
    )


def _word(home: Home, config: EngineConfig) -> int:
    return home.row * config.rows // WORD_BYTES


def copy_of(image: Image, config: EngineConfig, *, word: int = 0) -> Copy:
    """Return how a tensor is copied: at one go where its pixels follow each other without gaps."""
    if isinstance(image, SpreadImage):
        sent = image.pixels * image.format.channels
        return Copy(word=word, pixels=1, pixel_bytes=sent, pixel_words=0, spread=image.format)
    pixel_words = blocks(image, config) * config.rows // WORD_BYTES
    pixels, pixel_bytes = image.pixels, image.channels
    if pixel_bytes == pixel_words * WORD_BYTES:
        pixels, pixel_bytes, pixel_words = 1, pixels * pixel_bytes, pixels * pixel_words
    return Copy(word=word, pixels=pixels, pixel_bytes=pixel_bytes, pixel_words=pixel_words)
