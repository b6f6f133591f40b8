"""``new`` writes a config that starts: its space fits, its limits are told, its paths are right."""

import itertools
import json
from pathlib import Path
from random import Random

import pytest

from contracts.faults import ConfigError
from contracts.parameter import Value
from dse.commands.new import (
    Restriction,
    engine_memories,
    engine_space,
    new_study,
    new_text,
    proposed_space,
)
from dse.commands.targets import find_targets, target_summaries, targets_text
from dse.config import StudyConfig, load_config
from dse.config.assembly import assemble_space
from dse.dashboard.web.serve import example_database
from dse.store import Reader
from hw_templates.cfu.engine import FAMILY
from sw_templates.network import network_of
from sw_templates.tflite_import import load_model
from tests.firmware.firmware_bench import small_network_spec
from tests.firmware.int4_networks import with_int4_weights
from tests.firmware.tflite_builder import build

MODEL = Path(__file__).parents[2] / "models" / "imgc" / "imgc_resnet8_int8.tflite"
DATA = Path(__file__).parents[3] / "shared" / "data"
TARGETS = {target.name: target for target in find_targets(Path())}


def test_what_is_written_is_a_whole_config_of_the_model_and_the_target(tmp_path: Path) -> None:
    path = tmp_path / "my first.toml"
    written = new_study(path, model=MODEL, target="ulx3s_25f")

    text, config = load_config(path)
    assert (config.name, config.workload.model) == ("my-first", MODEL.resolve())
    assert config.target.name == "ulx3s_25f"
    assert (config.trials, assemble_space(config).count()) == (written.trials, written.designs)
    assert 100_000_000 < config.limits.cycles < 300_000_000, "twice the plain kernels"
    assert "# About" in text
    assert "an estimate of" in text
    assert max(map(len, text.splitlines()[:4])) <= 100
    assert "start" in new_text(written)
    assert written.time.wall_s > 60
    assert written.time.brief in new_text(written)


def test_trials_of_the_database_tell_the_time(tmp_path: Path) -> None:
    plain = new_study(tmp_path / "plain.toml", model=MODEL, target="ulx3s_25f")
    with example_database() as database, Reader(database) as reader:
        told = new_study(tmp_path / "told.toml", model=MODEL, target="ulx3s_25f", reader=reader)
    assert "too few trials" in plain.time.basis
    assert "trials of imgc" in told.time.basis
    assert told.time.wall_s != plain.time.wall_s


def test_an_engine_has_4_bits_for_weights_where_the_network_has_such(tmp_path: Path) -> None:
    (tmp_path / "int4.tflite").write_bytes(build(with_int4_weights(small_network_spec())))
    for model, values in ((MODEL, {8}), (tmp_path / "int4.tflite", {4, 8})):
        path = tmp_path / f"{model.stem}.toml"
        new_study(path, model=model, target="ulx3s_85f")
        space = assemble_space(load_config(path)[1])
        (bits,) = (each for each in space.parameters if each.name == "engine_weight_bits")
        assert set(bits.values) == values


def test_an_engine_has_memories_that_hold_the_network(tmp_path: Path) -> None:
    """The shipped network has 77,000 weights, and 32 KiB of activations at the least."""
    new_study(tmp_path / "s.toml", model=MODEL, target="ulx3s_85f")
    space = assemble_space(load_config(tmp_path / "s.toml")[1])
    sizes = {p.name: p.values for p in space.parameters if p.name.endswith("_kib")}
    assert sizes["engine_weight_kib"][0] == 96
    assert 32 <= sizes["engine_activation_kib"][0] <= 56
    drawn = (space.sample(Random(n)) for n in range(999))
    engines = list(itertools.islice((each for each in drawn if each["cfu"] == "engine"), 8))
    assert {each["engine_rows"] for each in engines} == {4, 8, 16}
    assert FAMILY.compiler is not None
    for engine in engines:
        FAMILY.compiler.compile(engine.values, network_of(load_model(MODEL)))


