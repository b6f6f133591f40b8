"""Deleting and renaming studies: all or nothing, and what others rest on stays."""

import functools
import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from contracts.faults import ConfigError, NotFound, ToolCrashed
from contracts.measurement import Measurement, outcome_of
from dse.config import load_config
from dse.results.study_results import StudyResults
from dse.store import NOTIFY, Place, Reader, Store, StudyRecord, TrialState
from dse.store.studies import renamed_toml
from tests.store.store_fixtures import (
    NO_WAIT,
    a_measurement,
    completed,
    content,
    new_study,
    new_trials,
)

ROOT = Path(__file__).parents[2]
TOML = '# my night\n[study]\nname = "one"  # short\ntrials = 4\n\n[suggest]\nalgorithm = "random"\n'


@functools.cache
def config_json() -> str:
    return load_config(ROOT / "configs" / "quick.toml")[1].to_json()


def a_study(store: Store, name: str) -> StudyRecord:
    return store.create_study(
        name=name, config_toml=TOML, config_json=config_json(), source_hash="0", now_s=100.0
    )


def measured(store: Store, name: str, count: int = 2) -> StudyRecord:
    study = a_study(store, name)
    new_trials(store, study, count)
    while claim := store.claim(study.id, worker="w", now_s=200, lease_s=60):
        store.note_stage(claim.attempt_id, "simulate", now_s=201)
        store.finish(claim.attempt_id, completed(), now_s=220, retry=NO_WAIT)
    return study


def delete(store: Store, name: str, now_s: float = 300.0) -> object:
    return store.delete_study(name, now_s=now_s, client="me")


def rename(store: Store, name: str, new: str) -> None:
    store.rename_study(name, new, now_s=300, client="me")


def rows(place: Place) -> dict[str, int]:
    if isinstance(place, Path):  # a server refuses what it finds itself
        with closing(sqlite3.connect(place)) as db:
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    return {table: len(found) for table, found in content(place).items()}


def test_a_deleted_study_leaves_nothing_of_itself(store: Store) -> None:
    new_study(store, "other")
    before = rows(store.place)
    measured(store, "one")
    store.keep_context("here", {"tools": {}})
    store.claim_notice("one", "finished", key="k", text="t", worker="w", now_s=1, quiet_s=1)

    removed = delete(store, "one")

    assert (removed.trials, removed.attempts, removed.handed_over) == (2, 2, 0)  # type: ignore[attr-defined]
    assert rows(store.place) == {**before, "audit": 1}
    assert [entry.action for entry in store.audits(study="one")] == ["delete"]
    with pytest.raises(NotFound):
        delete(store, "one")


def test_who_shares_results_of_a_deleted_study_keeps_them(store: Store) -> None:
    measured(store, "one")
    heir, third = a_study(store, "two"), a_study(store, "three")
    for study in (heir, third):
        new_trials(store, study, 2)
        store.reuse_results(study.id, now_s=230)
    before = store.detail(heir, 1)
    known = StudyResults("two")
    known.update(store)

    assert delete(store, "one").handed_over == 4  # type: ignore[attr-defined]

    after = store.detail(heir, 1)
    assert (after.measurement, after.result.metrics) == (before.measurement, before.result.metrics)
    assert after.measurement == a_measurement()
    assert after.result.reused_from is None
    assert store.detail(third, 1).result.reused_from == ("two", 1)
    assert store.detail(third, 1).measurement == a_measurement()
    known.update(store)  # who looked before sees it, too
    assert known.columns().reused_from.tolist() == [0, 0]
    rows(store.place)


def test_an_heir_that_had_failed_before_keeps_its_own_attempts(store: Store) -> None:
    heir = new_study(store, "two")
    new_trials(store, heir, 1)
    claim = store.claim(heir.id, worker="w", now_s=150, lease_s=60)
    assert claim is not None
    crash = outcome_of(ToolCrashed("yosys failed", fix="read"), Measurement(metrics=()))
    store.finish(claim.attempt_id, crash, now_s=160, retry=NO_WAIT)
    measured(store, "one", 1)
    store.reuse_results(heir.id, now_s=230)

    delete(store, "one")

    found = store.detail(heir, 1)
    assert [attempt.outcome for attempt in found.attempts] == ["failed", "completed"]
    assert found.measurement == a_measurement()
    assert found.result.kind is None


@pytest.mark.parametrize("act", [delete, lambda store, name: rename(store, name, "new")])
def test_a_study_on_which_a_process_works_stays_as_it_is(store: Store, act: object) -> None:
    study = new_study(store, "one")
    new_trials(store, study, 1)
    store.claim(study.id, worker="host/1.2", now_s=290, lease_s=60)
    before = content(store.place)

    with pytest.raises(ConfigError, match=r"1 process works? on it \(host/1.2\)"):
        act(store, "one")  # type: ignore[operator]

    assert content(store.place) == before


