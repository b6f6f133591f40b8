"""A network that has every operator at least once, each beside the others on one image."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import tflite

from sw_templates.constants import packed_int4
from tests.firmware.firmware_bench import small_network_spec
from tests.firmware.int4_networks import INT4
from tests.firmware.random_operators import TABLE_OPERATORS, integers
from tests.firmware.tflite_builder import (
    ADD,
    ARG_MAX,
    ARG_MIN,
    AVERAGE_POOL_2D,
    BATCH_MATMUL,
    CONCATENATION,
    CONV_2D,
    DEPTHWISE_CONV_2D,
    EXPAND_DIMS,
    FLOAT32,
    FULLY_CONNECTED,
    GATHER,
    INT8,
    INT16,
    INT32,
    INT64,
    LEAKY_RELU,
    LOG_SOFTMAX,
    LOGISTIC,
    MAX_POOL_2D,
    MAXIMUM,
    MEAN,
    MINIMUM,
    MIRROR_PAD,
    MUL,
    PACK,
    PAD,
    PADV2,
    PRELU,
    QUANTIZE,
    RELU,
    RELU6_OPERATOR,
    RELU_OPERATOR,
    RESHAPE,
    RESIZE_BILINEAR,
    RESIZE_NEAREST_NEIGHBOR,
    SAME,
    SLICE,
    SOFTMAX,
    SPLIT,
    SPLIT_V,
    SQUEEZE,
    STRIDED_SLICE,
    SUB,
    SUM,
    SVDF,
    TANH,
    TRANSPOSE,
    UNIDIRECTIONAL_SEQUENCE_LSTM,
    UNPACK,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)

SHAPE = [1, 8, 7, 3]

ABS, NEG = tflite.BuiltinOperator.ABS, tflite.BuiltinOperator.NEG


class _Network:
    """Collects operators that go on from one another's outputs."""

    def __init__(self, spec: ModelSpec) -> None:
        self.tensors = list(spec.tensors)
        self.operators = list(spec.operators)
        self.inputs, self.outputs = spec.inputs, spec.outputs

    def add(self, tensor: TensorSpec) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def apply(
        self,
        code: int,
        inputs: Sequence[int],
        shape: Sequence[int],
        options: dict[str, float] | None = None,
        *,
        scale: float | None = None,
        zero_point: int | None = None,
    ) -> int:
        """Return the number of the output; without a scale it has the image's."""
        source = self.tensors[0]
        output = self.add(
            TensorSpec(
                shape=shape,
                scales=source.scales if scale is None else [scale],
                zero_points=source.zero_points if zero_point is None else [zero_point],
            )
        )
        self.operators.append(
            OperatorSpec(code=code, inputs=inputs, outputs=[output], options=options or {})
        )
        return output

    def divide(
        self,
        code: int,
        inputs: Sequence[int],
        shapes: Sequence[Sequence[int]],
        options: dict[str, float],
    ) -> None:
        """Apply an operator of several outputs, which have the image's scale."""
        outputs = [self.add(replace(self.tensors[0], shape=shape)) for shape in shapes]
        self.operators.append(
            OperatorSpec(code=code, inputs=inputs, outputs=outputs, options=options)
        )


def add_movers(network: _Network) -> None:
    """Add each operator that moves elements, on the image."""

    def numbers(values: Sequence[int] | int) -> int:
        return network.add(integers(values))

    image, axis, origin = 0, numbers(2), numbers([0, 1, 0, 0])
    network.apply(CONCATENATION, [image, image], [1, 8, 14, 3], {"Axis": 2})
    network.apply(PACK, [image, image], [2, *SHAPE], {"Axis": 0, "ValuesCount": 2})
    network.apply(TRANSPOSE, [image, numbers([0, 3, 2, 1])], [1, 3, 7, 8])
    network.apply(SLICE, [image, origin, numbers([1, 4, 7, 2])], [1, 4, 7, 2])
    bounds = [origin, numbers([1, 7, 7, 3]), numbers([1, 2, 1, 1])]
    network.apply(STRIDED_SLICE, [image, *bounds], [1, 3, 7, 3])
    network.apply(GATHER, [image, numbers([2, 0])], [1, 2, 7, 3], {"Axis": 1})
    network.apply(EXPAND_DIMS, [image, axis], [1, 8, 1, 7, 3])
    network.apply(SQUEEZE, [image], SHAPE[1:])
    network.apply(QUANTIZE, [image], SHAPE, scale=0.05, zero_point=9)
    network.divide(UNPACK, [image], [[1, 8, 7]] * 3, {"Axis": 3, "Num": 3})
    halves = [[1, 4, 7, 3]] * 2
    network.divide(SPLIT, [numbers(1), image], halves, {"NumSplits": 2})
    parts = [[1, 8, 2, 3], [1, 8, 5, 3]]
    network.divide(SPLIT_V, [image, numbers([2, 5]), axis], parts, {"NumSplits": 2})


