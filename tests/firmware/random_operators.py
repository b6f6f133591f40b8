"""Hypothesis strategies for networks of one operator that has no weights, as TFLite files."""

from dataclasses import replace
from math import prod

import numpy as np
from hypothesis import strategies as st

from tests.firmware.random_layers import (
    ACTIVATIONS,
    SIZES,
    ZERO_POINTS,
    activations,
    random_bytes,
    scales,
    single,
    windows,
)
from tests.firmware.tflite_builder import (
    ABS,
    ADD,
    ARG_MAX,
    ARG_MIN,
    HARD_SWISH,
    INT16,
    INT32,
    INT64,
    LEAKY_RELU,
    LOGISTIC,
    MAX_POOL_2D,
    MAXIMUM,
    MEAN,
    MINIMUM,
    MIRROR_PAD,
    MUL,
    NEG,
    PAD,
    PADV2,
    PRELU,
    RELU6_OPERATOR,
    RELU_N1_TO_1,
    RELU_OPERATOR,
    RESIZE_BILINEAR,
    RESIZE_NEAREST_NEIGHBOR,
    SUB,
    SUM,
    TANH,
    ModelSpec,
    TensorSpec,
)

ANY_SCALE = st.integers(-40, 16).flatmap(
    lambda halves: scales(2 ** (halves / 2), 2 ** (halves / 2 + 1))
)
SHAPES = st.lists(st.one_of(st.just(1), SIZES), min_size=1, max_size=4)
INTEGER_TYPES = st.sampled_from([(INT32, "<i4"), (INT64, "<i8")])


def integers(values: object, type_code: int = INT32, numpy_type: str = "<i4") -> TensorSpec:
    array = np.array(values, numpy_type)
    return TensorSpec(shape=list(array.shape), type_code=type_code, data=array.tobytes())


def like(tensor: TensorSpec, shape: list[int]) -> TensorSpec:
    return replace(tensor, shape=shape)


def perhaps_wide(draw: st.DrawFn, tensor: TensorSpec) -> TensorSpec:
    """The tensor, or one of int16."""
    wide = replace(tensor, type_code=INT16, zero_points=[0])
    return wide if draw(st.booleans()) else tensor


@st.composite
def rescaled(draw: st.DrawFn, source: TensorSpec, shape: list[int]) -> TensorSpec:
    """An output of the source's scale, of one near it, or of one far away."""
    factor = draw(st.sampled_from([1.0, 1.0, None, None, 0.01, 40.0]))
    factor = draw(st.floats(0.3, 3.0)) if factor is None else factor
    return TensorSpec(
        shape=shape,
        scales=[float(np.float32(source.scales[0] * factor))],
        zero_points=[draw(ZERO_POINTS)],
    )


TABLE_OPERATORS = (
    LOGISTIC,
    TANH,
    RELU_OPERATOR,
    RELU6_OPERATOR,
    RELU_N1_TO_1,
    LEAKY_RELU,
    HARD_SWISH,
    ABS,
    NEG,
)


@st.composite
def table_models(draw: st.DrawFn) -> ModelSpec:
    """All 256 values of an int8 go in, so each entry of the table comes out."""
    code = draw(st.sampled_from(TABLE_OPERATORS))
    shape = draw(st.sampled_from([[256], [1, 16, 4, 4], [2, 129]]))
    source = TensorSpec(
        shape=shape, scales=[draw(st.one_of(scales(), ANY_SCALE))], zero_points=[draw(ZERO_POINTS)]
    )
    output = draw(rescaled(source, shape))
    options: dict[str, float] = {}
    if code == LOGISTIC:
        output = TensorSpec(shape=shape, scales=[1 / 256], zero_points=[-128])
    if code == TANH and draw(st.booleans()):
        output = TensorSpec(shape=shape, scales=[1 / 128], zero_points=[0])
    if code == LEAKY_RELU:
        options["Alpha"] = float(np.float32(draw(st.floats(-1.5, 1.5))))
    return single(code, [source, output], [0], options, 1)


@st.composite
def elementwise_models(draw: st.DrawFn) -> ModelSpec:
    """The input and a constant that is broadcast to it, or the reverse, in either order."""
    code = draw(st.sampled_from([ADD, SUB, MUL, MAXIMUM, MINIMUM, PRELU]))
    full = draw(st.lists(st.integers(1, 3), min_size=1, max_size=8))
    left = [size if draw(st.integers(0, 3)) else 1 for size in full] if code != PRELU else full
    right = [size if draw(st.booleans()) else 1 for size in full]
    right = right[draw(st.integers(0, len(right) - 1)) :]
    shape = [int(size) for size in np.broadcast_shapes(left, right)]
    data = random_bytes(draw, prod(right), low=-128)
    constant = TensorSpec(
        shape=right, scales=[draw(scales())], zero_points=[draw(ZERO_POINTS)], data=data
    )
    tensors = [draw(activations(left)), constant, draw(activations(shape))]
    order = [0, 1] if code == PRELU else draw(st.sampled_from([[0, 1], [1, 0]]))
    if left == shape and code != PRELU and draw(st.integers(0, 4)) == 0:
        order = [0, 0]
    options: dict[str, float] = {}
    if code in (ADD, SUB, MUL):
        options["FusedActivationFunction"] = draw(ACTIVATIONS)
    return single(code, tensors, order, options, 2)


