"""Layers of every kind that kernels fed by the CPU must compute, drawn at random."""

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

from tests.cfu.simd_layers import Addition, Convolution, Depthwise, Pooling


def random_int8(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-128, 128, shape, dtype=np.int8)


def scale(draw: Callable, *, shifts: st.SearchStrategy[int]) -> tuple[int, int]:
    return draw(st.integers(1 << 30, (1 << 31) - 1)), draw(shifts)


@st.composite
def convolutions(draw: Callable, *, is_fully_connected: bool = False) -> Convolution:
    def small(low: int, high: int) -> int:
        return draw(st.integers(low, high))

    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if is_fully_connected:
        kernel, stride, dilation, pad = (1, 1), (1, 1), (1, 1), (0, 0)
        height, width = 1, small(1, 3)
        depth = draw(st.sampled_from((1, 7, 16, 64, 100, 1030, 4100)))
        output = (1, width)
    else:
        kernel, stride = (small(1, 4), small(1, 4)), (small(1, 3), small(1, 3))
        dilation = (small(1, 2), small(1, 2))
        height, width = small(1, 9), small(1, 9)
        pad = (small(0, 2), small(0, 2))
        depth = draw(st.sampled_from((1, 2, 3, 4, 5, 8, 12, 16, 32, 48)))
        output = (small(1, 5), small(1, 5))
    channels = draw(st.sampled_from((1, 2, 3, 4, 6, 8, 20, 37, 70)))
    shifts = st.integers(-12, -2)
    if draw(st.integers(0, 9)) == 0:
        shifts = st.integers(-10, 2)
    low, high = sorted((small(-128, 127), small(-128, 127)))
    return Convolution(
        weights=random_int8(rng, channels, *kernel, depth),
        image=random_int8(rng, height, width, depth),
        stride=stride,
        dilation=dilation,
        pad=pad,
        output=output,
        input_zero_point=small(-128, 127),
        output_zero_point=small(-128, 127),
        limits=(low, high) if draw(st.booleans()) else (-128, 127),
        bias=tuple(rng.integers(-(2**17), 2**17, channels).tolist()),
        scales=tuple(scale(draw, shifts=shifts) for _ in range(channels)),
    )


