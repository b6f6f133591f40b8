"""Networks in NumPy, layer by layer: the bytes of TFLite's reference kernels."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.faults import ConfigError
from sw_templates.oracle.simulation import simulate_network
from sw_templates.reference import golden_inferences, random_inputs
from sw_templates.tflite_import import load_model, model_from_bytes
from tests.examples import examples
from tests.firmware.firmware_bench import DATA, load_bytes, reference_outputs, small_network
from tests.firmware.random_layers import (
    average_pool_models,
    conv2d_models,
    depthwise_models,
    fully_connected_models,
    reshape_models,
    softmax_models,
)
from tests.firmware.random_movers import (
    alias_models,
    concatenation_models,
    pack_models,
    slice_models,
    split_models,
    split_v_models,
    strided_slice_models,
    transpose_models,
    unpack_models,
)
from tests.firmware.random_operators import (
    elementwise_models,
    max_pool_models,
    pad_models,
    table_models,
)
from tests.firmware.tflite_builder import ModelSpec, build

ROOT = Path(__file__).parents[2]
NETWORKS = (
    ROOT / "models" / "imgc" / "imgc_resnet8_int8.tflite",
    *(
        DATA / name
        for name in (
            "imgc/pretrainedResnet_quant.tflite",
            "mlperf_tiny/kws_ref_model.tflite",
            "mlperf_tiny/vww_96_int8.tflite",
            "mlperf_tiny/ad01_int8.tflite",
            "models/str_ww_ref_model.tflite",
            "models/magic_wand.tflite",
        )
    ),
)
MAY_BE_UNKNOWN = {"mul", "maximum", "minimum", "prelu", "max_pool2d", "mirror_pad", "log_softmax"}
"""Of the kinds below: some of their operators have nothing in NumPy yet."""


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_every_layer_of_a_network_is_that_of_the_reference(path: Path) -> None:
    if not path.exists():
        pytest.skip(f"the model {path.name} is not beside this checkout")
    model = load_model(path)
    inputs = [*random_inputs(model, count=2, seed=7), bytes(model.input_bytes)]
    found = tuple(each.golden for each in simulate_network(model, inputs))
    assert found == golden_inferences(path, model, inputs)


SPECS = st.one_of(
    conv2d_models(),
    depthwise_models(),
    fully_connected_models(),
    average_pool_models(),
    softmax_models(),
    reshape_models(),
    alias_models(),
    concatenation_models(),
    pack_models(),
    slice_models(),
    split_models(),
    split_v_models(),
    strided_slice_models(),
    transpose_models(),
    unpack_models(),
    elementwise_models(),
    max_pool_models(),
    pad_models(),
    table_models(),
)


@settings(max_examples=examples(400), deadline=None, suppress_health_check=list(HealthCheck))
@given(spec=SPECS, seed=st.integers(0, 2**32 - 1))
def test_random_layers_are_those_of_the_reference(spec: ModelSpec, seed: int) -> None:
    content = build(spec)
    model = model_from_bytes(content, "network")
    generator = np.random.default_rng(seed)
    given_bytes = generator.integers(-128, 128, model.input_bytes, dtype=np.int8).tobytes()
    expected = reference_outputs(content, model, given_bytes)
    kernel = model.layers[0].kernel
    if kernel.removesuffix("_int16") in MAY_BE_UNKNOWN or kernel.endswith("_int16"):
        try:
            next(simulate_network(model, [given_bytes]))
        except ConfigError:
            return
    (found,) = simulate_network(model, [given_bytes])
    assert [b"".join(each.tobytes() for each in layer) for layer in found.layers] == expected


def test_an_input_of_another_size_is_refused(tmp_path: Path) -> None:
    _, model = load_bytes(small_network(), tmp_path)
    with pytest.raises(ConfigError, match=r"input 0 has 3 bytes"):
        next(simulate_network(model, [bytes(3)]))


def test_a_layer_that_numpy_does_not_know_is_named() -> None:
    path = DATA / "models" / "trained_lstm_int8.tflite"
    if not path.exists():
        pytest.skip(f"the model {path.name} is not beside this checkout")
    model = load_model(path)
    with pytest.raises(ConfigError, match=r"sequence_lstm_0 \(UNIDIRECTIONAL_SEQUENCE_LSTM\)"):
        next(simulate_network(model, random_inputs(model, count=1, seed=1)))
