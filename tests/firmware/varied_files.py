"""Files whose metadata was varied field by field: what the two validators are compared on."""

from collections.abc import Callable, Iterator
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

Change = Callable[[Any], None]


def loaded(content: bytes) -> Any:
    return schema.ModelT.InitFromPackedBuf(content, 0)


def packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def changed(content: bytes, change: Change) -> bytes:
    model = loaded(content)
    change(model)
    return packed(model)


def set_field(name: str, value: Any) -> Change:
    return lambda table: setattr(table, name, value)


def change_list(name: str, change: Callable[[list[Any]], list[Any]]) -> Change:
    def apply(table: Any) -> None:
        before = getattr(table, name)
        setattr(table, name, change([] if before is None else before.tolist()))

    return apply


def details(kind: int, table: Any) -> Change:
    def apply(quantisation: Any) -> None:
        quantisation.detailsType, quantisation.details = kind, table

    return apply


SCALES = (0.0, -1.0, float("nan"), float("inf"), 1e-45, 1e-30, 1e30, 3e38)
ZERO_POINTS = (1, -1, -128, 127, 128, -129, 1 << 31, 1 << 32, (1 << 32) + 5, -(1 << 63))
BLOCKS = schema.BlockwiseQuantizationT(scales=1, zeroPoints=1, blockSize=4)

QUANTISATION: dict[str, Change] = {
    **{f"dimension {d}": set_field("quantizedDimension", d) for d in (0, 1, 2, 3, -1, 99)},
    "no scales": set_field("scale", None),
    "first scale": change_list("scale", lambda scales: scales[:1]),
    "one scale more": change_list("scale", lambda scales: [*scales, 0.1]),
    "one scale less": change_list("scale", lambda scales: scales[:-1]),
    **{f"scales {s}": change_list("scale", lambda scales, s=s: [s] * len(scales)) for s in SCALES},
    **{f"a scale {s}": change_list("scale", lambda scales, s=s: [s, *scales[1:]]) for s in SCALES},
    "no zero points": set_field("zeroPoint", None),
    "empty zero points": set_field("zeroPoint", []),
    "first zero point": change_list("zeroPoint", lambda points: points[:1]),
    "one zero point more": change_list("zeroPoint", lambda points: [*points, 0]),
    **{
        f"zero points {z}": change_list("zeroPoint", lambda points, z=z: [z] * max(1, len(points)))
        for z in ZERO_POINTS
    },
    "minima alone": set_field("min", [1.0]),
    "custom details": details(1, schema.CustomQuantizationT(custom=[1, 2, 3])),
    "details by blocks": details(2, BLOCKS),
    "several axes": details(3, schema.MultiAxisQuantizationT()),
}

TENSOR: dict[str, Change] = {
    "not quantised": set_field("quantization", None),
    "variable": set_field("isVariable", True),
    "has a rank": set_field("hasRank", True),
    "no name": set_field("name", None),
    "a name that is no text": set_field("name", b"\xff\xfe"),
    "no shape": set_field("shape", None),
    "a size more": change_list("shape", lambda sizes: [1, *sizes]),
    "flat": change_list("shape", lambda sizes: [int(np.prod(sizes))]),
    "unknown batch": lambda tensor: setattr(
        tensor, "shapeSignature", [-1, *tensor.shape.tolist()[1:]]
    ),
    "unknown sizes": lambda tensor: setattr(tensor, "shapeSignature", [-1] * len(tensor.shape)),
    "other signature": lambda tensor: setattr(tensor, "shapeSignature", [7] * len(tensor.shape)),
    "another buffer": set_field("buffer", 1),
    "no such buffer": set_field("buffer", 99),
    **{f"type {number}": set_field("type", number) for number in range(18)},
}

CODE: dict[str, Change] = {
    **{f"version {v}": set_field("version", v) for v in (0, 1, 2, 3, 4, 5, 6, 9, 99, -1)},
    "no deprecated code": set_field("deprecatedBuiltinCode", 0),
    "deprecated code alone": set_field("builtinCode", 0),
    "custom name": set_field("customCode", "x"),
}

OPERATOR: dict[str, Change] = {
    "no options": set_field("builtinOptions", None),
    "custom options": set_field("customOptions", [1, 2, 3]),
    "intermediates": set_field("intermediates", [1, 2]),
    "variable inputs": set_field("mutatingVariableInputs", [True] * 3),
    "an input less": change_list("inputs", lambda inputs: inputs[:-1]),
    "an input left out": change_list("inputs", lambda inputs: [*inputs[:-1], -1]),
    "an input left out more": change_list("inputs", lambda inputs: [*inputs, -1]),
    "outputs twice": change_list("outputs", lambda outputs: outputs * 2),
}

MODEL: dict[str, Change] = {
    "version 9": set_field("version", 9),
    "metadata": set_field("metadata", [schema.MetadataT(name="x", buffer=99)]),
    "metadata buffer": set_field("metadataBuffer", [99]),
    "signatures": set_field(
        "signatureDefs", [schema.SignatureDefT(signatureKey="a", subgraphIndex=9)]
    ),
    "two graphs": lambda model: model.subgraphs.append(model.subgraphs[0]),
    "no graphs": set_field("subgraphs", []),
    "outside buffer": lambda model: setattr(model.buffers[1], "offset", 100),
}


def variations(content: bytes) -> Iterator[tuple[str, Change]]:
    """Yield a name and a change of the whole model, for each field of each part of it."""
    graph = loaded(content).subgraphs[0]
    for number in range(len(graph.tensors)):
        for name, change in QUANTISATION.items():
            yield f"tensor {number}: {name}", _of_quantisation(number, change)
        for name, change in TENSOR.items():
            yield f"tensor {number}: {name}", _of_tensor(number, change)
    for number, operator in enumerate(graph.operators):
        for name, change in CODE.items():
            yield f"operator {number}: {name}", _of_code(operator.opcodeIndex, change)
        for name, change in OPERATOR.items():
            yield f"operator {number}: {name}", _of_operator(number, change)
    yield from MODEL.items()


def _of_tensor(number: int, change: Change) -> Change:
    return lambda model: change(model.subgraphs[0].tensors[number])


def _of_code(number: int, change: Change) -> Change:
    return lambda model: change(model.operatorCodes[number])


def _of_operator(number: int, change: Change) -> Change:
    return lambda model: change(model.subgraphs[0].operators[number])


def _of_quantisation(number: int, change: Change) -> Change:
    def apply(model: Any) -> None:
        tensor = model.subgraphs[0].tensors[number]
        tensor.quantization = tensor.quantization or schema.QuantizationParametersT()
        change(tensor.quantization)

    return apply
