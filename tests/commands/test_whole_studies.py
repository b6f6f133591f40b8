"""``delete`` and ``rename`` as a person types them."""

import gzip
import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.faults import ConfigError, NotFound
from dse import study
from dse.dashboard.example import RECORDED
from dse.store import Reader
from dse.store.dump import restore
from tests.commands.test_command_line import Shell


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "own.db"
    restore(gzip.decompress(RECORDED.read_bytes()).decode(), path)
    return path


def call(*words: object) -> str:
    done = CliRunner().invoke(study.app, list(map(str, words)), catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def names(database: Path) -> list[str]:
    return [line["study"] for line in json.loads(call("list", "--db", database, "--json"))]


def test_delete_asks_and_says_what_was_removed(database: Path) -> None:
    with pytest.raises(ConfigError, match=r"nobody to ask[\s\S]*delete imgc --db .*own.db --yes$"):
        call("delete", "imgc", "--db", database)
    assert names(database) == ["imgc", "table", "imgc-placed"]

    said = call("delete", "imgc", "--yes", "--db", database)

    assert "study imgc was removed: 48 trials, 48 attempts" in said
    assert "stays in the cache" in said
    assert names(database) == ["table", "imgc-placed"]
    with pytest.raises(NotFound):
        call("delete", "imgc", "--yes", "--db", database)


def test_a_renamed_study_is_found_under_its_new_name_alone(database: Path) -> None:
    log = database.with_name("own.db.imgc.log")
    log.write_text("what a process of the dashboard said")

    call("rename", "imgc", "night", "--db", database)

    assert names(database) == ["night", "table", "imgc-placed"]
    assert json.loads(call("front", "night", "--db", database, "--json"))["study"] == "night"
    assert json.loads(call("status", "night", "--db", database, "--json"))["study"] == "night"
    with Reader(database) as reader:
        assert 'name = "night"' in reader.study("night").config_toml
    assert database.with_name("own.db.night.log").exists()
    assert not log.exists()
    with pytest.raises(ConfigError, match=r"'\.\./x' is no name of a study"):
        call("rename", "night", "../x", "--db", database)


def wait_for_a_running_trial(database: Path) -> None:
    deadline_s = time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline_s, "no trial runs"
        time.sleep(0.1)
        if database.exists():
            with Reader(database) as reader:
                if reader.working_studies(now_s=time.time()):
                    return


@pytest.mark.slow
def test_a_study_that_a_process_works_on_is_neither_deleted_nor_renamed(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    running = shell.start("start", "night.toml", "--workers", "1", FAKE_TRIAL_S="30")
    try:
        wait_for_a_running_trial(tmp_path / "results.db")
        for words in (["delete", "night", "--yes"], ["rename", "night", "day"]):
            _, err = shell.run(*words, code=3)
            assert "1 process work" in err
            assert "stop it first" in err
    finally:
        running.kill()
        running.communicate()
    out, _ = shell.run("delete", "night", "--yes")  # it is known to have died
    assert "study night was removed" in out
