"""Shapes that a file computes, as Keras' Flatten and Reshape do: known once the batch is 1."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tflite

from contracts.faults import ConfigError
from sw_templates.oracle.lone_layers import lone_inputs
from sw_templates.oracle.simulation import simulate_network
from sw_templates.reference import golden_inferences, lone_references, random_inputs
from sw_templates.tflite_import import model_from_bytes
from tests.firmware.test_graph import int8, operator
from tests.firmware.tflite_builder import (
    CONCATENATION,
    FLOAT32,
    FULLY_CONNECTED,
    INT16,
    INT32,
    LOGISTIC,
    PACK,
    RESHAPE,
    SHAPE,
    SLICE,
    STRIDED_SLICE,
    UINT8,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)

CODE = tflite.BuiltinOperator
INT64, BOOL = tflite.TensorType.INT64, tflite.TensorType.BOOL
Step = tuple[int, list[Any], int | None, dict[str, float]]
"""An operator: constants or numbers of steps before it (-1 the image), the elements of its output
(None a scalar) and its options."""


def network(steps: list[Step], *, kinds: dict[int, int] | None = None, unknown: bool) -> bytes:
    """An image, whose batch is not known, with the shape that the last step computes, and a layer.

    Args:
        steps: What computes the shape.
        kinds: Types of what steps write where it is not int32.
        unknown: The file does not know the new shape, either, as converters write it then.
    """
    tensors = [replace(int8(1, 4, 6), signature=[-1, 4, 6])]
    operators: list[OperatorSpec] = []
    for number, (code, given, size, options) in enumerate(steps):
        inputs = []
        for each in given:
            if isinstance(each, int):
                inputs.append(0 if each < 0 else operators[each].outputs[0])
            else:
                tensors.append(
                    TensorSpec(
                        shape=each.shape,
                        type_code=INT64 if each.dtype == np.int64 else INT32,
                        data=each.tobytes(),
                    )
                )
                inputs.append(len(tensors) - 1)
        kind = (kinds or {}).get(number, INT32)
        tensors.append(TensorSpec(shape=[] if size is None else [size], type_code=kind))
        operators.append(operator(code, inputs, len(tensors) - 1, **options))
    target = operators[-1].outputs[0]
    weights = np.random.default_rng(3).integers(-127, 128, (4, 24), dtype=np.int8)
    at = len(tensors)
    flat = replace(int8(1, 24), signature=[-1, 24])
    if unknown:
        flat = replace(int8(1, 1), signature=[-1, -1])
    tensors += [
        flat,
        replace(flat, scales=[1 / 256], zero_points=[-128]),
        TensorSpec(shape=[4, 24], scales=[0.02], zero_points=[0], data=weights.tobytes()),
        replace(int8(1, 4, scale=0.4), signature=[-1, 4]),
    ]
    operators += [
        operator(RESHAPE, [0, target], at),
        operator(LOGISTIC, [at], at + 1),
        operator(FULLY_CONNECTED, [at + 1, at + 2], at + 3),
    ]
    return build(ModelSpec(tensors=tensors, operators=operators, inputs=[0], outputs=[at + 3]))


def i32(values: Any) -> np.ndarray[Any, Any]:
    return np.array(values, np.int32)


BATCH: list[Step] = [
    (SHAPE, [-1], 3, {"OutType": INT32}),
    (STRIDED_SLICE, [0, i32([0]), i32([1]), i32([1])], None, {"ShrinkAxisMask": 1}),
]
FLATTEN: list[Step] = [*BATCH, (PACK, [1, i32(-1)], 2, {"ValuesCount": 2})]
JOINED: list[Step] = [
    (SHAPE, [-1], 3, {"OutType": INT64}),
    (CODE.CAST, [0], 3, {}),
    (SLICE, [1, i32([0]), i32([1])], 1, {}),
    (CONCATENATION, [2, i32([24])], 2, {}),
]
PRODUCT: list[Step] = [
    *BATCH,
    (CODE.REDUCE_PROD, [0, i32([0])], None, {}),
    (CODE.FLOOR_DIV, [2, 1], None, {}),
    (CODE.MAXIMUM, [3, i32(2)], None, {}),
    (CODE.MUL, [4, i32(1)], None, {}),
    (CODE.SUB, [5, i32(0)], None, {}),
    (PACK, [1, 6], 2, {"ValuesCount": 2}),
]
PARTS: list[Step] = [
    (SHAPE, [-1], 3, {"OutType": INT32}),
    (CODE.REDUCE_MAX, [0, i32([0])], None, {}),
    (CODE.RANK, [-1], None, {}),
    (CODE.ADD, [1, 2], None, {}),
    (CODE.FLOOR_MOD, [3, i32(4)], None, {}),
    (CODE.RANGE, [4, i32(24), i32(23)], 1, {}),
    (CODE.ZEROS_LIKE, [5], 1, {}),
    (CODE.ADD, [6, i32([24])], 1, {}),
    (CODE.FILL, [i32([1]), 4], 1, {}),
    (CODE.DIV, [7, i32([-24])], 1, {}),
    (CODE.ABS, [9], 1, {}),
    (CODE.CONCATENATION, [10, 7], 2, {}),
]
CHOSEN: list[Step] = [
    *BATCH,
    (CODE.GREATER, [1, i32(0)], None, {}),
    (CODE.SELECT_V2, [2, 1, i32(1)], None, {}),
    (CODE.EXPAND_DIMS, [3, i32(0)], 1, {}),
    (CODE.TILE, [4, i32([2])], 2, {}),
    (CODE.MUL, [5, i32([1, 24])], 2, {}),
]


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize(
    ("steps", "kinds"),
    [(FLATTEN, {}), (JOINED, {0: INT64}), (PRODUCT, {}), (PARTS, {}), (CHOSEN, {2: BOOL})],
)
def test_a_computed_shape_is_known(
    steps: list[Step], kinds: dict[int, int], unknown: bool, tmp_path: Any
) -> None:
    content = network(steps, kinds=kinds, unknown=unknown)
    model = model_from_bytes(content, "net")
    assert [layer.operator for layer in model.layers] == ["RESHAPE", "LOGISTIC", "FULLY_CONNECTED"]
    assert model.layers[0].output.shape == (1, 24)
    path = tmp_path / "network.tflite"
    path.write_bytes(content)
    inputs = random_inputs(model, count=3, seed=1)
    found = [inference.golden for inference in simulate_network(model, inputs)]
    assert (*found,) == golden_inferences(path, model, inputs)
    lone = lone_inputs(model, seed=1)[::2000]  # the files of single layers have the shape, too
    assert len([*lone_references(path, model, lone)]) == len(lone)


def test_what_is_known_only_when_the_network_runs_is_named() -> None:
    steps = [*FLATTEN[:-1], (CODE.WHERE, [0], 2, {})]
    with pytest.raises(ConfigError) as caught:
        model_from_bytes(network(steps, kinds={2: INT64}, unknown=True), "net")
    text = str(caught.value)
    assert "WHERE (operator 2): " in text
    assert "dynamic-shape" in text
    assert "convert with every size of the input fixed" in text


def test_a_division_by_zero_is_no_shape() -> None:
    steps: list[Step] = [
        *BATCH,
        (CODE.FLOOR_DIV, [1, i32(0)], None, {}),
        (PACK, [1, 2], 2, {"ValuesCount": 2}),
    ]
    with pytest.raises(ConfigError, match=r"FLOOR_DIV \(operator 2\): where it computes a shape"):
        model_from_bytes(network(steps, unknown=False), "net")


@pytest.mark.parametrize(
    ("kind", "size_bytes"),
    [(FLOAT32, 4), (BOOL, 1), (INT16, 2), (UINT8, 1), (tflite.TensorType.INT8, 1)],
)
@pytest.mark.parametrize("content", [b"\xff", b"\x7f", b"\x00"])  # a float of the first is none
def test_a_shape_of_anything_but_sizes_is_no_shape(
    kind: int, size_bytes: int, content: bytes
) -> None:
    image, flat = int8(1, 4, 6), replace(int8(1, 1), signature=[-1, -1])
    sizes = TensorSpec(shape=[2], type_code=kind, data=2 * size_bytes * content)
    spec = ModelSpec(
        tensors=[replace(image, signature=[-1, 4, 6]), sizes, flat],
        operators=[operator(RESHAPE, [0, 1], 2)],
        inputs=[0],
        outputs=[2],
    )
    with pytest.raises(ConfigError):
        model_from_bytes(build(spec), "net")
