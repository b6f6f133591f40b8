"""Weights of 4 bits on the engine: of int4 layers, and of int8 layers whose values are as small."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.faults import ConfigError, DoesNotFit
from contracts.parameter import Value
from hw_templates.cfu.engine import FAMILY
from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.weights import as_int8, limits, stored
from runners.stages.firmware import kernel_set
from sw_templates.model import Model
from sw_templates.reference import golden_inferences, random_inputs
from sw_templates.tflite_import import model_from_bytes
from tests.cfu.engine_runs import compiled, design, run_network
from tests.cfu.test_engine_compiler import single_layer_spec
from tests.examples import examples
from tests.firmware.firmware_bench import (
    KernelLibrary,
    host_firmware,
    load_bytes,
    reference_outputs,
    run_batch,
    small_network_spec,
)
from tests.firmware.int4_networks import with_int4_weights
from tests.firmware.random_layers import conv2d_models, depthwise_models, fully_connected_models
from tests.firmware.tflite_builder import CONV_2D, FULLY_CONNECTED, ModelSpec, build

ARRAYS = ((8, 4), (8, 8), (16, 16), (32, 8))
INT4_LAYERS = st.one_of(conv2d_models(), depthwise_models(), fully_connected_models()).map(
    with_int4_weights
)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> KernelLibrary:
    return KernelLibrary(tmp_path_factory.mktemp("kernels"), 4)


def with_small_weights(spec: ModelSpec) -> ModelSpec:
    """Return a network of int8 weights that lie from -8 to 7."""
    numbers = {each.inputs[1] for each in spec.operators if each.code in (CONV_2D, FULLY_CONNECTED)}
    tensors = list(spec.tensors)
    for number in numbers:
        small = np.frombuffer(tensors[number].data or b"", np.int8) >> 4
        tensors[number] = replace(tensors[number], data=small.tobytes())
    return replace(spec, tensors=tensors)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    spec=INT4_LAYERS,
    array=st.sampled_from(ARRAYS),
    bits=st.sampled_from((4, 8)),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_layer_of_int4_weights(
    kernels: KernelLibrary, spec: ModelSpec, array: tuple[int, int], bits: int, seed: int
) -> None:
    content = build(spec)
    model = model_from_bytes(content, "network")
    generator = np.random.default_rng(seed)
    given_bytes = generator.integers(-128, 128, model.input_bytes, dtype=np.int8).tobytes()
    found = run_network(design(*array, weight_bits=bits), model, given_bytes, kernels)
    assert found == reference_outputs(content, model, given_bytes)


def check_driver(model: Model, path: Path, values: dict[str, Value], folder: Path) -> None:
    """Assert that the firmware on the host gives the reference's bytes."""
    set_of_kernels = replace(kernel_set(FAMILY, values), program=compiled(values, model))
    program = host_firmware(model, folder / "firmware", kernels=set_of_kernels, sanitise=True)
    inputs = random_inputs(model, count=3, seed=1)
    assert run_batch(program, model, inputs) == golden_inferences(path, model, inputs)


@pytest.mark.parametrize("bits", [4, 8])
def test_the_driver_runs_layers_of_int4_weights(bits: int, tmp_path: Path) -> None:
    path, model = load_bytes(build(with_int4_weights(small_network_spec())), tmp_path)
    values = design(16, 16, weight_bits=bits)
    program = compiled(values, model)
    assert not program.refusals
    assert sum(layer.for_int4 for layer in model.layers) == 3
    assert len(program.layers) == len(model.layers) - 1  # all but the softmax
    check_driver(model, path, values, tmp_path)


def test_an_int8_layer_of_small_weights_fits_and_another_is_the_cpus(tmp_path: Path) -> None:
    spec = with_small_weights(small_network_spec())
    large = next(each.inputs[1] for each in spec.operators if each.code == FULLY_CONNECTED)
    tensors = list(spec.tensors)
    data = np.frombuffer(tensors[large].data or b"", np.int8).copy()
    data[-1] = 8  # one weight decides
    tensors[large] = replace(tensors[large], data=data.tobytes())
    path, model = load_bytes(build(replace(spec, tensors=tensors)), tmp_path)
    values = design(8, 8, weight_bits=4)

    program = compiled(values, model)

    (dense,) = (n for n, layer in enumerate(model.layers) if layer.operator == "FULLY_CONNECTED")
    (convolution,) = (n for n, layer in enumerate(model.layers) if layer.operator == "CONV_2D")
    assert convolution in program.layers
    assert set(program.refusals) == {dense}
    assert "to 8, which 4 bits do not hold: they hold -8 to 7" in program.refusals[dense]
    assert dense not in program.layers
    check_driver(model, path, values, tmp_path)


def test_a_network_of_which_no_layer_fits_is_refused_with_the_reason() -> None:
    model = model_from_bytes(build(small_network_spec()), "network")
    with pytest.raises(DoesNotFit, match=r"no layer .* fit 4 bits.* conv2d_0, .* to ") as refused:
        compiled(design(8, 8, weight_bits=4), model)
    assert "engine_weight_bits = 8" in refused.value.fix


def test_the_same_memory_holds_twice_the_weights() -> None:
    spec = single_layer_spec(height=4, channels=32, filters=40)  # as three tiles of 16
    model = model_from_bytes(build(with_small_weights(spec)), "network")

    def program_bytes(bits: int, kib: int) -> int:
        return compiled(design(16, 16, weight_kib=kib, weight_bits=bits), model).constant_bytes

    assert program_bytes(8, 16) - program_bytes(4, 8) == 9 * 32 * 48 // 2
    with pytest.raises(DoesNotFit, match="weights of the network need 13824 bytes"):
        program_bytes(8, 8)


def test_what_is_held_is_read_again() -> None:
    rows = np.random.default_rng(1).integers(-8, 8, (3, 16), dtype=np.int8)
    for bits in (4, 8):
        assert (as_int8(stored(rows, bits=bits), bits=bits).reshape(rows.shape) == rows).all()
    assert (limits(4), limits(8)) == ((-8, 7), (-128, 127))
    assert stored(rows, bits=4).nbytes * 2 == rows.nbytes


def test_a_word_is_of_one_column() -> None:
    with pytest.raises(ConfigError, match="4 weights of 4 bits fill no word"):
        EngineConfig.from_values(design(4, 4, weight_bits=4))
    rule = next(each for each in FAMILY.rules if each.name == "engine-columns-fill-words")
    assert not rule.holds(design(4, 4, weight_bits=4))
    assert rule.holds(design(4, 4))
    assert rule.holds(design(8, 4, weight_bits=4))


def test_a_design_from_before_the_parameter_has_int8_weights() -> None:
    values = design(16, 16)
    del values["engine_weight_bits"]
    assert EngineConfig.from_values(values) == EngineConfig.from_values(design(16, 16))
