"""What a person asks of a study at the command line, and that every list tells of it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from dse.dashboard.example import unpack
from dse.store import NewTrial, Reader, Store, TrialState
from dse.store.workers import worker_name
from tests.commands.here import Ended, call_here


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return unpack(tmp_path / "results.db")


def run(database: Path, *words: object) -> Ended:
    return call_here(*words, "--db", database)


def said(database: Path, *words: object) -> str:
    ended = run(database, *words)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def queue_one(database: Path) -> int:
    with Store(database) as store:
        new = NewTrial(design_id="d", design_json='{"schema":1,"values":{}}', suggested_by="x")
        (trial,) = store.add_trials(
            store.study("imgc").id, [new], context="here", budget=None, now_s=1.0
        )
    return trial.number


def test_pause_asks_every_process_to_start_no_further_trial(database: Path) -> None:
    assert "nothing works on it" in said(database, "pause", "imgc")
    with Store(database) as store:
        assert store.is_stop_requested(store.study("imgc").id)
        store.enter("imgc", worker=worker_name(), now_s=store.now_s())
    told = said(database, "pause", "imgc")
    assert "go on to their end" in told
    assert f"resume imgc --db {database}" in told
    with Reader(database) as reader:
        entry = reader.audits(limit=1)[0]
    assert (entry.action, entry.study) == ("stop", "imgc")


def test_a_trial_that_waits_or_runs_is_cancelled_and_can_be_queued_again(database: Path) -> None:
    number = queue_one(database)
    with Store(database) as store:
        study = store.study("imgc")
        claim = store.claim(study.id, worker="w", now_s=store.now_s(), lease_s=60.0)
        assert claim is not None
    assert "which was running, is cancelled" in said(database, "cancel", "imgc", number)
    assert "is queued again" in said(database, "cancel", "imgc", number, "--undo")
    with Reader(database) as reader:
        assert reader.detail(study, number).result.trial.state is TrialState.WAITING
    assert "which was waiting, is cancelled" in said(database, "cancel", "imgc", number)
    again = run(database, "cancel", "imgc", number)
    assert again.returncode == 3
    assert "is failed: only one that waits or runs" in again.stderr
    assert run(database, "cancel", "imgc", 1, "--undo").returncode == 3
    for none in (99, 1 << 63):
        assert "has no trial" in run(database, "cancel", "imgc", none).stderr


def test_notes_and_tags_are_in_lists_reports_and_exports(database: Path) -> None:
    said(database, "note", "imgc", "the run of\nWednesday")
    said(database, "tag", "imgc", "paper", "board-7")
    said(database, "note", "imgc", "47", "=flash this one")
    said(database, "tag", "imgc", "47", "candidate", "seen")
    assert "seen" not in said(database, "tag", "imgc", "47", "seen", "--remove")

    listed = json.loads(said(database, "list", "--json", "--tag", "paper"))
    assert [(s["study"], s["tags"]) for s in listed] == [("imgc", ["board-7", "paper"])]
    assert "board-7 paper" in said(database, "list")
    assert "2 more not listed" in said(database, "list", "--tag", "paper")
    status = said(database, "status", "imgc")
    assert "note       the run of\nnote       Wednesday" in status
    assert "tags: candidate\nnote: =flash this one" in said(database, "show", "imgc", 47)
    shown = json.loads(said(database, "show", "imgc", 47, "--json"))
    assert (shown["tags"], shown["note"]) == (["candidate"], "=flash this one")
    file = database.with_name("trials.csv")
    run(database, "export", "imgc", file)
    row = pd.read_csv(file).set_index("trial").loc[47]
    assert (row["tags"], row["note"]) == ("candidate", "'=flash this one")

    said(database, "note", "imgc", "47", "")
    assert "note:" not in said(database, "show", "imgc", 47)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("note", "imgc", "two", "words"), "2 words for the shell"),
        (("note", "imgc", "47"), "TEXT is missing"),
        (("note", "imgc", "bell \a"), r"'\x07'"),
        (("note", "imgc", "\u202etxt"), r"'\u202e'"),
        (("note", "imgc", "é" * 2001), "2,001 characters"),
        (("note", "imgc", "99", "no such trial"), "has no trial 99"),
        (("note", "none", "no such study"), "no study 'none'"),
        (("tag", "imgc", "a|b"), "is no tag"),
        (("tag", "imgc", "-x"), "No such option"),
        (("tag", "imgc", "47", "12"), "'12' is no tag"),
        (("tag", "imgc", "x" * 41), "is no tag"),
        (("tag", "imgc", *(f"t{n}" for n in range(21))), "21 tags"),
        (("tag", "imgc", "paper", "--remove"), "is not there"),
    ],
)
def test_what_is_no_note_or_tag_is_refused(
    database: Path, words: tuple[str, ...], why: str
) -> None:
    ended = run(database, *words)
    assert ended.returncode in (2, 3)
    assert why in ended.stderr
    with Reader(database) as reader:
        assert reader.study("imgc").note is None
        assert reader.study("imgc").tags_json is None


def test_an_archived_study_is_listed_when_asked_for_and_work_brings_it_back(
    database: Path,
) -> None:
    said(database, "archive", "table")
    listed = said(database, "list")
    assert "table" not in listed
    assert "1 more not listed" in listed
    assert "table" not in [s["study"] for s in json.loads(said(database, "list", "--json"))]
    assert "(archived)" in said(database, "list", "--archived")
    assert "archived " in said(database, "status", "table")
    said(database, "unarchive", "table")
    assert "table" in said(database, "list")

    said(database, "archive", "table")
    with Store(database) as store:
        store.enter("table", worker=worker_name(), now_s=store.now_s())
    assert "table" in said(database, "list")
    refused = run(database, "archive", "table")
    assert "cannot be archived: 1 process work" in refused.stderr


def test_a_note_that_is_none_spoils_no_other_study(database: Path) -> None:
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("UPDATE studies SET tags_json = '{\"a\": 1}' WHERE name = 'table'")
        db.execute("UPDATE studies SET note = x'00' WHERE name = 'imgc'")
    told = said(database, "list")
    assert "study 'table' cannot be read: tags_json is" in told
    assert "study 'imgc' cannot be read: studies.note is" in told
    assert "tags_json is" in run(database, "status", "table").stderr
