"""Family ``engine``: the model against plain loops, the hardware against the model."""

import json
import random
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.descriptor import Descriptor
from hw_templates.cfu.engine.engine import Engine
from hw_templates.cfu.engine.isa import DESCRIPTOR_WORDS, MAGIC, Kind, Memory, Operation
from hw_templates.cfu.engine.model import EngineModel
from runners.fpga.ecp5 import ECP5
from runners.stages.synthesis import NETLIST, read_cost, synthesise
from tests.cfu.cfu_harness import Command, VerilatedRuntime, expected, name_of, simulate
from tests.cfu.engine_layers import loads, random_layer, reads, runs, unpacked, writes


def config(
    rows: int,
    cols: int,
    units: int = 2,
    *,
    packed: bool = False,
    lut_percent: int = 0,
    clock_percent: int = 100,
    weight_bits: int = 8,
    kib: tuple[int, int] = (8, 8),
) -> EngineConfig:
    return EngineConfig(
        rows=rows,
        cols=cols,
        activation_kib=kib[0],
        weight_kib=kib[1],
        units=units,
        packed=packed,
        lut_percent=lut_percent,
        clock_percent=clock_percent,
        weight_bits=weight_bits,
    )


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    ("rows", "cols", "weight_bits", "kib"),
    [
        (4, 4, 8, (8, 8)),
        (8, 4, 8, (8, 8)),
        (16, 16, 8, (8, 8)),
        (32, 8, 8, (8, 8)),
        (8, 4, 4, (8, 8)),
        (16, 16, 4, (8, 8)),
        (16, 8, 8, (24, 96)),
    ],
)
def test_model_computes_what_plain_loops_do(
    rows: int, cols: int, weight_bits: int, kib: tuple[int, int], kind: Kind
) -> None:
    rng = random.Random(f"{rows} {cols} {kind}")
    engine = config(rows, cols, weight_bits=weight_bits, kib=kib)
    for _ in range(6):
        layer = random_layer(rng, engine, kind)
        model = EngineModel(engine)
        expected(model, loads(rng, engine, layer, 3) + runs(3))
        answers = expected(model, reads(engine, layer))
        assert np.array_equal(unpacked(layer, answers), layer.expected())


def test_two_products_in_one_multiplier_are_exact_for_all_operands() -> None:
    """The arithmetic of ``PackedProduct``, for all 2^24 of them."""
    activation = np.arange(-128, 128, dtype=np.int32)[:, None, None]
    low = np.arange(-128, 128, dtype=np.int32)[:, None]
    high = np.arange(-128, 128, dtype=np.int32)
    product = activation * (high * 1024 + (low + 128))
    assert product.min() >= -(1 << 25)
    assert product.max() < 1 << 25
    lowest = activation * high & 63
    carry = ((product >> 10) - lowest + 32 & 63) - 32
    assert np.array_equal(
        np.broadcast_to(activation * high, product.shape), (product >> 10) - carry
    )
    shifted = (carry << 10) + (product & 1023)
    assert np.array_equal(
        np.broadcast_to(activation * low, product.shape), shifted - 128 * activation
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "engine",
    [
        config(4, 4, 1, packed=True),
        config(8, 4, 4, lut_percent=75),
        config(16, 16, 4, packed=True),
        config(32, 8, 2, packed=True, lut_percent=50),
        config(8, 8, 8, lut_percent=100),
        config(8, 8, 4, packed=True, weight_bits=4),
        config(16, 4, 2, weight_bits=4),
        config(8, 4, 2, packed=True, lut_percent=50, weight_bits=4),
        config(8, 8, 4, packed=True, kib=(24, 96)),
        config(16, 8, 2, kib=(56, 224)),
        config(16, 4, 2, packed=True),
        config(32, 8, 4, packed=True, weight_bits=4),
        config(32, 16, 8, packed=True),
    ],
    ids=lambda engine: name_of(asdict(engine)),
)
def test_hardware_computes_what_the_model_does(
    engine: EngineConfig, runtime: VerilatedRuntime, build_folder: Path
) -> None:
    bench = runtime.build(Engine(engine).verilog(), build_folder / name_of(asdict(engine)))
    rng = random.Random(str(engine))
    commands = []
    for number in range(40):
        layer = random_layer(rng, engine, Kind(number % 4))
        commands += loads(rng, engine, layer, number) + runs(number) + reads(engine, layer)
    run = simulate(bench, commands)
    assert run.answers == expected(EngineModel(engine), commands)


