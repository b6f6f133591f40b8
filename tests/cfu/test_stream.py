"""The ``stream`` CFU: what its rings promise, and that it computes while it is fed and read."""

import random
from itertools import repeat
from pathlib import Path

import pytest

from contracts.faults import ConfigError
from contracts.parameter import Value
from hw_templates.cfu.stream import FAMILY
from hw_templates.cfu.stream.config import StreamConfig
from hw_templates.cfu.stream.isa import (
    FREE,
    MAX_STEPS,
    RESULT_WORDS,
    Op,
    Setting,
    SumOption,
)
from tests.cfu.cfu_harness import Command, VerilatedRuntime, expected, name_of, simulate

DESIGN: dict[str, Value] = {
    "stream_products": 8,
    "stream_filter_words": 256,
    "stream_activation_words": 256,
    "stream_channelwise": True,
    "stream_lut_products": False,
}
ONES = 0x01010101


def op(op: Op, funct7: int = 0, a: int = 0, b: int = 0) -> Command:
    return Command(int(op), funct7, a, b)


def layer(
    *, columns: int = 1, pixel: int = 1, keeps_accumulators: bool = True, channels: int = 1
) -> list[Command]:
    """Return what begins a layer of windows of one row, with channels that have no bias."""
    channel = [op(Op.SET_CHANNEL, 0, 0x7FFFFFFF), op(Op.SET_CHANNEL, 1)]
    return [
        op(Op.CONFIGURE, Setting.LAYER),
        op(Op.CONFIGURE, Setting.OUTPUT, 0, 0x7F80 | keeps_accumulators << 16),
        op(Op.CONFIGURE, Setting.WINDOW, columns - 1, 1),
        op(Op.CONFIGURE, Setting.PIXEL, pixel),
        *channel * channels,
    ]


def run(
    *, offset: int = 0, freed: int = 0, results: int = 1, channels: int = 1, frees: int = 0
) -> Command:
    counts = (results - 1) | (channels - 1) << 8 | frees << 16
    return op(Op.RUN, FREE if frees else 0, offset | freed << 16, counts)


def answers(commands: list[Command]) -> list[int]:
    """Return what the READs are answered."""
    answered = expected(FAMILY.model(DESIGN), commands)
    return [
        answer
        for command, answer in zip(commands, answered, strict=True)
        if command.funct3 == Op.READ
    ]


def test_a_run_is_ignored_whose_results_might_not_fit() -> None:
    step = [op(Op.LOAD_ACTIVATIONS, 0, ONES, ONES), op(Op.LOAD_FILTERS, 0, ONES, ONES)]
    fits = [*layer(pixel=0), *step, run(results=RESULT_WORDS)]
    reads = [op(Op.READ)] * (RESULT_WORDS + 2)
    assert answers([*fits, run(), *reads]) == [8] * RESULT_WORDS + [0, 0]
    assert answers([*fits, op(Op.READ), run(), *reads]) == [8] * (RESULT_WORDS + 1) + [0, 0]


def test_what_a_run_has_freed_is_gone_for_the_next_one() -> None:
    pairs = [(1, 0), (2, 0), (3, 0)]
    commands = [
        *layer(channels=2),
        *(op(Op.LOAD_ACTIVATIONS, 0, *pair) for pair in pairs),
        *(op(Op.LOAD_FILTERS, 0, *pair) for pair in pairs),
        run(freed=1, frees=1),
        run(freed=1),
        run(offset=1, freed=9),
        run(),
        *[op(Op.READ)] * 4,
    ]
    assert answers(commands) == [1, 4, 0, 0]


def test_an_unknown_size_is_refused() -> None:
    with pytest.raises(ConfigError, match="stream_products is 5"):
        StreamConfig.from_values({**DESIGN, "stream_products": 5})


