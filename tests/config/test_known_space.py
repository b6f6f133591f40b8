"""What the database keeps of a space: read back without anybody's code."""

import json
from pathlib import Path

import pytest

from contracts.faults import ConfigError
from dse.config import StudyConfig, config_from_json, load_config
from dse.config.assembly import assemble_space
from dse.config.known_space import KnownSpace, known_space, space_json, stored_code
from dse.config.trust import code_files
from dse.space import Design
from dse.store import Reader
from tests.config.foreign_study import ForeignStudy
from tests.config.user_family import FAMILY

HEAD = '[study]\nname = "s"\ntrials = 1\n[workload]\nmodel = "net.tflite"\n'


def config_with(folder: Path, text: str = "") -> StudyConfig:
    (folder / "net.tflite").write_bytes(b"net")
    (folder / "s.toml").write_text(HEAD + text)
    return load_config(folder / "s.toml")[1]


@pytest.fixture
def foreign(tmp_path: Path) -> StudyConfig:
    (tmp_path / "mine.py").write_text(FAMILY.replace("{extra}", ""))
    return config_with(
        tmp_path, '[cfu]\nfamilies = ["mine.py"]\n[space]\nicache_bytes = [4096, 8192]\n'
    )


def read_back(config: StudyConfig) -> KnownSpace:
    code = code_files(config.families)
    known = known_space(config, space_json(assemble_space(config), code))
    assert known is not None
    return known


def test_a_space_comes_back_as_it_was(tmp_path: Path) -> None:
    config = config_with(tmp_path, "[space]\nicache_bytes = [4096, 8192]\n")
    space, known = assemble_space(config), read_back(config)

    assert known.space.parameters == space.parameters
    assert known.designs == known.space.count() == space.count()
    assert known.default == space.default()
    assert known.undecided == ()


def test_rules_of_ours_are_decided_and_those_of_a_user_are_named(foreign: StudyConfig) -> None:
    space, known = assemble_space(foreign), read_back(foreign)
    assert [rule.name for rule in known.undecided] == ["odd"]
    assert known.designs == space.count() < known.space.count()

    mine = space.completed({"cfu": "mine"})
    assert mine is not None
    breaks_theirs = Design({**mine.values, "mine_depth": 2})
    assert not space.contains(breaks_theirs)
    assert known.space.contains(breaks_theirs)

    simd = space.completed({"cfu": "simd", "simd_width": 16})
    assert simd is not None
    breaks_ours = Design({**simd.values, "buffer_depth": 0})
    with pytest.raises(ConfigError, match="two 32-bit registers"):
        known.space.design(breaks_ours.values)


def test_reading_runs_no_code(tmp_path: Path, foreign: StudyConfig) -> None:
    stored = space_json(assemble_space(foreign), code_files(foreign.families))
    module = tmp_path / "mine.py"
    before = stored_code(stored)
    module.write_text("raise AssertionError('was run')")

    known = known_space(foreign, stored)
    assert known is not None
    assert "mine" in next(p for p in known.space.parameters if p.name == "cfu").values
    assert list(before) == [str(module)]
    assert before[str(module)] != code_files([str(module)])[0].sha256


def test_an_old_database_is_known_as_far_as_it_needs_nobodys_code(tmp_path: Path) -> None:
    known = known_space(config_with(tmp_path), None)
    assert known is not None
    assert known.designs == 1_333_378_347_840

    study = ForeignStudy(tmp_path)
    with Reader(study.database) as reader:
        theirs = config_from_json(reader.study("night").config_json)
    assert known_space(theirs, None) is None
    assert stored_code(None) == {}
    assert not study.mark.exists()


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", json.dumps({"schema": 2})])
def test_what_cannot_be_read_says_what_to_do(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read[\s\S]*resume s"):
        known_space(config_with(tmp_path), text)
    assert stored_code(text) == {}
