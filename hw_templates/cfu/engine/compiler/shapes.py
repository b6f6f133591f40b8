"""The same sums over other shapes: how a layer is looked at so that the array is used well."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from contracts.network import Image, Requantisation, Scale, Window, WindowSum
from hw_templates.cfu.engine.compiler.task import GatheredImage, SpreadImage, is_same_place
from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.image import MOST_AHEAD, MOST_BYTES, MOST_CHANNELS, ImageFormat
from hw_templates.cfu.engine.isa import SIZE_BITS

_NO_SCALE = Scale(multiplier=0, shift=0)


def over_whole_image(layer: WindowSum, held: Image, config: EngineConfig) -> WindowSum:
    """Return a fully connected layer as a kernel as large as the image that it reads.

    An image whose channels fill no whole rows has gaps between its pixels, which one long vector
    has not.

    Args:
        layer: Any; only one of a single vector is changed.
        held: How its input lies in the engine.
        config: The engine.
    """
    if layer.image.pixels != 1 or layer.window.taps != 1:
        return layer
    if is_same_place(held, layer.image, config) or held.elements != layer.image.elements:
        return layer
    window = Window(kernel_height=held.height, kernel_width=held.width)
    shape = (len(layer.weights), held.height, held.width, held.channels)
    return replace(layer, image=held, window=window, weights=layer.weights.reshape(shape))


def spread(layer: WindowSum, config: EngineConfig) -> Iterator[WindowSum]:
    """Yield a convolution whose taps side by side became channels, if the engine can spread so.

    Args:
        layer: Whose input is written by the CPU.
        config: The engine.
    """
    window, image = layer.window, layer.image
    pixels, channels = window.kernel_width, image.channels
    ahead = pixels - 1 - window.pad_left
    fits_row = channels <= MOST_CHANNELS and pixels * channels <= min(MOST_BYTES, config.rows)
    is_plain = window.dilation_width == 1 and 0 <= ahead <= MOST_AHEAD
    stays_inside = (layer.result.width - 1) * window.stride_width < image.width
    if not (fits_row and is_plain and stays_inside) or max(image.height, image.width) >> SIZE_BITS:
        return
    own = ImageFormat(
        channels=channels,
        pixels=pixels,
        ahead=ahead,
        padding=layer.padding,
        width=image.width,
        height=image.height,
    )
    outputs, height, _, _ = layer.weights.shape
    yield replace(
        layer,
        image=SpreadImage(
            height=image.height, width=image.width, channels=pixels * channels, format=own
        ),
        window=replace(window, kernel_width=1, pad_left=0),
        weights=layer.weights.reshape(outputs, height, 1, pixels * channels),
    )


def gathered(layer: WindowSum) -> Iterator[WindowSum]:
    """Yield a convolution whose taps all became channels, for which the CPU gathers each window.

    A row then has no lane without a factor but the last one of each window, whatever the kernel's
    shape. What windows share is there several times, which takes the CPU's time and memory.

    Args:
        layer: Whose input is written by the CPU.
    """
    outputs = len(layer.weights)
    if layer.window.taps > 1:
        yield replace(
            layer,
            image=GatheredImage(
                height=layer.result.height,
                width=layer.result.width,
                channels=layer.window.taps * layer.image.channels,
                source=layer.image,
                window=layer.window,
                padding=layer.padding,
            ),
            window=Window(kernel_height=1, kernel_width=1),
            weights=layer.weights.reshape(outputs, 1, 1, -1),
        )


def folded(layer: WindowSum, config: EngineConfig) -> Iterator[WindowSum]:
    """Yield a convolution with neighbouring pixels of a row taken for one of more channels.

    An image of few channels leaves most of the array's rows idle, and has most of its bytes in
    rows of their own. With some pixels side by side in a row, each tap multiplies more, fewer rows
    are read, and the CPU copies the input as it lies. The outputs of such a row of pixels are
    computed side by side too, so their memory is that of single pixels.

    Args:
        layer: Whose input may lie in the engine as the layer likes.
        config: The engine.

    Yields:
        One for each number of pixels; image and result are larger in channels, by as much smaller
        in width.
    """
    stride = layer.window.stride_width
    for pixels in range(stride, layer.image.width + 1, stride):
        outputs = pixels // stride
        is_even = layer.image.width % pixels == 0 == layer.result.width % outputs
        is_plain = layer.window.dilation_width == 1 and pixels > 1
        if is_even and is_plain:
            yield _Fold(layer=layer, pixels=pixels, outputs=outputs).layer_of(config)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fold:
    """How many input pixels and output pixels of a row are taken together."""

    layer: WindowSum
    pixels: int
    outputs: int

    def layer_of(self, config: EngineConfig) -> WindowSum:
        """Return the layer over folded pixels."""
        layer, window = self.layer, self.layer.window
        channels, height, _, depth = layer.weights.shape
        padded = channels if self.outputs == 1 else -(-channels // config.rows) * config.rows
        offsets = self._offsets()
        shape = (self.outputs, padded, height, len(offsets), self.pixels, depth)
        weights = np.zeros(shape, dtype=np.int8)
        biases = np.zeros((self.outputs, padded), dtype=np.int64)
        biases[:, :channels] = layer.requantisation.biases
        for output, tap, pixel in self._taps():
            offset, lane = divmod(pixel, self.pixels)
            own = layer.weights[:, :, tap]
            if offset in offsets:
                weights[output, :channels, :, offset - offsets.start, lane] = own
            else:
                biases[output, :channels] += layer.padding * own.sum(axis=(1, 2), dtype=np.int64)
        return replace(
            layer,
            image=self._folded(layer.image, self.pixels, depth),
            result=self._folded(layer.result, self.outputs, padded),
            window=replace(
                window, kernel_width=len(offsets), stride_width=1, pad_left=-offsets.start
            ),
            weights=weights.reshape(self.outputs * padded, height, len(offsets), -1),
            requantisation=self._requantisation(biases, padded - channels),
        )

    def _taps(self) -> Iterator[tuple[int, int, int]]:
        """Yield output pixel, tap, and the input pixel below it, from the folded pixel's first."""
        window = self.layer.window
        for output in range(self.outputs):
            for tap in range(window.kernel_width):
                yield output, tap, output * window.stride_width - window.pad_left + tap

    def _offsets(self) -> range:
        """Return the columns of the folded kernel, from that of the output's own pixel.

        Where there is but one folded pixel, those beside it are padding for every output: what
        they add is the same for all, and so part of the bias.
        """
        found = {pixel // self.pixels for _, _, pixel in self._taps()}
        least, most = min(found), max(found)
        is_single = self.layer.result.width == self.outputs
        if is_single:
            least, most = 0, min(most, self.layer.image.width // self.pixels - 1)
        return range(least, most + 1)

    @staticmethod
    def _folded(image: Image, pixels: int, channels: int) -> Image:
        return Image(height=image.height, width=image.width // pixels, channels=channels * pixels)

    def _requantisation(self, biases: npt.NDArray[np.int64], behind: int) -> Requantisation:
        """Return the scales for all folded channels, of which some behind the last are idle."""
        before = self.layer.requantisation
        scales = (*before.scales, *[_NO_SCALE] * behind) * self.outputs
        wrapped = (biases + (1 << 31)) % (1 << 32) - (1 << 31)
        return replace(
            before, biases=tuple(int(bias) for bias in wrapped.reshape(-1)), scales=scales
        )
