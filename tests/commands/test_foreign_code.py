"""Commands on a database from somebody else: those that read run none of its code, others ask."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from dse.config import config_from_json
from dse.config.known_space import known_space, stored_code
from dse.store import Store
from tests.campaign.fake_rooms import fake_space
from tests.config.foreign_study import ForeignStudy

ROOT = Path(__file__).parents[2]
READ = [
    ("list",),
    ("list", "--json"),
    ("status", "night"),
    ("show", "night", "1"),
    ("front", "night", "--plot", "front.svg"),
    ("watch", "night", "--once"),
    ("report", "night", "--html", "night.html"),
    ("export", "night", "trials.csv"),
]
RUN = [
    ("resume", "night"),
    ("work", "night"),
    ("rerun", "night", "1"),
    ("accuracy", "night", "1"),
    ("board", "night", "1"),
    ("flash", "night", "1"),
]
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
def test_commands_that_read_run_no_code(study: ForeignStudy) -> None:
    for words in READ:
        ended = run(study, *words)
        assert ended.returncode == 0, (words, ended.stderr)
        assert not study.mark.exists(), words


@pytest.mark.slow
def test_commands_that_run_refuse_what_nobody_agreed_to(study: ForeignStudy) -> None:
    for words in RUN:
        ended = run(study, *words)
        assert ended.returncode == UNTRUSTED, (words, ended.stderr)
        for file in (study.module, study.operator):
            assert f"{file}, {file.stat().st_size:,} bytes, SHA-256" in ended.stderr
        assert f"python -m dse.study {' '.join(words)} --trust" in ended.stderr
        assert not study.mark.exists(), words


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
    assert set(stored_code(record.space_json)) == {str(study.module), str(study.operator)}
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
