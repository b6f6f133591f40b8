"""``python -m dse.study cache``: what it prints, removes and refuses."""

import json
import os
from pathlib import Path

import pytest

from contracts.faults import ConfigError
from dse.config import config_from_json, differences, load_config
from dse.words import byte_count, bytes_text
from runners.pipeline import Cache
from tests.commands.test_command_line import CONFIG, Shell
from tests.pipeline.test_bounded_cache import age, get


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.slow
def test_a_cache_is_looked_at_verified_and_made_smaller(shell: Shell) -> None:
    cache = Cache(shell.folder / "cache")
    here = {"DSE_CACHE_DIR": str(cache.root)}
    for name in "abc":
        get(cache, name)
        age(cache)
    (damaged, *_) = [entry.folder for entry in cache.contents.entries()]
    (damaged / "file").write_text("short")

    found = json.loads(shell.run("cache", "--json", **here)[0])
    assert (found["entries"], found["damaged"], found["removed"]) == (3, None, None)
    assert found["stages"] == [{"stage": "simulator", "entries": 3, "bytes": found["bytes"]}]

    out, _ = shell.run("cache", "--verify", code=7, **here)
    assert "verified   1 entry damaged" in out
    assert f"{damaged}: its files are not those of its manifest" in out
    assert damaged.exists(), "looking removes nothing"

    (cache.root / "scratch" / "simulator-1-left").mkdir()
    os.utime(cache.root / "scratch" / "simulator-1-left", (0, 0))
    out, _ = shell.run("cache", "--prune", "--limit", "11 kB", "--verify", **here)
    assert "removed    1 folder of killed builds" in out
    assert "removed    1 entry, " in out
    assert len(cache.contents.entries()) == 1
    assert cache.contents.damaged() == []


def test_a_cache_that_is_not_there_is_empty_and_is_not_made(shell: Shell) -> None:
    here = {"DSE_CACHE_DIR": str(shell.folder / "none")}

    out, _ = shell.run("cache", "--verify", "--prune", "--limit", "1 GB", **here)

    assert "empty" in out
    assert not (shell.folder / "none").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--limit", "1 GB"], "--limit says what --prune keeps"),
        (["--prune", "--limit", "much"], "'much' is no number of bytes"),
        (["--prune", "--limit", "-1 GB"], "'-1 GB' is no number of bytes"),
    ],
)
def test_a_wrong_limit_removes_nothing(shell: Shell, words: list[str], message: str) -> None:
    cache = Cache(shell.folder / "cache")
    get(cache, "a")

    _, err = shell.run("cache", *words, code=3, DSE_CACHE_DIR=str(cache.root))

    assert message in err
    assert len(cache.contents.entries()) == 1


@pytest.mark.parametrize(
    ("text", "count"),
    [("20 GB", 20 * 10**9), ("1.5GiB", 3 << 29), ("0 B", 0), ("7kb", 7000), (" 2 TB ", 2 * 10**12)],
)
def test_sizes_are_read_with_their_units(text: str, count: int) -> None:
    assert byte_count(text) == count


@pytest.mark.parametrize("text", ["", "GB", "12", "1e3 GB", "nan GB", "1 GBit", "1 G B", "1,5 GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="for example 20 GB"):
        byte_count(text)


def test_sizes_are_written_as_people_read_them() -> None:
    assert [bytes_text(n) for n in (0, 999, 1500, 2 * 10**9)] == ["0 B", "999 B", "1.5 kB", "2 GB"]


def test_the_limit_of_a_study_reaches_its_trials_and_may_change(shell: Shell) -> None:
    path = shell.folder / "night.toml"
    configs = []
    for lines in ("", '[cache]\nlimit = "2.5 GB"\n', "[cache]\nlimit = 7\n"):
        path.write_text(CONFIG + lines)
        configs.append(load_config(path)[1])

    assert [c.job({}).cache_limit_bytes for c in configs] == [None, 2_500_000_000, 7]
    assert config_from_json(configs[1].to_json()).cache_limit_bytes == 2_500_000_000
    assert differences(configs[0], configs[1]) == ()
    path.write_text(CONFIG + '[cache]\nlimit = "plenty"\n')
    with pytest.raises(ConfigError, match=r"limit.*20 GB"):
        load_config(path)


def test_a_study_s_part_of_the_machine_reaches_its_trials_and_may_change(shell: Shell) -> None:
    path = shell.folder / "night.toml"
    configs = []
    for lines in ("", '[machine]\ncores = 3\nmemory = "6 GB"\n'):
        path.write_text(CONFIG + lines)
        configs.append(load_config(path)[1])

    jobs = [config.job({}) for config in configs]
    assert [(j.machine_cores, j.machine_memory_bytes) for j in jobs] == [
        (None, None),
        (3, 6_000_000_000),
    ]
    assert config_from_json(configs[1].to_json()).job({}) == jobs[1]
    assert differences(configs[0], configs[1]) == ()
    for wrong in ("cores = 0", 'memory = "1 kB"', "cores = 1.5"):
        path.write_text(f"{CONFIG}[machine]\n{wrong}\n")
        with pytest.raises(ConfigError, match=rf"machine.*{wrong.split()[0]}"):
            load_config(path)