def test_rows_whose_memories_do_not_fit_are_left_out() -> None:
    asked: list[list[Value]] = []

    def make(space: Restriction) -> StudyConfig:
        asked.append([space["engine_rows"], space["engine_cols"]])
        raise ConfigError("no design fits", fix="-")

    network = load_model(MODEL)
    assert engine_space(network, {}, make) == {"cfu": ["none", "simd", "stream"]}
    assert asked == [[16, 16], [8, 8], [4, 4]]
    narrow, wide = (engine_memories(network, sides) for sides in ((4, 8), (4, 8, 16)))
    assert narrow is not None
    assert wide is not None
    assert all(wide[name][0] >= narrow[name][0] for name in narrow)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_every_target_has_a_space_that_fits_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "net.tflite").write_bytes(b"net")
    chosen = proposed_space(TARGETS[name]).items()
    space = "\n".join(f"{key} = {json.dumps(values)}" for key, values in chosen)
    (tmp_path / "s.toml").write_text(
        '[study]\nname = "s"\ntrials = 4\n[workload]\nmodel = "net.tflite"\n'
        f'[target]\nname = "{name}"\n[space]\n{space}\n'
    )
    config = load_config(tmp_path / "s.toml")[1]
    designs = assemble_space(config)
    assert designs.count() >= 24
    assert designs.completed({"cfu": "simd"}) is not None


def test_nothing_is_overwritten_and_what_is_wrong_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    with pytest.raises(ConfigError, match=r"'ulx3s_26f', and there is no .*\n.*'ulx3s_25f'"):
        new_study(path, model=MODEL, target="ulx3s_26f")
    with pytest.raises(ConfigError, match=r"of main memory, and tang_nano_9k has less\n.*ulx"):
        new_study(path, model=MODEL, target="tang_nano_9k")
    with pytest.raises(ConfigError, match="there is no folder"):
        new_study(tmp_path / "none" / "s.toml", model=MODEL, target="ulx3s_25f")
    assert not path.exists()
    path.write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        new_study(path, model=MODEL, target="ulx3s_25f")
    assert path.read_text() == "mine"


def test_targets_say_which_models_fit(tmp_path: Path) -> None:
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets" / "mine.toml").write_text(
        'board = "ulx3s"\npart = "LFE5U-45F"\nclock_mhz = 50.0\nclock_policy = "pinned"\n'
    )
    found = {each.name: each for each in target_summaries(tmp_path, [MODEL])}

    assert found.keys() == {*TARGETS, "mine"}
    assert found["ulx3s_85f"].fits == {MODEL.name: True}
    assert found["tang_nano_9k"].fits == {MODEL.name: False}
    assert found["mine"].clock_range_mhz == (50.0, 50.0)
    text = targets_text(tuple(found.values()))
    assert "too large" in text
    assert "LFE5U-45F" in text
    (arty,) = (line for line in text.splitlines() if line.startswith("arty_a7_35t "))
    assert "75  not placed " in arty, "no range, where nothing places a design"
    assert "a board's DDR memory is not used" in text
    placed = [each for each in found.values() if each.is_placed and each.memory == "sdram"]
    assert "not" not in targets_text(placed)


def test_a_part_that_nothing_places_gets_a_config_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    new_study(path, model=MODEL, target="arty_a7_35t")
    text = path.read_text()
    assert "latency at 75 MHz; nothing here places this part" in text
    assert load_config(path)[1].objectives == ("latency_us", "lut6")


@pytest.mark.skipif(not DATA.is_dir(), reason="the data is not part of the repository")
@pytest.mark.parametrize(
    ("model", "plain_mcycles"),
    [("person_detect", 46.6), ("micro_speech", 7.33), ("magic_wand", 1.0)],
)
def test_models_that_people_use_get_a_config_that_the_cpu_alone_keeps(
    tmp_path: Path, model: str, plain_mcycles: float
) -> None:
    """Cycles of the plain kernels are those of docs/results.md."""
    path = tmp_path / "s.toml"
    new_study(path, model=DATA / "models" / f"{model}.tflite", target="ulx3s_25f")
    assert load_config(path)[1].limits.cycles >= 1.5e6 * plain_mcycles
