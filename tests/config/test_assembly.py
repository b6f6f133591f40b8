"""The real space: what the rooms declare, under the conditions that join them."""

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from contracts.faults import ConfigError
from contracts.parameter import Value
from dse.config import StudyConfig, load_config
from dse.config.assembly import assemble_space
from dse.space import Space
from hw_templates import cfu, cpu
from sw_templates import options as firmware
from tests.config.user_family import FAMILY

HEAD = '[study]\nname = "s"\ntrials = 1\n[workload]\nmodel = "net.tflite"\n'


def config_with(folder: Path, text: str = "") -> StudyConfig:
    (folder / "net.tflite").write_bytes(b"net")
    (folder / "s.toml").write_text(HEAD + text)
    return load_config(folder / "s.toml")[1]


def test_every_parameter_of_every_room_is_in_the_space(tmp_path: Path) -> None:
    space = assemble_space(config_with(tmp_path))

    names = {p.name for p in (*cpu.PARAMETERS, *firmware.PARAMETERS)} | {"cfu"}
    names |= {p.name for family in cfu.BUILT_IN.values() for p in family.parameters}
    assert {p.name for p in space.parameters} == names


def test_parameters_of_a_family_exist_only_in_its_designs(tmp_path: Path) -> None:
    parameters = {
        name: {parameter.name for parameter in family.parameters}
        for name, family in cfu.BUILT_IN.items()
    }
    rng = random.Random(1)
    for chosen in cfu.BUILT_IN:
        space = assemble_space(config_with(tmp_path, f'[space]\ncfu = "{chosen}"\n'))
        for _ in range(60):
            design = space.sample(rng)
            assert design["cfu"] == chosen
            for name, own in parameters.items():
                assert own.isdisjoint(design.values) == (name != chosen or not own)


def test_sampled_designs_keep_the_rules_of_their_rooms(tmp_path: Path) -> None:
    space = assemble_space(config_with(tmp_path))
    rng = random.Random(2)
    for _ in range(300):
        values: Mapping[str, Value] = space.sample(rng).values
        family = cfu.BUILT_IN.named(str(values["cfu"]))
        for rule in (*cpu.RULES, *family.rules):
            given = {name: values[name] for name in rule.parameters if name in values}
            assert rule.holds(given), rule.name


def test_a_users_family_joins_the_space_without_other_changes(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FAMILY.replace("{extra}", ""))
    text = '[cfu]\nfamilies = ["./mine.py"]\n[space]\ncfu = "mine"\n'
    space = assemble_space(config_with(tmp_path, text))

    design = space.sample(random.Random(3))
    assert design["mine_depth"] == 1
    assert "simd_width" not in design.values


def test_the_family_of_one_study_is_in_no_other_space(tmp_path: Path) -> None:
    for name in ("mine", "yours"):
        (tmp_path / name).mkdir()
        text = FAMILY.replace("{extra}", "").replace("mine", name)
        (tmp_path / name / "unit.py").write_text(text)

    def space_of(name: str) -> Space:
        return assemble_space(config_with(tmp_path / name, '[cfu]\nfamilies = ["unit.py"]\n'))

    mine, yours = space_of("mine"), space_of("yours")
    without = assemble_space(config_with(tmp_path))
    assert without.count() == 1_333_378_347_840
    assert mine.count() == yours.count() > without.count()
    design = yours.completed({"cfu": "yours"})
    assert design is not None
    assert yours.contains(design)
    assert not mine.contains(design)
    with pytest.raises(ConfigError, match="no parameter 'yours_depth'"):
        mine.design(design.values)


def test_a_condition_on_an_unknown_parameter_is_named(tmp_path: Path) -> None:
    condition = ', when=(Condition(parameter="nowhere", values=(1,)),)'
    (tmp_path / "wrong.py").write_text(FAMILY.replace("{extra}", condition))

    with pytest.raises(ConfigError, match=r"mine_depth.*nowhere"):
        assemble_space(config_with(tmp_path, '[cfu]\nfamilies = ["./wrong.py"]\n'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "icache_byte = 0",
            r"study s: \[space\] .*'icache_byte'.*\n  fix: did you mean 'icache_bytes'\? use one",
        ),
        ("icache_bytes = 3000", r"study s: \[space\] .*icache_bytes.*3000"),
        ('multiplier = "none"\ndivider = "iterative"', r"study s: \[space\] .*"),
    ],
)
def test_what_the_space_does_not_have_is_a_config_error(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        assemble_space(config_with(tmp_path, f"[space]\n{text}\n"))