@pytest.mark.slow
def test_an_engine_with_a_clock_of_its_own_computes_the_same_at_any_ratio(
    runtime: VerilatedRuntime, build_folder: Path
) -> None:
    """The bench takes the ratio of the clocks from the seed: from 0.6 to 3.3 here, in no step."""
    engine = config(8, 4, 4, packed=True, clock_percent=150)
    bench = runtime.build(Engine(engine).verilog(), build_folder / name_of(asdict(engine)))
    rng = random.Random(str(engine))
    commands = []
    for number in range(12):
        layer = random_layer(rng, engine, Kind(number % 4))
        commands += loads(rng, engine, layer, number) + runs(number) + reads(engine, layer)
    right = expected(EngineModel(engine), commands)
    for seed in range(0, 12, 2):
        run = simulate(
            bench, commands, seed=seed, command_gap_percent=5 * seed, answer_gap_percent=seed
        )
        assert run.answers == right, f"seed {seed}"


READING = [
    config(4, 4, 1, clock_percent=150),
    config(8, 8, 4, packed=True),
    config(8, 8, 8, packed=True, clock_percent=150, kib=(24, 8)),
    config(16, 4, 2, packed=True),
    config(16, 16, 8, packed=True, clock_percent=200),
]


@pytest.mark.slow
@pytest.mark.parametrize("engine", READING, ids=lambda engine: name_of(asdict(engine)))
def test_answers_are_right_while_the_last_layer_still_runs(
    engine: EngineConfig, runtime: VerilatedRuntime, build_folder: Path
) -> None:
    """Two layers at one command: what the first one has written must not be taken for it."""
    bench = runtime.build(Engine(engine).verilog(), build_folder / name_of(asdict(engine)))
    rng = random.Random(f"reading {engine}")
    commands = []
    for number in range(24):
        window = (3, 3) if number % 2 else None
        first, last = (
            random_layer(rng, engine, Kind(kind), window=window)
            for kind in (number % 3, number % 4)
        )
        commands += loads(rng, engine, first, 0) + loads(rng, engine, last, 1)
        commands += [Command(Operation.START, 0, 0, 2)]
        commands += reads(engine, last)
        commands += reads(engine, first)[: 1 + number]
    right = expected(EngineModel(engine), commands)
    for seed in range(3):
        run = simulate(
            bench, commands, seed=seed, command_gap_percent=20 * seed, answer_gap_percent=20 * seed
        )
        assert run.answers == right, f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("engine", READING, ids=lambda engine: name_of(asdict(engine)))
def test_what_is_read_ahead_and_not_asked_for_changes_nothing(
    engine: EngineConfig, runtime: VerilatedRuntime, build_folder: Path
) -> None:
    bench = runtime.build(Engine(engine).verilog(), build_folder / name_of(asdict(engine)))
    rng = random.Random(f"ahead {engine}")
    words = engine.words(Memory.ACTIVATIONS)
    read = Command(Operation.READ, Memory.ACTIVATIONS)
    commands = writes(Memory.ACTIVATIONS, 0, rng.randbytes(4 * words))
    for _ in range(400):
        a, b = rng.getrandbits(32), rng.getrandbits(32)
        other = (
            Command(Operation.SET_POINTER, 0, rng.randrange(words)),
            Command(Operation.WRITE, Memory.ACTIVATIONS, a),
            Command(Operation.WRITE_PAIR, Memory.ACTIVATIONS, a, b),
            Command(Operation.READ, Memory.CHANNELS),
            Command(Operation.COUNT),
            Command(Operation.WAIT),
            Command(Operation.STREAM, 0, a, b),
            Command(Operation.START, 0, 0, 1),
        )
        commands += [read] * rng.choice((0, 1, 2, 3, 9, 40)) + rng.choices(
            other, k=rng.choice((1, 1, 2))
        )
    right = expected(EngineModel(engine), commands)
    for seed in range(4):
        run = simulate(
            bench, commands, seed=seed, command_gap_percent=25 * seed, answer_gap_percent=25 * seed
        )
        assert run.answers == right, f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize(("clock_percent", "cycles"), [(100, 3.5), (200, 3)])
def test_one_read_after_the_other_takes_few_cycles(
    clock_percent: int, cycles: float, runtime: VerilatedRuntime, build_folder: Path
) -> None:
    """Of the CPU; with seed 0 the bench has the fastest clock of its own."""
    engine = config(8, 8, 4, packed=True, clock_percent=clock_percent)
    bench = runtime.build(Engine(engine).verilog(), build_folder / f"reads-{clock_percent}")
    few, many = (
        simulate(bench, [Command(Operation.READ, Memory.ACTIVATIONS)] * count, seed=0).cycles
        for count in (100, 1100)
    )
    assert many - few == pytest.approx(1000 * cycles, rel=0.01)


