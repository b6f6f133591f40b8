"""One layer as the engine will run it, before it is known where anything lies."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from contracts.network import (
    ChannelMaximum,
    ChannelSum,
    Image,
    Int8s,
    Requantisation,
    Scale,
    TensorSum,
    Window,
    WindowSum,
)
from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.image import ImageFormat
from hw_templates.cfu.engine.isa import (
    ADD_LEFT_SHIFT,
    BLOCK_BITS,
    CHANNEL_WORDS,
    MAX_STEPS,
    SIZE_BITS,
    Kind,
)
from hw_templates.cfu.engine.weights import limits

Int32s = npt.NDArray[np.int32]

_MOST_SIZE = (1 << SIZE_BITS) - 1
_MOST_BLOCKS = (1 << BLOCK_BITS) - 1
_MOST_WINDOW = 255
_MOST_SHIFT = 31
_HALF = Scale(multiplier=1 << 30, shift=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedImage(Image):
    """A tensor of which the CPU writes elements more than once, as one layer wants to read them.

    It cannot be read back, and other readers of the tensor want it otherwise.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadImage(RepeatedImage):
    """A tensor whose pixels have some of their neighbours in their rows, too.

    Attributes:
        format: How the CPU's bytes come to lie so.
    """

    format: ImageFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class GatheredImage(RepeatedImage):
    """The windows of a convolution: each is a pixel, whose channels are all that it covers.

    Attributes:
        source: The tensor in the CPU's memory.
        window: How the windows lie in it.
        padding: What a window has beside it.
    """

    source: Image
    window: Window
    padding: int


class CannotRun(Exception):
    """The engine cannot run a layer, for the reason that it is given."""


class WeightsTooLarge(CannotRun):
    """The engine has fewer bits for a weight than a layer's weights take."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One descriptor and its constants, without addresses.

    Attributes:
        kind: What is computed.
        images: How the inputs lie in the engine's memory, one or two.
        result: How the output does.
        output: What ``result`` is looked at as while it is computed: the same memory.
        image: What ``images[0]`` is looked at as.
        window: How the kernel moves over ``image``.
        padding: What an activation beside the image is.
        weights: Rows as their memory has them; None where none are read.
        channels: [channel][CHANNEL_WORDS] as CHANNELS has them.
        requantisation: What becomes of sums, apart from ``channels``.
        zero_points: Of the inputs of a sum of tensors.
        scales: Likewise.
        first_block: Of each pixel's rows the one that it begins with, in inputs and output.
    """

    kind: Kind
    images: tuple[Image, ...]
    result: Image
    image: Image
    output: Image
    window: Window
    padding: int
    weights: Int8s | None
    channels: Int32s
    requantisation: Requantisation
    zero_points: tuple[int, int] = (0, 0)
    scales: tuple[Scale, Scale] = (_HALF, _HALF)
    first_block: int = 0


