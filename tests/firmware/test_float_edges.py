"""Float32 operators at the edges of a file: done by the host as TFLite does them, or named."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from contracts.faults import ConfigError
from runners.reference import reference_refusals
from runners.samples.encoding import dequantised, tensors_of
from sw_templates.tflite_import import model_from_bytes
from tests.firmware.firmware_bench import load_bytes
from tests.firmware.test_graph import float_edges, floats, int8, is_exact, operator
from tests.firmware.tflite_builder import (
    ADD,
    DEQUANTIZE,
    EXPAND_DIMS,
    FLOAT32,
    INT32,
    LOGISTIC,
    MUL,
    QUANTIZE,
    RELU6,
    RESHAPE,
    SOFTMAX,
    SUB,
    TANH,
    TRANSPOSE,
    UINT8,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)

CAST, DIV = tflite.BuiltinOperator.CAST, tflite.BuiltinOperator.DIV


def constant(values: Any, code: int = FLOAT32) -> TensorSpec:
    array = np.array(values, "<f4" if code == FLOAT32 else "<i4")
    return TensorSpec(shape=array.shape, type_code=code, data=array.tobytes())


def between(before: list[Any], behind: list[Any], *, first: TensorSpec) -> ModelSpec:
    """Put steps around one integer layer: each an operator, its constants, options, and shape."""
    tensors, operators = [first], []

    def chain(at: int, steps: list[Any]) -> int:
        for code, others, options, shape in steps:
            numbers = []
            for other in others:
                if other is None:
                    numbers.append(at)
                else:
                    tensors.append(other)
                    numbers.append(len(tensors) - 1)
            tensors.append(floats(*shape))
            at = len(tensors) - 1
            operators.append(OperatorSpec(code=code, inputs=numbers, outputs=[at], options=options))
        return at

    last = chain(0, before)
    shape = tensors[last].shape
    tensors.extend([int8(*shape, scale=0.02, zero_point=3), int8(*shape, scale=0.05)])
    quantised = len(tensors) - 2
    operators.append(operator(QUANTIZE, [last], quantised))
    operators.append(operator(ADD, [quantised, quantised], quantised + 1))
    tensors.append(floats(*shape))
    operators.append(operator(DEQUANTIZE, [quantised + 1], len(tensors) - 1))
    end = chain(len(tensors) - 1, behind)
    return ModelSpec(tensors=tensors, operators=operators, inputs=[0], outputs=[end])


def interpreted(content: bytes, values: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], int]:
    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    return interpreter, interpreter.get_output_details()[0]["index"]  # type: ignore[return-value]


NONE: dict[str, float] = {"FusedActivationFunction": 0}
SHAPE_3X4 = constant([1, 3, 4], INT32)
NORMALISED = [
    (MUL, [None, constant(np.float32(1 / 127.5))], NONE, (1, 12)),
    (SUB, [None, constant([1.0])], NONE, (1, 12)),
]
MOVED = [
    (RESHAPE, [None, SHAPE_3X4], {}, (1, 3, 4)),
    (TRANSPOSE, [None, constant([0, 2, 1], INT32)], {}, (1, 4, 3)),
    (EXPAND_DIMS, [None, constant(1, INT32)], {}, (1, 1, 4, 3)),
]
TURNED = [
    (DIV, [None, constant([3.0] * 12)], NONE, (1, 12)),
    (ADD, [constant([0.3]), None], {"FusedActivationFunction": RELU6}, (1, 12)),
    (SUB, [constant([0.7]), None], NONE, (1, 12)),
]


@pytest.mark.parametrize("is_pixels", [False, True])
@pytest.mark.parametrize("before", [[], NORMALISED, TURNED, NORMALISED + MOVED, MOVED])
@pytest.mark.parametrize(
    "behind",
    [
        [(SOFTMAX, [None], {"Beta": 1.5}, None)],
        [(LOGISTIC, [None], {}, None)],
        [(TANH, [None], {}, None), (MUL, [None, constant([-3.1])], NONE, None)],
    ],
)
def test_what_the_host_does_is_what_the_whole_file_does(
    before: list[Any], behind: list[Any], is_pixels: bool, tmp_path: Path
) -> None:
    """From the numbers of a sample to the bytes of the first layer, and from the last one's."""
    first = floats(1, 12)
    if is_pixels:
        first = TensorSpec(shape=[1, 12], type_code=UINT8)
        before = [(CAST, [None], {}, (1, 12)), *before]
    shape = before[-1][3] if before else (1, 12)
    last = [(code, others, options, shape) for code, others, options, _ in behind]
    path, model = load_bytes(build(between(before, last, first=first)), tmp_path)
    assert [layer.operator for layer in model.layers] == ["ADD"]
    assert len(model.host_operators) == len(before) + len(behind) + 2
    generator = np.random.default_rng(4)
    values = generator.integers(0, 256, (1, 12)).astype(np.uint8 if is_pixels else np.float32)
    if not is_pixels:
        values += generator.normal(size=(1, 12)).astype(np.float32)
    interpreter, end = interpreted(path.read_bytes(), values)
    given = tensors_of(values.tobytes(), "uint8" if is_pixels else "float32", model)
    (quantised,), (answer,) = model.inputs, model.outputs
    assert given == interpreter.get_tensor(quantised.index).tobytes()  # type: ignore[attr-defined]
    found = dequantised(interpreter.get_tensor(answer.index).tobytes(), model)  # type: ignore[attr-defined]
    assert (found == interpreter.get_tensor(end).reshape(-1)).all()  # type: ignore[attr-defined]


def test_the_firmware_takes_what_is_behind_them(tmp_path: Path) -> None:
    is_exact(tmp_path, build(between(NORMALISED + MOVED, [], first=floats(1, 12))))
    assert reference_refusals([tmp_path / "network.tflite"]) == (None,)


EXPONENTIAL = [(tflite.BuiltinOperator.EXP, [None], {}, (1, 12))]


@pytest.mark.parametrize(
    ("spec", "names", "absent"),
    [
        # none of the host's
        (
            between(EXPONENTIAL, EXPONENTIAL, first=floats(1, 12)),
            [
                "EXP (operator 0): computes in float32 before",
                "EXP (operator 4): computes in float32 behind",
            ],
            ["DEQUANTIZE (", "  - QUANTIZE"],
        ),
        # one of the host's, of two tensors
        (
            between([(ADD, [None, None], NONE, (1, 12))], [], first=floats(1, 12)),
            [
                "ADD (operator 0): computes in float32 before",
                "all its inputs but one are constants",
            ],
            ["DEQUANTIZE ("],
        ),
    ],
)
def test_what_the_host_cannot_do_is_named_with_what_helps(
    spec: ModelSpec, names: list[str], absent: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        model_from_bytes(build(spec), "net")
    text = str(caught.value)
    assert all(name in text for name in names), text
    assert not any(name in text for name in absent), text


def test_an_output_may_be_named_twice() -> None:
    model = model_from_bytes(build(replace(float_edges(), outputs=[3, 3])), "net")
    assert len(model.outputs) == 2