@pytest.mark.slow
def test_the_array_is_busy_in_all_but_30_cycles_of_a_layer(
    runtime: VerilatedRuntime, build_folder: Path
) -> None:
    engine = EngineConfig(rows=16, cols=16, activation_kib=32, weight_kib=64, units=4, packed=True)
    bench = runtime.build(Engine(engine).verilog(), build_folder / "engine-cycles")
    dense = Descriptor(
        kind=Kind.DENSE,
        input=0,
        output=4096,
        input_size=(16, 16),
        output_size=(16, 16),
        input_blocks=1,
        output_tiles=1,
        channels=0,
        output_zero_point=0,
        limits=(-128, 127),
    )
    layers = {
        "3 x 3": (replace(dense, kernel=(3, 3), padding=(1, 1)), 256 * 9),
        "1 x 1 from 64": (
            replace(dense, input_size=(8, 8), output_size=(8, 8), input_blocks=4),
            64 * 4,
        ),
        "1 x 1 from 32 to 64": (
            replace(dense, input_size=(8, 8), output_size=(8, 8), input_blocks=2, output_tiles=4),
            64 * 4 * 4,  # bound by 4 units, not 2 steps
        ),
        "depthwise 5 x 5": (
            replace(dense, kind=Kind.CHANNELWISE, kernel=(5, 5), padding=(2, 2)),
            256 * 25,
        ),
        "maximum": (replace(dense, kind=Kind.MAXIMUM, kernel=(2, 2), output_size=(8, 8)), 64 * 4),
        "add": (replace(dense, kind=Kind.ADD, second_input=1024), 256 * 4 + 264),
        "matrix": (
            replace(dense, input_size=(1, 1), output_size=(1, 1), input_blocks=8, output_tiles=8),
            64,
        ),
    }
    commands = []
    for number, (layer, _) in enumerate(layers.values()):
        program = np.array(layer.words(), dtype="<u4").tobytes()
        commands += writes(Memory.PROGRAM, number * DESCRIPTOR_WORDS, program)
    commands += [Command(Operation.START, 0, 0, len(layers)), Command(Operation.WAIT)]
    counts = [Command(Operation.COUNT, 0, number) for number in range(len(layers) + 1)]
    busy = [Command(Operation.COUNT, 1, number) for number in range(len(layers))]
    answers = simulate(bench, commands + counts + busy).answers[len(commands) :]
    took, multiplied = answers[: len(layers)], answers[len(layers) + 1 :]
    assert answers[len(layers)] == 0
    for (name, (layer, least)), cycles, steps in zip(layers.items(), took, multiplied, strict=True):
        assert steps == layer.steps, name
        # the first descriptor is read before it runs, the others while another one does
        waits = 50 if name == "3 x 3" else 30
        assert least <= cycles <= least + waits, name


SLIDING = [
    config(8, 8, 8, packed=True),
    config(8, 8, 2),
    config(16, 16, 16, packed=True),
    config(8, 8, 4, packed=True, lut_percent=50),
]


@pytest.mark.slow
@pytest.mark.parametrize("engine", SLIDING, ids=lambda engine: name_of(asdict(engine)))
def test_windows_that_slide_compute_what_the_model_does(
    engine: EngineConfig, runtime: VerilatedRuntime, build_folder: Path
) -> None:
    """Beside layers of all kinds, so that nothing of one is left in the registers of the next."""
    assert engine.slides
    bench = runtime.build(Engine(engine).verilog(), build_folder / name_of(asdict(engine)))
    rng = random.Random(f"sliding {engine}")
    commands = []
    for number in range(60):
        kind = Kind.CHANNELWISE if number % 3 else Kind(number % 4)
        window = (3, 3) if number % 3 else None
        layer = random_layer(rng, engine, kind, window=window)
        commands += loads(rng, engine, layer, number) + runs(number) + reads(engine, layer)
    assert simulate(bench, commands).answers == expected(EngineModel(engine), commands)


