"""Operators on int16 activations against TFLite's reference kernels."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sw_templates.tflite_import import model_from_bytes
from tests.firmware.firmware_bench import KernelLibrary, reference_outputs
from tests.firmware.random_layers import conv2d_models, depthwise_models, fully_connected_models
from tests.firmware.tflite_builder import INT16, INT32, INT64, ModelSpec, build

MANY = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
SPREADS = st.sampled_from([1 / 256, 1 / 256, 1 / 60, 1 / 1000, 1.0])


@st.composite
def wide(draw: st.DrawFn, models: Callable[[], st.SearchStrategy[ModelSpec]]) -> ModelSpec:
    """A network of one operator with int8 activations, made one of int16 with a bias of int64."""
    spec = draw(models())
    tensors = []
    for number, tensor in enumerate(spec.tensors):
        if number in (*spec.inputs, *spec.outputs):
            spread = 1 / 256 if number in spec.inputs else draw(SPREADS)
            scale = float(np.float32(tensor.scales[0] * spread))
            tensors.append(replace(tensor, type_code=INT16, zero_points=[0], scales=[scale]))
        elif tensor.type_code == INT32 and tensor.data is not None:
            bias = np.frombuffer(tensor.data, "<i4").astype("<i8") * draw(st.integers(1, 9000))
            data = bias.astype("<i8").tobytes()
            tensors.append(replace(tensor, type_code=INT64, data=data))
        else:
            tensors.append(tensor)
    for layer in spec.operators:
        if len(layer.inputs) > 2:  # TFLite compares the scale of a bias
            products = [tensors[0].scales[0] * scale for scale in tensors[1].scales]
            tensors[layer.inputs[2]] = replace(
                tensors[layer.inputs[2]],
                scales=[float(np.float32(scale)) for scale in products],
                zero_points=[0] * len(products),
            )
    return replace(spec, tensors=tensors)


MODELS = {
    "conv2d": wide(conv2d_models),
    "depthwise_conv2d": wide(depthwise_models),
    "fully_connected": wide(fully_connected_models),
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> KernelLibrary:
    return KernelLibrary(tmp_path_factory.mktemp("k"), 4)


@pytest.mark.parametrize("operator", sorted(MODELS))
@MANY
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_it_is_bit_exact(
    library: KernelLibrary, operator: str, data: st.DataObject, seed: int
) -> None:
    content = build(data.draw(MODELS[operator]))
    model = model_from_bytes(content, "network")
    assert model.layers[0].kernel.endswith("_int16")
    given_bytes = np.random.default_rng(seed).bytes(model.input_bytes)
    expected = reference_outputs(content, model, given_bytes)
    assert library.run_model(model, given_bytes) == expected
