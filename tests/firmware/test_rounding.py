"""Results that lie halfway between two integers, which random scales never make."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from sw_templates.reference import golden_inferences
from sw_templates.tflite_import import load_model
from tests.firmware.firmware_bench import host_firmware, run_batch
from tests.firmware.tflite_builder import (
    CONV_2D,
    DEPTHWISE_CONV_2D,
    FULLY_CONNECTED,
    INT32,
    LEAKY_RELU,
    VALID,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)

WINDOW = {
    "Padding": VALID,
    "StrideH": 1,
    "StrideW": 1,
    "DilationHFactor": 1,
    "DilationWFactor": 1,
    "FusedActivationFunction": 0,
}


def requantised(code: int, bias: npt.NDArray[np.int64], *, factor: tuple[float, float]) -> bytes:
    """A network whose accumulators are its biases; they are scaled by the quotient ``factor``."""
    units, (weight_scale, output_scale) = len(bias), factor
    shapes = {
        FULLY_CONNECTED: ([1, 1], [units, 1], [1, units]),
        CONV_2D: ([1, 1, 1, 1], [units, 1, 1, 1], [1, 1, 1, units]),
        DEPTHWISE_CONV_2D: ([1, 1, 1, units], [1, 1, 1, units], [1, 1, 1, units]),
    }
    options: dict[int, dict[str, float]] = {
        FULLY_CONNECTED: {"FusedActivationFunction": 0},
        CONV_2D: WINDOW,
        DEPTHWISE_CONV_2D: {**WINDOW, "DepthMultiplier": 1},
    }
    given, weights, result = shapes[code]
    tensors = [
        TensorSpec(shape=given, scales=[1.0], zero_points=[0]),
        TensorSpec(shape=weights, scales=[weight_scale], zero_points=[0], data=bytes(units)),
        TensorSpec(shape=[units], type_code=INT32, data=bias.astype("<i4").tobytes()),
        TensorSpec(shape=result, scales=[output_scale], zero_points=[0]),
    ]
    operator = OperatorSpec(code=code, inputs=[0, 1, 2], outputs=[3], options=options[code])
    return build(ModelSpec(tensors=tensors, operators=[operator], inputs=[0], outputs=[3]))


@pytest.mark.parametrize("code", [FULLY_CONNECTED, CONV_2D, DEPTHWISE_CONV_2D])
@pytest.mark.parametrize(
    "factor",
    [(1.0, 2.0), (1.0, 1024.0), (5.0, 64.0), (0.37, 1.0), (1.0, 6.0), (1.0, 22.0), (0.1, 0.7)],
    ids=lambda f: f"{f[0]}/{f[1]}",
)
def test_ties_are_rounded_as_the_reference_does(
    tmp_path: Path, code: int, factor: tuple[float, float]
) -> None:
    most = int(120 * factor[1] / factor[0])
    generator = np.random.default_rng(3)
    halves = (2 * generator.integers(-60, 60, 200) + 1) * factor[1] / factor[0] / 2
    bias = np.concatenate([np.arange(-100, 100), generator.integers(-most, most, 200), halves])
    path = tmp_path / "net.tflite"
    path.write_bytes(requantised(code, bias.astype(np.int64), factor=factor))
    model = load_model(path)
    inputs = [bytes(model.input_bytes)]
    program = host_firmware(model, tmp_path / "firmware")
    assert run_batch(program, model, inputs) == golden_inferences(path, model, inputs)


@pytest.mark.parametrize("alpha", [-0.5, -0.25, -0.140625, -1.0, 0.5, 0.140625, 0.0])
def test_halves_of_a_leaky_relu_are_rounded_as_the_reference_does(
    tmp_path: Path, alpha: float
) -> None:
    tensors = [
        TensorSpec(shape=[256], scales=[0.125], zero_points=[0]),
        TensorSpec(shape=[256], scales=[0.25 if alpha == -1.0 else 0.125], zero_points=[3]),
    ]
    operator = OperatorSpec(code=LEAKY_RELU, inputs=[0], outputs=[1], options={"Alpha": alpha})
    path = tmp_path / "net.tflite"
    path.write_bytes(
        build(ModelSpec(tensors=tensors, operators=[operator], inputs=[0], outputs=[1]))
    )
    model = load_model(path)
    inputs = [np.arange(-128, 128).astype(np.int8).tobytes()]
    program = host_firmware(model, tmp_path / "firmware")
    assert run_batch(program, model, inputs) == golden_inferences(path, model, inputs)