def add_products(network: _Network) -> None:
    """Add each operator of products of its own: of matrices, over time, recurrent."""
    generator = np.random.default_rng(10)

    def weights(shape: list[int], type_code: int = INT8) -> int:
        kind = {INT8: "i1", INT16: "<i2", INT32: "<i4"}[type_code]
        data = generator.integers(-127, 128, shape).astype(kind).tobytes()
        return network.add(
            TensorSpec(shape=shape, scales=[0.01], zero_points=[0], type_code=type_code, data=data)
        )

    def state(shape: list[int], scale: float, type_code: int) -> int:
        return network.add(
            TensorSpec(
                shape=shape, scales=[scale], zero_points=[0], type_code=type_code, is_variable=True
            )
        )

    image = 0
    network.apply(BATCH_MATMUL, [image, image], [1, 8, 7, 7], {"AdjY": 1}, scale=0.03)
    rows = network.apply(RESHAPE, [image, network.add(integers([8, 21]))], [8, 21])
    over_time = [weights([4, 21]), weights([4, 3], INT16), weights([2], INT32)]
    network.apply(
        SVDF,
        [rows, *over_time, state([8, 12], 0.001, INT16)],
        [8, 2],
        {"Rank": 2, "FusedActivationFunction": RELU},
        scale=0.0001,
    )
    sequence = network.apply(RESHAPE, [image, network.add(integers([1, 8, 21]))], [1, 8, 21])
    gates = [
        *(weights([3, 21]) for _ in range(4)),
        *(weights([3, 3]) for _ in range(4)),
        *[-1] * 3,
        *(weights([3], INT32) for _ in range(4)),
    ]
    states = [state([1, 3], 1 / 128, INT8), state([1, 3], 2.0**-11, INT16)]
    network.apply(
        UNIDIRECTIONAL_SEQUENCE_LSTM,
        [sequence, *gates, -1, -1, *states, *[-1] * 4],
        [1, 8, 3],
        {"FusedActivationFunction": 4},
        scale=1 / 128,
        zero_point=0,
    )
    empty = network.add(TensorSpec(shape=[0], type_code=FLOAT32))
    hidden = network.add(TensorSpec(shape=[0], scales=[1 / 128], zero_points=[0]))
    lstm = replace(network.operators[-1], intermediates=[*[empty] * 4, hidden])
    network.operators[-1] = lstm


def add_int4(network: _Network) -> None:
    """Add each operator with a kernel for int4 weights, of odd rows, on the image."""

    def constants(shape: list[int], channel_dimension: int = 0) -> list[int]:
        weights = np.arange(np.prod(shape), dtype=np.int8) % 16 - 8
        channels = shape[channel_dimension]
        bias = TensorSpec(shape=[channels], type_code=INT32, data=bytes(4 * channels))
        return [
            network.add(
                TensorSpec(
                    shape=shape,
                    scales=[0.02],
                    zero_points=[0],
                    type_code=INT4,
                    data=packed_int4(weights.reshape(1, -1)).tobytes(),
                )
            ),
            network.add(bias),
        ]

    window = {"Padding": SAME, "StrideW": 1, "StrideH": 1}
    window |= {"DilationWFactor": 1, "DilationHFactor": 1}
    network.apply(CONV_2D, [0, *constants([2, 3, 3, 3])], [1, 8, 7, 2], window, scale=0.1)
    by_channel = {**window, "DepthMultiplier": 1}
    filters = constants([1, 3, 3, 3], channel_dimension=3)
    network.apply(DEPTHWISE_CONV_2D, [0, *filters], [1, 8, 7, 3], by_channel, scale=0.1)
    network.apply(FULLY_CONNECTED, [0, *constants([4, 3])], [56, 4], scale=0.1)


