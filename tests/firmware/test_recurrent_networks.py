"""Recurrent networks that Keras writes unrolled: the same weights at every step."""

from pathlib import Path

import numpy as np

from sw_templates.layer import shared_constants
from sw_templates.reference import golden_inferences, random_inputs
from sw_templates.tflite_import import model_from_bytes
from tests.firmware.firmware_bench import host_firmware, load_bytes, run_batch
from tests.firmware.random_movers import integers
from tests.firmware.tflite_builder import (
    ADD,
    FILL,
    FULLY_CONNECTED,
    INT32,
    LOGISTIC,
    MUL,
    PACK,
    SHAPE,
    SPLIT,
    STRIDED_SLICE,
    SUB,
    TANH,
    TRANSPOSE,
    UNPACK,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)

STEPS, FEATURES, UNITS = 4, 5, 6


class Graph:
    """Tensors and operators, added one after the other; every method returns a tensor's number."""

    def __init__(self) -> None:
        self.tensors: list[TensorSpec] = []
        self.operators: list[OperatorSpec] = []

    def tensor(self, spec: TensorSpec) -> int:
        self.tensors.append(spec)
        return len(self.tensors) - 1

    def int8(self, *shape: int, scale: float = 0.05, zero_point: int = 3) -> int:
        return self.tensor(TensorSpec(shape=shape, scales=[scale], zero_points=[zero_point]))

    def apply(self, code: int, inputs: list[int], *outputs: int, **options: float) -> int:
        self.operators.append(
            OperatorSpec(code=code, inputs=inputs, outputs=outputs, options=options)
        )
        return outputs[0]


def gru() -> bytes:
    """A GRU with a state of zeros for an unknown batch, update, reset and candidate, all steps."""
    generator = np.random.default_rng(4)
    g = Graph()

    def weights(rows: int, columns: int) -> int:
        data = generator.integers(-127, 128, (rows, columns), dtype=np.int8).tobytes()
        return g.tensor(
            TensorSpec(shape=[rows, columns], scales=[0.01], zero_points=[0], data=data)
        )

    def sigmoid(source: int) -> int:
        return g.apply(LOGISTIC, [source], g.int8(1, UNITS, scale=1 / 256, zero_point=-128))

    sequence = g.tensor(
        TensorSpec(
            shape=[1, STEPS, FEATURES],
            scales=[0.03],
            zero_points=[-4],
            signature=[-1, STEPS, FEATURES],
        )
    )
    shape = g.apply(SHAPE, [sequence], g.tensor(TensorSpec(shape=[3], type_code=INT32)), OutType=2)
    ends = [g.tensor(integers([value])) for value in (0, 1, 1)]
    batch = g.apply(
        STRIDED_SLICE,
        [shape, *ends],
        g.tensor(TensorSpec(shape=[], type_code=INT32)),
        ShrinkAxisMask=1,
    )
    units = g.tensor(integers(UNITS))
    dims = g.apply(
        PACK, [batch, units], g.tensor(TensorSpec(shape=[2], type_code=INT32)), ValuesCount=2
    )
    zero = g.tensor(TensorSpec(shape=[], scales=[0.02], zero_points=[1], data=b"\x01"))
    state = g.apply(FILL, [dims, zero], g.int8(1, UNITS, scale=0.02, zero_point=1))

    order = g.tensor(integers([1, 0, 2]))
    by_time = g.apply(
        TRANSPOSE, [sequence, order], g.int8(STEPS, 1, FEATURES, scale=0.03, zero_point=-4)
    )
    inputs = [g.int8(1, FEATURES, scale=0.03, zero_point=-4) for _ in range(STEPS)]
    g.apply(UNPACK, [by_time], *inputs, Axis=0, Num=STEPS)

    kernel, recurrent = weights(3 * UNITS, FEATURES), weights(3 * UNITS, UNITS)
    axis = g.tensor(integers(1))
    one = g.tensor(TensorSpec(shape=[1], scales=[1 / 127], zero_points=[0], data=b"\x7f"))
    states = []
    for given in inputs:
        parts = []
        for source, matrix in ((given, kernel), (state, recurrent)):
            product = g.apply(FULLY_CONNECTED, [source, matrix], g.int8(1, 3 * UNITS, scale=0.04))
            thirds = [g.int8(1, UNITS, scale=0.04) for _ in range(3)]
            g.apply(SPLIT, [axis, product], *thirds, NumSplits=3)
            parts.append(thirds)
        (x_update, x_reset, x_new), (h_update, h_reset, h_new) = parts
        update = sigmoid(g.apply(ADD, [x_update, h_update], g.int8(1, UNITS, scale=0.07)))
        reset = sigmoid(g.apply(ADD, [x_reset, h_reset], g.int8(1, UNITS, scale=0.07)))
        kept = g.apply(MUL, [reset, h_new], g.int8(1, UNITS, scale=0.03))
        new = g.apply(
            TANH,
            [g.apply(ADD, [x_new, kept], g.int8(1, UNITS, scale=0.06))],
            g.int8(1, UNITS, scale=1 / 128, zero_point=0),
        )
        rest = g.apply(SUB, [one, update], g.int8(1, UNITS, scale=1 / 256, zero_point=-128))
        entering = g.apply(MUL, [rest, new], g.int8(1, UNITS, scale=0.01, zero_point=0))
        staying = g.apply(MUL, [update, state], g.int8(1, UNITS, scale=0.02, zero_point=1))
        state = g.apply(ADD, [entering, staying], g.int8(1, UNITS, scale=0.02, zero_point=1))
        states.append(state)
    g.apply(
        PACK,
        states,
        result := g.int8(1, STEPS, UNITS, scale=0.02, zero_point=1),
        Axis=1,
        ValuesCount=STEPS,
    )
    spec = ModelSpec(
        tensors=g.tensors, operators=g.operators, inputs=[sequence], outputs=[result, state]
    )
    return build(spec)


def test_an_unrolled_gru_is_exact(tmp_path: Path) -> None:
    path, model = load_bytes(gru(), tmp_path)
    inputs = random_inputs(model, count=4, seed=1)
    program = host_firmware(model, tmp_path / "firmware", sanitise=True)
    answers = run_batch(program, model, inputs)
    assert answers == golden_inferences(path, model, inputs)
    assert len({answer.output for answer in answers}) == len(answers)


def test_weights_of_several_steps_are_there_once(tmp_path: Path) -> None:
    model = model_from_bytes(gru(), "gru")
    names = [array.name for array in shared_constants(model.layers, row_align_bytes=4).arrays]
    assert len([name for name in names if name.endswith("_weights")]) == 2
    host_firmware(model, tmp_path / "firmware")
    text = (tmp_path / "firmware" / "weights.c").read_text()
    assert text.count("_weights[") == 2
