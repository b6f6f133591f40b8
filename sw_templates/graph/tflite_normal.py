"""A copy of a TFLite file in which what decides nothing is as the reference interpreter wants it.

The interpreter checks metadata that no kernel uses, and each version checks more of it: files of
old converters, which ran for years, are refused by a new one. It also trusts the offsets that it
follows. So it is never handed a user's file, but one that is written anew from what the import has
read and checked.
"""

import copy
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from contracts.faults import ConfigError
from sw_templates.graph.graph_folding import fold_constants
from sw_templates.model import Model
from sw_templates.tflite_file import parse_tflite

_FILE_IDENTIFIER = b"TFL3"
_DAMAGE = (struct.error, IndexError, ValueError, TypeError, OverflowError, AttributeError)
"""What the flatbuffer library raises at fields that the import does not read."""


def normalised(content: bytes, source: str, model: Model | None = None) -> bytes:
    """Return a TFLite file that computes what ``content`` does, for the reference interpreter.

    Left out is what no kernel uses: metadata, signatures, descriptions, names,
    observed ranges, details of a quantisation, tensors' sparsity. A tensor with one scale is
    quantised along dimension 0, whatever the file says, and has one zero point for each scale; a
    bias has a scale.

    Args:
        content: A file that the import accepts (:func:`sw_templates.tflite_import.load_model`).
        source: Its name in errors.
        model: What the import made of it: the operators at its edges that the host does are left
            out, so that the copy takes and gives what the firmware does. None for the whole file.

    Raises:
        ConfigError: The file is damaged at a place that the import does not look at.
    """
    # Imported here: it is large, and generating firmware does not need it.
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    try:
        whole = _copied(schema, content)
        if model is not None:
            _cut_edges(whole.subgraphs[0], model)
        builder = flatbuffers.Builder(len(content) + 1024)
        builder.Finish(whole.Pack(builder), _FILE_IDENTIFIER)
    except _DAMAGE as error:
        raise _damaged(source, error) from None
    return bytes(builder.Output())


def _damaged(source: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"{source} is a damaged TFLite file: {type(error).__name__}: {error}"[:500],
        fix="copy or convert the model again",
    )


