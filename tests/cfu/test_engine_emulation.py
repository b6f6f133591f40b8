"""The engine's emulation in C answers what its reference model does when descriptors run."""

import random
from pathlib import Path

import pytest

from contracts.parameter import Value
from hw_templates.cfu.engine import FAMILY
from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.isa import Kind
from hw_templates.cfu.engine.model import EngineModel
from tests.cfu.cfu_harness import (
    Command,
    compile_host,
    emulate,
    expected,
    name_of,
    render_kernels,
)
from tests.cfu.engine_layers import loads, random_layer, reads, runs
from tests.cfu.engine_runs import design

DESIGNS = [
    design(rows, cols, activation_kib=8, weight_kib=weight_kib)
    for rows, cols, weight_kib in ((4, 4, 8), (8, 4, 8), (16, 16, 32), (32, 8, 16), (32, 32, 64))
] + [
    design(rows, cols, activation_kib=8, weight_kib=weight_kib, weight_bits=4)
    for rows, cols, weight_kib in ((8, 8, 8), (32, 8, 16))
]
LAYERS = 12


@pytest.fixture(scope="module", params=DESIGNS, ids=name_of)
def values(request: pytest.FixtureRequest) -> dict[str, Value]:
    return request.param


@pytest.fixture(scope="module")
def program(values: dict[str, Value], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("emulation")
    render_kernels(FAMILY, values, folder)
    return compile_host(["cfu_emulation.c", "emulation_bench.c", "-I."], folder, "emulation")


@pytest.mark.parametrize("kind", Kind)
def test_random_layers(values: dict[str, Value], program: Path, kind: Kind) -> None:
    config = EngineConfig.from_values(values)
    rng = random.Random(int(kind))
    commands: list[Command] = []
    for number in range(LAYERS):
        layer = random_layer(rng, config, kind)
        commands += loads(rng, config, layer, number)
        commands += runs(number)
        commands += reads(config, layer)
    assert emulate(program, commands) == expected(EngineModel(config), commands)
