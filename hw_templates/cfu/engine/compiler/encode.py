"""From placed tasks to the words of the engine's memories, and to what the driver's C needs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hw_templates.cfu.engine.compiler.copies import copy_of, write_loop
from hw_templates.cfu.engine.compiler.memory import ConstantMemory, Home
from hw_templates.cfu.engine.compiler.task import Task, blocks, tiles
from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.descriptor import Descriptor
from hw_templates.cfu.engine.isa import CHANNEL_WORDS, WORD_BYTES, Kind, Memory
from hw_templates.cfu.engine.weights import stored

_LONGEST_READ = 1 << 19
"""Cycles that a READ may wait: the simulated board takes a million for a hang."""


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


def program_variables(
    tasks: Sequence[Placed],
    copied: Sequence[Home],
    written: Collection[int],
    names: Sequence[str],
    config: EngineConfig,
) -> tuple[dict[str, object], int]:
    """Return the variables of ``unit.c.j2``, and the bytes of the constants among them.

    Args:
        tasks: In the order of their numbers.
        copied: The homes that the CPU writes or reads, in the order of their numbers.
        written: Numbers of those that the CPU writes.
        names: Of the network's layers, for messages.
        config: The engine.

    Raises:
        DoesNotFit: A memory of constants is too small.
    """
    weights = ConstantMemory(
        what="weights",
        row_bytes=config.weight_row_bytes,
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
    descriptors = []
    for placed in tasks:
        name, rows = names[placed.layer], placed.task.weights
        memory = channel_weights
        if placed.task.kind is Kind.DENSE and rows is not None:
            memory, rows = weights, stored(rows, bits=config.weight_bits)
        first_weight = 0 if rows is None else memory.add(rows, name)
        first_channel = channels.add(placed.task.channels.astype("<i4"), name)
        descriptors.append(_descriptor(placed, first_weight, first_channel, config))
    for memory in (weights, channel_weights, channels):
        memory.require_room()
    program = [word for each in descriptors for word in each.words()]
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
    loops = [write_loop(number, copies[number]) for number in sorted(written)]
    variables: dict[str, object] = {
        "engine_loads": loads,
        "engine_copies": copies,
        "engine_waits": _most_cycles(descriptors, config) > _LONGEST_READ,
        "engine_write_loops": [loop for loop in loops if loop is not None],
        "engine_gathers": [
            {"number": number, "copied": copy}
            for number, copy in enumerate(copies)
            if copy.gathered is not None
        ],
    }
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


def _most_cycles(descriptors: Sequence[Descriptor], config: EngineConfig) -> int:
    """Return what all descriptors together take, however long the units are busy with a step."""
    return sum(descriptor.steps for descriptor in descriptors) * config.cols // config.units
