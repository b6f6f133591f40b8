"""Networks that are compiled for the engine give TFLite's bytes, layer by layer."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.faults import DoesNotFit
from contracts.parameter import Value
from hw_templates.cfu.engine import FAMILY
from runners.stages.firmware import kernel_set
from sw_templates.model import Model
from sw_templates.reference import golden_inferences, random_inputs
from sw_templates.tflite_import import load_model, model_from_bytes
from tests.cfu.engine_runs import compiled, design, run_network
from tests.cfu.random_networks import RandomNetwork, random_network
from tests.examples import examples
from tests.firmware.firmware_bench import (
    DATA,
    IMGC,
    KernelLibrary,
    host_firmware,
    load_bytes,
    reference_outputs,
    run_batch,
    small_network,
)
from tests.firmware.random_layers import (
    average_pool_models,
    conv2d_models,
    depthwise_models,
    fully_connected_models,
    reshape_models,
)
from tests.firmware.random_operators import elementwise_models, max_pool_models, reduce_models
from tests.firmware.tflite_builder import CONV_2D, SAME, ModelSpec, build

ARRAYS = ((4, 4), (8, 4), (16, 16), (32, 8))
LAYERS: dict[str, Callable[[], st.SearchStrategy[ModelSpec]]] = {
    "convolution": conv2d_models,
    "depthwise convolution": depthwise_models,
    "fully connected": fully_connected_models,
    "average pool": average_pool_models,
    "max pool": max_pool_models,
    "element by element": elementwise_models,
    "mean": reduce_models,
    "change of shape": reshape_models,
}
NETWORKS = [
    (IMGC, 128, 128),
    (DATA / "mlperf_tiny" / "kws_ref_model.tflite", 64, 256),
    (DATA / "mlperf_tiny" / "vww_96_int8.tflite", 256, 256),
]


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> KernelLibrary:
    return KernelLibrary(tmp_path_factory.mktemp("kernels"), 4)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), array=st.sampled_from(ARRAYS), seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("kind", LAYERS)
def test_any_layer(
    kernels: KernelLibrary, kind: str, data: st.DataObject, array: tuple[int, int], seed: int
) -> None:
    content = build(data.draw(LAYERS[kind]()))
    model = model_from_bytes(content, "network")
    generator = np.random.default_rng(seed)
    content_bytes = generator.integers(-128, 128, model.input_bytes, dtype=np.int8).tobytes()
    found = run_network(design(*array), model, content_bytes, kernels)
    assert found == reference_outputs(content, model, content_bytes)


@pytest.mark.parametrize("seed", range(60))
def test_any_network(kernels: KernelLibrary, seed: int) -> None:
    content = random_network(seed, layers=2 + seed % 7)
    model = model_from_bytes(content, "network")
    given_bytes = random_inputs(model, count=1, seed=seed)[0]
    array = ARRAYS[seed % len(ARRAYS)]
    found = run_network(design(*array, activation_kib=64), model, given_bytes, kernels)
    assert found == reference_outputs(content, model, given_bytes)


def engine_firmware(values: dict[str, Value], model: Model, folder: Path) -> Path:
    """Compile a firmware for the host, with sanitisers."""
    kernels = replace(kernel_set(FAMILY, values), program=compiled(values, model))
    return host_firmware(model, folder, kernels=kernels, sanitise=True)


@pytest.mark.parametrize("array", ARRAYS, ids=str)
def test_the_driver_runs_a_small_network(array: tuple[int, int], tmp_path: Path) -> None:
    path, model = load_bytes(small_network(), tmp_path)
    program = engine_firmware(design(*array), model, tmp_path / "firmware")
    inputs = random_inputs(model, count=5, seed=1)
    assert run_batch(program, model, inputs) == golden_inferences(path, model, inputs)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 112))
def test_the_driver_runs_any_network(seed: int, tmp_path: Path) -> None:
    path, model = load_bytes(random_network(seed, layers=8), tmp_path)
    values = design(*ARRAYS[seed % len(ARRAYS)], activation_kib=64)
    program = engine_firmware(values, model, tmp_path / "firmware")
    inputs = random_inputs(model, count=3, seed=seed)
    assert run_batch(program, model, inputs) == golden_inferences(path, model, inputs)


@pytest.mark.slow
@pytest.mark.parametrize("array", ARRAYS, ids=str)
@pytest.mark.parametrize(("path", "activation_kib", "weight_kib"), NETWORKS, ids=str)
def test_the_driver_runs_the_networks_of_mlperf_tiny(
    path: Path, activation_kib: int, weight_kib: int, array: tuple[int, int], tmp_path: Path
) -> None:
    if not path.exists():
        pytest.skip(f"the model {path.name} is not beside this checkout")
    model = load_model(path)
    values = design(*array, activation_kib=activation_kib, weight_kib=weight_kib)
    program = engine_firmware(values, model, tmp_path / "firmware")
    inputs = random_inputs(model, count=5, seed=11)
    assert run_batch(program, model, inputs) == golden_inferences(path, model, inputs)


def test_what_the_engine_cannot_do_is_left_to_the_cpu(tmp_path: Path) -> None:
    _, model = load_bytes(small_network(), tmp_path)
    program = compiled(design(16, 16), model)
    names = {model.layers[position].name for position in program.layers}
    assert names == {layer.name for layer in model.layers} - {"softmax_6"}


@pytest.mark.parametrize(
    ("activation_kib", "weight_kib", "what", "parameter"),
    [
        (8, 128, "activations at layer conv2d_0 need", "engine_activation_kib"),
        (64, 8, "weights of the network need", "engine_weight_kib"),
    ],
)
def test_a_network_that_does_not_fit_is_refused_with_what_would_fit(
    activation_kib: int, weight_kib: int, what: str, parameter: str
) -> None:
    spec = single_layer_spec(height=24, channels=32, filters=40)
    model = model_from_bytes(build(spec), "network")
    values = design(16, 16, activation_kib=activation_kib, weight_kib=weight_kib)
    with pytest.raises(DoesNotFit, match=rf"{what}.* bytes .* has {8 << 10}") as refused:
        compiled(values, model)
    assert parameter in refused.value.fix
    assert "conv2d_0" in refused.value.what


def test_a_layer_of_few_products_makes_room_for_the_others(kernels: KernelLibrary) -> None:
    """Of 128 rows of weights the first layer takes 126, the second would take four."""
    network = RandomNetwork(rng=np.random.default_rng(1))
    image = network.activation([1, 2, 2, 56])
    between = convolution(network, image, filters=16, side=3)
    output = convolution(network, between, filters=9, side=1)
    content = build(spec_of(network, image, output))
    model = model_from_bytes(content, "network")
    values = design(8, 8, activation_kib=8, weight_kib=8)
    program = compiled(values, model)
    assert {model.layers[position].name for position in program.layers} == {"conv2d_0"}
    assert "few products" in program.refusals[1]
    given_bytes = random_inputs(model, count=1, seed=3)[0]
    assert run_network(values, model, given_bytes, kernels) == reference_outputs(
        content, model, given_bytes
    )
    roomy = compiled(design(8, 8, activation_kib=8, weight_kib=16), model)
    assert len(roomy.layers) == 2


@pytest.mark.parametrize(("activation_kib", "is_gathered"), [(32, True), (16, False)])
def test_a_first_layer_of_few_channels_is_gathered_where_there_is_room(
    kernels: KernelLibrary, activation_kib: int, is_gathered: bool
) -> None:
    content = build(single_layer_spec(height=20, channels=1, filters=16, side=5))
    model = model_from_bytes(content, "network")
    values = design(16, 16, activation_kib=activation_kib)
    (transfer,) = compiled(values, model).inputs
    copy = compiled(values, model).variables["engine_copies"][transfer.number]
    assert (copy.gathered is not None) == is_gathered
    given_bytes = random_inputs(model, count=1, seed=3)[0]
    found = run_network(values, model, given_bytes, kernels)
    assert found == reference_outputs(content, model, given_bytes)


def single_layer_spec(*, height: int, channels: int, filters: int, side: int = 3) -> ModelSpec:
    """Return one convolution."""
    network = RandomNetwork(rng=np.random.default_rng(1))
    image = network.activation([1, height, height, channels])
    return spec_of(network, image, convolution(network, image, filters=filters, side=side))


def convolution(network: RandomNetwork, image: int, *, filters: int, side: int) -> int:
    """Add one of stride 1 that keeps the image's size; return its output."""
    shape = network.tensors[image].shape
    assert shape is not None
    constants = network.weights([filters, side, side, shape[3]], 0)
    output = network.activation([*shape[:3], filters])
    options = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    network.operator(CONV_2D, [image, *constants], output, Padding=SAME, **options)
    return output


def spec_of(network: RandomNetwork, image: int, output: int) -> ModelSpec:
    return ModelSpec(
        tensors=network.tensors, operators=network.operators, inputs=[image], outputs=[output]
    )
