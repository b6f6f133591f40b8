"""What people write beside studies and trials, and put away: in both kinds of databases."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from contracts.faults import ConfigError, FaultKind, NotFound
from dse.store import Remark, Store, TrialState
from dse.store.remarks import MOST_TAGS, NOTE_CHARS, TAG_CHARS, Change
from tests.store.conftest import Places
from tests.store.store_fixtures import NO_WAIT, completed, content, new_study, new_trials, open_at

WRITTEN = Remark(note="zwei Zeilen,\n日本 🙂", tags=("Größe", "a.b-c_1"))


def write(remark: Remark) -> Change:
    return lambda _old: remark


def remarks(store: Store, name: str) -> dict[int, Remark]:
    changes = store.changes(name)
    assert changes is not None
    return dict(changes.remarks)


def test_what_is_written_is_read_by_everybody_and_goes_with_its_study(
    store: Store, other: Store
) -> None:
    study = new_study(store, "kept")
    new_trials(store, study, 3)
    assert store.study("kept").remark == Remark()
    store.remark(study.id, None, write(WRITTEN))
    store.remark(study.id, 2, write(WRITTEN))
    store.remark(study.id, 2, lambda old: replace(old, tags=(*old.tags, "more", "more")))
    assert store.study("kept").remark == WRITTEN
    expected = replace(WRITTEN, tags=("Größe", "a.b-c_1", "more"))
    assert remarks(store, "kept") == {2: expected}
    assert store.detail(study, 2).remark == expected
    assert store.detail(study, 1).remark == Remark()
    (summary,) = store.summaries()
    assert summary.study.remark == WRITTEN

    other.take_study(store, "kept", new="kept", now_s=1.0, client="c")
    assert other.study("kept").remark == WRITTEN
    assert remarks(other, "kept") == {2: expected}
    other.delete_study("kept", now_s=1.0, client="c")
    assert content(other.place)["remarks"] == []

    store.remark(study.id, 2, write(Remark()))
    assert content(store.place)["remarks"] == []


@pytest.fixture
def other(new_place: Places) -> Iterator[Store]:
    with open_at(new_place("other")) as other:
        yield other


@pytest.mark.parametrize(
    "wrong",
    [
        Remark(note="x" * (NOTE_CHARS + 1)),
        Remark(note="a\x00b"),
        Remark(note="\x1b[31m"),
        Remark(note="\u202egpj.exe"),
        Remark(note="a\u2028b"),
        Remark(note="\ud800"),
        *(Remark(tags=(tag,)) for tag in ("", "1st", "-a", "a b", "a|b", "a,b", "<i>", "a\n")),
        Remark(tags=("x" * (TAG_CHARS + 1),)),
        Remark(tags=tuple(f"t{n}" for n in range(MOST_TAGS + 1))),
    ],
)
def test_nothing_is_written_of_what_is_no_remark(store: Store, wrong: Remark) -> None:
    study = new_study(store)
    new_trials(store, study, 1)
    for number in (None, 1):
        store.remark(study.id, number, write(Remark(note="before")))
        with pytest.raises(ConfigError, match="fix: "):
            store.remark(study.id, number, write(wrong))
    assert store.study("one").remark == Remark(note="before")
    assert remarks(store, "one") == {1: Remark(note="before")}


@pytest.mark.parametrize("number", [0, -1, 4, 1 << 31, 1 << 63, -(1 << 64)])
def test_a_trial_that_there_is_not_has_no_remark(store: Store, number: int) -> None:
    study = new_study(store)
    new_trials(store, study, 3)
    with pytest.raises(NotFound, match="no trial"):
        store.remark(study.id, number, write(WRITTEN))


def test_a_trial_that_runs_is_cancelled_and_its_worker_stores_nothing_any_more(
    store: Store,
) -> None:
    study = new_study(store)
    new_trials(store, study, 3)
    claim = store.claim(study.id, worker="w", now_s=200, lease_s=60)
    ended = store.claim(study.id, worker="w", now_s=200, lease_s=60)
    assert claim is not None
    assert ended is not None
    store.finish(ended.attempt_id, completed(), now_s=210, retry=NO_WAIT)
    assert store.cancelled([claim.attempt_id, ended.attempt_id]) == frozenset()
    assert store.cancel(study.id, 1, now_s=220) is TrialState.RUNNING
    assert store.cancel(study.id, 2, now_s=220) is None
    assert store.cancel(study.id, 3, now_s=220) is TrialState.WAITING
    assert store.cancelled([claim.attempt_id, ended.attempt_id]) == {claim.attempt_id}
    assert store.finish(claim.attempt_id, completed(), now_s=230, retry=NO_WAIT) is None
    assert store.heartbeat([claim.attempt_id], now_s=230, lease_s=60) == frozenset()
    assert store.take_back(now_s=999, retry=NO_WAIT) == 0
    detail = store.detail(study, 1)
    assert [a.kind for a in detail.attempts] == [FaultKind.CANCELLED, FaultKind.CANCELLED]
    assert (detail.result.metrics, store.count_failed(study.id)) == ({}, 0)
    assert store.requeue(study.id, context="here", now_s=300) == 0
    assert store.queue_withdrawn(study.id, 1, context="here", now_s=300)
    again = store.claim(study.id, worker="other", now_s=300, lease_s=60)
    assert again is not None
    assert (again.trial.number, again.attempt_number) == (1, 2)


def test_an_archived_study_comes_back_with_its_first_worker(store: Store) -> None:
    study = new_study(store)
    store.archive_study("one", now_s=5.0)
    assert store.study("one").archived_s == 5.0
    store.enter("one", worker="w", now_s=6.0)
    assert store.study("one").archived_s is None
    store.archive_study("one", now_s=7.0)
    store.unarchive_study("one")
    assert store.study("one").archived_s is None
    new_trials(store, study, 1)
    assert store.claim(study.id, worker="w", now_s=200, lease_s=60)
    with pytest.raises(ConfigError, match="cannot be archived"):
        store.archive_study("one", now_s=210)
    with pytest.raises(NotFound):
        store.archive_study("no", now_s=1.0)
    with pytest.raises(NotFound):
        store.unarchive_study("no")


def test_the_newest_attempts_come_with_their_stages(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 3)
    for at_s in (200.0, 300.0):
        claim = store.claim(study.id, worker="w", now_s=at_s, lease_s=60)
        assert claim is not None
        store.finish(claim.attempt_id, completed(), now_s=at_s + 30, retry=NO_WAIT)
    last = store.claim(study.id, worker="w", now_s=400.0, lease_s=60)
    assert last is not None
    store.note_stage(last.attempt_id, "core", now_s=401.0)
    found = store.timed_attempts(study, since_s=250.0, most=10)
    assert [(a.trial, a.started_s, a.ended_s, a.stage) for a in found] == [
        (2, 300.0, 330.0, None),
        (3, 400.0, None, "core"),
    ]
    assert found[0].stages == (("core", 2.0, False), ("simulate", 9.0, True))
    assert [a.trial for a in store.timed_attempts(study, since_s=0.0, most=2)] == [2, 3]
