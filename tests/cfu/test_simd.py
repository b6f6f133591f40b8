"""Family ``simd``: arithmetic against independent formulas, speed, size and refusals."""

import gc
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.faults import ConfigError
from contracts.parameter import Value
from hw_templates.cfu.parts.datapath import DotProduct, StepBuffer
from hw_templates.cfu.parts.model import requantise
from hw_templates.cfu.simd import FAMILY
from hw_templates.cfu.simd.buffers import SimdBuffers
from hw_templates.cfu.simd.isa import WINDOW_RESULT_WORDS, BufferOp, RegisterOp, WindowOption
from hw_templates.cfu.simd.registers import SimdRegisters
from runners.fpga.ecp5 import ECP5
from runners.stages.synthesis import synthesise
from tests.cfu.cfu_harness import (
    Command,
    VerilatedRuntime,
    designs,
    expected,
    random_commands,
    simulate,
)
from tests.cfu.simd_layers import requantised

INT32 = st.integers(-(1 << 31), (1 << 31) - 1)


def values(
    width: int, depth: int, *, requantises: bool, channelwise: bool = False
) -> dict[str, Value]:
    return {
        "simd_width": width,
        "buffer_depth": depth,
        "hardware_requantisation": requantises,
        "channelwise": channelwise,
    }


@given(value=INT32, multiplier=st.integers(0, (1 << 31) - 1), shift=st.integers(0, 31))
def test_model_requantises_like_the_definition(value: int, multiplier: int, shift: int) -> None:
    assert requantise(value, multiplier, shift) == requantised(value, multiplier, -shift)


def test_the_space_has_71_designs() -> None:
    assert len(designs(FAMILY)) == 71


