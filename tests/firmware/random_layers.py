"""Hypothesis strategies for small random networks of each operator, as TFLite files."""

import numpy as np
from hypothesis import strategies as st

from tests.firmware.tflite_builder import (
    AVERAGE_POOL_2D,
    CONV_2D,
    DEPTHWISE_CONV_2D,
    FULLY_CONNECTED,
    INT32,
    LOG_SOFTMAX,
    NONE,
    RELU,
    RELU6,
    RELU_N1,
    RESHAPE,
    SAME,
    SOFTMAX,
    VALID,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
)

ZERO_POINTS = st.integers(-128, 127)
ACTIVATIONS = st.sampled_from([NONE, RELU, RELU_N1, RELU6])
SIZES = st.integers(1, 9)


@st.composite
def scales(draw: st.DrawFn, low: float = 0.004, high: float = 0.2) -> float:
    anything = st.floats(low, high)
    # powers of two make results that lie halfway between two integers
    powers = [2.0**n for n in range(-24, 12) if low <= 2.0**n <= high]
    return float(np.float32(draw(st.one_of(anything, anything, st.sampled_from(powers)))))


@st.composite
def activations(draw: st.DrawFn, shape: list[int]) -> TensorSpec:
    return TensorSpec(shape=shape, scales=[draw(scales())], zero_points=[draw(ZERO_POINTS)])