def test_a_process_that_goes_on_with_a_deleted_study_harms_no_other(store: Store) -> None:
    old = new_study(store, "one")
    new_trials(store, old, 1)
    stale = store.claim(old.id, worker="asleep", now_s=100, lease_s=60)
    assert stale is not None
    delete(store, "one")  # its lease has run out
    young = new_study(store, "two")
    new_trials(store, young, 1)
    claim = store.claim(young.id, worker="awake", now_s=310, lease_s=60)
    assert claim is not None

    assert store.finish(stale.attempt_id, completed(), now_s=320, retry=NO_WAIT) is None
    assert store.heartbeat([stale.attempt_id], now_s=320, lease_s=60) == frozenset()
    with pytest.raises(NotFound, match="was deleted while this process worked on it"):
        new_trials(store, old, 2, first=5)
    (trial,) = store.results(young.id)
    assert trial.trial.state is TrialState.RUNNING


def test_who_knew_a_deleted_study_does_not_mix_it_with_a_new_one_of_its_name(
    store: Store,
) -> None:
    measured(store, "one", 3)
    known = StudyResults("one")
    known.update(store)
    delete(store, "one")
    measured(store, "one", 1)

    known.update(store)

    assert known.columns().numbers.tolist() == [1]


def test_a_study_that_cannot_be_read_can_be_deleted(store: Store) -> None:
    study = measured(store, "one")
    created_s = "'x'" if isinstance(store.place, Path) else "-1"
    with store._write() as db:
        db.exec_driver_sql(
            f"UPDATE studies SET config_json = '{{', created_s = {created_s} WHERE id = {study.id}"
        )
        db.exec_driver_sql("UPDATE trials SET design_json = '7', state = 'failed'")

    delete(store, "one")

    assert store.summaries() == ()


def test_a_renamed_study_has_its_new_name_wherever_it_stood(store: Store) -> None:
    study = store.create_study(
        name="one",
        config_toml=TOML,
        config_json='{"study": {"name": "one", "trials": 4}}',
        source_hash="0",
        now_s=100.0,
    )
    new_trials(store, study, 1)
    claim = store.claim(study.id, worker="w", now_s=200, lease_s=60)
    assert claim is not None
    store.finish(claim.attempt_id, completed(), now_s=220, retry=NO_WAIT)
    other = a_study(store, "two")
    new_trials(store, other, 1)
    store.reuse_results(other.id, now_s=230)
    store.claim_notice("one", "finished", key="k", text="t", worker="w", now_s=1, quiet_s=1)
    known = StudyResults("two")
    known.update(store)

    rename(store, "one", "night.2")

    found = store.study("night.2")
    assert found.id == study.id
    assert json.loads(found.config_json)["study"] == {"name": "night.2", "trials": 4}
    assert found.config_toml == TOML.replace('"one"', '"night.2"')
    assert store.detail(other, 1).result.reused_from == ("night.2", 1)
    known.update(store)
    assert list(known.columns().origins.values()) == [("night.2", 1)]
    told = [entry.action for entry in store.audits(study="night.2")]
    assert told == ["rename", NOTIFY]
    assert store.audits(study="one") == ()
    with pytest.raises(NotFound):
        store.study("one")


def test_a_name_that_is_taken_is_refused(store: Store) -> None:
    new_study(store, "one")
    new_study(store, "two")

    with pytest.raises(ConfigError, match="there is a study 'two' already"):
        rename(store, "one", "two")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[study]\nname='a'\n", '[study]\nname="b"\n'),
        ('[ study ]  # x\n  name = "a" # y\n[x]\nname = "a"\n', None),
        ('[x]\nname = "a"\n[study]\ntrials = 1\nname = "a"\n', None),
        ('study = {name = "a"}\n', 'study = {name = "a"}\n'),
        ('study.name = "a"\n', 'study.name = "a"\n'),
        ("# text", "# text"),
    ],
)
def test_in_a_config_file_the_name_of_the_study_alone_changes(
    before: str, after: str | None
) -> None:
    if after is None:
        at = before.index('name = "a"', before.index("study"))
        after = before[:at] + before[at:].replace('"a"', '"b"', 1)
    assert renamed_toml(before, "b") == after


KILLED = """
import os, signal, sys
import dse.store.studies as studies
from dse.store import Store, parse_place

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

studies.write_audit = killed  # the last thing that either does
store = Store(parse_place(sys.argv[1]))
how = dict(now_s=300, client="me")
if sys.argv[2] == "delete":
    store.delete_study("one", **how)
else:
    store.rename_study("one", "new", **how)
"""


@pytest.mark.parametrize("command", ["delete", "rename"])
def test_a_kill_in_the_middle_leaves_the_study_as_it_was(place: Place, command: str) -> None:
    with Store(place) as store:
        study = measured(store, "one")
        config = '{"study": {"name": "one"}}'
        store.update_config(study.id, config_toml=TOML, config_json=config)
        other = new_study(store, "two")
        new_trials(store, other, 1)
        store.reuse_results(other.id, now_s=230)
    before = content(place)

    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(place), command], cwd=ROOT, check=False
    )

    assert ended.returncode == -signal.SIGKILL
    with Reader(place) as reader:
        assert len(reader.summaries()) == 2
    assert content(place) == before
