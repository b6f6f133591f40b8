"""A space holds no design whose CFU's memories are known not to hold the study's network."""

import random
from pathlib import Path

import pytest

from contracts.faults import ConfigError, DoesNotFit
from contracts.parameter import Value
from dse.config import StudyConfig, load_config
from dse.config.assembly import assemble_space, load_space
from dse.space import Space
from hw_templates.cfu.engine import FAMILY
from sw_templates.network import network_of
from sw_templates.tflite_import import load_model
from tests.cfu.random_networks import random_network
from tests.cfu.test_engine_compiler import single_layer_spec
from tests.firmware.tflite_builder import build

ENGINE = """\
icache_bytes = 0
dcache_bytes = 0
multiplier = "pipelined"
divider = "iterative"
shifter = "full"
branch_prediction = "none"
bypass = true
cfu = "engine"
engine_rows = [8, 16]
engine_cols = [4, 8]
engine_units = 2
engine_lut_percent = 0
engine_clock_percent = 100
optimisation = "O2"
unroll = 1
"""


def config_text(space: str) -> str:
    return (
        '[study]\nname = "s"\ntrials = 4\n[workload]\nmodel = "net.tflite"\n'
        '[target]\nname = "ulx3s_85f"\n[objectives]\nminimise = ["latency_us", "lut4"]\n'
        f"[space]\n{space}\n"
    )


def config_of(folder: Path, network: bytes, space: str = ENGINE) -> StudyConfig:
    (folder / "net.tflite").write_bytes(network)
    (folder / "s.toml").write_text(config_text(space))
    return load_config(folder / "s.toml")[1]


def space_of(folder: Path, network: bytes, space: str = ENGINE) -> Space:
    return assemble_space(config_of(folder, network, space))


LAYERS = {
    "many activations": (48, 24, 8, 3),
    "many weights": (4, 128, 192, 3),
    "both": (24, 32, 40, 5),
    "a little of all": (8, 8, 8, 1),
}


def network_with(height: int, channels: int, filters: int, side: int) -> bytes:
    return build(single_layer_spec(height=height, channels=channels, filters=filters, side=side))


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_a_design_is_left_out_just_if_it_does_not_hold_the_network(
    layer: tuple[int, int, int, int], tmp_path: Path
) -> None:
    config = config_of(tmp_path, network_with(*layer))
    everything = assemble_space(config, reads_networks=False)
    space = assemble_space(config)
    network = network_of(load_model(tmp_path / "net.tflite"))
    assert FAMILY.compiler is not None
    rng = random.Random(1)
    for _ in range(80):
        design = everything.sample(rng)
        try:
            FAMILY.compiler.compile(design.values, network)
            is_held = True
        except DoesNotFit:
            is_held = False
        assert space.contains(design) == is_held, design
    assert space.count() < everything.count(), "int8 weights do not fit 4 bits"


@pytest.mark.parametrize("seed", range(4))
def test_no_design_that_holds_the_network_is_left_out(seed: int, tmp_path: Path) -> None:
    """Whatever the network; where several memories are short together one may stay in."""
    config = config_of(tmp_path, random_network(seed, layers=12))
    everything = assemble_space(config, reads_networks=False)
    space = assemble_space(config)
    network = network_of(load_model(tmp_path / "net.tflite"))
    assert FAMILY.compiler is not None
    rng = random.Random(seed)
    for _ in range(60):
        design = everything.sample(rng)
        if not space.contains(design):
            with pytest.raises(DoesNotFit):
                FAMILY.compiler.compile(design.values, network)


def test_the_reason_stands_among_the_rules(tmp_path: Path) -> None:
    space = space_of(tmp_path, network_with(24, 32, 40, 5))
    (rule,) = (rule for rule in space.rules if rule.name == "engine-holds-the-network")
    assert rule.reason == "the memories of the engine are too small for the network"


def test_a_space_without_a_design_that_holds_the_network_is_refused(tmp_path: Path) -> None:
    allowed = ENGINE + "engine_activation_kib = [8, 16]"
    with pytest.raises(ConfigError, match=r"no design that it allows holds net\.tflite") as refused:
        space_of(tmp_path, network_with(24, 32, 40, 5), allowed)
    assert "larger values" in refused.value.fix


def test_each_variant_has_its_own_bound(tmp_path: Path) -> None:
    (tmp_path / "large.tflite").write_bytes(network_with(24, 32, 40, 5))
    (tmp_path / "small.tflite").write_bytes(network_with(8, 32, 40, 5))
    text = config_text(ENGINE).replace(
        'model = "net.tflite"', 'models = ["large.tflite", "small.tflite"]'
    )
    (tmp_path / "s.toml").write_text(text)
    space = assemble_space(load_config(tmp_path / "s.toml")[1])
    wanted: dict[str, Value] = {"engine_activation_kib": 8, "engine_rows": 16, "cfu": "engine"}
    (model,) = (p for p in space.parameters if p.name == "model")
    large, small = model.values
    assert space.completed({**wanted, "model": large}) is None
    assert space.completed({**wanted, "model": small}) is not None


def test_a_network_that_is_not_there_leaves_the_space_as_it_is(tmp_path: Path) -> None:
    config = config_of(tmp_path, network_with(24, 32, 40, 5))
    everything = assemble_space(config, reads_networks=False).count()
    assert load_space(tmp_path / "s.toml").count() == assemble_space(config).count() < everything
    (tmp_path / "net.tflite").unlink()
    assert load_space(tmp_path / "s.toml").count() == everything
