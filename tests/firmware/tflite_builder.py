"""Builds small TFLite files in memory, legal or broken on purpose, for the tests of this room."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import tflite

INT8 = tflite.TensorType.INT8
INT32 = tflite.TensorType.INT32
INT16 = tflite.TensorType.INT16
UINT8 = tflite.TensorType.UINT8
INT64 = tflite.TensorType.INT64
FLOAT32 = tflite.TensorType.FLOAT32

NONE, RELU, RELU_N1, RELU6 = 0, 1, 2, 3
SAME, VALID = 0, 1

CONV_2D = tflite.BuiltinOperator.CONV_2D
DEPTHWISE_CONV_2D = tflite.BuiltinOperator.DEPTHWISE_CONV_2D
FULLY_CONNECTED = tflite.BuiltinOperator.FULLY_CONNECTED
ADD = tflite.BuiltinOperator.ADD
AVERAGE_POOL_2D = tflite.BuiltinOperator.AVERAGE_POOL_2D
SOFTMAX = tflite.BuiltinOperator.SOFTMAX
RESHAPE = tflite.BuiltinOperator.RESHAPE
MUL = tflite.BuiltinOperator.MUL
QUANTIZE = tflite.BuiltinOperator.QUANTIZE
DEQUANTIZE = tflite.BuiltinOperator.DEQUANTIZE
CONCATENATION = tflite.BuiltinOperator.CONCATENATION
SPLIT = tflite.BuiltinOperator.SPLIT
SPLIT_V = tflite.BuiltinOperator.SPLIT_V
TRANSPOSE = tflite.BuiltinOperator.TRANSPOSE
PACK = tflite.BuiltinOperator.PACK
UNPACK = tflite.BuiltinOperator.UNPACK
SLICE = tflite.BuiltinOperator.SLICE
STRIDED_SLICE = tflite.BuiltinOperator.STRIDED_SLICE
GATHER = tflite.BuiltinOperator.GATHER
EXPAND_DIMS = tflite.BuiltinOperator.EXPAND_DIMS
SQUEEZE = tflite.BuiltinOperator.SQUEEZE
SHAPE = tflite.BuiltinOperator.SHAPE
SVDF = tflite.BuiltinOperator.SVDF
BATCH_MATMUL = tflite.BuiltinOperator.BATCH_MATMUL
UNIDIRECTIONAL_SEQUENCE_LSTM = tflite.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM
FILL = tflite.BuiltinOperator.FILL
CAST = tflite.BuiltinOperator.CAST
ABS = tflite.BuiltinOperator.ABS
NEG = tflite.BuiltinOperator.NEG
RELU_N1_TO_1 = tflite.BuiltinOperator.RELU_N1_TO_1
LEAKY_RELU = tflite.BuiltinOperator.LEAKY_RELU
HARD_SWISH = tflite.BuiltinOperator.HARD_SWISH
PRELU = tflite.BuiltinOperator.PRELU
LOGISTIC = tflite.BuiltinOperator.LOGISTIC
TANH = tflite.BuiltinOperator.TANH
MAX_POOL_2D = tflite.BuiltinOperator.MAX_POOL_2D
MEAN = tflite.BuiltinOperator.MEAN
SUM = tflite.BuiltinOperator.SUM
PAD = tflite.BuiltinOperator.PAD
PADV2 = tflite.BuiltinOperator.PADV2
MIRROR_PAD = tflite.BuiltinOperator.MIRROR_PAD
SUB = tflite.BuiltinOperator.SUB
MAXIMUM = tflite.BuiltinOperator.MAXIMUM
MINIMUM = tflite.BuiltinOperator.MINIMUM
RESIZE_NEAREST_NEIGHBOR = tflite.BuiltinOperator.RESIZE_NEAREST_NEIGHBOR
RESIZE_BILINEAR = tflite.BuiltinOperator.RESIZE_BILINEAR
ARG_MAX = tflite.BuiltinOperator.ARG_MAX
ARG_MIN = tflite.BuiltinOperator.ARG_MIN
LOG_SOFTMAX = tflite.BuiltinOperator.LOG_SOFTMAX
SQUARED_DIFFERENCE = tflite.BuiltinOperator.SQUARED_DIFFERENCE
RELU_OPERATOR = tflite.BuiltinOperator.RELU  # RELU is the fused activation
RELU6_OPERATOR = tflite.BuiltinOperator.RELU6

_OPTIONS = {
    CONV_2D: "Conv2DOptions",
    DEPTHWISE_CONV_2D: "DepthwiseConv2DOptions",
    FULLY_CONNECTED: "FullyConnectedOptions",
    ADD: "AddOptions",
    AVERAGE_POOL_2D: "Pool2DOptions",
    SOFTMAX: "SoftmaxOptions",
    RESHAPE: "ReshapeOptions",
    MUL: "MulOptions",
    CONCATENATION: "ConcatenationOptions",
    SPLIT: "SplitOptions",
    SPLIT_V: "SplitVOptions",
    PACK: "PackOptions",
    UNPACK: "UnpackOptions",
    STRIDED_SLICE: "StridedSliceOptions",
    GATHER: "GatherOptions",
    SHAPE: "ShapeOptions",
    SVDF: "SVDFOptions",
    BATCH_MATMUL: "BatchMatMulOptions",
    UNIDIRECTIONAL_SEQUENCE_LSTM: "UnidirectionalSequenceLSTMOptions",
    SUB: "SubOptions",
    MAXIMUM: "MaximumMinimumOptions",
    MINIMUM: "MaximumMinimumOptions",
    SQUARED_DIFFERENCE: "SquaredDifferenceOptions",
    MAX_POOL_2D: "Pool2DOptions",
    MEAN: "ReducerOptions",
    SUM: "ReducerOptions",
    PAD: "PadOptions",
    PADV2: "PadV2Options",
    MIRROR_PAD: "MirrorPadOptions",
    LEAKY_RELU: "LeakyReluOptions",
    tflite.BuiltinOperator.DIV: "DivOptions",
    RESIZE_NEAREST_NEIGHBOR: "ResizeNearestNeighborOptions",
    RESIZE_BILINEAR: "ResizeBilinearOptions",
    ARG_MAX: "ArgMaxOptions",
    ARG_MIN: "ArgMinOptions",
    LOG_SOFTMAX: "LogSoftmaxOptions",
}
_VERSIONS = {
    CONV_2D: 3,
    DEPTHWISE_CONV_2D: 3,
    FULLY_CONNECTED: 4,
    ADD: 2,
    AVERAGE_POOL_2D: 2,
    MUL: 2,
    CONCATENATION: 2,
    SPLIT: 2,
    TRANSPOSE: 2,
    PACK: 2,
    UNPACK: 2,
    SLICE: 2,
    STRIDED_SLICE: 2,
    GATHER: 2,
    BATCH_MATMUL: 2,
    SVDF: 3,
    SUB: 2,
    MAXIMUM: 2,
    MINIMUM: 2,
    SQUARED_DIFFERENCE: 2,
    MAX_POOL_2D: 2,
    MEAN: 2,
    SUM: 2,
    PAD: 2,
    PADV2: 2,
    MIRROR_PAD: 2,
    LOGISTIC: 2,
    TANH: 2,
    LEAKY_RELU: 2,
    RELU_OPERATOR: 2,
    RELU6_OPERATOR: 2,
    RESIZE_NEAREST_NEIGHBOR: 2,
    RESIZE_BILINEAR: 2,
    ARG_MAX: 2,
    ARG_MIN: 2,
    LOG_SOFTMAX: 2,
}


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """A tensor to write; ``data`` makes it a constant."""

    shape: Sequence[int]
    scales: Sequence[float] = ()
    zero_points: Sequence[int] = ()
    dimension: int = 0
    type_code: int = INT8
    data: bytes | None = None
    name: str = "t"
    signature: Sequence[int] = ()
    is_variable: bool = False


@dataclass(frozen=True, kw_only=True)
class OperatorSpec:
    """An operator to write; ``options`` are the scalars of its options table."""

    code: int
    inputs: Sequence[int]
    outputs: Sequence[int]
    options: dict[str, float] = field(default_factory=dict)
    intermediates: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A file to write."""

    tensors: Sequence[TensorSpec]
    operators: Sequence[OperatorSpec]
    inputs: Sequence[int]
    outputs: Sequence[int]