@pytest.mark.slow
@pytest.mark.parametrize("stride", [1, 2])
def test_a_window_that_slides_reads_each_line_once(
    stride: int, runtime: VerilatedRuntime, build_folder: Path
) -> None:
    engine = config(8, 8, 4, packed=True)
    bench = runtime.build(Engine(engine).verilog(), build_folder / "engine-sliding-cycles")
    size, tiles = 16 // stride, 2
    layer = Descriptor(
        kind=Kind.CHANNELWISE,
        input=0,
        output=1024,
        input_size=(16, 16),
        output_size=(size, size),
        input_blocks=tiles,
        output_tiles=tiles,
        channels=0,
        output_zero_point=0,
        limits=(-128, 127),
        kernel=(3, 3),
        stride=(stride, stride),
        padding=(1, 1),
    )
    program = np.array(layer.words(), dtype="<u4").tobytes()
    commands = [
        *writes(Memory.PROGRAM, 0, program),
        *(Command(Operation.START, 0, 0, 1), Command(Operation.WAIT)),
        *(Command(Operation.COUNT, 0, 0), Command(Operation.COUNT, 1, 0)),
    ]
    cycles, steps = simulate(bench, commands).answers[-2:]
    assert steps == size * tiles * (9 + (size - 1) * 3 * stride)
    assert steps <= cycles <= steps + 50


@pytest.mark.slow
def test_a_run_ends_at_a_word_of_noise_and_can_begin_anywhere(
    runtime: VerilatedRuntime, build_folder: Path
) -> None:
    engine = config(4, 4, 1, packed=True)
    bench = runtime.build(Engine(engine).verilog(), build_folder / name_of(asdict(engine)))
    rng = random.Random(5)
    # three layers around the end of the memory of descriptors, noise behind them
    layers = [random_layer(rng, engine, kind) for kind in (Kind.DENSE, Kind.ADD, Kind.MAXIMUM)]
    numbers = (62, 63, 0)
    commands = [
        command
        for n, layer in zip(numbers, layers, strict=True)
        for command in loads(rng, engine, layer, n)
    ]
    noise = np.array([rng.getrandbits(32) for _ in range(16)], dtype="<u4").tobytes()
    commands += writes(Memory.PROGRAM, DESCRIPTOR_WORDS, noise)
    commands += [Command(Operation.START, 0, 64 + 62, 256 + 200), Command(Operation.WAIT)]
    commands += [command for layer in layers for command in reads(engine, layer)]
    run = simulate(bench, commands)
    assert run.answers == expected(EngineModel(engine), commands)
    counted = [Command(Operation.COUNT, 0, n) for n in (*numbers, 1)]
    *took, noise_took = simulate(bench, commands + counted).answers[-4:]
    assert min(took) > 0
    assert noise_took == 0


@pytest.mark.slow
def test_a_descriptor_without_sense_ends_the_run(
    runtime: VerilatedRuntime, build_folder: Path
) -> None:
    engine = config(4, 4, 1)
    bench = runtime.build(Engine(engine, max_cycles=1 << 12).verilog(), build_folder / "overdue")
    rng = random.Random(8)
    commands = []
    for _ in range(20):
        words = [rng.getrandbits(32) for _ in range(2 * DESCRIPTOR_WORDS)]
        words[0] = MAGIC << 16 | words[0] & 0xFFFF
        words[DESCRIPTOR_WORDS] = MAGIC << 16
        program = np.array(words, dtype="<u4").tobytes()
        commands += writes(Memory.PROGRAM, 0, program)
        commands += [Command(Operation.START, 0, 0, 2), Command(Operation.WAIT)]
    layer = random_layer(rng, engine, Kind.DENSE)
    after = loads(rng, engine, layer, 0) + runs(0) + reads(engine, layer)
    answers = simulate(bench, commands + after).answers
    assert set(answers[: len(commands)]) == {0}
    output = reads(engine, layer)
    assert np.array_equal(unpacked(layer, answers[-len(output) :]), layer.expected())


@pytest.mark.slow
def test_multipliers_are_those_of_the_array_and_three_a_unit(tmp_path: Path) -> None:
    """16 x 16 products and 8 units are to fit the 156 multipliers of the largest ECP5."""
    source, out = tmp_path / "Cfu.v", tmp_path / "synthesis"
    source.write_text(Engine(config(4, 4, 4, packed=True)).verilog())
    out.mkdir()
    synthesise([source], family=ECP5, top="Cfu", black_boxes=(), out=out, timeout_s=400)
    assert read_cost(out)["mult18x18d"] == 4 * 4 // 2 + 3 * 4
    modules = json.loads((out / NETLIST).read_text())["modules"]
    cells = [cell["type"] for cell in modules["Cfu"]["cells"].values()]
    # each has registers of its own for what all of them read
    assert (cells.count("EngineUnit"), cells.count("EngineColumns")) == (4, 2)
