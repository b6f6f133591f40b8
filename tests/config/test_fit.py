"""A space holds no design that is known to be too large for its part, and says why."""

import json
from pathlib import Path

import pytest

from contracts.faults import ConfigError
from contracts.parameter import Value
from dse.config import StudyConfig, load_config
from dse.config.assembly import assemble_space
from dse.config.known_space import known_space, space_json
from dse.space import Space

SMALL_CORE = {"icache_bytes": 4096, "dcache_bytes": 4096}


def config_of(folder: Path, target: str, space: str = "") -> StudyConfig:
    (folder / "net.tflite").write_bytes(b"net")
    (folder / "s.toml").write_text(
        '[study]\nname = "s"\ntrials = 4\n[workload]\nmodel = "net.tflite"\n'
        f'[target]\nname = "{target}"\n[objectives]\nminimise = ["latency_us", "luts"]\n'
        f"[space]\n{space}\n"
    )
    return load_config(folder / "s.toml")[1]


def space_of(folder: Path, target: str, space: str = "") -> Space:
    return assemble_space(config_of(folder, target, space))


def test_a_small_part_has_no_design_that_its_block_rams_cannot_hold(tmp_path: Path) -> None:
    small = space_of(tmp_path, 'ulx3s_25f"\nmemory.rom_bytes = 32768#')
    large = space_of(tmp_path, "ulx3s_85f")
    engine: dict[str, Value] = {"cfu": "engine", "engine_weight_kib": 128}
    caches: dict[str, Value] = {
        "icache_bytes": 16384,
        "icache_ways": 4,
        "dcache_bytes": 16384,
        "dcache_ways": 4,
    }

    joint: dict[str, Value] = {
        "icache_bytes": 16384,
        "dcache_bytes": 4096,
        "dcache_ways": 4,
        "cfu": "simd",
        "buffer_depth": 4096,
    }
    for too_large in (engine, caches, joint):
        assert small.completed(too_large) is None
        assert large.completed(too_large) is not None
    assert small.completed({**SMALL_CORE, "cfu": "simd", "simd_width": 16}) is not None


def test_an_engine_of_more_multipliers_than_there_are_is_in_no_space(tmp_path: Path) -> None:
    space = space_of(tmp_path, "ulx3s_85f", 'cfu = "engine"')
    wide = {"engine_rows": 32, "engine_cols": 16, "engine_lut_percent": 0}
    assert space.completed(wide) is None
    fitting = space.completed({**wide, "engine_lut_percent": 50})
    assert fitting is not None
    with pytest.raises(ConfigError, match="LFE5U-85F has 156 multipliers and the design takes mo"):
        space.design({**fitting.values, "engine_lut_percent": 0})


def test_a_space_that_fits_nowhere_names_part_counts_and_keys(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        space_of(tmp_path, "ulx3s_25f", 'cfu = "engine"\nengine_weight_kib = 128')
    assert "no design that it allows fits the LFE5U-25F: 56 block RAMs, of which the SoC" in (
        caught.value.what
    )
    assert "rom_bytes" in caught.value.fix


def test_memory_that_a_config_gives_the_soc_is_not_there_for_the_design(tmp_path: Path) -> None:
    counts = [
        space_of(tmp_path, f'ulx3s_25f"\nmemory.rom_bytes = {size}#').count()
        for size in (4096, 32768)
    ]
    assert counts[0] > counts[1] > 0


def test_a_clock_that_the_pll_does_not_make_is_in_no_design(tmp_path: Path) -> None:
    """One board's PLL makes clocks for the CFU beside the CPU's, the other's does not."""
    on_ecp5 = assemble_space(config_of(tmp_path, "ulx3s_85f"))
    of_its_own = {"cfu": "engine", "engine_clock_percent": 200}
    assert on_ecp5.completed(of_its_own).values["engine_clock_percent"] == 200
    on_gowin = assemble_space(config_of(tmp_path, "tang_nano_20k"))
    small = {
        **{"cfu": "engine", "engine_rows": 4, "engine_cols": 4},
        **{"engine_activation_kib": 8, "engine_weight_kib": 8, "engine_lut_percent": 100},
        **{"engine_packed": False},
    }
    fitting = on_gowin.completed(small)
    assert fitting.values["engine_clock_percent"] == 100
    with pytest.raises(ConfigError, match="makes no such clock for the CFU"):
        on_gowin.design({**fitting.values, "engine_clock_percent": 200})


def test_pages_decide_the_same_rules(tmp_path: Path) -> None:
    config = config_of(tmp_path, "ulx3s_25f")
    space = assemble_space(config)
    known = known_space(config, space_json(space, ()))
    assert known is not None
    assert known.undecided == ()
    assert known.space.count() == space.count()


@pytest.mark.parametrize("ways", [[0], [10**12], ["two"]])
def test_values_that_a_database_makes_up_have_no_bound(tmp_path: Path, ways: list[object]) -> None:
    config = config_of(tmp_path, "ulx3s_25f")
    document = json.loads(space_json(assemble_space(config), ()))
    for parameter in document["parameters"]:
        if parameter["name"] == "icache_ways":
            parameter.update(values=ways, default=ways[0])
    known = known_space(config, json.dumps(document))
    assert known is not None
    assert all(rule.name.startswith(("fits-", "clock-")) for rule in known.undecided)
