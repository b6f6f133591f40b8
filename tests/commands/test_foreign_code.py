"""Commands on a database from somebody else: those that read run none of its code, others ask."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import dse.study
from dse.config import config_from_json
from dse.config.known_space import known_space, stored_code
from dse.shipped import OUR_MODEL
from dse.store import Store
from tests.campaign.fake_rooms import fake_space
from tests.commands.here import call_here
from tests.config.foreign_study import ForeignStudy

ROOT = Path(__file__).parents[2]
LOOK = [
    ("new", "mine.toml", "--model", str(OUR_MODEL), "--target", "ulx3s_85f"),
    ("list",),
    ("list", "--json"),
    ("status", "night"),
    ("show", "night", "1"),
    ("front", "night", "--plot", "front.svg"),
    ("best", "night"),
    ("choose", "night"),
    ("compare", "night", "1", "1"),
    ("calibration", "night"),
    ("figure", "cpu-vs-cfu", "night"),
    ("watch", "night", "--once"),
    ("report", "night", "--html", "night.html"),
    ("export", "night", "trials.csv"),
    ("export", "night", "--vizier", "vizier.db"),
    ("note", "night", "theirs"),
    ("tag", "night", "theirs"),
    ("pause", "night"),
    ("archive", "night"),
    ("unarchive", "night"),
    ("copy", "night", "--to", "copy.db"),
    ("rename", "night", "day"),
    ("delete", "day", "--yes"),
]
"""They look, or write what is none of a study's results, one after the other."""
RUN = [
    ("resume", "night"),
    ("work", "night"),
    ("next", "night"),
    ("rerun", "night", "1"),
    ("accuracy", "night", "1"),
    ("board", "night", "1"),
    ("flash", "night", "1"),
    ("submission", "night", "1"),
]
OTHERS = {"start", "import", "cancel", "dashboard"}
"""A config file that somebody gives asks for what it names; the others are tested elsewhere."""
UNTRUSTED = 9


@pytest.fixture
def study(tmp_path: Path) -> ForeignStudy:
    return ForeignStudy(tmp_path)


def environment(study: ForeignStudy) -> dict[str, str]:
    state = study.database.parent / "state"
    return {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(state)}


