"""What the CPU runs for its caches while the engine computes changes no answer."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from contracts.parameter import Value
from hw_templates.cfu.engine import FAMILY
from runners.stages.firmware import kernel_set
from sw_templates.ahead import layers_ahead
from sw_templates.memory_plan import plan_memory
from sw_templates.model import Model
from sw_templates.reference import golden_inferences, random_inputs
from tests.cfu.engine_runs import compiled, design
from tests.cfu.random_networks import RandomNetwork
from tests.cfu.test_engine_compiler import convolution, spec_of
from tests.firmware.firmware_bench import host_firmware, load_bytes, run_batch, small_network
from tests.firmware.tflite_builder import (
    CONV_2D,
    LOGISTIC,
    MINIMUM,
    SAME,
    TANH,
    ModelSpec,
    TensorSpec,
    build,
)

SIDE, CHANNELS = 4, 4
SMALL = design(4, 4)


def ahead(model: Model, values: dict[str, Value] = SMALL) -> list[list[str]]:
    """Return the names of the layers that are run ahead for each segment."""
    kernels = replace(kernel_set(FAMILY, values), program=compiled(values, model))
    assert kernels.program is not None
    plan = plan_memory(
        model, row_align_bytes=4, scratch_rows=1, without_scratch=kernels.program.layers
    )
    positions = layers_ahead(model, plan, kernels.program, kernels)
    return [[model.layers[at].operator for at in each] for each in positions]


def write_firmware(model: Model, folder: Path, values: dict[str, Value] = SMALL) -> Path:
    kernels = replace(kernel_set(FAMILY, values), program=compiled(values, model))
    return host_firmware(model, folder, kernels=kernels, sanitise=True)


def test_the_layer_behind_a_segment_is_run_while_the_engine_computes(tmp_path: Path) -> None:
    _, model = load_bytes(small_network(), tmp_path)
    assert ahead(model) == [["SOFTMAX"]]
    write_firmware(model, tmp_path / "firmware")
    (source,) = (tmp_path / "firmware").rglob("model.c")
    segment = source.read_text().partition("run_segment_0")[2]
    start, softmax, wait = (segment.index(f"{name}(") for name in ("start", "softmax_6", "wait"))
    assert start < softmax < wait


def test_a_large_layer_is_not_run_ahead(tmp_path: Path) -> None:
    network = network_behind_a_segment(side=16)
    _, model = load_bytes(network, tmp_path)
    assert ahead(model) == [[]]


def test_what_a_later_layer_reads_is_not_overwritten(tmp_path: Path) -> None:
    """LOGISTIC writes where the output of TANH lies, which MINIMUM reads before it."""
    path, model = load_bytes(network_behind_a_segment(side=SIDE), tmp_path)
    assert ahead(model) == [["MINIMUM"]]
    program = write_firmware(model, tmp_path / "firmware")
    inputs = random_inputs(model, count=5, seed=1)
    assert run_batch(program, model, inputs) == golden_inferences(path, model, inputs)


def test_a_small_convolution_that_has_no_room_is_run_ahead(tmp_path: Path) -> None:
    network = RandomNetwork(rng=np.random.default_rng(1))
    image = network.activation([1, 1, 2, 56])
    between = convolution(network, image, filters=16, side=3)
    output = convolution(network, between, filters=9, side=1)
    path, model = load_bytes(build(spec_of(network, image, output)), tmp_path)
    values = design(8, 8, activation_kib=8, weight_kib=8)
    assert ahead(model, values) == [["CONV_2D"]]
    program = write_firmware(model, tmp_path / "firmware", values)
    inputs = random_inputs(model, count=5, seed=1)
    assert run_batch(program, model, inputs) == golden_inferences(path, model, inputs)


def network_behind_a_segment(*, side: int) -> bytes:
    """Return a network whose convolution is the engine's and whose other layers are the CPU's."""
    shape = [1, side, side, CHANNELS]
    network = RandomNetwork(rng=np.random.default_rng(1))
    signed = TensorSpec(shape=shape, scales=[1 / 128], zero_points=[0])
    image = network.activation(shape)
    tanh, sums, smaller = (network.activation(shape, like=signed) for _ in range(3))
    network.seen.append(image)
    constants = network.weights([CHANNELS, 3, 3, CHANNELS], 0)
    squashed = network.activation(
        shape, like=TensorSpec(shape=shape, scales=[1 / 256], zero_points=[-128])
    )
    options = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    network.operator(TANH, [image], tanh)
    network.operator(CONV_2D, [image, *constants], sums, Padding=SAME, **options)
    network.operator(MINIMUM, [sums, tanh], smaller)
    network.operator(LOGISTIC, [smaller], squashed)
    return build(
        ModelSpec(
            tensors=network.tensors, operators=network.operators, inputs=[image], outputs=[squashed]
        )
    )
