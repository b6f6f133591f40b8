"""Images of few channels that the engine spreads over rows while they are sent."""

import random
from pathlib import Path

import numpy as np
import pytest

from contracts.parameter import Value
from hw_templates.cfu.engine import FAMILY
from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.engine import Engine
from hw_templates.cfu.engine.image import ImageFormat
from hw_templates.cfu.engine.isa import Memory, Operation
from hw_templates.cfu.engine.model import EngineModel
from tests.cfu.cfu_harness import (
    Command,
    VerilatedRuntime,
    compile_host,
    emulate,
    expected,
    render_kernels,
    simulate,
)
from tests.cfu.engine_layers import sending, sent
from tests.cfu.engine_runs import design

ROWS = (4, 8, 16, 32)


def small_design(rows: int) -> dict[str, Value]:
    return design(rows, 4, activation_kib=8, weight_kib=8)


def config(rows: int) -> EngineConfig:
    return EngineConfig.from_values(small_design(rows))


def random_format(rng: random.Random, rows: int) -> ImageFormat:
    channels = rng.randint(1, 4)
    pixels = rng.randint(1, min(rows, 16) // channels)
    return ImageFormat(
        channels=channels,
        pixels=pixels,
        ahead=rng.randint(0, min(pixels - 1, 7)),
        padding=rng.choice([-128, -1, 0, 127, rng.randint(-128, 127)]),
        width=rng.randint(1, 12),
        height=rng.randint(1, 6),
    )


def reading(*, at: int, words: int) -> list[Command]:
    return [
        Command(Operation.SET_POINTER, 0, at),
        *[Command(Operation.READ, Memory.ACTIVATIONS)] * words,
    ]


def random_commands(rng: random.Random, rows: int, *, images: int) -> list[Command]:
    """Images as they should be, and words of noise that begin others, some of them too short."""
    commands: list[Command] = []
    for number in range(images):
        image = random_format(rng, rows)
        content = rng.randbytes(image.channels * image.width * image.height)
        at = rng.randrange(0, 2048, rows // 4)
        commands += sending(image, content, at=at)
        if number % 3 == 2:
            noise = Command(Operation.STREAM, 1, rng.getrandbits(32), rng.getrandbits(32) & 0x700FF)
            commands += [Command(Operation.SET_POINTER, 0, rng.getrandbits(11)), noise]
            commands += sent(np.array([rng.getrandbits(32) for _ in range(40)]))
            at = 0
        commands += reading(at=at, words=64)
    return [*commands, *reading(at=0, words=2048)]


@pytest.mark.parametrize("rows", ROWS)
def test_a_row_holds_a_pixel_and_its_neighbours(rows: int) -> None:
    rng = random.Random(rows)
    for _ in range(40):
        image = random_format(rng, rows)
        content = rng.randbytes(image.channels * image.width * image.height)
        model = EngineModel(config(rows))
        at = 8 * rows
        expected(model, sending(image, content, at=at))
        pixels = np.frombuffer(content, np.int8).reshape(image.height, image.width, -1)
        words = image.height * image.width * rows // 4
        answers = expected(model, reading(at=at, words=words + 8))[1:]
        found = np.array(answers, dtype="<u4").view(np.int8)
        lines = found[: 4 * words].reshape(image.height, image.width, rows)
        for x in range(image.width):
            for number in range(image.pixels):
                beside = x - image.pixels + 1 + image.ahead + number
                own = lines[:, x, number * image.channels :][:, : image.channels]
                is_inside = 0 <= beside < image.width
                assert (own == (pixels[:, beside] if is_inside else image.padding)).all()
        assert not found[4 * words :].any(), "what comes behind the image is dropped"


@pytest.mark.slow
@pytest.mark.parametrize("rows", ROWS)
def test_hardware_does_what_the_model_does(
    rows: int, runtime: VerilatedRuntime, build_folder: Path
) -> None:
    engine = config(rows)
    bench = runtime.build(Engine(engine).verilog(), build_folder / f"images-{rows}")
    commands = random_commands(random.Random(rows), rows, images=60)
    run = simulate(bench, commands, command_gap_percent=20, answer_gap_percent=20)
    assert run.answers == expected(EngineModel(engine), commands)


@pytest.mark.parametrize("rows", ROWS)
def test_the_emulation_does_what_the_model_does(rows: int, tmp_path: Path) -> None:
    render_kernels(FAMILY, small_design(rows), tmp_path)
    program = compile_host(["cfu_emulation.c", "emulation_bench.c", "-I."], tmp_path, "emulation")
    commands = random_commands(random.Random(rows), rows, images=60)
    assert emulate(program, commands) == expected(EngineModel(config(rows)), commands)