def add_int16(network: _Network) -> None:
    """Add each operator that has a kernel of its own for int16."""
    generator = np.random.default_rng(11)

    def wide(shape: list[int], scale: float) -> int:
        return network.add(
            TensorSpec(shape=shape, scales=[scale], zero_points=[0], type_code=INT16)
        )

    def weights(shape: list[int], code: int) -> list[int]:
        data = generator.integers(-127, 128, shape, dtype=np.int8).tobytes()
        channels = shape[-1] if code == DEPTHWISE_CONV_2D else shape[0]
        bias = generator.integers(-(2**20), 2**20, channels).astype("<i8").tobytes()
        kind = TensorSpec(shape=[channels], scales=[1e-6], zero_points=[0], type_code=INT64)
        given = TensorSpec(shape=shape, scales=[0.01], zero_points=[0], data=data)
        return [network.add(given), network.add(replace(kind, data=bias))]

    def apply(code: int, inputs: list[int], output: int, options: dict[str, float]) -> int:
        network.operators.append(
            OperatorSpec(code=code, inputs=inputs, outputs=[output], options=options)
        )
        return output

    steps = {"StrideH": 2, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    image = apply(QUANTIZE, [0], wide(SHAPE, 1e-4), {})
    filters = weights([4, 3, 2, 3], CONV_2D)
    apply(CONV_2D, [image, *filters], wide([1, 4, 7, 4], 4e-4), {"Padding": SAME, **steps})
    filters = weights([1, 3, 3, 6], DEPTHWISE_CONV_2D)
    options = {"Padding": SAME, **steps, "DepthMultiplier": 2}
    apply(DEPTHWISE_CONV_2D, [image, *filters], wide([1, 4, 7, 6], 4e-4), options)
    vectors = apply(RESHAPE, [image, network.add(integers([8, 21]))], wide([8, 21], 1e-4), {})
    filters = weights([5, 21], FULLY_CONNECTED)
    apply(FULLY_CONNECTED, [vectors, *filters], wide([8, 5], 4e-4), {})
    for code in (LOGISTIC, TANH):
        apply(code, [image], wide(SHAPE, 2.0**-15), {})
    apply(SOFTMAX, [image], wide(SHAPE, 2.0**-15), {"Beta": 1.0})
    for code in (ADD, SUB):
        apply(code, [image, image], wide(SHAPE, 3e-4), {"PotScaleInt16": 0})
    apply(MUL, [image, image], wide(SHAPE, 3e-7), {})
    numbers = generator.integers(-(2**15), 2**15, 3).astype("<i2").tobytes()
    channel = network.add(
        TensorSpec(shape=[3], scales=[1e-4], zero_points=[0], type_code=INT16, data=numbers)
    )
    for code in (MAXIMUM, MINIMUM):
        apply(code, [image, channel], wide(SHAPE, 1e-4), {})
    apply(MEAN, [image, network.add(integers([1, 2]))], wide([1, 3], 1e-4), {})
    apply(LEAKY_RELU, [image], wide(SHAPE, 2e-4), {"Alpha": 0.1})
    pads = network.add(integers([[0, 0], [1, 2], [2, 0], [0, 0]]))
    apply(PAD, [image, pads], wide([1, 11, 9, 3], 1e-4), {})
    value = network.add(
        TensorSpec(shape=[], scales=[1e-4], zero_points=[0], type_code=INT16, data=b"\x05\xff")
    )
    apply(PADV2, [image, pads, value], wide([1, 11, 9, 3], 1e-4), {})
    factors = network.add(
        TensorSpec(shape=[3], scales=[0.01], zero_points=[7], data=bytes([9, 200, 90]))
    )
    apply(PRELU, [image, factors], wide(SHAPE, 1e-4), {})
    for code in (RELU_OPERATOR, RELU6_OPERATOR, ABS, NEG):
        apply(code, [image], wide(SHAPE, 2e-4), {})
    larger = wide([1, 13, 9, 3], 1e-4)
    apply(RESIZE_BILINEAR, [image, network.add(integers([13, 9]))], larger, {"AlignCorners": 0})
    product = wide([8, 8], 1e-3)
    apply(BATCH_MATMUL, [vectors, vectors], product, {"AdjX": False, "AdjY": True})
    pool = {"Padding": SAME, "StrideH": 2, "StrideW": 1, "FilterHeight": 3, "FilterWidth": 2}
    for code in (AVERAGE_POOL_2D, MAX_POOL_2D):
        apply(code, [image], wide([1, 4, 7, 3], 1e-4), pool)


def operator_network() -> bytes:
    generator = np.random.default_rng(9)
    network = _Network(small_network_spec())

    def constant(shape: list[int], scale: float, zero_point: int) -> int:
        data = generator.integers(-128, 128, shape, dtype=np.int8).tobytes()
        return network.add(
            TensorSpec(shape=shape, scales=[scale], zero_points=[zero_point], data=data)
        )

    image = 0
    network.apply(LOG_SOFTMAX, [image], SHAPE, scale=1 / 16, zero_point=127)
    for code in TABLE_OPERATORS:
        options = {"Alpha": 0.1} if code == LEAKY_RELU else {}
        scale, zero_point = (1 / 256, -128) if code == LOGISTIC else (0.017, 11)
        network.apply(code, [image], SHAPE, options, scale=scale, zero_point=zero_point)
    channel, pixel = constant([3], 0.01, 7), constant([1, 8, 7, 1], 0.03, -9)
    for code in (ADD, SUB, MUL, MAXIMUM, MINIMUM):
        first = network.apply(code, [image, channel], SHAPE, scale=0.03, zero_point=2)
        network.apply(code, [pixel, first], SHAPE, scale=0.05, zero_point=-4)
    network.apply(PRELU, [image, channel], SHAPE)
    pool = {"Padding": SAME, "StrideH": 2, "StrideW": 1, "FilterHeight": 3, "FilterWidth": 2}
    pooled = network.apply(MAX_POOL_2D, [image], [1, 4, 7, 3], pool)
    pads = network.add(integers([[0, 0], [1, 2], [2, 0], [0, 0]]))
    padded = network.apply(PAD, [pooled, pads], [1, 7, 9, 3])
    value = constant([], 0.02, -3)
    padded = network.apply(PADV2, [padded, pads, value], [1, 10, 11, 3])
    padded = network.apply(MIRROR_PAD, [padded, pads], [1, 13, 13, 3], {"Mode": 0})
    axes = network.add(integers([1, -2]))
    network.apply(MEAN, [padded, axes], [1, 3], scale=0.01, zero_point=5)
    network.apply(SUM, [padded, axes], [1, 1, 1, 3], {"KeepDims": 1}, scale=1.1, zero_point=5)
    size = network.add(integers([6, 11]))
    for code in (RESIZE_NEAREST_NEIGHBOR, RESIZE_BILINEAR):
        network.apply(code, [pooled, size], [1, 6, 11, 3], {"HalfPixelCenters": 1})
    for code, type_code in ((ARG_MAX, INT32), (ARG_MIN, INT64)):
        along = network.add(integers(-1))
        position = network.add(TensorSpec(shape=SHAPE[:-1], type_code=type_code))
        network.operators.append(
            OperatorSpec(
                code=code,
                inputs=[image, along],
                outputs=[position],
                options={"OutputType": type_code},
            )
        )
    add_movers(network)
    add_products(network)
    add_int4(network)
    add_int16(network)
    return build(
        ModelSpec(
            tensors=network.tensors,
            operators=network.operators,
            inputs=network.inputs,
            outputs=network.outputs,
        )
    )
