"""Configs: what is read, and the message of everything that may be wrong in one."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import ConfigError
from contracts.measurement import Fidelity
from dse.config import (
    Bounds,
    StudyConfig,
    config_from_json,
    differences,
    load_config,
    with_budget,
)
from runners.fpga import capacity_of

CONFIGS = Path(__file__).parent.parent.parent / "configs"

GOOD = """
[study]
name = "night"
trials = 40
workers = 3
seed = 5

[suggest]
algorithm = "random"

[workload]
model = "net.tflite"

[target]
name = "ulx3s_85f"
clock_mhz = 60
memory.l2_bytes = 0

[objectives]
minimise = ["latency_us", "lut4", "dp16kd"]

[constraints]
mult18x18d = 20

[space]
icache_bytes = [0, 4096]
bypass = true
"""


def load(folder: Path, text: str = GOOD) -> StudyConfig:
    (folder / "net.tflite").write_bytes(b"net")
    path = folder / "night.toml"
    path.write_text(text)
    return load_config(path)[1]


def test_a_config_is_resolved_against_its_own_folder_and_the_targets(tmp_path: Path) -> None:
    config = load(tmp_path)

    assert (config.name, config.trials, config.workers, config.seed) == ("night", 40, 3, 5)
    assert config.workload.model == tmp_path / "net.tflite"
    assert len(config.workload.model_sha256) == 64
    assert (config.target.part, config.target.clock_hz) == ("LFE5U-85F", 60_000_000)
    assert (config.target.memory.kind, config.target.memory.l2_bytes) == ("sdram", 0)
    assert config.objectives == ("latency_us", "lut4", "dp16kd")
    assert config.constraints == {"mult18x18d": Bounds(max=20)}
    assert config.space == {"icache_bytes": (0, 4096), "bypass": (True,)}
    assert config.fidelity is Fidelity.SYNTHESISED


def test_one_clock_is_pinned_and_the_range_of_the_target_does_not_count(tmp_path: Path) -> None:
    pinned = GOOD.replace("clock_mhz = 60", 'clock_mhz = 62.5\nclock_policy = "pinned"')
    assert load(tmp_path, pinned).target.clocks_hz == (62_500_000, 62_500_000)
    assert load(tmp_path).target.clocks_hz == (40_000_000, 80_000_000)
    own = pinned.replace('"ulx3s_85f"', '"mine"\nboard = "ulx3s"\npart = "LFE5U-85F"')
    assert load(tmp_path, own).target.clocks_hz == (62_500_000, 62_500_000)


def test_a_target_file_of_before_ranges_is_named(tmp_path: Path) -> None:
    (tmp_path / "targets").mkdir()
    old = tmp_path / "targets" / "mine.toml"
    old.write_text('board = "ulx3s"\npart = "LFE5U-85F"\nclock_mhz = 50.0\n')
    with pytest.raises(ConfigError, match=r"targets/mine\.toml: the target mine has clock_mhz"):
        load(tmp_path, GOOD.replace('"ulx3s_85f"', '"mine"'))


def test_another_range_is_another_study(tmp_path: Path) -> None:
    wider = GOOD.replace("clock_mhz = 60", "clock_mhz = 60\nclock_range_mhz = [30, 80]")
    assert differences(load(tmp_path), load(tmp_path, wider)) == (
        "[target] clock_range_mhz: [40.0, 80.0] in the database, [30.0, 80.0] in the config",
    )


def test_a_stored_config_means_the_same_even_without_its_model(tmp_path: Path) -> None:
    config = load(tmp_path)
    (tmp_path / "net.tflite").unlink()

    assert config_from_json(config.to_json()) == config


def test_a_space_can_be_looked_at_without_the_model(tmp_path: Path) -> None:
    path = tmp_path / "night.toml"
    path.write_text(GOOD)

    _, config = load_config(path, with_workload=False)

    assert config.space["icache_bytes"] == (0, 4096)


def test_a_job_holds_what_a_runner_needs(tmp_path: Path) -> None:
    config = load(tmp_path)
    job = config.job({"cfu": "none"})

    assert job.design == {"cfu": "none"}
    assert (job.target, job.workload, job.limits) == (
        config.target,
        config.workload,
        config.limits,
    )


def test_only_the_budget_of_a_study_may_change(tmp_path: Path) -> None:
    old = load(tmp_path)

    assert differences(old, with_budget(old, trials=99, workers=1)) == ()
    assert differences(old, load(tmp_path, GOOD.replace("seed = 5", "seed = 6"))) == (
        "[study] seed: 5 in the database, 6 in the config",
    )
    one_cache = GOOD.replace("[0, 4096]", "4096")
    assert differences(old, load(tmp_path, one_cache)) == (
        "[space] icache_bytes: [0, 4096] in the database, [4096] in the config",
    )


def test_the_model_is_called_by_its_file_unless_the_config_says_a_name(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    assert config.serial.model_name == "net"
    assert config.resolved["serial"]["model_name"] == "net", "the database keeps it"
    named = load(tmp_path, GOOD + '\n[serial]\nmodel_name = "ic01"\n')
    assert named.serial.model_name == "ic01"
    assert differences(config, named) == (
        '[serial] model_name: "net" in the database, "ic01" in the config',
    )


def test_a_name_that_cannot_be_printed_in_brackets_is_cleaned_in_the_default_only(
    tmp_path: Path,
) -> None:
    name = "net [v2]" + 80 * "x"
    (tmp_path / f"{name}.tflite").write_bytes(b"")
    config = load(tmp_path, GOOD.replace("net.tflite", f"{name}.tflite"))
    assert config.serial.model_name == ("net _v2_" + 80 * "x")[:64]
    with pytest.raises(ConfigError, match=r"\[serial\] firmware option model_name is 'net \[v2\]'"):
        load(tmp_path, GOOD + '\n[serial]\nmodel_name = "net [v2]"\n')


def test_a_study_from_before_there_were_names_has_that_of_its_file(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    stored = json.loads(config.to_json())
    del stored["serial"]["model_name"]
    old = config_from_json(json.dumps(stored))
    assert old.serial.model_name == "net"
    assert differences(old, config) == ()
    renamed = json.loads(config.to_json())
    renamed["workload"]["model"] = "/elsewhere/moved.tflite"
    assert config_from_json(json.dumps(renamed)).serial.model_name == "net", "it was kept"


def test_a_clock_is_a_whole_number_of_hertz(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD.replace("clock_mhz = 60", "clock_mhz = 63.541667"))
    assert config.target.clock_hz == 63_541_667
    finer = load(tmp_path, GOOD.replace("clock_mhz = 60", "clock_mhz = 63.5416667"))
    assert differences(config, finer) == ()
    assert differences(config, load(tmp_path, GOOD)) == (
        "[target] clock_mhz: 63.541667 in the database, 60.0 in the config",
    )


WRONG: dict[str, tuple[str, str, str]] = {
    "unknown key": (
        "seed = 5",
        "sead = 5",
        r"unknown key \[study\] sead\n  fix: did you mean 'seed'\? allowed are: name, trials",
    ),
    "unknown section": (
        "[constraints]",
        "[constrains]",
        r"unknown key \[constrains\]\n  fix: did you mean 'constraints'\?",
    ),
    "wrong type": (
        "trials = 40",
        'trials = "forty"',
        r"\[study\] trials is \"forty\", which is not a whole number\n  fix: write a whole",
    ),
    "fraction": ("trials = 40", "trials = 4.5", r"trials is 4.5, which is not a whole number"),
    "too small": (
        "trials = 40",
        "trials = 0",
        r"\[study\] trials is 0, which is less than 1\n  fix: write at least 1",
    ),
    "missing key": ("trials = 40", "", r"\[study\] trials is missing\n  fix: add the key"),
    "missing section": (
        '[workload]\nmodel = "net.tflite"',
        "",
        r"\[workload\] is missing\n  fix: add the section",
    ),
    "unknown algorithm": (
        '"random"',
        '"genetic"',
        r"\[suggest\] algorithm is \"genetic\"\n  fix: use one of: 'vizier', 'grid', 'random'",
    ),
    "unknown fidelity": (
        "seed = 5",
        'fidelity = "moon"',
        r"\[study\] fidelity is \"moon\"\n  fix: use one of: 'simulate', 'synthesise', 'place', 'b",
    ),
    "model missing": (
        '"net.tflite"',
        '"nett.tflite"',
        r"\[workload\] model is 'nett.tflite', and there is no file .*\n  fix: did you mean 'net.t",
    ),
    "samples missing": (
        'model = "net.tflite"',
        'model = "net.tflite"\nsamples = "pictures"',
        r"\[workload\] samples is 'pictures', and there is no folder",
    ),
    "digest of another model": (
        'model = "net.tflite"',
        f'model = "net.tflite"\nmodel_sha256 = "{"0" * 64}"',
        r"model_sha256 does not fit .*net.tflite, whose SHA-256 is ",
    ),
    "unknown target": (
        '"ulx3s_85f"',
        '"ulx3s_58f"',
        r"\[target\] name is 'ulx3s_58f', and there is no such target\n"
        r"  fix: did you mean 'ulx3s_85f'\?",
    ),
    "unknown part": (
        "clock_mhz = 60",
        'part = "LFE5U-86F"',
        r"\[target\] part is 'LFE5U-86F', which is not a known part\n"
        r"  fix: did you mean 'LFE5U-85F'\?",
    ),
    "unknown board": (
        "clock_mhz = 60",
        'board = "ulx4s"',
        r"\[target\] board is 'ulx4s', which is not a known board\n  fix: did you mean 'ulx3s'",
    ),
    "memory size": (
        "memory.l2_bytes = 0",
        "memory.size_bytes = 1000000",
        r"size_bytes is 1000000, which is not a power of two\n  fix: use 524288 or 1048576",
    ),
    "unmeasured objective": (
        '"lut4", "dp16kd"',
        '"lut5"',
        r"\[objectives\] 'lut5' is measured by no stage .*\n  fix: did you mean 'luts'\?",
    ),
    "objective of a higher fidelity": (
        "seed = 5",
        'fidelity = "simulate"',
        r"'lut4' is measured by no stage of a study with fidelity 'simulate'",
    ),
    "no objective": (
        '["latency_us", "lut4", "dp16kd"]',
        "[]",
        r"\[objectives\] names 0 metrics: none\n  fix: name one to three",
    ),
    "four objectives": (
        '"dp16kd"]',
        '"dp16kd", "ff"]',
        r"\[objectives\] names 4 metrics: latency_us, lut4, dp16kd, ff\n  fix: name one to three",
    ),
    "objective twice": ('"dp16kd"]', '"lut4"]', r"\[objectives\] names lut4 twice"),
    "unmeasured constraint": (
        "mult18x18d = 20",
        "power_mw = 20",
        r"\[constraints\] 'power_mw' is measured by no stage",
    ),
    "constraint of another fidelity": (
        "mult18x18d = 20",
        "fmax_mhz = {min = 60}",
        r"\[constraints\] 'fmax_mhz' is measured by no stage of a study with fidelity",
    ),
    "constraint that is no number": (
        "mult18x18d = 20",
        "mult18x18d = true",
        r"\[constraints\] mult18x18d is true, which is not a number",
    ),
    "constraint that is no finite number": (
        "mult18x18d = 20",
        "mult18x18d = nan",
        r"\[constraints\] mult18x18d is nan",
    ),
    "bound of a wrong type": (
        "mult18x18d = 20",
        'mult18x18d = {max = "20"}',
        r'\[constraints\] mult18x18d.max is "20", which is not a number\n  fix: write a number',
    ),
    "bound of another name": (
        "mult18x18d = 20",
        "mult18x18d = {maximum = 20}",
        r"unknown key \[constraints\] mult18x18d.maximum\n  fix: did you mean 'max'\?",
    ),
    "no bound": (
        "mult18x18d = 20",
        "mult18x18d = {}",
        r"\[constraints\] mult18x18d has no bound\n  fix: give min, max or both",
    ),
    "bounds that nothing satisfies": (
        "mult18x18d = 20",
        "mult18x18d = {min = 21, max = 20}",
        r"\[constraints\] mult18x18d has min 21, which is above its max 20",
    ),
    "a constraint below zero": (
        "mult18x18d = 20",
        "mult18x18d = -1",
        r"\[constraints\] mult18x18d is at most -1, and it is never below 0\n  fix: write the",
    ),
    "a constraint above what the part holds": (
        "mult18x18d = 20",
        "mult18x18d = {min = 1000}",
        r"\[constraints\] mult18x18d has min 1000, and the LFE5U-\d+F holds \d+\n  fix: write a",
    ),
    "a constraint that the limits contradict": (
        "mult18x18d = 20",
        "cycles = {min = 500000000}",
        r"\[constraints\] cycles has min 500000000, and a trial ends .* after 400000000 cycles.*\n"
        r"  fix: raise limits.cycles",
    ),
    "constraints of one thing by two names": (
        "mult18x18d = 20",
        "multipliers = 3\nmult18x18d = {min = 4}",
        r"\[constraints\] multipliers is at most 3, and mult18x18d at least 4, which are 4 of"
        r" them\n"
        r"  fix: leave one of the two out",
    ),
    "a latency that no allowed cycles make": (
        "mult18x18d = 20",
        "latency_us = 1000\ncycles = {min = 10000000}",
        r"\[constraints\] latency_us is at most 1000, and 10000000 cycles, the fewest that are"
        r" allowed, take [\d.]+ us at [\d.]+ MHz\n  fix: raise the max",
    ),
    "a latency that allowed cycles exceed": (
        "mult18x18d = 20",
        "latency_us = {min = 1e6}\ncycles = 1000",
        r"\[constraints\] latency_us is at least 1000000, and 1000 cycles, the most that are"
        r" allowed, take [\d.]+ us at [\d.]+ MHz\n  fix: lower the min",
    ),
    "objective in its worse direction": (
        ', "dp16kd"]',
        ']\nmaximise = ["dp16kd"]',
        r"\[objectives\] maximise has 'dp16kd', which is better when lower\n"
        r"  fix: move it to minimise",
    ),
    "metrics file missing": (
        "[space]",
        '[metrics]\nfiles = ["my/metric.py"]\n[space]',
        r"\[metrics\] files has 'my/metric.py', and there is no file",
    ),
    "empty list": (
        "bypass = true",
        "bypass = []",
        r"\[space\] bypass is an empty list, so the space is empty",
    ),
    "value of no type": (
        "bypass = true",
        "bypass = 1.5",
        r"\[space\] bypass is 1.5, which is no value of a parameter",
    ),
    "family missing": (
        "[space]",
        '[cfu]\nfamilies = ["my/unit.py"]\n[space]',
        r"\[cfu\] families has 'my/unit.py', and there is no file",
    ),
    "clock that no memory keeps up with": (
        "clock_mhz = 60",
        'clock_mhz = 390\nclock_policy = "pinned"',
        r"\[target\] SDRAM at 390000000 Hz",
    ),
    "range that no memory keeps up with": (
        "clock_mhz = 60",
        "clock_mhz = 60\nclock_range_mhz = [40, 150]",
        r"\[target\] SDRAM at 150000000 Hz: .* goes up to 133000000\n"
        r"  fix: .*the top of its clock_range_mhz",
    ),
    "range whose bottom the SDRAM's refresh forbids": (
        "clock_mhz = 60",
        "clock_mhz = 60\nclock_range_mhz = [10, 80]",
        r"\[target\] SDRAM at 10000000 Hz: the MT48LC16M16 wants a refresh every 7.8125 us.*\n"
        r"  fix: raise .* the bottom of its clock_range_mhz to 12\.8",
    ),
    "range that no PLL setting hits": (
        "clock_mhz = 60",
        "clock_mhz = 63\nclock_range_mhz = [62.6, 63.2]",
        r"\[target\] clock_range_mhz is 62\.6 to 63\.2, and the PLL of the family ecp5 makes no"
        r" clock in it of 25 MHz\n  fix: widen it to 62\.5 or 63\.541667",
    ),
    "range the wrong way round": (
        "clock_mhz = 60",
        "clock_mhz = 60\nclock_range_mhz = [80, 40]",
        r"\[target\] clock_range_mhz is \[80, 40\], and clock_mhz is 60\n  fix: write the lowest",
    ),
    "range that leaves out the clock": (
        "clock_mhz = 60",
        "clock_mhz = 90",
        r"\[target\] clock_range_mhz is \[40, 80\], and clock_mhz is 90\n  fix: .*between them",
    ),
    "target as it was before ranges": (
        'name = "ulx3s_85f"\nclock_mhz = 60',
        'name = "mine"\nboard = "ulx3s"\npart = "LFE5U-85F"\nclock_mhz = 60\n'
        'clock_policy = "achieved"',
        r"the target mine has clock_mhz = 60 and no clock_range_mhz: .*\n"
        r"  fix: add clock_range_mhz = \[lowest, highest\] to it, around 60; or clock_policy",
    ),
    "memory that the SDRAM does not have": (
        "memory.l2_bytes = 0",
        "memory.size_bytes = 67108864",
        r"\[target\] SDRAM of 67108864 bytes",
    ),
    "name that breaks the protocol": (
        "[space]",
        '[serial]\ndevice_name = "a]b"\n[space]',
        r"\[serial\] firmware option device_name is 'a\]b'",
    ),
    "not TOML": ("[study]", "[study", r"night.toml is not TOML: .*line 2"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_named_with_file_key_and_remedy(tmp_path: Path, case: str) -> None:
    right, wrong, message = WRONG[case]
    assert right in GOOD

    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, GOOD.replace(right, wrong, 1))
    assert "night.toml" in caught.value.what
    assert caught.value.fix


def test_a_missing_config_names_the_one_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / "night.toml").write_text(GOOD)

    with pytest.raises(ConfigError, match=r"there is no config .*\n  fix: did you mean .*night"):
        load_config(tmp_path / "nigth.toml")


def test_a_user_family_is_a_module_or_a_file_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "unit.py").write_text("")
    text = GOOD.replace("[space]", '[cfu]\nfamilies = ["my.unit", "./unit.py"]\n[space]')

    assert load(tmp_path, text).families == ("my.unit", str(tmp_path / "unit.py"))


def test_a_constraint_has_an_upper_bound_a_lower_one_or_both(tmp_path: Path) -> None:
    text = GOOD.replace("seed = 5", 'fidelity = "place"').replace(
        "mult18x18d = 20",
        "mult18x18d = 20\nlatency_us = {max = 5000.5}\nfmax_mhz = {min = 60}\n"
        "luts = {min = 1000, max = 20000}",
    )

    assert load(tmp_path, text).constraints == {
        "mult18x18d": Bounds(max=20),
        "latency_us": Bounds(max=5000.5),
        "fmax_mhz": Bounds(min=60),
        "luts": Bounds(min=1000, max=20000),
    }


def test_a_bare_number_for_what_is_better_when_higher_is_asked_back(tmp_path: Path) -> None:
    text = GOOD.replace("seed = 5", 'fidelity = "place"')

    with pytest.raises(ConfigError, match=r"fmax_mhz is 60, .* better when higher") as caught:
        load(tmp_path, text.replace("mult18x18d = 20", "fmax_mhz = 60"))
    assert "{min = 60}, or {max = 60}" in caught.value.fix
    ceiling = load(tmp_path, text.replace("mult18x18d = 20", "fmax_mhz = {max = 60}"))
    assert ceiling.constraints == {"fmax_mhz": Bounds(max=60)}


def test_a_stored_number_is_an_upper_bound_as_ever_and_the_same_study(tmp_path: Path) -> None:
    new = load(tmp_path, GOOD.replace("mult18x18d = 20", "mult18x18d = {max = 20}"))
    stored = json.loads(new.to_json())
    stored["constraints"] = {"mult18x18d": 20.0, "clock_mhz": 50.0}  # as older versions wrote it
    del stored["metrics"]
    old = config_from_json(json.dumps(stored))

    assert old.constraints == {"mult18x18d": Bounds(max=20), "clock_mhz": Bounds(max=50)}
    assert differences(old, new) == (
        '[constraints] clock_mhz: "<= 50" in the database, null in the config',
    )


@pytest.mark.parametrize("path", sorted((CONFIGS / "targets").glob("*.toml")), ids=lambda p: p.stem)
def test_one_config_with_roles_runs_on_every_target(tmp_path: Path, path: Path) -> None:
    text = GOOD.replace('"ulx3s_85f"', f'"{path.stem}"').replace("memory.l2_bytes = 0\n", "")
    text = text.replace("clock_mhz = 60\n", "").replace('"lut4", "dp16kd"', '"luts"')
    text = text.replace("mult18x18d = 20", "block_ram_bits = 400000\nmultipliers = 8")

    config = load(tmp_path, text)

    assert config.objectives == ("latency_us", "luts")
    assert {"luts", *config.constraints} <= capacity_of(config.target.part).keys()


def needs_model(path: Path) -> Any:
    text = path.read_text()
    return pytest.param(
        path,
        id=path.stem,
        marks=pytest.mark.skipif(
            "shared/data" in text and not (CONFIGS / "../../shared/data").is_dir(),
            reason="the data of this config is not part of the repository",
        ),
    )


@pytest.mark.parametrize("path", [needs_model(path) for path in sorted(CONFIGS.glob("*.toml"))])
def test_every_config_of_the_repository_loads_and_its_space_is_not_empty(path: Path) -> None:
    from dse.config.assembly import assemble_space

    _, config = load_config(path)

    assert assemble_space(config).count() >= config.trials


@pytest.mark.parametrize("path", sorted((CONFIGS / "targets").glob("*.toml")), ids=lambda p: p.stem)
def test_every_target_can_be_named_in_a_config(tmp_path: Path, path: Path) -> None:
    text = GOOD.replace('"ulx3s_85f"', f'"{path.stem}"').replace("memory.l2_bytes = 0\n", "")
    # what every part has
    text = text.replace("lut4", "luts").replace("dp16kd", "ff").replace("mult18x18d", "cycles")
    target = load(tmp_path, text.replace("clock_mhz = 60\n", "")).target

    assert target.name == path.stem
    assert (target.clock_range_hz is None) == (target.clock_policy == "pinned")
    lowest_hz, highest_hz = target.clocks_hz
    assert lowest_hz <= target.clock_hz <= highest_hz


@pytest.mark.parametrize(
    ("part", "look_up_tables"), [("ulx3s_85f", "lut4"), ("arty_a7_35t", "lut6")]
)
def test_a_study_without_objectives_minimises_what_its_part_is_made_of(
    tmp_path: Path, part: str, look_up_tables: str
) -> None:
    path = tmp_path / "plain.toml"
    path.write_text(
        '[study]\nname = "a"\ntrials = 4\n[workload]\nmodel = "m.tflite"\n'
        f'[target]\nname = "{part}"\n'
    )
    assert load_config(path, with_workload=False)[1].objectives == ("latency_us", look_up_tables)


@pytest.mark.parametrize(
    ("size", "fix"), [(163_840, ""), (163_841, "use 163840 or 167936"), (4_000, "4096")]
)
def test_main_memory_on_the_chip_is_any_number_of_whole_pages(
    tmp_path: Path, size: int, fix: str
) -> None:
    path = tmp_path / "plain.toml"
    path.write_text(
        '[study]\nname = "a"\ntrials = 4\n[workload]\nmodel = "m.tflite"\n'
        f'[target]\nname = "on_chip_85f"\n[target.memory]\nsize_bytes = {size}\n'
    )
    if not fix:
        assert load_config(path, with_workload=False)[1].target.memory.size_bytes == size
        return
    with pytest.raises(ConfigError) as caught:
        load_config(path, with_workload=False)
    assert "size_bytes" in caught.value.what
    assert fix in f"{caught.value.what} {caught.value.fix}"
