"""Operators on int16 activations against TFLite's reference kernels."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import tflite
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sw_templates.tflite_import import model_from_bytes
from tests.examples import examples
from tests.firmware.firmware_bench import KernelLibrary, reference_outputs
from tests.firmware.random_layers import (
    average_pool_models,
    conv2d_models,
    depthwise_models,
    fully_connected_models,
    single,
)
from tests.firmware.random_movers import batch_matmul_models
from tests.firmware.random_operators import (
    elementwise_models,
    max_pool_models,
    pad_models,
    reduce_models,
    resize_models,
)
from tests.firmware.tflite_builder import (
    ADD,
    AVERAGE_POOL_2D,
    BATCH_MATMUL,
    CONV_2D,
    DEPTHWISE_CONV_2D,
    FULLY_CONNECTED,
    INT8,
    INT16,
    INT32,
    INT64,
    LEAKY_RELU,
    LOGISTIC,
    MAX_POOL_2D,
    MAXIMUM,
    MEAN,
    MINIMUM,
    MUL,
    PAD,
    PADV2,
    PRELU,
    RELU6_OPERATOR,
    RELU_OPERATOR,
    RESIZE_BILINEAR,
    SOFTMAX,
    SUB,
    TANH,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)

ABS, NEG = tflite.BuiltinOperator.ABS, tflite.BuiltinOperator.NEG
MANY = settings(max_examples=examples(120), deadline=None, suppress_health_check=list(HealthCheck))
WIDE = (
    *(ADD, SUB, MUL, MAXIMUM, MINIMUM, PRELU, AVERAGE_POOL_2D, MAX_POOL_2D, MEAN, PAD, PADV2),
    *(RESIZE_BILINEAR, BATCH_MATMUL),
)
SPREADS = st.sampled_from([1 / 256, 1 / 256, 1 / 60, 1 / 1000, 1.0])


@st.composite
def wide(draw: st.DrawFn, models: Callable[[], st.SearchStrategy[ModelSpec]]) -> ModelSpec:
    """A network of one operator with int8 activations, made one of int16 with a bias of int64."""
    spec = draw(models())
    tensors = []
    for number, tensor in enumerate(spec.tensors):
        if number in (*spec.inputs, *spec.outputs):
            spread = 1 / 256 if number in spec.inputs else draw(SPREADS)
            scale = float(np.float32(tensor.scales[0] * spread))
            tensors.append(replace(tensor, type_code=INT16, zero_points=[0], scales=[scale]))
        elif tensor.type_code == INT32 and tensor.data is not None:
            bias = np.frombuffer(tensor.data, "<i4").astype("<i8") * draw(st.integers(1, 9000))
            data = bias.astype("<i8").tobytes()
            tensors.append(replace(tensor, type_code=INT64, data=data))
        else:
            tensors.append(tensor)
    for layer in spec.operators:
        if len(layer.inputs) > 2:  # TFLite compares the scale of a bias
            products = [tensors[0].scales[0] * scale for scale in tensors[1].scales]
            tensors[layer.inputs[2]] = replace(
                tensors[layer.inputs[2]],
                scales=[float(np.float32(scale)) for scale in products],
                zero_points=[0] * len(products),
            )
    return replace(spec, tensors=tensors)


@st.composite
def wide_elementwise(
    draw: st.DrawFn, models: Callable[[], st.SearchStrategy[ModelSpec]]
) -> ModelSpec:
    """The same of operators without weights; a constant has new values."""
    spec = draw(models().filter(lambda each: each.operators[0].code in WIDE))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    tensors = []
    for tensor in spec.tensors:
        data = tensor.data
        is_factor = data is not None and spec.operators[0].code == PRELU  # of int8
        if not tensor.scales or is_factor:  # axes, paddings
            tensors.append(tensor)
            continue
        if data is not None:
            data = generator.integers(-(2**15), 2**15, len(data)).astype("<i2").tobytes()
        scale = float(np.float32(tensor.scales[0] / 256))
        tensors.append(replace(tensor, type_code=INT16, zero_points=[0], scales=[scale], data=data))
    layer = spec.operators[0]
    options = (
        {**layer.options, "PotScaleInt16": False} if layer.code in (ADD, SUB) else layer.options
    )
    return replace(spec, tensors=tensors, operators=[replace(layer, options=options)])


@st.composite
def softmax_models(draw: st.DrawFn) -> ModelSpec:
    shape = [draw(st.integers(1, 4)), draw(st.integers(1, 60))]
    scale = float(np.float32(draw(st.floats(1e-6, 0.01))))
    source = TensorSpec(shape=shape, scales=[scale], zero_points=[0], type_code=INT16)
    beta = draw(st.sampled_from([1.0, 1.0, 0.5, 2.0, 0.1]))
    result = replace(source, scales=[2.0**-15])
    return single(SOFTMAX, [source, result], [0], {"Beta": beta}, 1)


@st.composite
def leaky_relu_models(draw: st.DrawFn) -> ModelSpec:
    """All 65,536 values go in."""
    scale = float(np.float32(draw(st.floats(1e-6, 0.01))))
    source = TensorSpec(shape=[1 << 16], scales=[scale], zero_points=[0], type_code=INT16)
    factor = draw(st.one_of(st.sampled_from([1.0, 2.0, 0.5]), st.floats(0.3, 3.0)))
    result = replace(source, scales=[float(np.float32(scale * factor))])
    alpha = draw(st.one_of(st.sampled_from([0.0, 0.5, -0.5, -0.25]), st.floats(-1.5, 1.5)))
    return single(LEAKY_RELU, [source, result], [0], {"Alpha": float(np.float32(alpha))}, 1)


@st.composite
def unary_models(draw: st.DrawFn) -> ModelSpec:
    """All 65,536 values go in."""
    code = draw(st.sampled_from([RELU_OPERATOR, RELU6_OPERATOR, ABS, NEG]))
    scale = float(np.float32(draw(st.floats(1e-6, 0.01))))
    source = TensorSpec(shape=[1 << 16], scales=[scale], zero_points=[0], type_code=INT16)
    factor = draw(st.one_of(st.just(1.0), st.sampled_from([2.0, 0.5]), st.floats(0.01, 50.0)))
    result = replace(source, scales=[float(np.float32(scale * factor))])
    return single(code, [source, result], [0], {}, 1)


MODELS = {
    "unary": unary_models(),
    "resize": wide_elementwise(resize_models),
    "batch_matmul": wide_elementwise(batch_matmul_models),
    "leaky_relu": leaky_relu_models(),
    "softmax": softmax_models(),
    "elementwise": wide_elementwise(elementwise_models),
    "average_pool": wide_elementwise(average_pool_models),
    "max_pool": wide_elementwise(max_pool_models),
    "mean": wide_elementwise(reduce_models),
    "pad": wide_elementwise(pad_models),
    "conv2d": wide(conv2d_models),
    "depthwise_conv2d": wide(depthwise_models),
    "fully_connected": wide(fully_connected_models),
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> KernelLibrary:
    return KernelLibrary(tmp_path_factory.mktemp("k"), 4)


@pytest.mark.parametrize("operator", sorted(MODELS))
@MANY
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_it_is_bit_exact(
    library: KernelLibrary, operator: str, data: st.DataObject, seed: int
) -> None:
    content = build(data.draw(MODELS[operator]))
    model = model_from_bytes(content, "network")
    assert model.layers[0].kernel.endswith("_int16")
    given_bytes = np.random.default_rng(seed).bytes(model.input_bytes)
    expected = reference_outputs(content, model, given_bytes)
    assert library.run_model(model, given_bytes) == expected


def test_a_softmax_scales_by_the_float_product_of_its_scale_and_beta(
    library: KernelLibrary,
) -> None:
    """-2867 steps are -11778.5002 of the table's by the product in float, -11778.4999 in double."""
    values = TensorSpec(
        shape=[1, 2], scales=[0.006268865894526243], zero_points=[0], type_code=INT16
    )
    content = build(
        ModelSpec(
            tensors=[values, replace(values, scales=[2.0**-15])],
            operators=[OperatorSpec(code=SOFTMAX, inputs=[0], outputs=[1], options={"Beta": 0.1})],
            inputs=[0],
            outputs=[1],
        )
    )
    model = model_from_bytes(content, "network")
    for most in (32618, 2867, 0):
        given_bytes = np.array([most, most - 2867], dtype="<i2").tobytes()
        expected = reference_outputs(content, model, given_bytes)
        assert library.run_model(model, given_bytes) == expected


