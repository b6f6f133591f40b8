"""What layers say that they compute is exact: the parts of it that kernels do in another way."""

import numpy as np
import pytest

from contracts.network import ChannelSum
from sw_templates.tflite_import import model_from_bytes
from tests.firmware.tflite_builder import (
    AVERAGE_POOL_2D,
    VALID,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)


def average_over(height: int, width: int) -> ChannelSum:
    """Return what an average over a whole image of one channel computes."""
    image, result = (
        TensorSpec(shape=shape, scales=[0.1], zero_points=[3])
        for shape in ([1, height, width, 1], [1, 1, 1, 1])
    )
    options = {
        "Padding": VALID,
        "StrideH": 1,
        "StrideW": 1,
        "FilterHeight": height,
        "FilterWidth": width,
    }
    operator = OperatorSpec(code=AVERAGE_POOL_2D, inputs=[0], outputs=[1], options=options)
    spec = ModelSpec(tensors=[image, result], operators=[operator], inputs=[0], outputs=[1])
    computation = model_from_bytes(build(spec), "pool").layers[0].computation()
    assert isinstance(computation, ChannelSum)
    return computation


def quotients(layer: ChannelSum, sums: np.ndarray) -> np.ndarray:
    """Return sums scaled and rounded once, ties away from zero, as ``Requantisation`` says."""
    (scale,) = layer.requantisation.scales
    total_shift = 31 - scale.shift
    half = (np.int64(1) << (total_shift - 1)) - (sums < 0)
    return (sums * np.int64(scale.multiplier) + half) >> total_shift


def means(count: int, sums: np.ndarray) -> np.ndarray:
    """Return what the kernel does: half of the count towards the sum's sign, then C's division."""
    moved = np.abs(sums) + count // 2
    return np.sign(sums) * (moved // count)


@pytest.mark.parametrize("first", range(1, 256, 51))
def test_every_sum_of_up_to_255_elements_has_the_mean_that_the_kernel_gives(first: int) -> None:
    for count in range(first, first + 51):
        layer = average_over(1, count)
        sums = np.arange(-128 * count, 127 * count + 1, dtype=np.int64)
        assert np.array_equal(quotients(layer, sums), means(count, sums)), count


@pytest.mark.parametrize(("height", "width"), [(255, 255), (254, 255), (128, 64), (243, 199)])
def test_sums_beside_every_half_of_large_windows_have_their_mean_too(
    height: int, width: int
) -> None:
    count = height * width
    layer = average_over(height, width)
    halves = np.arange(-256, 256, dtype=np.int64) * count // 2
    sums = (halves[:, None] + np.arange(-3, 4)).reshape(-1)
    sums = sums[(sums >= -128 * count) & (sums <= 127 * count)]
    assert np.array_equal(quotients(layer, sums), means(count, sums))
