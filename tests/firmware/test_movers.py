"""Operators that move or requantise elements against TFLite's reference kernels."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sw_templates.tflite_import import model_from_bytes
from tests.examples import examples
from tests.firmware.firmware_bench import KernelLibrary, reference_outputs
from tests.firmware.random_movers import MODELS
from tests.firmware.tflite_builder import build

MANY = settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))


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
    given_bytes = np.random.default_rng(seed).bytes(model.input_bytes)
    expected = reference_outputs(content, model, given_bytes)
    assert library.run_model(model, given_bytes) == expected
