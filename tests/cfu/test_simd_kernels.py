"""The ``simd`` kernels on the emulated CFU give the bits of TFLite's definitions."""

import numpy as np
import pytest
from hypothesis import example, given, settings

from contracts.parameter import Value
from hw_templates.cfu.simd import FAMILY
from tests.cfu.cfu_harness import name_of
from tests.cfu.kernel_runs import RELAXED, Kernels
from tests.cfu.layer_strategies import (
    additions,
    convolutions,
    depthwise_layers,
    layer_of_imgc,
    poolings,
    whole_word_depthwise_layers,
)
from tests.cfu.simd_layers import Addition, Convolution, Depthwise, Pooling

DESIGNS: list[dict[str, Value]] = [
    {
        "simd_width": width,
        "buffer_depth": depth,
        "hardware_requantisation": requantises,
        "channelwise": channelwise,
    }
    for width, depth, requantises, channelwise in (
        (1, 0, True, False),
        (2, 0, False, False),
        (4, 0, True, False),
        (1, 256, False, False),
        (2, 256, True, False),
        (4, 256, True, True),
        (8, 512, True, False),
        (8, 512, True, True),
        (16, 256, False, False),
        (16, 256, True, True),
        (16, 4096, True, True),
    )
]
QUICK = (DESIGNS[0], DESIGNS[5], DESIGNS[8])
"""Each way that products are formed, with and without requantisation; the others are slow tests."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(design, marks=() if design in QUICK else pytest.mark.slow)
        for design in DESIGNS
    ],
    ids=name_of,
)
def kernels(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    return Kernels(FAMILY, request.param, tmp_path_factory.mktemp("kernels"))


@pytest.mark.parametrize(
    "layer",
    [
        layer_of_imgc(3, 3, 16, 8),
        layer_of_imgc(3, 16, 16, 8),
        layer_of_imgc(3, 16, 32, 8, stride=2),
        layer_of_imgc(1, 16, 32, 8, stride=2),
        layer_of_imgc(3, 64, 64, 4),
    ],
    ids=["3x3x3", "3x3x16", "stride 2", "1x1", "3x3x64"],
)
def test_layers_of_image_classification(kernels: Kernels, layer: Convolution) -> None:
    assert kernels.run(layer.packed(b"c", kernels.align_bytes)) == layer.expected()


@RELAXED
@given(layer=convolutions())
def test_any_convolution(kernels: Kernels, layer: Convolution) -> None:
    assert kernels.run(layer.packed(b"c", kernels.align_bytes)) == layer.expected()


@settings(RELAXED, max_examples=10)
@given(layer=convolutions(is_fully_connected=True))
def test_any_fully_connected_layer(kernels: Kernels, layer: Convolution) -> None:
    expected = layer.expected(rounds_once=True)
    assert kernels.run(layer.packed(b"f", kernels.align_bytes)) == expected


@RELAXED
@given(layer=depthwise_layers())
def test_any_depthwise_convolution(kernels: Kernels, layer: Depthwise) -> None:
    assert kernels.run(layer.packed(kernels.align_bytes)) == layer.expected()


@RELAXED
@given(layer=whole_word_depthwise_layers())
def test_any_depthwise_convolution_of_stride_1(kernels: Kernels, layer: Depthwise) -> None:
    assert kernels.run(layer.packed(kernels.align_bytes)) == layer.expected()


@RELAXED
@given(layer=poolings())
@pytest.mark.parametrize("is_average", [True, False], ids=["average", "max"])
def test_any_pooling(kernels: Kernels, layer: Pooling, *, is_average: bool) -> None:
    expected = layer.expected(is_average=is_average)
    assert kernels.run(layer.packed(is_average=is_average)) == expected


@RELAXED
@given(layer=additions())
@example(
    layer=Addition(
        left=np.arange(-128, 128, dtype=np.int8),
        right=np.arange(127, -129, -1, dtype=np.int8),
        zero_points=(127, -128, 0),
        scales=((1 << 30, 1), (1 << 30, 0), (1 << 30, -19)),  # a factor of 1: not in the CFU
        limits=(-128, 127),
    )
)
def test_any_addition(kernels: Kernels, layer: Addition) -> None:
    assert kernels.run(layer.packed()) == layer.expected()