def build(model: ModelSpec) -> bytes:
    """Return the bytes of a TFLite file."""
    builder = flatbuffers.Builder(1024)
    buffers = [b"", *(tensor.data for tensor in model.tensors if tensor.data is not None)]
    codes = sorted({operator.code for operator in model.operators})
    code_vector = _offsets(
        builder, [_code(builder, code) for code in codes], tflite.ModelStartOperatorCodesVector
    )
    graph = _subgraph(builder, model, codes)
    graph_vector = _offsets(builder, [graph], tflite.ModelStartSubgraphsVector)
    buffer_vector = _offsets(
        builder, [_buffer(builder, data) for data in buffers], tflite.ModelStartBuffersVector
    )
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddOperatorCodes(builder, code_vector)
    tflite.ModelAddSubgraphs(builder, graph_vector)
    tflite.ModelAddBuffers(builder, buffer_vector)
    builder.Finish(tflite.ModelEnd(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _offsets(builder: Any, items: Sequence[int], start: Callable[[Any, int], Any]) -> int:
    start(builder, len(items))
    for item in reversed(items):
        builder.PrependUOffsetTRelative(item)
    return int(builder.EndVector())


def _integers(builder: Any, items: Sequence[int], start: Callable[[Any, int], Any]) -> int:
    start(builder, len(items))
    for item in reversed(items):
        builder.PrependInt32(int(item))
    return int(builder.EndVector())


def _code(builder: Any, code: int) -> int:
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(code, 127))
    tflite.OperatorCodeAddVersion(builder, _VERSIONS.get(code, 1))
    tflite.OperatorCodeAddBuiltinCode(builder, code)
    return int(tflite.OperatorCodeEnd(builder))


def _buffer(builder: Any, data: bytes) -> int:
    vector = None
    if data:
        builder.StartVector(1, len(data), 16)
        builder.head = builder.head - len(data)
        builder.Bytes[builder.head : builder.head + len(data)] = data
        vector = builder.EndVector()
    tflite.BufferStart(builder)
    if vector is not None:
        tflite.BufferAddData(builder, vector)
    return int(tflite.BufferEnd(builder))


def _tensor(builder: Any, tensor: TensorSpec, buffer: int) -> int:
    name = builder.CreateString(tensor.name)
    shape = _integers(builder, tensor.shape, tflite.TensorStartShapeVector)
    signature = (
        _integers(builder, tensor.signature, tflite.TensorStartShapeSignatureVector)
        if tensor.signature
        else None
    )
    quantisation = None
    if tensor.scales:
        tflite.QuantizationParametersStartScaleVector(builder, len(tensor.scales))
        for scale in reversed(tensor.scales):
            builder.PrependFloat32(scale)
        scales = builder.EndVector()
        tflite.QuantizationParametersStartZeroPointVector(builder, len(tensor.zero_points))
        for zero_point in reversed(tensor.zero_points):
            builder.PrependInt64(int(zero_point))
        zero_points = builder.EndVector()
        tflite.QuantizationParametersStart(builder)
        tflite.QuantizationParametersAddScale(builder, scales)
        tflite.QuantizationParametersAddZeroPoint(builder, zero_points)
        tflite.QuantizationParametersAddQuantizedDimension(builder, tensor.dimension)
        quantisation = tflite.QuantizationParametersEnd(builder)
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, tensor.type_code)
    tflite.TensorAddBuffer(builder, buffer)
    tflite.TensorAddName(builder, name)
    tflite.TensorAddIsVariable(builder, tensor.is_variable)
    if quantisation is not None:
        tflite.TensorAddQuantization(builder, quantisation)
    if signature is not None:
        tflite.TensorAddShapeSignature(builder, signature)
    return int(tflite.TensorEnd(builder))