def program(rng: random.Random, *, channelwise: bool) -> list[Command]:
    """Return a random layer: loads, runs and reads in any order, not all of them sensible."""
    option = rng.choice((0, 0, SumOption.CHANNELWISE, SumOption.CHANNELWISE | SumOption.MAXIMUM))
    sizes = rng.randrange(6) | rng.randrange(4) << 8 | (option if channelwise else 0) << 16
    commands = [
        op(Op.CONFIGURE, Setting.LAYER),
        op(Op.CONFIGURE, Setting.OUTPUT, rng.getrandbits(8), 0x7F80 | rng.choice((0, 0, 1 << 16))),
        op(Op.CONFIGURE, Setting.WINDOW, sizes, rng.choice((1, 1, 2, 3)) | rng.randrange(20) << 16),
        op(Op.CONFIGURE, Setting.PIXEL, rng.randrange(6)),
    ]
    for _ in range(200):
        kind = rng.random()
        if kind < 0.5:
            load = rng.choice((Op.LOAD_ACTIVATIONS, Op.LOAD_FILTERS))
            commands.append(op(load, rng.random() < 0.1, rng.getrandbits(32), rng.getrandbits(32)))
        elif kind < 0.7:
            commands.append(op(Op.SET_CHANNEL, 0, rng.getrandbits(31), rng.randrange(8, 20)))
            commands.append(op(Op.SET_CHANNEL, 1, rng.getrandbits(18)))
        elif kind < 0.8:
            a = rng.randrange(30) | rng.randrange(12) << 16
            b = rng.randrange(20) | rng.randrange(24) << 8 | rng.randrange(40) << 16
            commands.append(op(Op.RUN, rng.randrange(2), a, b))
        else:
            commands.append(op(Op.READ))
    return commands


def long_run() -> list[Command]:
    """Return a run of 256 windows of 4,096 steps, over rings of which one step is there."""
    window = [op(Op.CONFIGURE, Setting.WINDOW, 255 | 15 << 8, 1 | 256 << 16)]
    step = [op(Op.LOAD_ACTIVATIONS, 0, ONES, ONES), op(Op.LOAD_FILTERS, 0, ONES, ONES)]
    reads = repeat(op(Op.READ), RESULT_WORDS)
    return [*layer(pixel=0), *window, *step, run(results=RESULT_WORDS), *reads]


def test_windows_behind_the_most_steps_of_a_run_are_empty() -> None:
    found = answers(long_run())
    full = MAX_STEPS // 4096
    assert found[0] > 0
    assert found == [found[0]] * full + [0] * (RESULT_WORDS - full)


@pytest.mark.slow
def test_a_run_ends_soon_whatever_it_is_asked_for(
    runtime: VerilatedRuntime, build_folder: Path
) -> None:
    bench = runtime.build(FAMILY.verilog(DESIGN), build_folder / f"stream-{name_of(DESIGN)}")
    done = simulate(bench, long_run())
    assert done.answers == expected(FAMILY.model(DESIGN), long_run())
    assert MAX_STEPS < done.cycles < MAX_STEPS + 2000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("products", "channelwise"), [(4, True), (8, True), (16, True), (8, False)]
)
def test_programs_that_compute_are_answered_like_by_the_model(
    products: int, channelwise: bool, runtime: VerilatedRuntime, build_folder: Path
) -> None:
    values = {**DESIGN, "stream_products": products, "stream_channelwise": channelwise}
    bench = runtime.build(FAMILY.verilog(values), build_folder / f"stream-{name_of(values)}")
    for seed, (command_gap, answer_gap) in enumerate([(0, 0), (60, 0), (0, 60), (40, 40)]):
        rng = random.Random(seed)
        commands = [c for _ in range(40) for c in program(rng, channelwise=channelwise)]
        right = expected(FAMILY.model(values), commands)
        assert sum(answer != 0 for answer in right) > 500
        for gaps in ((command_gap, answer_gap), (0, 0)):
            simulated = simulate(
                bench,
                commands,
                seed=seed,
                command_gap_percent=gaps[0],
                answer_gap_percent=gaps[1],
            )
            assert simulated.answers == right


@pytest.mark.slow
def test_feeding_and_reading_cost_nothing_beside_the_products(
    runtime: VerilatedRuntime, build_folder: Path
) -> None:
    """Rows of 8 pixels of 4 channels and 16 steps: what comes next is loaded meanwhile."""
    bench = runtime.build(FAMILY.verilog(DESIGN), build_folder / "stream-overlap")
    columns, channels, pixels, rows = 16, 4, 8, 20
    steps = columns + pixels - 1
    feed = [op(Op.LOAD_ACTIVATIONS, 0, ONES, ONES)] * steps
    row = run(results=pixels, channels=channels, freed=steps)
    commands = [
        *layer(columns=columns, keeps_accumulators=False, channels=channels),
        *repeat(op(Op.LOAD_FILTERS, 0, ONES, ONES), columns * channels),
        *feed,
        row,
    ]
    for _ in range(rows - 1):
        commands += [*feed, row, *[op(Op.READ)] * pixels]
    commands += [op(Op.READ)] * pixels
    simulated = simulate(bench, commands)
    assert simulated.answers == expected(FAMILY.model(DESIGN), commands)
    products = rows * pixels * channels * columns
    assert products < simulated.cycles < 1.05 * products
