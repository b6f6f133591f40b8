"""Every operator against TFLite's reference kernels, over random shapes and quantisation."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sw_templates.options import UNROLLS
from sw_templates.tflite_import import model_from_bytes
from tests.firmware.firmware_bench import KernelLibrary, reference_outputs
from tests.firmware.random_layers import (
    add_models,
    average_pool_models,
    conv2d_models,
    depthwise_models,
    fully_connected_models,
    reshape_models,
    softmax_models,
)
from tests.firmware.tflite_builder import ModelSpec, build

Libraries = Mapping[int, KernelLibrary]
SEEDS = st.integers(0, 2**32 - 1)
MANY = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
FEW = settings(MANY, max_examples=40)


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Libraries:
    return {unroll: KernelLibrary(tmp_path_factory.mktemp("k"), unroll) for unroll in UNROLLS}


def check(libraries: Libraries, spec: ModelSpec, unroll: int, seed: int) -> None:
    content = build(spec)
    model = model_from_bytes(content, "network")
    generator = np.random.default_rng(seed)
    given_bytes = generator.integers(-128, 128, model.input_bytes, dtype=np.int8).tobytes()
    expected = reference_outputs(content, model, given_bytes)
    assert libraries[unroll].run_model(model, given_bytes) == expected


@MANY
@given(spec=conv2d_models(), unroll=st.sampled_from(UNROLLS), seed=SEEDS)
def test_conv2d_is_bit_exact(libraries: Libraries, spec: ModelSpec, unroll: int, seed: int) -> None:
    check(libraries, spec, unroll, seed)


@MANY
@given(spec=depthwise_models(), unroll=st.sampled_from(UNROLLS), seed=SEEDS)
def test_depthwise_conv2d_is_bit_exact(
    libraries: Libraries, spec: ModelSpec, unroll: int, seed: int
) -> None:
    check(libraries, spec, unroll, seed)


@MANY
@given(spec=fully_connected_models(), unroll=st.sampled_from(UNROLLS), seed=SEEDS)
def test_fully_connected_is_bit_exact(
    libraries: Libraries, spec: ModelSpec, unroll: int, seed: int
) -> None:
    check(libraries, spec, unroll, seed)


@MANY
@given(spec=add_models(), unroll=st.sampled_from(UNROLLS), seed=SEEDS)
def test_add_is_bit_exact(libraries: Libraries, spec: ModelSpec, unroll: int, seed: int) -> None:
    check(libraries, spec, unroll, seed)


@MANY
@given(spec=average_pool_models(), unroll=st.sampled_from(UNROLLS), seed=SEEDS)
def test_average_pool2d_is_bit_exact(
    libraries: Libraries, spec: ModelSpec, unroll: int, seed: int
) -> None:
    check(libraries, spec, unroll, seed)


@MANY
@given(spec=softmax_models(), unroll=st.just(4), seed=SEEDS)
def test_softmax_is_bit_exact(
    libraries: Libraries, spec: ModelSpec, unroll: int, seed: int
) -> None:
    check(libraries, spec, unroll, seed)


@FEW
@given(spec=reshape_models(), unroll=st.just(4), seed=SEEDS)
def test_reshape_keeps_the_bytes(
    libraries: Libraries, spec: ModelSpec, unroll: int, seed: int
) -> None:
    check(libraries, spec, unroll, seed)