def _operator(builder: Any, operator: OperatorSpec, codes: Sequence[int]) -> int:
    inputs = _integers(builder, operator.inputs, tflite.OperatorStartInputsVector)
    outputs = _integers(builder, operator.outputs, tflite.OperatorStartOutputsVector)
    intermediates = _integers(
        builder, operator.intermediates, tflite.OperatorStartIntermediatesVector
    )
    table = _OPTIONS.get(operator.code)
    options = None
    if table is not None:
        getattr(tflite, f"{table}Start")(builder)
        for name, value in operator.options.items():
            getattr(tflite, f"{table}Add{name}")(builder, value)
        options = getattr(tflite, f"{table}End")(builder)
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, codes.index(operator.code))
    tflite.OperatorAddInputs(builder, inputs)
    tflite.OperatorAddOutputs(builder, outputs)
    if operator.intermediates:
        tflite.OperatorAddIntermediates(builder, intermediates)
    if table is not None:
        tflite.OperatorAddBuiltinOptionsType(builder, getattr(tflite.BuiltinOptions, table))
        tflite.OperatorAddBuiltinOptions(builder, options)
    return int(tflite.OperatorEnd(builder))


def _subgraph(builder: Any, model: ModelSpec, codes: Sequence[int]) -> int:
    buffer = 0
    tensors = []
    for tensor in model.tensors:
        if tensor.data is not None:
            buffer += 1
        tensors.append(_tensor(builder, tensor, buffer if tensor.data is not None else 0))
    tensor_vector = _offsets(builder, tensors, tflite.SubGraphStartTensorsVector)
    operators = [_operator(builder, operator, codes) for operator in model.operators]
    operator_vector = _offsets(builder, operators, tflite.SubGraphStartOperatorsVector)
    inputs = _integers(builder, model.inputs, tflite.SubGraphStartInputsVector)
    outputs = _integers(builder, model.outputs, tflite.SubGraphStartOutputsVector)
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensor_vector)
    tflite.SubGraphAddInputs(builder, inputs)
    tflite.SubGraphAddOutputs(builder, outputs)
    tflite.SubGraphAddOperators(builder, operator_vector)
    return int(tflite.SubGraphEnd(builder))
