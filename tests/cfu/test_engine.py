"""Family ``engine``: the model against plain loops, the hardware against the model."""

import random
from pathlib import Path

import numpy as np
import pytest

from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.engine import Engine
from hw_templates.cfu.engine.isa import Kind
from hw_templates.cfu.engine.model import EngineModel
from tests.cfu.cfu_harness import VerilatedRuntime, expected, simulate
from tests.cfu.engine_layers import loads, random_layer, reads, runs, unpacked


def config(rows: int, cols: int, units: int = 2, *, packed: bool = False) -> EngineConfig:
    return EngineConfig(
        rows=rows, cols=cols, activation_kib=8, weight_kib=8, units=units, packed=packed
    )


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
@pytest.mark.parametrize(("rows", "cols"), [(4, 4), (8, 4), (16, 16), (32, 8)])
def test_model_computes_what_plain_loops_do(rows: int, cols: int, kind: Kind) -> None:
    rng = random.Random(f"{rows} {cols} {kind}")
    engine = config(rows, cols)
    for _ in range(6):
        layer = random_layer(rng, engine, kind)
        model = EngineModel(engine)
        expected(model, loads(rng, engine, layer, 3) + runs(3))
        answers = expected(model, reads(engine, layer))
        assert np.array_equal(unpacked(layer, answers), layer.expected())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "cols", "units", "packed"),
    [(4, 4, 1, True), (8, 4, 4, False), (16, 16, 4, True), (32, 8, 2, True), (8, 8, 8, False)],
)
def test_hardware_computes_what_the_model_does(
    rows: int, cols: int, units: int, packed: bool, runtime: VerilatedRuntime, build_folder: Path
) -> None:
    engine = config(rows, cols, units, packed=packed)
    bench = runtime.build(Engine(engine).verilog(), build_folder / f"engine-{engine}")
    rng = random.Random(f"{rows} {cols} {units}")
    commands = []
    for number in range(60):
        layer = random_layer(rng, engine, Kind(number % 4))
        commands += loads(rng, engine, layer, number) + runs(number) + reads(engine, layer)
    run = simulate(bench, commands)
    assert run.answers == expected(EngineModel(engine), commands)
