"""Configs: what is read, and the message of everything that may be wrong in one."""

from pathlib import Path
from typing import Any

import pytest

from contracts.faults import ConfigError
from contracts.measurement import Fidelity
from dse.config import (
    StudyConfig,
    config_from_json,
    differences,
    load_config,
    with_budget,
)

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
    assert (config.target.part, config.target.clock_mhz) == ("LFE5U-85F", 60.0)
    assert (config.target.memory.kind, config.target.memory.l2_bytes) == ("sdram", 0)
    assert config.objectives == ("latency_us", "lut4", "dp16kd")
    assert config.constraints == {"mult18x18d": 20}
    assert config.space == {"icache_bytes": (0, 4096), "bypass": (True,)}
    assert config.fidelity is Fidelity.SYNTHESISED


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
        r"\[study\] trials is 0: input should be greater than or equal to 1",
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
        '"luts"',
        r"\[objectives\] 'luts' is measured by no stage .*\n  fix: did you mean 'lut4'\?",
    ),
    "objective of a higher fidelity": (
        "seed = 5",
        'fidelity = "simulate"',
        r"'lut4' is measured by no stage of a study with fidelity 'simulate'",
    ),
    "one objective": (
        '["latency_us", "lut4", "dp16kd"]',
        '["lut4"]',
        r"\[objectives\] names 1 metrics: lut4\n  fix: name two or three",
    ),
    "unmeasured constraint": (
        "mult18x18d = 20",
        "power_mw = 20",
        r"\[constraints\] 'power_mw' is measured by no stage",
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
        "clock_mhz = 390",
        r"\[target\] SDRAM at 390000000 Hz",
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
    text = text.replace("dp16kd", "ff").replace("mult18x18d", "cycles")  # what every part has

    assert load(tmp_path, text).target.name == path.stem