def single_operators(content: bytes, source: str, model: Model) -> Callable[[int], bytes]:
    """Return what writes a TFLite file of one layer of a network, normalised as above.

    Its inputs are the layer's ``activations``, its outputs the layer's. What the import has
    computed beforehand is a constant of it.

    Args:
        content: A file that the import accepts.
        source: Its name in errors.
        model: What the import made of it.

    Returns:
        Position of a layer in the network to the bytes of its file.

    Raises:
        ConfigError: The file is damaged at a place that the import does not look at.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    operators = model.operators
    folded = fold_constants(parse_tflite(content, source, operators.options), operators.by_name)
    try:
        whole = _copied(schema, content)
    except _DAMAGE as error:
        raise _damaged(source, error) from None
    (graph,) = whole.subgraphs

    def written(position: int) -> bytes:
        layer = model.layers[position]
        operator = graph.operators[layer.index]
        numbers = [operator.inputs, operator.outputs, operator.intermediates]
        used = sorted({int(n) for each in numbers if each is not None for n in each} - {-1})
        renumbered = {number: place for place, number in enumerate(used)}
        tensors = [copy.copy(graph.tensors[number]) for number in used]
        buffers = [schema.BufferT()]
        for tensor, number in zip(tensors, used, strict=True):
            data = folded.tensors[number].data
            tensor.buffer = 0 if data is None else len(buffers)
            tensor.shape, tensor.shapeSignature = folded.tensors[number].shape, None
            if data is not None:
                buffers.append(schema.BufferT(data=np.frombuffer(data, np.uint8)))
        alone = copy.copy(operator)
        alone.opcodeIndex = 0
        for name in ("inputs", "outputs", "intermediates"):
            given = getattr(operator, name)
            if given is not None:
                setattr(alone, name, [renumbered.get(int(number), -1) for number in given])
        builder = flatbuffers.Builder(1024)
        model_of_one = schema.ModelT(
            version=3,
            operatorCodes=[whole.operatorCodes[operator.opcodeIndex]],
            subgraphs=[
                schema.SubGraphT(
                    tensors=tensors,
                    inputs=[renumbered[tensor.index] for tensor in layer.activations],
                    outputs=[renumbered[tensor.index] for tensor in layer.outputs],
                    operators=[alone],
                )
            ],
            buffers=buffers,
        )
        builder.Finish(model_of_one.Pack(builder), _FILE_IDENTIFIER)
        return bytes(builder.Output())

    return written


def _cut_edges(graph: Any, model: Model) -> None:
    graph.inputs = [tensor.index for tensor in model.inputs]
    graph.outputs = [tensor.index for tensor in model.outputs]
    graph.operators = [
        operator
        for index, operator in enumerate(graph.operators)
        if index not in model.host_operators
    ]


def _copied(schema: Any, content: bytes) -> Any:
    """Return the parts of the file that a kernel uses, as objects of the schema."""
    packed = schema.Model.GetRootAs(content, 0)
    graph = packed.Subgraphs(0)
    tensors = [_tensor(schema, graph.Tensors(i)) for i in range(graph.TensorsLength())]
    operators = [
        schema.OperatorT.InitFromObj(graph.Operators(i)) for i in range(graph.OperatorsLength())
    ]
    # The import has read what is used; how many there are, a broken file may say as it likes.
    codes = [
        schema.OperatorCodeT.InitFromObj(packed.OperatorCodes(i))
        for i in range(1 + max((operator.opcodeIndex for operator in operators), default=-1))
    ]
    for operator in operators:
        _complete_bias(schema, operator, tensors)
    used = {tensor.buffer for tensor in tensors}
    return schema.ModelT(
        version=3,
        operatorCodes=codes,
        subgraphs=[
            schema.SubGraphT(
                tensors=tensors,
                inputs=graph.InputsAsNumpy(),
                outputs=graph.OutputsAsNumpy(),
                operators=operators,
            )
        ],
        buffers=[
            schema.BufferT(data=packed.Buffers(i).DataAsNumpy())
            if i in used and not packed.Buffers(i).DataIsNone()
            else schema.BufferT()
            for i in range(1 + max(used, default=-1))
        ],
    )


def _complete_bias(schema: Any, operator: Any, tensors: list[Any]) -> None:
    """Give a bias that says nothing of its scale the one that kernels take it to have.

    FULLY_CONNECTED compares the two, and 0 stands for a scale that is missing.
    """
    numbers = [] if operator.inputs is None else list(operator.inputs)
    if len(numbers) != 3 or not all(0 <= number < len(tensors) for number in numbers):
        return
    image, weights, bias = (tensors[number] for number in numbers)
    if bias.type != schema.TensorType.INT32 or bias.quantization is not None:
        return
    factors = [tensor.quantization for tensor in (image, weights)]
    if all(factor is not None and len(factor.scale) == 1 for factor in factors):
        product = factors[0].scale * factors[1].scale  # a product of floats in TFLite too
        bias.quantization = schema.QuantizationParametersT(
            scale=product, zeroPoint=np.zeros(1, np.int64)
        )


def _tensor(schema: Any, packed: Any) -> Any:
    shape = [] if packed.ShapeIsNone() else packed.ShapeAsNumpy()
    signature = None if packed.ShapeSignatureIsNone() else packed.ShapeSignatureAsNumpy()
    return schema.TensorT(
        shape=shape,
        type=packed.Type(),
        buffer=packed.Buffer(),
        quantization=_quantisation(schema, packed.Quantization(), rank=len(shape)),
        isVariable=packed.IsVariable(),
        shapeSignature=signature,
        hasRank=packed.HasRank(),
    )


def _quantisation(schema: Any, packed: Any, *, rank: int) -> Any:
    """Return the scales and zero points that kernels use; None for a tensor without scales."""
    if packed is None or packed.ScaleLength() == 0:
        return None
    scales = packed.ScaleAsNumpy()
    zero_points = np.zeros(1, np.int64)
    if packed.ZeroPointLength() > 0:
        zero_points = packed.ZeroPointAsNumpy()
    if len(zero_points) == 1:
        zero_points = np.repeat(zero_points, len(scales))
    is_along_one_only = len(scales) == 1 or rank < 2
    return schema.QuantizationParametersT(
        scale=scales,
        zeroPoint=zero_points,
        quantizedDimension=0 if is_along_one_only else packed.QuantizedDimension(),
    )