def blocks(image: Image, config: EngineConfig) -> int:
    """Return the rows of a pixel."""
    return -(-image.channels // config.rows)


def tiles(image: Image, config: EngineConfig) -> int:
    """Return how many tiles the channels of a pixel are computed in."""
    return -(-image.channels // config.cols)


def is_dense(image: Image, config: EngineConfig) -> bool:
    """Return whether a tensor's bytes follow each other in the engine's memory without gaps."""
    return image.channels % config.rows == 0 or image.pixels == 1


def is_same_place(one: Image, other: Image, config: EngineConfig) -> bool:
    """Return whether the bytes of a tensor lie alike, whichever of both it is looked at as."""
    if isinstance(one, RepeatedImage) or isinstance(other, RepeatedImage):
        return one == other
    if one.channels == other.channels:
        return one.pixels == other.pixels
    is_row_by_row = one.channels % config.rows == 0 == other.channels % config.rows
    return is_row_by_row and one.elements == other.elements


def window_sum_task(layer: WindowSum, config: EngineConfig, *, result: Image) -> Task:
    """Return a sum over all channels.

    Args:
        layer: What is computed.
        config: The engine.
        result: What the output is for the layers that read it: ``layer.result``, or the same rows
            as other pixels.

    Raises:
        WeightsTooLarge: Other values would fit, whatever bits the weights have in the file.
        CannotRun: The engine cannot.
    """
    least, greatest = limits(config.weight_bits)
    found = int(layer.weights.min()), int(layer.weights.max())
    if found[0] < least or found[1] > greatest:
        raise WeightsTooLarge(
            f"its weights are from {found[0]} to {found[1]}, which {config.weight_bits} bits do not"
            f" hold: they hold {least} to {greatest}"
        )
    return _sum_task(Kind.DENSE, layer, _dense_rows(layer.weights, config), result, config)


def channel_sum_task(layer: ChannelSum, config: EngineConfig) -> Task:
    """Return a sum channel by channel.

    Raises:
        CannotRun: The engine cannot.
    """
    rows = _channelwise_rows(layer.weights, config)
    return _sum_task(Kind.CHANNELWISE, layer, rows, layer.result, config)


def _sum_task(
    kind: Kind, layer: WindowSum | ChannelSum, weights: Int8s, result: Image, config: EngineConfig
) -> Task:
    return _checked(
        Task(
            kind=kind,
            images=(layer.image,),
            result=result,
            image=layer.image,
            output=layer.result,
            window=layer.window,
            padding=layer.padding,
            weights=weights,
            channels=_channel_words(layer.requantisation, layer.result, config),
            requantisation=layer.requantisation,
        ),
        config,
    )


def channel_maximum_task(layer: ChannelMaximum, config: EngineConfig) -> Task:
    """Return a largest channel by channel: the engine gives twice that, which is halved.

    Raises:
        CannotRun: The engine cannot.
    """
    requantisation = Requantisation(
        biases=(0,),
        scales=(_HALF,),
        rounds_once=True,
        zero_point=0,
        least=layer.least,
        greatest=layer.greatest,
    )
    return _checked(
        Task(
            kind=Kind.MAXIMUM,
            images=(layer.image,),
            result=layer.result,
            image=layer.image,
            output=layer.result,
            window=layer.window,
            padding=0,
            weights=None,
            channels=_channel_words(requantisation, layer.result, config),
            requantisation=requantisation,
        ),
        config,
    )


def tensor_sum_task(layer: TensorSum, config: EngineConfig) -> Task:
    """Return a sum of two tensors; one scale serves all channels.

    Raises:
        CannotRun: The engine cannot.
    """
    if layer.left_shift != ADD_LEFT_SHIFT:
        raise CannotRun(f"it shifts its inputs by {layer.left_shift} bits, not {ADD_LEFT_SHIFT}")
    _require_scales(layer.scales)
    one_tile = Image(height=1, width=1, channels=config.cols)
    return _checked(
        Task(
            kind=Kind.ADD,
            images=(layer.image, layer.image),
            result=layer.image,
            image=layer.image,
            output=layer.image,
            window=Window(kernel_height=1, kernel_width=1),
            padding=0,
            weights=None,
            channels=_channel_words(layer.requantisation, one_tile, config),
            requantisation=layer.requantisation,
            zero_points=layer.zero_points,
            scales=layer.scales,
        ),
        config,
    )


def by_blocks(task: Task, config: EngineConfig) -> tuple[Task, ...]:
    """Return a task as one for each block of channels where they can share their constants.

    A mean over a whole image has the same weights for all channels, in a row of their own for each
    pixel; block by block they are needed once. What has several output pixels is left whole: only
    the rows of one can be written to by a task that writes a part of each.
    """
    count = blocks(task.output, config)
    if task.kind is not Kind.CHANNELWISE or task.output.pixels > 1 or count == 1:
        return (task,)
    assert task.weights is not None
    weights = task.weights.reshape(-1, task.window.taps, config.cols)
    share = config.rows // config.cols
    rest = task.output.channels - (count - 1) * config.rows
    return tuple(
        replace(
            task,
            output=replace(task.output, channels=rest if block == count - 1 else config.rows),
            weights=weights[block * share : (block + 1) * share].reshape(-1, config.cols),
            channels=task.channels[block * config.rows : (block + 1) * config.rows],
            first_block=block,
        )
        for block in range(count)
    )


def _checked(task: Task, config: EngineConfig) -> Task:
    """Return a task that fits the fields of a descriptor."""
    window, image, result = task.window, task.image, task.output
    if max(window.dilation_height, window.dilation_width) > 1:
        raise CannotRun("its kernel is dilated")
    sides = (window.kernel_height, window.kernel_width, window.stride_height, window.stride_width)
    if max(*sides, window.pad_top, window.pad_left) > _MOST_WINDOW:
        raise CannotRun(f"a kernel, stride or padding is above {_MOST_WINDOW}")
    sizes = (image.height, image.width, result.height, result.width)
    if max(*sizes) > _MOST_SIZE:
        raise CannotRun(f"an image is higher or wider than {_MOST_SIZE}")
    if (
        max(
            _reach(image.height, result.height, window.stride_height, window.kernel_height),
            _reach(image.width, result.width, window.stride_width, window.kernel_width),
        )
        > _MOST_WINDOW
    ):
        raise CannotRun(f"its window reaches more than {_MOST_WINDOW} beyond the image")
    if max(blocks(image, config), tiles(result, config)) > _MOST_BLOCKS:
        raise CannotRun(f"its channels take more than {_MOST_BLOCKS} rows or tiles")
    if steps(task, config) > MAX_STEPS:
        raise CannotRun(f"it takes more than {MAX_STEPS} steps")
    _require_scales(task.requantisation.scales)
    return task


def _reach(size: int, outputs: int, stride: int, kernel: int) -> int:
    return (outputs - 1) * stride + kernel - size


def steps(task: Task, config: EngineConfig) -> int:
    """Return the cycles in which the array multiplies or, for what needs no array, moves."""
    once = task.output.pixels * tiles(task.output, config)
    if task.kind is Kind.ADD:
        return 2 * once
    depth = blocks(task.image, config) if task.kind is Kind.DENSE else 1
    return once * task.window.taps * depth


def _require_scales(scales: tuple[Scale, ...]) -> None:
    if not all(0 <= -scale.shift <= _MOST_SHIFT for scale in scales):
        raise CannotRun("a factor of 1 and more scales its sums, which needs a shift to the left")


def _dense_rows(weights: Int8s, config: EngineConfig) -> Int8s:
    """Return rows [tile, kernel y, kernel x, block][column, row] with zeros where nothing is."""
    outputs, height, width, inputs = weights.shape
    out_tiles, in_blocks = -(-outputs // config.cols), -(-inputs // config.rows)
    shape = (out_tiles * config.cols, height, width, in_blocks * config.rows)
    table = np.zeros(shape, dtype=np.int8)
    table[:outputs, :, :, :inputs] = weights
    parts = table.reshape(out_tiles, config.cols, height, width, in_blocks, config.rows)
    return parts.transpose(0, 2, 3, 4, 1, 5).reshape(-1, config.cols * config.rows)


def _channelwise_rows(weights: Int8s, config: EngineConfig) -> Int8s:
    """Return rows [tile, kernel y, kernel x][column] with zeros where nothing is."""
    height, width, channels = weights.shape
    all_tiles = -(-channels // config.cols)
    table = np.zeros((height, width, all_tiles * config.cols), dtype=np.int8)
    table[:, :, :channels] = weights
    parts = table.reshape(height, width, all_tiles, config.cols)
    return parts.transpose(2, 0, 1, 3).reshape(-1, config.cols)


def _channel_words(requantisation: Requantisation, result: Image, config: EngineConfig) -> Int32s:
    """Return the constants of all channels of all tiles, zeros behind the last channel."""
    count = result.channels
    words = np.zeros((tiles(result, config) * config.cols, CHANNEL_WORDS), dtype=np.int32)
    words[:count, 0] = requantisation.biases
    words[:count, 1] = [scale.multiplier for scale in requantisation.scales]
    words[:count, 2] = [-scale.shift for scale in requantisation.scales]
    return words
