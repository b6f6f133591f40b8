"""Int4 weights as TFLite packs them: bit-exact on the CPU, and half the bytes in the firmware."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.faults import ConfigError
from contracts.network import WindowSum
from sw_templates.constants import int8_values, packed_int4, unpacked_int4
from sw_templates.options import UNROLLS
from sw_templates.oracle.simulation import simulate_network
from sw_templates.reference import golden_inferences, random_inputs
from sw_templates.tflite_import import model_from_bytes
from sw_templates.workload import workload_report
from tests.cfu.random_networks import RandomNetwork
from tests.examples import examples
from tests.firmware.firmware_bench import (
    KernelLibrary,
    host_firmware,
    load_bytes,
    reference_outputs,
    run_batch,
    small_network_spec,
)
from tests.firmware.int4_networks import INT4, with_int4_weights
from tests.firmware.random_layers import (
    conv2d_models,
    depthwise_models,
    fully_connected_models,
)
from tests.firmware.tflite_builder import BATCH_MATMUL, INT16, ModelSpec, TensorSpec, build

Libraries = Mapping[int, KernelLibrary]
SEEDS = st.integers(0, 2**32 - 1)
SPECS = st.one_of(conv2d_models(), depthwise_models(), fully_connected_models()).map(
    with_int4_weights
)
MANY = settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Libraries:
    return {unroll: KernelLibrary(tmp_path_factory.mktemp("k"), unroll) for unroll in UNROLLS}


@MANY
@given(spec=SPECS, unroll=st.sampled_from(UNROLLS), seed=SEEDS)
def test_kernels_and_numpy_have_the_bytes_of_the_reference(
    libraries: Libraries, spec: ModelSpec, unroll: int, seed: int
) -> None:
    content = build(spec)
    model = model_from_bytes(content, "network")
    generator = np.random.default_rng(seed)
    given_bytes = generator.integers(-128, 128, model.input_bytes, dtype=np.int8).tobytes()
    expected = reference_outputs(content, model, given_bytes)
    assert model.layers[0].kernel.endswith("_int4")
    assert libraries[unroll].run_model(model, given_bytes) == expected
    (found,) = simulate_network(model, [given_bytes])
    assert [each.tobytes() for layer in found.layers for each in layer] == expected


@given(rows=st.integers(1, 5), columns=st.integers(1, 9), seed=SEEDS)
def test_packing_two_to_a_byte_loses_nothing(rows: int, columns: int, seed: int) -> None:
    table = np.random.default_rng(seed).integers(-8, 8, (rows, columns), dtype=np.int8)
    packed = packed_int4(table)
    assert packed.shape == (rows, -(-columns // 2))
    assert (unpacked_int4(packed)[:, :columns] == table).all()
    assert (unpacked_int4(packed)[:, columns:] == 0).all()


def test_a_whole_network_is_bit_exact_and_its_weights_take_half_the_bytes(tmp_path: Path) -> None:
    spec = small_network_spec()
    path, model = load_bytes(build(with_int4_weights(spec)), tmp_path)
    kernels = [layer.kernel for layer in model.layers]
    assert {"conv2d_int4", "depthwise_conv2d_int4", "fully_connected_int4"} <= set(kernels)
    inputs = random_inputs(model, count=4, seed=3)
    golden = golden_inferences(path, model, inputs)
    program = host_firmware(model, tmp_path / "firmware", sanitise=True)
    assert run_batch(program, model, inputs) == golden
    assert tuple(each.golden for each in simulate_network(model, inputs)) == golden

    before = {layer.index: layer for layer in model_from_bytes(build(spec), "whole").layers}
    for layer in model.layers:
        if layer.for_int4:
            whole, packed = before[layer.index].constants[0], layer.constants[0]
            is_depthwise = layer.operator == "DEPTHWISE_CONV_2D"
            assert packed.size_bytes == -(-whole.size_bytes // 2)
            arrays = {each.name: each for each in layer.arrays(row_align_bytes=1)}
            # a row is of one output channel or, with a channel in each, of one tap
            columns = whole.shape[3] if is_depthwise else whole.elements // whole.shape[0]
            rows = whole.elements // columns
            assert arrays[f"{layer.name}_weights"].size_bytes == rows * -(-columns // 2)
    bits = {each.name: each.weight_bits for each in workload_report(model).layers}
    assert {bits[layer.name] for layer in model.layers if layer.for_int4} == {4}


def test_hardware_is_told_of_the_numbers_and_not_of_their_packing() -> None:
    model = model_from_bytes(build(with_int4_weights(small_network_spec())), "small")
    layer = next(each for each in model.layers if each.kernel == "conv2d_int4")
    computation = layer.computation()
    assert isinstance(computation, WindowSum)
    assert (computation.weights == int8_values(layer.constants[0])).all()
    assert computation.weights.min() >= -8
    assert computation.weights.max() <= 7


def test_an_operator_without_a_kernel_for_int4_is_refused() -> None:
    generator = np.random.default_rng(1)
    network = RandomNetwork(rng=generator)
    image = network.activation([2, 3, 4])
    packed = packed_int4(generator.integers(-8, 8, (1, 24), dtype=np.int8)).tobytes()
    right = network.add(
        TensorSpec(shape=[2, 4, 3], scales=[0.1], zero_points=[0], type_code=INT4, data=packed)
    )
    output = network.activation([2, 3, 3])
    network.operator(BATCH_MATMUL, [image, right], output)
    spec = ModelSpec(
        tensors=network.tensors, operators=network.operators, inputs=[image], outputs=[output]
    )
    with pytest.raises(ConfigError, match=r"BATCH_MATMUL.* has type INT4, needs INT8"):
        model_from_bytes(build(spec), "network")


def test_damaged_weights_are_refused() -> None:
    spec = with_int4_weights(small_network_spec())
    place, tensor = next((n, t) for n, t in enumerate(spec.tensors) if t.type_code == INT4)
    for broken, words in (
        (replace(tensor, data=(tensor.data or b"")[:-1]), r"holds \d+ bytes, needs \d+"),
        (replace(tensor, zero_points=[1] * len(tensor.scales)), "zero point"),
        (replace(tensor, data=None), "not constant"),
    ):
        tensors = list(spec.tensors)
        tensors[place] = broken
        with pytest.raises(ConfigError, match=words):
            model_from_bytes(build(replace(spec, tensors=tensors)), "network")


def test_int16_activations_want_int8_weights() -> None:
    spec = with_int4_weights(small_network_spec())
    tensors = [
        replace(each, type_code=INT16, zero_points=[0]) if number in spec.inputs else each
        for number, each in enumerate(spec.tensors)
    ]
    with pytest.raises(ConfigError):
        model_from_bytes(build(replace(spec, tensors=tensors)), "network")