@pytest.mark.parametrize(("width", "depth"), [(4, 0), (1, 256), (16, 4096)])
def test_a_design_from_before_channelwise_sums_is_the_one_without_them(
    width: int, depth: int
) -> None:
    design = values(width, depth, requantises=True)
    older = {name: value for name, value in design.items() if name != "channelwise"}
    assert FAMILY.verilog(older) == FAMILY.verilog(design)


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (values(8, 0, requantises=False), "two registers hold 4 products, not 8"),
        (values(3, 256, requantises=False), "no simd CFU has width 3"),
        (values(4, 100, requantises=False), "buffers of 100 words"),
        (values(4, 256, requantises=False, channelwise=True), "channelwise hardware needs"),
        (values(4, 0, requantises=True, channelwise=True), "channelwise hardware needs"),
        (values(2, 256, requantises=True, channelwise=True), "channelwise .* at least 4 products"),
    ],
)
def test_illegal_parameters_are_refused(design: dict[str, Value], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FAMILY.verilog(design)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DotProduct(width=3), r"DotProduct width is 3\n  fix: use one of 1, 2, 4, 8, 16"),
        (lambda: DotProduct(width=True), "DotProduct width is True"),
        (lambda: DotProduct(width=4.0), r"DotProduct width is 4\.0"),
        (
            lambda: StepBuffer(depth_words=100, step_bytes=4),
            r"StepBuffer depth_words is 100\n  fix: use one of 256, 512, 1024, 2048, 4096",
        ),
        (lambda: StepBuffer(depth_words=256, step_bytes=3), "StepBuffer step_bytes is 3"),
        (
            lambda: SimdRegisters(width=8, has_requantiser=False),
            r"SimdRegisters width is 8\n  fix: use one of 1, 2, 4$",
        ),
        (lambda: SimdRegisters(width=4, has_requantiser=2), "has_requantiser is 2"),
        (
            lambda: SimdBuffers(width=4, buffer_depth=0, has_requantiser=True),
            "SimdBuffers buffer_depth is 0",
        ),
        (lambda: SimdBuffers(width=32, buffer_depth=256, has_requantiser=True), "width is 32"),
        (
            lambda: SimdBuffers(width=4, buffer_depth=256, has_requantiser=False, has_windows=True),
            r"SimdBuffers has_windows is True\n  fix: use one of False",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_a_component_refuses_what_it_cannot_be(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()
    gc.collect()  # Amaranth warns of what is never used when that goes: here, not in another test


def as_word(value: int) -> int:
    return value & 0xFFFF_FFFF


@pytest.mark.slow
def test_hardware_requantises_like_the_definition(
    runtime: VerilatedRuntime, build_folder: Path
) -> None:
    rng = random.Random(3)
    edges = [0, 1, -1, (1 << 31) - 1, -(1 << 31), 1 << 30, -(1 << 30), 255, -256]
    cases = [
        (
            rng.choice(edges) if rng.random() < 0.2 else rng.getrandbits(32) - (1 << 31) >> shifted,
            rng.choice((0, 1 << 30, (1 << 31) - 1)) if rng.random() < 0.1 else rng.getrandbits(31),
            rng.randrange(32),
        )
        for shifted in range(0, 32, 2)
        for _ in range(500)
    ]
    commands = [Command(RegisterOp.CONFIGURE, 1, 5, 0x7F80)]
    answers = []
    for first in range(0, len(cases), 4):
        group = cases[first : first + 4]
        for value, multiplier, shift in group:
            commands.append(Command(RegisterOp.SET, 0, as_word(value)))
            commands.append(Command(RegisterOp.FINISH, 0, multiplier, shift))
        commands.append(Command(RegisterOp.READ))
        results = [min(max(requantised(v, m, -s) + 5, -128), 127) & 0xFF for v, m, s in group]
        answers.append(int.from_bytes(bytes(results), "little"))
    bench = runtime.build(
        FAMILY.verilog(values(1, 0, requantises=True)), build_folder / "requantise"
    )
    run = simulate(bench, commands)
    reads = [
        answer
        for command, answer in zip(commands, run.answers, strict=True)
        if command.funct3 == RegisterOp.READ
    ]
    assert reads == answers


@pytest.mark.slow
@pytest.mark.parametrize("requantises", [False, True])
@pytest.mark.parametrize("width", [1, 2, 4])
def test_registers_of_every_width_follow_the_model(
    width: int, requantises: bool, runtime: VerilatedRuntime, build_folder: Path
) -> None:
    design = values(width, 0, requantises=requantises)
    bench = runtime.build(FAMILY.verilog(design), build_folder / f"registers-{width}-{requantises}")
    for seed, gap in enumerate((0, 40)):
        commands = random_commands(random.Random(seed + width), 3000)
        run = simulate(bench, commands, seed=seed, command_gap_percent=gap, answer_gap_percent=gap)
        assert run.answers == expected(FAMILY.model(design), commands)
        assert len(set(run.answers)) > 100


def one_pixel(width: int, *, channels: int, steps: int, rng: random.Random) -> list[Command]:
    """Return the commands of one output pixel on a CFU with buffers and requantisation."""

    def words(code: BufferOp, steps_loaded: int) -> list[Command]:
        count = max(2, steps_loaded * width // 4)
        return [
            Command(code, 0, rng.getrandbits(32), rng.getrandbits(32)) for _ in range(count // 2)
        ]

    commands = [
        Command(BufferOp.CONFIGURE, 0, steps, channels),
        Command(BufferOp.CONFIGURE, 1, 3, 0x7F80),
    ]
    for _ in range(channels):
        commands.append(Command(BufferOp.SET_CHANNEL, 0, rng.getrandbits(31) | 1 << 30, 9))
        commands.append(Command(BufferOp.SET_CHANNEL, 1, as_word(rng.randrange(-5000, 5000))))
    commands += words(BufferOp.LOAD_WEIGHTS, steps * channels)
    commands += words(BufferOp.LOAD_ACTIVATIONS, steps)
    commands += [Command(BufferOp.REWIND), *[Command(BufferOp.MULTIPLY)] * (steps * channels)]
    return commands + [Command(BufferOp.READ)] * -(-channels // 4)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "depth"), [(1, 512), (4, 256), (16, 1024)])
def test_pixels_on_buffers_follow_the_model_at_full_speed(
    width: int, depth: int, runtime: VerilatedRuntime, build_folder: Path
) -> None:
    design = values(width, depth, requantises=True)
    bench = runtime.build(FAMILY.verilog(design), build_folder / f"pixels-{width}-{depth}")
    rng = random.Random(width)
    commands = []
    for channels in (1, 3, 8, 18):
        steps = rng.randrange(1, 9)
        commands += one_pixel(width, channels=channels, steps=steps, rng=rng)
    for gap in (0, 50):
        run = simulate(bench, commands, command_gap_percent=gap)
        assert run.answers == expected(FAMILY.model(design), commands)
    assert any(run.answers)

    multiplies = [Command(BufferOp.MULTIPLY)] * 1000
    assert simulate(bench, multiplies).cycles <= 1002, "one instruction a cycle"
    additions = [Command(BufferOp.ADD)] * 100
    assert simulate(bench, additions).cycles <= 100 * 12 + 12, "four elements in twelve cycles"


def words_of(rng: random.Random) -> tuple[int, int]:
    return rng.getrandbits(32), rng.getrandbits(32)


def window_commands(width: int, depth: int, *, rng: random.Random) -> list[Command]:
    """Return layers of windows on whose results nothing waits longer than it must."""
    commands = []
    for _ in range(12):
        channels = rng.choice((1, 3, width // 2, width, width + 1, 3 * width, 64))
        columns, rows = rng.choice(((3, 3), (1, 1), (2, 1), (5, 4)))
        groups = -(-channels // width)
        commands += [
            Command(BufferOp.CONFIGURE, 0, 1, channels),
            Command(BufferOp.CONFIGURE, 1, rng.getrandbits(8), 0x7F80),
            Command(
                BufferOp.CONFIGURE,
                WindowOption.SHAPE,
                rng.randrange(4) | rng.randrange(64) << 16,
                (columns - 1) | (rows - 1) << 4,
            ),
        ]
        for _ in range(channels):
            commands.append(Command(BufferOp.SET_CHANNEL, 0, rng.getrandbits(31) | 1 << 30, 9))
            commands.append(Command(BufferOp.SET_CHANNEL, 1, as_word(rng.randrange(-5000, 5000))))
        for code, words in ((BufferOp.LOAD_WEIGHTS, depth), (BufferOp.LOAD_ACTIVATIONS, 256)):
            commands += [Command(code, 0, *words_of(rng)) for _ in range(words // 2)]
        for window in range(60):
            kind = rng.choice((0, 0, 0, WindowOption.WINDOW_CONTINUES, WindowOption.WINDOW_KEEPS))
            kind |= rng.choice((0, WindowOption.WINDOW_READS)) | WindowOption.WINDOW
            commands.append(
                Command(BufferOp.MULTIPLY, kind, window, window % groups * columns * rows)
            )
            for _ in range(rng.choice((0, 1, width // 4, width // 4))):
                commands.append(Command(BufferOp.READ))
            for _ in range(rng.randrange(3)):
                option = rng.choice((0, WindowOption.LOAD_READS))
                commands.append(Command(BufferOp.LOAD_ACTIVATIONS, option, *words_of(rng)))
            if rng.random() < 0.1:
                commands.append(Command(BufferOp.ADD, WindowOption.MAXIMUM, *words_of(rng)))
        commands += [Command(BufferOp.READ)] * WINDOW_RESULT_WORDS
    return commands


@pytest.mark.slow
@pytest.mark.parametrize(("width", "depth"), [(4, 256), (8, 512), (16, 1024)])
def test_windows_follow_the_model_while_results_are_read_and_rows_loaded(
    width: int, depth: int, runtime: VerilatedRuntime, build_folder: Path
) -> None:
    design = values(width, depth, requantises=True, channelwise=True)
    bench = runtime.build(FAMILY.verilog(design), build_folder / f"windows-{width}-{depth}")
    for seed, gap in enumerate((0, 0, 30)):
        commands = window_commands(width, depth, rng=random.Random(seed + width))
        run = simulate(bench, commands, seed=seed, command_gap_percent=gap)
        assert run.answers == expected(FAMILY.model(design), commands)
        assert any(run.answers)

    nine_taps = Command(BufferOp.CONFIGURE, WindowOption.SHAPE, 0, 2 | 2 << 4)
    one_layer = Command(BufferOp.CONFIGURE, 0, 1, width)
    windows = [Command(BufferOp.MULTIPLY, WindowOption.WINDOW)] * 100
    cycles = simulate(bench, [one_layer, nine_taps, *windows]).cycles
    assert cycles <= 100 * max(11, width + 1) + 20, "a tap a cycle, a result a cycle"


@pytest.mark.parametrize("commands_between", [[], [Command(BufferOp.READ)]])
def test_a_sum_of_a_window_is_that_of_its_bytes(commands_between: list[Command]) -> None:
    design = values(4, 256, requantises=True, channelwise=True)
    model = FAMILY.model(design)
    for command in (
        Command(BufferOp.CONFIGURE, 0, 1, 4),
        Command(BufferOp.CONFIGURE, 1, 0, 1 << 16),  # accumulators as they are
        *(Command(BufferOp.SET_CHANNEL, 1, bias) for bias in (0, 10, 20, 30)),
        Command(BufferOp.LOAD_ACTIVATIONS, 0, 0x04030201, 0xFF807F00),
        Command(BufferOp.LOAD_WEIGHTS, 0, 0x01010101, 0x02020202),
        Command(BufferOp.CONFIGURE, WindowOption.SHAPE, 1, 1),
        *commands_between,
        Command(BufferOp.MULTIPLY, WindowOption.WINDOW, 0, 0),
    ):
        model.op(command.funct3, command.funct7, command.a, command.b)
    sums = [model.op(BufferOp.READ, 0, 0, 0) for _ in range(4)]
    assert sums == [1, 10 + 2 + 2 * 127, as_word(20 + 3 - 2 * 128), as_word(30 + 4 - 2)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("design", "multipliers", "block_rams", "most_lut4"),
    [
        (values(4, 0, requantises=False), 4, 0, 1500),
        (values(2, 0, requantises=True), 2 + 4, 0, 1500),
        (values(8, 1024, requantises=False), 8, 2 + 2, 1500),
        (values(8, 1024, requantises=True, channelwise=True), 8 + 4, 2 + 2 + 2, 2200),
    ],
    ids=["registers", "registers, requantiser", "buffers", "channelwise"],
)
def test_ecp5_takes_one_multiplier_a_product_and_block_ram_for_buffers(
    design: dict[str, Value], multipliers: int, block_rams: int, most_lut4: int, tmp_path: Path
) -> None:
    source, out = tmp_path / "Cfu.v", tmp_path / "out"
    source.write_text(FAMILY.verilog(design))
    out.mkdir()
    synthesise([source], family=ECP5, top="Cfu", black_boxes=(), out=out, timeout_s=300)
    cost = json.loads((out / "cost.json").read_text())
    assert cost["mult18x18d"] == multipliers
    assert cost["dp16kd"] == block_rams
    assert cost["lut4"] < most_lut4