@st.composite
def max_pool_models(draw: st.DrawFn) -> ModelSpec:
    size, kernel, output, options = draw(windows(False))
    batches, channels = draw(st.integers(1, 2)), draw(SIZES)
    image = draw(activations([batches, *size, channels]))
    options |= {
        "FilterHeight": kernel[0],
        "FilterWidth": kernel[1],
        "FusedActivationFunction": draw(ACTIVATIONS),
    }
    result = like(image, [batches, *output, channels])
    return single(MAX_POOL_2D, [image, result], [0], options, 1)


@st.composite
def reduce_models(draw: st.DrawFn) -> ModelSpec:
    shape = draw(SHAPES)
    source = draw(activations(shape))
    rank = len(shape)
    axes = draw(st.lists(st.integers(-rank, rank - 1), min_size=1, max_size=rank))
    named, keeps = {axis % rank for axis in axes}, draw(st.booleans())
    kept = [1 if d in named else size for d, size in enumerate(shape) if keeps or d not in named]
    output = draw(rescaled(source, kept))
    code = draw(st.sampled_from([MEAN, MEAN, SUM]))
    tensors = [source, output, integers(axes)]
    return single(code, tensors, [0, 2], {"KeepDims": keeps}, 1)


@st.composite
def pad_models(draw: st.DrawFn) -> ModelSpec:
    code = draw(st.sampled_from([PAD, PADV2, MIRROR_PAD]))
    shape = draw(SHAPES)
    if code == MIRROR_PAD:
        shape += draw(st.lists(st.integers(1, 2), max_size=2))
    mode = draw(st.integers(0, 1))
    most = [size - 1 + mode if code == MIRROR_PAD else 4 for size in shape]
    pads = [[draw(st.integers(0, limit)) for _ in range(2)] for limit in most]
    type_code, numpy_type = draw(INTEGER_TYPES)
    source = draw(activations(shape))
    if code == MIRROR_PAD:
        source = perhaps_wide(draw, source)
    output = like(source, [size + sum(pair) for size, pair in zip(shape, pads, strict=True)])
    value = TensorSpec(
        shape=draw(st.sampled_from([[], [1]])),
        scales=source.scales,
        zero_points=source.zero_points,
        data=random_bytes(draw, 1, low=-128),
    )
    tensors = [source, output, integers(pads, type_code, numpy_type), value]
    inputs = [0, 2, 3] if code == PADV2 else [0, 2]
    return single(code, tensors, inputs, {"Mode": mode} if code == MIRROR_PAD else {}, 1)


@st.composite
def resize_models(draw: st.DrawFn) -> ModelSpec:
    code = draw(st.sampled_from([RESIZE_NEAREST_NEIGHBOR, RESIZE_BILINEAR]))
    batches, channels = draw(st.integers(1, 2)), draw(SIZES)
    source = draw(activations([batches, draw(SIZES), draw(SIZES), channels]))
    if code == RESIZE_NEAREST_NEIGHBOR:
        source = perhaps_wide(draw, source)
    size = [draw(st.integers(1, 20)), draw(st.integers(1, 20))]
    corners, centers = draw(st.integers(0, 1)), draw(st.integers(0, 1))
    if code == RESIZE_BILINEAR and corners:
        centers = 0
    tensors = [source, like(source, [batches, *size, channels]), integers(size)]
    options: dict[str, float] = {"AlignCorners": corners, "HalfPixelCenters": centers}
    return single(code, tensors, [0, 2], options, 1)


@st.composite
def extreme_models(draw: st.DrawFn) -> ModelSpec:
    """Of small shapes and few values, so that equal elements are common."""
    shape = draw(SHAPES)
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    type_code = draw(st.sampled_from([INT32, INT64]))
    axis_type, axis_numpy = draw(INTEGER_TYPES)
    rest = [size for d, size in enumerate(shape) if d != axis % len(shape)]
    output = TensorSpec(shape=rest, type_code=type_code)
    tensors = [draw(activations(shape)), output, integers(axis, axis_type, axis_numpy)]
    return single(
        draw(st.sampled_from([ARG_MAX, ARG_MIN])), tensors, [0, 2], {"OutputType": type_code}, 1
    )