def run(
    study: ForeignStudy, *words: str, module: str = "dse.study"
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=study.database.parent,
        env=environment(study),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_commands_that_look_run_no_code(study: ForeignStudy) -> None:
    for words in LOOK:
        ended = call_here(*words, folder=study.database.parent, environment=environment(study))
        expected = 3 if "--vizier" in words else 0  # the space of such an old study is not stored
        assert ended.returncode == expected, (words, ended.stderr)
        assert not study.mark.exists(), words


def test_it_is_known_of_every_command_whether_it_may_run_code() -> None:
    commands = typer.main.get_command(dse.study.app).commands  # type: ignore[attr-defined]
    on_databases = {
        name for name, each in commands.items() if any(p.name == "db" for p in each.params)
    }
    assert {words[0] for words in LOOK + RUN} | OTHERS == on_databases


@pytest.mark.slow
@pytest.mark.parametrize(
    "theirs",
    [
        ("suggest", {"algorithm": "theirs"}),
        ("study", {"executor": "theirs"}),
        ("target", {"board": "theirs", "part": "THEIRS-85", "name": "theirs"}),
    ],
)
def test_a_study_is_looked_at_without_what_only_its_owner_has(
    study: ForeignStudy, theirs: tuple[str, dict[str, str]]
) -> None:
    section, values = theirs
    with Store(study.database) as store:
        record = store.study("night")
        content = json.loads(record.config_json)
        content[section] |= values
        store.update_config(record.id, config_toml="", config_json=json.dumps(content))
    for words in LOOK:
        ended = call_here(*words, folder=study.database.parent, environment=environment(study))
        expected = 3 if "--vizier" in words else 0
        assert ended.returncode == expected, (words, ended.stderr)
    assert not study.mark.exists()


@pytest.mark.slow
def test_commands_that_run_refuse_what_nobody_agreed_to(study: ForeignStudy) -> None:
    for words in RUN:
        ended = run(study, *words)
        assert ended.returncode == UNTRUSTED, (words, ended.stderr)
        for file in (study.module, study.operator, study.metric):
            assert f"{file}, {file.stat().st_size:,} bytes, SHA-256" in ended.stderr
        assert f"python -m dse.study {' '.join(words)} --trust" in ended.stderr
        assert not study.mark.exists(), words


CLUSTER = ("study", {"executor": "dask", "scheduler": "tcp://127.0.0.1:9"})
REMOTE = ("cache", {"remote": "ftp://127.0.0.1:9/x"})


@pytest.mark.parametrize(
    ("words", "reached"),
    [
        *(
            ((name, "night"), reached)
            for name in ("resume", "work")
            for reached in (CLUSTER, REMOTE)
        ),
        (("rerun", "night", "1"), CLUSTER),
        (("flash", "night", "1"), REMOTE),
        (("submission", "night", "1"), REMOTE),
    ],
)
def test_no_machine_is_reached_that_nobody_agreed_to(
    study: ForeignStudy, words: tuple[str, ...], reached: tuple[str, dict[str, str]]
) -> None:
    """A cluster gets models and code; what was built elsewhere is run here."""
    section, values = reached
    with Store(study.database) as store:
        record = store.study("night")
        content = json.loads(record.config_json)
        del content["cfu"], content["metrics"], content["workload"]["operator_folders"]
        content[section] |= values
        store.update_config(record.id, config_toml="", config_json=json.dumps(content))
    ended = call_here(*words, folder=study.database.parent, environment=environment(study))
    assert ended.returncode == UNTRUSTED, ended.stderr
    assert "127.0.0.1:9" in ended.stderr


@pytest.mark.slow
def test_trust_that_was_given_once_lasts_until_the_file_changes(study: ForeignStudy) -> None:
    fake = "tests.commands.command_line"
    ended = run(study, "resume", "night", "--trust", "--trials", "2", module=fake)
    assert ended.returncode == 0, ended.stderr
    assert study.mark.exists()
    assert run(study, "resume", "night", "--trials", "3", module=fake).returncode == 0

    study.module.write_text(study.module.read_text() + "# changed\n")
    ended = run(study, "resume", "night", module=fake)
    assert ended.returncode == UNTRUSTED
    assert "CHANGED since the study ran last" in ended.stderr


@pytest.mark.slow
def test_who_starts_a_study_is_not_asked_to_resume_it(study: ForeignStudy) -> None:
    fake = "tests.commands.command_line"
    ended = run(study, "start", "night.toml", "--trials", "2", module=fake)
    assert ended.returncode == 0, ended.stderr
    with Store(study.database) as store:
        record = store.study("night")
    known = known_space(config_from_json(record.config_json), record.space_json)
    assert known is not None
    assert known.designs == fake_space().count()
    assert set(stored_code(record.space_json)) == {
        str(study.module),
        str(study.operator),
        str(study.metric),
    }
    ended = run(study, "resume", "night", "--trials", "3", module=fake)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "code"), [("n\n", UNTRUSTED), ("y\n", 0)])
def test_a_person_at_a_terminal_is_asked(study: ForeignStudy, answer: str, code: int) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.commands.command_line", "resume", "night", "--trials", "2"],
        cwd=study.database.parent,
        env=environment(study),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while b"Run it?" not in shown:
        shown += os.read(ours, 1000)
    assert not study.mark.exists()
    assert str(study.module).encode() in shown.replace(b"\r\n", b"\n")
    os.write(ours, answer.encode())
    try:
        while os.read(ours, 1000):
            pass
    except OSError:  # the other end is closed
        pass
    assert process.wait(60) == code
    os.close(ours)
    assert study.mark.exists() == (code == 0)
