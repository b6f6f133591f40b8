"""Random layers for the ``simd`` kernels, and what they must give: NumPy and Python integers."""

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int8s = npt.NDArray[np.int8]


def rounded_high_product(value: int, multiplier: int) -> int:
    """The rounding doubling high multiplication as gemmlowp defines it, in exact integers."""
    product = value * multiplier
    nudged = product + (1 << 30 if product >= 0 else 1 - (1 << 30))
    return abs(nudged) // (1 << 31) * (1 if nudged >= 0 else -1)


def requantised(value: int, multiplier: int, shift: int) -> int:
    """TFLite's MultiplyByQuantizedMultiplier with two roundings; ``shift`` is left positive."""
    high = rounded_high_product(value << max(shift, 0), multiplier)
    divisor = 1 << max(-shift, 0)
    nearest = (2 * abs(high) + divisor) // (2 * divisor)
    return nearest if high >= 0 else -nearest


def requantised_once(value: int, multiplier: int, shift: int) -> int:
    """The same with one rounding, ties away from zero."""
    half = (1 << (30 - shift)) - (value < 0)
    return (value * multiplier + half) >> (31 - shift)


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """A CONV_2D layer with its data; a 1x1 one can stand for FULLY_CONNECTED."""

    weights: Int8s  # output channel, row, column, input channel
    image: Int8s  # row, column, channel
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)
    output: tuple[int, int]
    input_zero_point: int
    output_zero_point: int
    limits: tuple[int, int]
    bias: tuple[int, ...]
    scales: tuple[tuple[int, int], ...]

    def sums(self) -> npt.NDArray[np.int64]:
        """Return the accumulators, bias included."""
        channels, kernel_height, kernel_width, _ = self.weights.shape
        height, width, _ = self.image.shape
        result = np.tile(np.array(self.bias, dtype=np.int64), (*self.output, 1))
        weights = self.weights.astype(np.int64)
        for y in range(self.output[0]):
            for x in range(self.output[1]):
                for ky in range(kernel_height):
                    for kx in range(kernel_width):
                        row = y * self.stride[0] - self.pad[0] + ky * self.dilation[0]
                        column = x * self.stride[1] - self.pad[1] + kx * self.dilation[1]
                        if 0 <= row < height and 0 <= column < width:
                            pixel = self.image[row, column].astype(np.int64)
                        else:
                            pixel = np.full(self.image.shape[2], self.input_zero_point)
                        result[y, x] += weights[:, ky, kx] @ pixel
        assert channels == result.shape[2]
        return result

    def expected(self, *, rounds_once: bool = False) -> bytes:
        """Return the output tensor."""
        scale = requantised_once if rounds_once else requantised
        low, high = self.limits
        outputs = [
            min(max(scale(int(total), *self.scales[channel]) + self.output_zero_point, low), high)
            for pixel in self.sums().reshape(-1, len(self.bias))
            for channel, total in enumerate(pixel)
        ]
        return np.array(outputs, dtype=np.int8).tobytes()

    def packed(self, kind: bytes, align_bytes: int) -> bytes:
        """Return the layer as ``kernel_bench.c`` reads it."""
        channels, kernel_height, kernel_width, depth = self.weights.shape
        rows = self.weights.reshape(channels, -1)
        row_bytes = -(-rows.shape[1] // align_bytes) * align_bytes
        table = np.zeros((channels, row_bytes), dtype=np.int8)
        table[:, : rows.shape[1]] = rows
        numbers = (
            *(self.image.shape[0], self.image.shape[1], depth),
            *(*self.output, channels),
            *(kernel_height, kernel_width),
            *self.stride,
            *self.dilation,
            *self.pad,
            *(self.input_zero_point, self.output_zero_point),
            *self.limits,
            row_bytes,
            16 * row_bytes,
        )
        header = struct.pack(f"={len(numbers)}i", *numbers)
        return b"".join(
            (
                kind,
                header,
                table.tobytes(),
                np.array(self.bias, dtype=np.int32).tobytes(),
                np.array([multiplier for multiplier, _ in self.scales], np.int32).tobytes(),
                np.array([shift for _, shift in self.scales], np.int32).tobytes(),
                self.image.tobytes(),
            )
        )


@dataclass(frozen=True, kw_only=True)
class Depthwise:
    """A DEPTHWISE_CONV_2D layer with its data."""

    weights: Int8s  # row, column, output channel
    image: Int8s  # row, column, input channel
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)
    output: tuple[int, int]
    input_zero_point: int
    output_zero_point: int
    limits: tuple[int, int]
    bias: tuple[int, ...]
    scales: tuple[tuple[int, int], ...]

    @property
    def depth_multiplier(self) -> int:
        """Output channels of an input channel."""
        return self.weights.shape[2] // self.image.shape[2]

    def expected(self) -> bytes:
        """Return the output tensor."""
        height, width, _ = self.image.shape
        image = np.repeat(self.image.astype(np.int64), self.depth_multiplier, axis=2)
        outputs = []
        for y in range(self.output[0]):
            for x in range(self.output[1]):
                sums = np.array(self.bias, dtype=np.int64)
                for ky, row_of_taps in enumerate(self.weights.astype(np.int64)):
                    for kx, tap in enumerate(row_of_taps):
                        row = y * self.stride[0] - self.pad[0] + ky * self.dilation[0]
                        column = x * self.stride[1] - self.pad[1] + kx * self.dilation[1]
                        is_inside = 0 <= row < height and 0 <= column < width
                        sums += tap * (image[row, column] if is_inside else self.input_zero_point)
                for total, scale in zip(sums.tolist(), self.scales, strict=True):
                    result = requantised(total, *scale) + self.output_zero_point
                    outputs.append(min(max(result, self.limits[0]), self.limits[1]))
        return np.array(outputs, dtype=np.int8).tobytes()

    def packed(self, align_bytes: int) -> bytes:
        """Return the layer as ``kernel_bench.c`` reads it."""
        kernel_height, kernel_width, channels = self.weights.shape
        row_bytes = -(-channels // align_bytes) * align_bytes
        table = np.zeros((kernel_height, kernel_width, row_bytes), dtype=np.int8)
        table[:, :, :channels] = self.weights
        numbers = (
            *self.image.shape,
            *(*self.output, channels),
            self.depth_multiplier,
            *(kernel_height, kernel_width),
            *self.stride,
            *self.dilation,
            *self.pad,
            *(self.input_zero_point, self.output_zero_point),
            *self.limits,
            row_bytes,
            kernel_height * kernel_width * row_bytes,
        )
        return b"".join(
            (
                b"d",
                struct.pack(f"={len(numbers)}i", *numbers),
                table.tobytes(),
                np.array(self.bias, dtype=np.int32).tobytes(),
                np.array([multiplier for multiplier, _ in self.scales], np.int32).tobytes(),
                np.array([shift for _, shift in self.scales], np.int32).tobytes(),
                self.image.tobytes(),
            )
        )


@dataclass(frozen=True, kw_only=True)
class Pooling:
    """An AVERAGE_POOL_2D or MAX_POOL_2D layer with its images."""

    images: Int8s  # image, row, column, channel
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    output: tuple[int, int]
    limits: tuple[int, int]

    def expected(self, *, is_average: bool) -> bytes:
        """Return the output tensor."""
        low, high = self.limits
        outputs = []
        for image in self.images.astype(np.int64):
            for y in range(self.output[0]):
                for x in range(self.output[1]):
                    top, left = y * self.stride[0] - self.pad[0], x * self.stride[1] - self.pad[1]
                    window = image[
                        max(top, 0) : top + self.kernel[0], max(left, 0) : left + self.kernel[1]
                    ].reshape(-1, image.shape[2])
                    for values in window.T.tolist():
                        sign = 1 if sum(values) >= 0 else -1
                        count = len(values)
                        mean = sign * ((2 * abs(sum(values)) + count) // (2 * count))
                        outputs.append(min(max(mean if is_average else max(values), low), high))
        return np.array(outputs, dtype=np.int8).tobytes()

    def packed(self, *, is_average: bool) -> bytes:
        """Return the layer as ``kernel_bench.c`` reads it."""
        batches, height, width, channels = self.images.shape
        numbers = (
            *(batches, channels, height, width),
            *self.output,
            *self.kernel,
            *self.stride,
            *self.pad,
            *self.limits,
            *((4 * channels,) if is_average else ()),
        )
        header = struct.pack(f"={len(numbers)}i", *numbers)
        return (b"p" if is_average else b"m") + header + self.images.tobytes()


@dataclass(frozen=True, kw_only=True)
class Addition:
    """An ADD layer with its data; scales are of both inputs and of the sum.

    ``left`` has ``rows`` rows. ``right`` has one, which is added to each, or but one element.
    """

    left: Int8s
    right: Int8s
    rows: int = 1
    zero_points: tuple[int, int, int]
    scales: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    limits: tuple[int, int]

    def expected(self) -> bytes:
        """Return the output tensor."""
        low, high = self.limits
        outputs = []
        right = np.broadcast_to(self.right, (self.rows, len(self.left) // self.rows)).reshape(-1)
        for a, b in zip(self.left.tolist(), right.tolist(), strict=True):
            first = requantised((a - self.zero_points[0]) << 20, *self.scales[0])
            second = requantised((b - self.zero_points[1]) << 20, *self.scales[1])
            total = requantised(first + second, *self.scales[2]) + self.zero_points[2]
            outputs.append(min(max(total, low), high))
        return np.array(outputs, dtype=np.int8).tobytes()

    def packed(self) -> bytes:
        """Return the layer as ``kernel_bench.c`` reads it."""
        flat = [number for scale in self.scales for number in scale]
        row = len(self.left) // self.rows
        loops = (row, 1, int(len(self.right) == row), self.rows, row, 0)
        sizes = (len(self.left), len(self.right))
        numbers = (*sizes, *loops, *self.zero_points, 20, *flat, *self.limits)
        header = struct.pack(f"={len(numbers)}i", *numbers)
        return b"a" + header + self.left.tobytes() + self.right.tobytes()
