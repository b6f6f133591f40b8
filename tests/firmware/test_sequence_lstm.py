"""UNIDIRECTIONAL_SEQUENCE_LSTM against TFLite's reference kernels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.faults import ConfigError
from sw_templates.reference import golden_inferences, random_inputs
from sw_templates.tflite_import import model_from_bytes
from tests.examples import examples
from tests.firmware.firmware_bench import (
    KernelLibrary,
    host_firmware,
    load_bytes,
    reference_outputs,
    run_batch,
)
from tests.firmware.random_layers import random_bytes, scales
from tests.firmware.tflite_builder import (
    FLOAT32,
    INT16,
    INT32,
    UNIDIRECTIONAL_SEQUENCE_LSTM,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)

MANY = settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
LEFT_OUT = -1


@st.composite
def lstm_models(draw: st.DrawFn) -> ModelSpec:
    batches, steps = draw(st.integers(1, 2)), draw(st.integers(1, 6))
    depth, cells = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    is_time_major, is_coupled = draw(st.booleans()), draw(st.booleans())
    outer = [steps, batches] if is_time_major else [batches, steps]
    zero_point = draw(st.integers(-128, 127))
    state = TensorSpec(
        shape=[batches, cells],
        scales=[draw(scales())],
        zero_points=[draw(st.sampled_from([0, 0, 3, -128, 127]))],
        is_variable=True,
    )
    tensors = [
        TensorSpec(shape=[*outer, depth], scales=[draw(scales())], zero_points=[zero_point]),
        replace(state, shape=[*outer, cells], is_variable=False),
        state,
        TensorSpec(
            shape=[batches, cells],
            scales=[2.0 ** draw(st.integers(-15, -9))],
            zero_points=[0],
            type_code=INT16,
            is_variable=True,
        ),
        TensorSpec(shape=[0], type_code=FLOAT32),
        TensorSpec(
            shape=[0],
            scales=[draw(st.one_of(st.just(state.scales[0]), scales()))],
            zero_points=[draw(st.sampled_from([0, state.zero_points[0], 5]))],
        ),
    ]

    def add(spec: TensorSpec) -> int:
        tensors.append(spec)
        return len(tensors) - 1

    def weights(shape: list[int]) -> int:
        data = random_bytes(draw, int(np.prod(shape)))
        return add(TensorSpec(shape=shape, scales=[draw(scales())], zero_points=[0], data=data))

    def bias() -> int:
        generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        data = generator.integers(-5000, 5000, cells).astype("<i4").tobytes()
        return add(
            TensorSpec(shape=[cells], scales=[1e-4], zero_points=[0], type_code=INT32, data=data)
        )

    inputs = [0, *[LEFT_OUT] * 23]
    for which in range(4):
        if which == 0 and is_coupled:
            continue
        inputs[1 + which] = weights([cells, depth])
        inputs[5 + which] = weights([cells, cells])
        inputs[12 + which] = bias()
    inputs[18:20] = [2, 3]
    options = {
        "FusedActivationFunction": 4,
        "CellClip": draw(st.sampled_from([0.0, 10.0, 0.3])),
        "TimeMajor": is_time_major,
    }
    layer = OperatorSpec(
        code=UNIDIRECTIONAL_SEQUENCE_LSTM,
        inputs=inputs,
        outputs=[1],
        options=options,
        intermediates=[4, 4, 4, 4, 5],
    )
    return ModelSpec(tensors=tensors, operators=[layer], inputs=[0], outputs=[1])


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> KernelLibrary:
    return KernelLibrary(tmp_path_factory.mktemp("k"), 4)


@pytest.mark.slow
@MANY
@given(spec=lstm_models(), seed=st.integers(0, 2**32 - 1))
def test_it_is_bit_exact(library: KernelLibrary, spec: ModelSpec, seed: int) -> None:
    content = build(spec)
    model = model_from_bytes(content, "network")
    given_bytes = np.random.default_rng(seed).bytes(model.input_bytes)
    expected = reference_outputs(content, model, given_bytes)
    assert library.run_model(model, given_bytes) == expected


def plain() -> ModelSpec:
    """A small one with one batch."""
    generator = np.random.default_rng(1)

    def weights(shape: list[int]) -> TensorSpec:
        data = generator.integers(-127, 128, shape, dtype=np.int8).tobytes()
        return TensorSpec(shape=shape, scales=[0.01], zero_points=[0], data=data)

    state = TensorSpec(shape=[1, 3], scales=[1 / 128], zero_points=[0], is_variable=True)
    tensors = [
        TensorSpec(shape=[1, 5, 4], scales=[0.02], zero_points=[-3]),
        replace(state, shape=[1, 5, 3], is_variable=False),
        state,
        replace(state, scales=[2.0**-11], type_code=INT16),
        TensorSpec(shape=[0], type_code=FLOAT32),
        TensorSpec(shape=[0], scales=[1 / 128], zero_points=[0]),
        *(weights([3, 4]) for _ in range(4)),
        *(weights([3, 3]) for _ in range(4)),
        *(TensorSpec(shape=[3], type_code=INT32, data=bytes(12)) for _ in range(4)),
    ]
    layer = OperatorSpec(
        code=UNIDIRECTIONAL_SEQUENCE_LSTM,
        inputs=[0, *range(6, 14), -1, -1, -1, *range(14, 18), -1, -1, 2, 3, -1, -1, -1, -1],
        outputs=[1],
        options={"FusedActivationFunction": 4},
        intermediates=[4, 4, 4, 4, 5],
    )
    return ModelSpec(tensors=tensors, operators=[layer], inputs=[0], outputs=[1])


def test_each_inference_begins_with_an_empty_state(tmp_path: Path) -> None:
    path, model = load_bytes(build(plain()), tmp_path)
    first, second = random_inputs(model, count=2, seed=1)
    inputs = [first, second, first]
    program = host_firmware(model, tmp_path / "firmware", sanitise=True)
    answers = run_batch(program, model, inputs)
    assert answers == golden_inferences(path, model, inputs)
    assert answers[0] == answers[2] != answers[1]


def changed(**inputs: int) -> ModelSpec:
    spec = plain()
    layer = spec.operators[0]
    places = list(layer.inputs)
    for name, tensor in inputs.items():
        places[int(name[1:])] = tensor
    return replace(spec, operators=[replace(layer, inputs=places)])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (changed(i9=14), "has peepholes"),
        (changed(i16=10), "has a projection"),
        (changed(i21=14), "has normalisation"),
        (changed(i2=LEFT_OUT), "has no input 2"),
        (changed(i5=LEFT_OUT), "has no input 5"),
        (changed(i3=10), "has the shape (3, 3), needs (3, 4)"),
        (changed(i18=1), "is no variable"),
        (replace(plain(), inputs=[]), "0 inputs"),
        (
            replace(plain(), operators=[replace(plain().operators[0], intermediates=[])]),
            "has 0 intermediate scales",
        ),
        (
            replace(plain(), operators=[replace(plain().operators[0], options={})]),
            "has another activation than tanh",
        ),
    ],
)
def test_what_is_not_supported_is_named(spec: ModelSpec, message: str) -> None:
    with pytest.raises(ConfigError, match="fix:") as caught:
        model_from_bytes(build(spec), "net")
    assert message in caught.value.what
