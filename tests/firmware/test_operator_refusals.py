"""What an operator without weights cannot do is said with file, operator and tensor."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.faults import ConfigError
from sw_templates.tflite_import import model_from_bytes
from tests.examples import examples
from tests.firmware.operator_network import operator_network
from tests.firmware.random_operators import integers
from tests.firmware.tflite_builder import (
    ABS,
    ARG_MAX,
    FLOAT32,
    HARD_SWISH,
    INT64,
    LEAKY_RELU,
    LOG_SOFTMAX,
    LOGISTIC,
    MAX_POOL_2D,
    MEAN,
    MIRROR_PAD,
    MUL,
    PAD,
    PADV2,
    PRELU,
    RESIZE_BILINEAR,
    SAME,
    SUB,
    SUM,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)

POOL = {"Padding": SAME, "StrideH": 1, "StrideW": 1, "FilterHeight": 2, "FilterWidth": 2}


def tensor(shape: Sequence[int], *, scale: float = 0.1, zero_point: int = 0) -> TensorSpec:
    return TensorSpec(shape=shape, scales=[scale], zero_points=[zero_point])


def network(
    code: int,
    source: TensorSpec,
    result: TensorSpec,
    *others: TensorSpec,
    inputs: Sequence[int] | None = None,
    **options: float,
) -> ModelSpec:
    """A model of one operator; its inputs are the source and ``others``."""
    order = [0, *range(2, 2 + len(others))] if inputs is None else inputs
    return ModelSpec(
        tensors=[source, result, *others],
        operators=[OperatorSpec(code=code, inputs=order, outputs=[1], options=options)],
        inputs=[0],
        outputs=[1],
    )


def refusal(spec: ModelSpec) -> str:
    with pytest.raises(ConfigError) as caught:
        model_from_bytes(build(spec), "net")
    return caught.value.what


IMAGE, ROW = tensor([1, 4, 5, 2]), tensor([1, 6])
PADS = integers([[0, 0], [1, 1], [1, 1], [0, 0]])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (network(LOGISTIC, ROW, ROW), "tensor 1 ('t') needs the scale 1/256 and the zero point"),
        (network(LOG_SOFTMAX, ROW, ROW), "tensor 1 ('t') needs the scale 1/16 and the zero point"),
        (network(ABS, ROW, tensor([6])), "tensor 1 ('t') has the shape (6,), needs (1, 6)"),
        (network(ABS, ROW, tensor([1, 6], scale=1e-20)), "tensor 1 ('t') cannot be quantised"),
        (network(ABS, ROW, tensor([1, 6], scale=float("nan"))), "tensor 1 ('t') has a scale"),
        (network(HARD_SWISH, ROW, tensor([1, 6], scale=1e-4)), "too far from the input's"),
        (network(LEAKY_RELU, ROW, ROW, Alpha=float("nan")), "tensor 1 ('t') cannot be quantised"),
        (network(ABS, ROW, ROW, ROW), "(ABS) has 2 inputs"),
        (network(ABS, ROW, ROW, inputs=[-1]), "tensor -1 ('') does not exist"),
        (network(ABS, ROW, ROW, inputs=[]), "(ABS) has 0 inputs"),
        (network(MUL, IMAGE, IMAGE, tensor([3])), "which does not go with (1, 4, 5, 2)"),
        (network(MUL, ROW, tensor([1, 6], scale=1e-20), ROW), "cannot be quantised"),
        (network(SUB, ROW, tensor([6]), ROW), "has the shape (6,), needs (1, 6)"),
        (network(SUB, ROW, tensor([1, 6], scale=1e-20), ROW), "is not between 0 and 1"),
        (network(SUB, ROW, ROW, ROW, FusedActivationFunction=5), "has the fused activation 5"),
        (network(PRELU, tensor([2]), IMAGE, IMAGE), "has the shape (1, 4, 5, 2), needs (2,)"),
        (network(MAX_POOL_2D, ROW, ROW, **POOL), "has the shape (1, 6), not 4 sizes"),
        (
            network(MAX_POOL_2D, IMAGE, tensor([1, 4, 5, 2], zero_point=1), **POOL),
            "must have the scale and zero point of the input",
        ),
        (network(MEAN, IMAGE, ROW, integers([4])), "tensor 0 ('t') has 4 dimensions, not those"),
        (network(MEAN, IMAGE, ROW, integers([-5])), "not those of axes [-5]"),
        (network(MEAN, IMAGE, ROW, integers([1, 2])), "has the shape (1, 6), needs (1, 2)"),
        (network(SUM, IMAGE, ROW, TensorSpec(shape=[1], type_code=INT64)), "is not constant"),
        (network(SUM, IMAGE, ROW, TensorSpec(shape=[1], type_code=FLOAT32)), "has type FLOAT32"),
        (network(MEAN, IMAGE, ROW), "(MEAN) has 1 inputs"),
        (network(PAD, IMAGE, IMAGE, PADS), "has the shape (1, 4, 5, 2), needs (1, 6, 7, 2)"),
        (network(PAD, IMAGE, IMAGE, integers([[0, 0]])), "holds 2 numbers"),
        (network(PAD, IMAGE, IMAGE, integers([[0, -1]] * 4)), "has a padding below 0"),
        (network(PAD, tensor([1] * 6), tensor([1] * 6), PADS), "has 6 dimensions"),
        (network(PADV2, IMAGE, tensor([1, 6, 7, 2]), PADS), "(PADV2) has 2 inputs"),
        (
            network(PADV2, IMAGE, tensor([1, 6, 7, 2]), PADS, ROW),
            "tensor 3 ('t') must be a constant of one element",
        ),
        (
            network(MIRROR_PAD, tensor([3]), tensor([7]), integers([[3, 1]]), Mode=0),
            "has size 3, too little to mirror 3 elements",
        ),
        (network(MIRROR_PAD, ROW, ROW, PADS, Mode=7), "has the mode 7"),
        (
            network(MIRROR_PAD, tensor([1 << 24]), tensor([1 << 25]), PADS, Mode=0),
            "tensor 1 ('t') has the shape (33554432,), of which the sizes add up to more than",
        ),
        (
            network(RESIZE_BILINEAR, IMAGE, tensor([1, 1 << 24, 1, 2]), integers([1 << 24, 1])),
            "has the shape (1, 16777216, 1, 2), of which the sizes add up to more than",
        ),
        (network(RESIZE_BILINEAR, IMAGE, IMAGE, integers([4])), "holds 1 numbers"),
        (network(RESIZE_BILINEAR, IMAGE, IMAGE, integers([0, 5])), "needs (1, 0, 5, 2)"),
        (
            network(
                RESIZE_BILINEAR, IMAGE, IMAGE, integers([4, 5]), AlignCorners=1, HalfPixelCenters=1
            ),
            "has aligned corners and half-pixel centers",
        ),
        (
            network(ARG_MAX, IMAGE, TensorSpec(shape=[1], type_code=INT64), integers([1, 2])),
            "is searched along 2 dimensions",
        ),
        (network(ARG_MAX, IMAGE, ROW, integers(1)), "has type INT8, needs INT32 or INT64"),
    ],
)
def test_it_is_named(spec: ModelSpec, message: str) -> None:
    what = refusal(spec)
    assert message in what
    assert "operator 0 (" in what
    assert what.startswith("net")


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1))
def test_damaged_networks_end_in_a_model_or_an_error(seed: int) -> None:
    content = bytearray(operator_network())
    generator = np.random.default_rng(seed)
    for position in generator.integers(8, len(content), generator.integers(1, 6)):
        content[position] = generator.choice([0, 1, 2, 127, 128, 255, generator.integers(256)])
    with suppress(ConfigError):
        model_from_bytes(bytes(content), "net")
