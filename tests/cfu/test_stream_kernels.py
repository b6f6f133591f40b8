"""The ``stream`` kernels on the emulated CFU give the bits of TFLite's definitions."""

import numpy as np
import pytest
from hypothesis import example, given, settings

from contracts.parameter import Value
from hw_templates.cfu.stream import FAMILY
from tests.cfu.cfu_harness import name_of
from tests.cfu.kernel_runs import RELAXED, Kernels
from tests.cfu.layer_strategies import (
    additions,
    convolutions,
    depthwise_layers,
    layer_of_imgc,
    poolings,
)
from tests.cfu.simd_layers import Addition, Convolution, Depthwise, Pooling

DESIGNS: list[dict[str, Value]] = [
    {
        "stream_products": products,
        "stream_filter_words": filter_words,
        "stream_activation_words": activation_words,
        "stream_channelwise": channelwise,
        "stream_lut_products": False,
    }
    for products, filter_words, activation_words, channelwise in (
        (8, 1024, 1024, True),
        (4, 256, 256, True),
        (16, 256, 512, True),
        (8, 256, 256, False),
        (16, 4096, 2048, True),
    )
]
QUICK = DESIGNS[1]
"""Steps of a word and tiny rings, so strips, tiles and odd words; the others are slow tests."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(design, marks=() if design == QUICK else pytest.mark.slow)
        for design in DESIGNS
    ],
    ids=name_of,
)
def kernels(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    return Kernels(FAMILY, request.param, tmp_path_factory.mktemp("kernels"))


@RELAXED
@given(layer=convolutions())
@example(layer=layer_of_imgc(3, 3, 16, 8))
@example(layer=layer_of_imgc(3, 16, 32, 8, stride=2))
@example(layer=layer_of_imgc(1, 16, 32, 8, stride=2))
@example(layer=layer_of_imgc(3, 64, 64, 4))
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
@given(layer=poolings())
@example(
    layer=Pooling(  # tiles of a different number of words, of which one may be odd
        images=np.arange(4 * 20 * 20, dtype=np.uint8).view(np.int8).reshape(1, 4, 20, 20),
        kernel=(2, 2),
        stride=(1, 1),
        pad=(0, 0),
        output=(4, 20),
        limits=(-128, 127),
    )
)
@pytest.mark.parametrize("is_average", [True, False], ids=["average", "max"])
def test_any_pooling(kernels: Kernels, layer: Pooling, *, is_average: bool) -> None:
    expected = layer.expected(is_average=is_average)
    assert kernels.run(layer.packed(is_average=is_average)) == expected


@settings(RELAXED, max_examples=10)
@given(layer=additions())
def test_any_addition(kernels: Kernels, layer: Addition) -> None:
    assert kernels.run(layer.packed()) == layer.expected()