@pytest.mark.parametrize("code", [FULLY_CONNECTED, CONV_2D, DEPTHWISE_CONV_2D])
@pytest.mark.parametrize(
    "factor", [(1.0, 2.0), (1.0, 1024.0), (5.0, 64.0), (1.0, 6.0), (1.0, 22.0)]
)
def test_ties_are_rounded_as_the_reference_does(
    library: KernelLibrary, code: int, factor: tuple[float, float]
) -> None:
    halves = (2 * np.random.default_rng(1).integers(-6000, 6000, 300) + 1) / 2
    bias = np.rint(halves * factor[1] / factor[0]).astype("<i8")
    shapes = {
        FULLY_CONNECTED: ([1, 1], [300, 1], [1, 300]),
        CONV_2D: ([1, 1, 1, 1], [300, 1, 1, 1], [1, 1, 1, 300]),
        DEPTHWISE_CONV_2D: ([1, 1, 1, 300], [1, 1, 1, 300], [1, 1, 1, 300]),
    }
    image, weights, output = shapes[code]
    kind = TensorSpec(shape=image, scales=[1.0], zero_points=[0], type_code=INT16)
    tensors = [
        kind,
        replace(kind, shape=weights, type_code=INT8, scales=[factor[0]], data=bytes(300)),
        replace(kind, shape=[300], type_code=INT64, scales=[factor[0]], data=bias.tobytes()),
        replace(kind, shape=output, scales=[factor[1]]),
    ]
    window = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    options = {
        FULLY_CONNECTED: {},
        CONV_2D: window,
        DEPTHWISE_CONV_2D: {**window, "DepthMultiplier": 1},
    }
    layer = OperatorSpec(code=code, inputs=[0, 1, 2], outputs=[3], options=options[code])
    content = build(ModelSpec(tensors=tensors, operators=[layer], inputs=[0], outputs=[3]))
    model = model_from_bytes(content, "network")
    nothing = bytes(model.input_bytes)
    assert library.run_model(model, nothing) == reference_outputs(content, model, nothing)


@pytest.mark.parametrize("code", [LOGISTIC, TANH])
@pytest.mark.parametrize("scale", [2.0**-12, 3e-4, 1e-4, 1e-3, 2.0**-11, 0.3, 1e-6, 1.3])
def test_a_function_is_exact_at_every_value(
    library: KernelLibrary, code: int, scale: float
) -> None:
    source = TensorSpec(shape=[1 << 16], scales=[scale], zero_points=[0], type_code=INT16)
    layer = OperatorSpec(code=code, inputs=[0], outputs=[1])
    tensors = [source, replace(source, scales=[2.0**-15])]
    content = build(ModelSpec(tensors=tensors, operators=[layer], inputs=[0], outputs=[1]))
    model = model_from_bytes(content, "network")
    every = np.arange(-(2**15), 2**15).astype("<i2").tobytes()
    assert library.run_model(model, every) == reference_outputs(content, model, every)