def random_bytes(draw: st.DrawFn, count: int, low: int = -127) -> bytes:
    """Weights: mostly uniform, sometimes all at one end, where accumulators are largest."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    match draw(st.sampled_from(["uniform", "uniform", "lowest", "highest"])):
        case "lowest":
            return np.full(count, low, dtype=np.int8).tobytes()
        case "highest":
            return np.full(count, 127, dtype=np.int8).tobytes()
        case _:
            return generator.integers(low, 128, count, dtype=np.int8).tobytes()


def weighted(
    draw: st.DrawFn,
    image: TensorSpec,
    weight_shape: list[int],
    channel_dimension: int,
    output_shape: list[int],
    *,
    needs_bias: bool = False,
) -> list[TensorSpec]:
    """Weights, a bias or none, and an output whose scale spreads the results."""
    channels = weight_shape[channel_dimension]
    per_channel = draw(st.booleans())
    weight_scales = [draw(scales()) for _ in range(channels if per_channel else 1)]
    products = int(np.prod(weight_shape)) // channels
    weights = TensorSpec(
        shape=weight_shape,
        scales=weight_scales,
        zero_points=[0] * len(weight_scales),
        dimension=channel_dimension,
        data=random_bytes(draw, int(np.prod(weight_shape))),
    )
    spread = draw(st.sampled_from([0.05, 1.0, 1.0, 30.0, 1000.0]))
    output_scale = image.scales[0] * float(np.mean(weight_scales)) * np.sqrt(products) * spread * 60
    output = TensorSpec(
        shape=output_shape,
        scales=[float(np.float32(output_scale))],
        zero_points=[draw(ZERO_POINTS)],
    )
    tensors = [image, weights, output]
    if needs_bias or draw(st.booleans()):
        generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        bias = generator.integers(-(2**15), 2**15, channels).astype("<i4").tobytes()
        bias_scales = [float(np.float32(image.scales[0] * scale)) for scale in weight_scales]
        tensors.append(
            TensorSpec(
                shape=[channels],
                scales=bias_scales,
                zero_points=[0] * len(bias_scales),
                type_code=INT32,
                data=bias,
            )
        )
    return tensors


def single(
    code: int, tensors: list[TensorSpec], inputs: list[int], options: dict[str, float], output: int
) -> ModelSpec:
    return ModelSpec(
        tensors=tensors,
        operators=[OperatorSpec(code=code, inputs=inputs, outputs=[output], options=options)],
        inputs=[0],
        outputs=[output],
    )


@st.composite
def windows(
    draw: st.DrawFn, dilated: bool
) -> tuple[list[int], list[int], list[int], dict[str, float]]:
    """An image's size, a kernel that fits, the output's size and the options for both."""
    padding = draw(st.sampled_from([SAME, VALID]))
    size, kernel, output = [], [], []
    options: dict[str, float] = {"Padding": padding}
    for letter in "HW":
        stride = draw(st.integers(1, 3))
        dilation = draw(st.sampled_from([1, 1, 1, 2])) if dilated else 1
        taps = draw(st.integers(1, 4))
        effective = (taps - 1) * dilation + 1
        pixels = draw(st.integers(effective if padding == VALID else 1, 11))
        size.append(pixels)
        kernel.append(taps)
        output.append(-(-(pixels if padding == SAME else pixels - effective + 1) // stride))
        options[f"Stride{letter}"] = stride
        if dilated:
            options[f"Dilation{letter}Factor"] = dilation
    return size, kernel, output, options


@st.composite
def conv2d_models(draw: st.DrawFn) -> ModelSpec:
    size, kernel, output, options = draw(windows(True))
    channels, filters = draw(SIZES), draw(SIZES)
    image = draw(activations([1, *size, channels]))
    tensors = weighted(
        draw, image, [filters, *kernel, channels], 0, [1, *output, filters], needs_bias=True
    )
    options["FusedActivationFunction"] = draw(ACTIVATIONS)
    return single(CONV_2D, tensors, [0, 1, *range(3, len(tensors))], options, 2)


@st.composite
def depthwise_models(draw: st.DrawFn) -> ModelSpec:
    size, kernel, output, options = draw(windows(True))
    channels, multiplier = draw(SIZES), draw(st.sampled_from([1, 1, 2, 3]))
    image = draw(activations([1, *size, channels]))
    filters = channels * multiplier
    tensors = weighted(draw, image, [1, *kernel, filters], 3, [1, *output, filters])
    options |= {"FusedActivationFunction": draw(ACTIVATIONS), "DepthMultiplier": multiplier}
    return single(DEPTHWISE_CONV_2D, tensors, [0, 1, *range(3, len(tensors))], options, 2)


@st.composite
def fully_connected_models(draw: st.DrawFn) -> ModelSpec:
    batches, depth, units = draw(st.integers(1, 3)), draw(st.integers(1, 40)), draw(SIZES)
    vector = draw(activations([batches, depth]))
    tensors = weighted(draw, vector, [units, depth], 0, [batches, units])
    options: dict[str, float] = {"FusedActivationFunction": draw(ACTIVATIONS)}
    return single(FULLY_CONNECTED, tensors, [0, 1, *range(3, len(tensors))], options, 2)


@st.composite
def average_pool_models(draw: st.DrawFn) -> ModelSpec:
    size, kernel, output, options = draw(windows(False))
    batches, channels = draw(st.integers(1, 2)), draw(SIZES)
    image = draw(activations([batches, *size, channels]))
    result = TensorSpec(
        shape=[batches, *output, channels], scales=image.scales, zero_points=image.zero_points
    )
    options |= {
        "FilterHeight": kernel[0],
        "FilterWidth": kernel[1],
        "FusedActivationFunction": draw(ACTIVATIONS),
    }
    return single(AVERAGE_POOL_2D, [image, result], [0], options, 1)


@st.composite
def softmax_models(draw: st.DrawFn) -> ModelSpec:
    """Over up to 1,200 classes, of which fewer than 512 can be near the largest."""
    shape = [*draw(st.lists(st.integers(1, 3), max_size=5)), draw(st.integers(1, 60))]
    scale = draw(st.one_of(scales(0.0005, 1.5), scales(1.5, 60.0)))
    if draw(st.integers(0, 3)) == 0:
        shape, scale = [1, draw(st.integers(500, 1200))], draw(scales(0.1, 1.5))
    vector = TensorSpec(shape=shape, scales=[scale], zero_points=[draw(ZERO_POINTS)])
    if draw(st.booleans()):
        result = TensorSpec(shape=shape, scales=[1 / 16], zero_points=[127])
        return single(LOG_SOFTMAX, [vector, result], [0], {}, 1)
    near = float(np.float32(draw(st.sampled_from([1, 1, 1.0009, 0.9991])) / 256))
    result = TensorSpec(shape=shape, scales=[near], zero_points=[-128])
    beta = draw(st.sampled_from([1.0, 1.0, 0.5, 2.0, 0.1]))
    if shape[-1] >= 500:
        beta = 1.0
    return single(SOFTMAX, [vector, result], [0], {"Beta": beta}, 1)


@st.composite
def reshape_models(draw: st.DrawFn) -> ModelSpec:
    height, width = draw(SIZES), draw(SIZES)
    source = draw(activations([1, height, width]))
    result = TensorSpec(shape=[width, height], scales=source.scales, zero_points=source.zero_points)
    shape = TensorSpec(shape=[2], type_code=INT32, data=np.array([width, height], "<i4").tobytes())
    return single(RESHAPE, [source, result, shape], [0, 2], {}, 1)