def layer_of_imgc(
    kernel: int, depth: int, channels: int, size: int, stride: int = 1
) -> Convolution:
    """Return a layer with the shape of one of MLPerf Tiny's image classification, cut down."""
    rng = np.random.default_rng(1)
    output = -(-size // stride)
    pad = max(0, (output - 1) * stride + kernel - size) // 2
    return Convolution(
        weights=random_int8(rng, channels, kernel, kernel, depth),
        image=random_int8(rng, size, size, depth),
        stride=(stride, stride),
        pad=(pad, pad),
        output=(output, output),
        input_zero_point=-128,
        output_zero_point=4,
        limits=(-128, 127),
        bias=tuple(rng.integers(-(2**17), 2**17, channels).tolist()),
        scales=tuple((int(m), -9) for m in rng.integers(1 << 30, (1 << 31) - 1, channels)),
    )


@st.composite
def depthwise_layers(draw: Callable) -> Depthwise:
    def small(low: int, high: int) -> int:
        return draw(st.integers(low, high))

    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kernel = draw(st.sampled_from([(3, 3), (3, 3), (1, 1), (2, 5), (5, 2), (10, 8), (17, 1)]))
    depth = draw(st.sampled_from((1, 1, 2, 3, 4, 5, 8, 8, 12, 16, 24, 32, 37, 64, 72, 96)))
    multiplier = draw(st.sampled_from((1, 1, 1, 2, 3, 8))) if depth <= 16 else 1
    channels = depth * multiplier
    shifts = st.integers(-12, -2)
    if draw(st.integers(0, 9)) == 0:
        shifts = st.integers(-10, 2)
    low, high = sorted((small(-128, 127), small(-128, 127)))
    return Depthwise(
        weights=random_int8(rng, *kernel, channels),
        image=random_int8(rng, small(1, 9), draw(st.sampled_from((1, 3, 7, 8, 30, 60))), depth),
        stride=(small(1, 3), small(1, 3)),
        dilation=(small(1, 2), small(1, 2)),
        pad=(small(0, 2), small(0, 2)),
        output=(small(1, 5), small(1, 20)),
        input_zero_point=small(-128, 127),
        output_zero_point=small(-128, 127),
        limits=(low, high) if draw(st.booleans()) else (-128, 127),
        bias=tuple(rng.integers(-(2**17), 2**17, channels).tolist()),
        scales=tuple(scale(draw, shifts=shifts) for _ in range(channels)),
    )


@st.composite
def whole_word_depthwise_layers(draw: Callable) -> Depthwise:
    """Return a layer of stride 1 and channels of whole words, as most layers of networks are."""

    def small(low: int, high: int) -> int:
        return draw(st.integers(low, high))

    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kernel = draw(st.sampled_from([(3, 3), (3, 3), (3, 1), (1, 3), (5, 5), (2, 4)]))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (2, 1)]))
    channels = draw(st.sampled_from((4, 8, 8, 8, 16, 16, 32, 48, 64, 72, 80)))
    size = (small(1, 9), small(1, 24))
    span = tuple((taps - 1) * step for taps, step in zip(kernel, dilation, strict=True))
    output, is_padded = size, draw(st.booleans())
    if not is_padded:
        size = (size[0] + span[0], size[1] + span[1])
    return Depthwise(
        weights=random_int8(rng, *kernel, channels),
        image=random_int8(rng, *size, channels),
        stride=(1, 1),
        dilation=dilation,
        pad=(span[0] // 2, span[1] // 2) if is_padded else (0, 0),
        output=output,
        input_zero_point=small(-128, 127),
        output_zero_point=small(-128, 127),
        limits=(-128, 127),
        bias=tuple(rng.integers(-(2**17), 2**17, channels).tolist()),
        scales=tuple(scale(draw, shifts=st.integers(-12, -2)) for _ in range(channels)),
    )


@st.composite
def poolings(draw: Callable) -> Pooling:
    def small(low: int, high: int) -> int:
        return draw(st.integers(low, high))

    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = small(1, 12), draw(st.sampled_from((1, 2, 5, 8, 20)))
    kernel = (small(1, 5), small(1, 5)) if draw(st.booleans()) else (height, width)
    pad = (small(0, kernel[0] - 1), small(0, kernel[1] - 1))
    stride = (small(1, 3), small(1, 3))
    depth = draw(st.sampled_from((1, 3, 4, 8, 12, 16, 20, 36, 64)))
    shape = (small(1, 2), height, width, depth)
    extreme = rng.choice(np.array([-128, 127], dtype=np.int8), shape)
    low, high = sorted((small(-128, 127), small(-128, 127)))
    return Pooling(
        images=random_int8(rng, *shape) if small(0, 3) else extreme,
        kernel=kernel,
        stride=stride,
        pad=pad,
        output=tuple(
            (size + offset - 1) // step + 1
            for size, offset, step in zip((height, width), pad, stride, strict=True)
        ),
        limits=(low, high) if draw(st.booleans()) else (-128, 127),
    )


@st.composite
def additions(draw: Callable) -> Addition:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(1, 200))
    rows = draw(st.sampled_from([1, 1, 1, 2, 5]))
    right = size if draw(st.integers(0, 3)) else 1
    zero_points = tuple(draw(st.integers(-128, 127)) for _ in range(3))
    low, high = sorted((draw(st.integers(-128, 127)), draw(st.integers(-128, 127))))
    return Addition(
        left=random_int8(rng, rows * size),
        right=random_int8(rng, right),
        rows=rows,
        zero_points=zero_points,
        scales=(
            scale(draw, shifts=st.integers(-8, 0)),
            scale(draw, shifts=st.integers(-8, 0)),
            scale(draw, shifts=st.integers(-22, -16)),
        ),
        limits=(low, high) if draw(st.booleans()) else (-128, 127),
    )
