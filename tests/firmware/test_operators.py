"""Every operator against TFLite's reference kernels, over random shapes and quantisation."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sw_templates.options import UNROLLS
from sw_templates.tflite_import import model_from_bytes
from tests.examples import examples
from tests.firmware.firmware_bench import KernelLibrary, reference_outputs
from tests.firmware.random_layers import (
    average_pool_models,
    conv2d_models,
    depthwise_models,
    fully_connected_models,
    reshape_models,
    softmax_models,
)
from tests.firmware.random_operators import (
    elementwise_models,
    extreme_models,
    max_pool_models,
    pad_models,
    reduce_models,
    resize_models,
    table_models,
)
from tests.firmware.tflite_builder import ModelSpec, build

Libraries = Mapping[int, KernelLibrary]
SEEDS = st.integers(0, 2**32 - 1)
MANY = settings(max_examples=examples(120), deadline=None, suppress_health_check=list(HealthCheck))
FEW = settings(MANY, max_examples=examples(40))


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Libraries:
    return {unroll: KernelLibrary(tmp_path_factory.mktemp("k"), unroll) for unroll in UNROLLS}


def check(
    libraries: Libraries,
    spec: ModelSpec,
    unroll: int,
    seed: int,
    *,
    all_values: bool = False,
    few_values: bool = False,
) -> None:
    """Compare with the reference on random bytes, on few values, or on all 256 in turn."""
    content = build(spec)
    model = model_from_bytes(content, "network")
    generator = np.random.default_rng(seed)
    given_bytes = generator.integers(-128, 128, model.input_bytes, dtype=np.int8).tobytes()
    if few_values:
        values = generator.integers(-2, 3, model.input_bytes)
        given_bytes = values.astype(np.int8).tobytes()
    if all_values:
        given_bytes = (bytes(range(256)) * 2)[: model.input_bytes]
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
@given(spec=elementwise_models(), unroll=st.sampled_from(UNROLLS), seed=SEEDS)
def test_elementwise_operators_are_bit_exact(
    libraries: Libraries, spec: ModelSpec, unroll: int, seed: int
) -> None:
    check(libraries, spec, unroll, seed)


@MANY
@given(spec=table_models(), unroll=st.sampled_from(UNROLLS))
def test_tables_are_bit_exact(libraries: Libraries, spec: ModelSpec, unroll: int) -> None:
    check(libraries, spec, unroll, seed=0, all_values=True)


@MANY
@given(spec=max_pool_models(), unroll=st.just(4), seed=SEEDS)
def test_max_pool2d_is_bit_exact(
    libraries: Libraries, spec: ModelSpec, unroll: int, seed: int
) -> None:
    check(libraries, spec, unroll, seed)


@MANY
@given(spec=reduce_models(), unroll=st.just(4), seed=SEEDS)
def test_mean_and_sum_are_bit_exact(
    libraries: Libraries, spec: ModelSpec, unroll: int, seed: int
) -> None:
    check(libraries, spec, unroll, seed)


@MANY
@given(spec=pad_models(), unroll=st.just(4), seed=SEEDS)
def test_paddings_are_bit_exact(
    libraries: Libraries, spec: ModelSpec, unroll: int, seed: int
) -> None:
    check(libraries, spec, unroll, seed)


@MANY
@given(spec=resize_models(), unroll=st.just(4), seed=SEEDS)
def test_resizing_is_bit_exact(
    libraries: Libraries, spec: ModelSpec, unroll: int, seed: int
) -> None:
    check(libraries, spec, unroll, seed)


@MANY
@given(spec=average_pool_models(), unroll=st.sampled_from(UNROLLS), seed=SEEDS)
def test_average_pool2d_is_bit_exact(
    libraries: Libraries, spec: ModelSpec, unroll: int, seed: int
) -> None:
    check(libraries, spec, unroll, seed)


@MANY
@given(spec=softmax_models(), unroll=st.just(4), seed=SEEDS)
def test_softmax_and_its_logarithm_are_bit_exact(
    libraries: Libraries, spec: ModelSpec, unroll: int, seed: int
) -> None:
    check(libraries, spec, unroll, seed)


@FEW
@given(spec=reshape_models(), unroll=st.just(4), seed=SEEDS)
def test_reshape_keeps_the_bytes(
    libraries: Libraries, spec: ModelSpec, unroll: int, seed: int
) -> None:
    check(libraries, spec, unroll, seed)


@MANY
@given(spec=extreme_models(), unroll=st.just(4), seed=SEEDS, few_values=st.booleans())
def test_arg_max_and_arg_min_are_exact(
    libraries: Libraries, spec: ModelSpec, unroll: int, seed: int, few_values: bool
) -> None:
    check(libraries, spec, unroll, seed, few_values=few_values)
