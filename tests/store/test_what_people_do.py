"""What people do to studies and trials: it changes what they meant, and nothing beside it."""

import json

import pytest

from contracts.faults import ConfigError, FaultKind, NotFound
from dse.store import BY_HAND, Claim, NewTrial, Store, StudyRecord, TrialState
from dse.store.workers import worker_name
from tests.store.store_fixtures import NO_WAIT, completed, content, new_study, new_trials
from tests.store.test_store_contract import CRASH


def claim(store: Store, study: StudyRecord, *, now_s: float = 200.0) -> Claim:
    found = store.claim(study.id, worker="w", now_s=now_s, lease_s=60)
    assert found is not None
    return found


def states(store: Store, study: StudyRecord) -> list[str]:
    return [result.trial.state.value for result in store.results(study.id)]


@pytest.fixture
def study(store: Store) -> StudyRecord:
    """Three trials of a study, beside three of another one that nothing here may touch."""
    other = new_study(store, "other")
    new_trials(store, other, 3, first=10)
    found = new_study(store)
    new_trials(store, found, 3)
    return found


def test_a_trial_that_is_taken_back_is_not_run_until_it_is_queued_again(
    store: Store, study: StudyRecord
) -> None:
    assert store.withdraw(study.id, 2, now_s=150.0)
    assert not store.withdraw(study.id, 2, now_s=151.0), "it does not wait any more"
    assert not store.withdraw(study.id, 9, now_s=151.0)
    assert states(store, study) == ["waiting", "failed", "waiting"]
    detail = store.detail(study, 2)
    assert detail.result.trial.ended_s == 150.0
    (attempt,) = detail.attempts
    assert (attempt.worker, attempt.kind, attempt.ended_s) == (BY_HAND, FaultKind.CANCELLED, 150.0)
    assert store.requeue(study.id, context="new", now_s=160.0) == 0
    assert [claim(store, study).trial.number for _ in range(2)] == [1, 3]

    assert store.queue_withdrawn(study.id, 2, context="today", now_s=170.0)
    assert not store.queue_withdrawn(study.id, 2, context="today", now_s=171.0)
    assert not store.queue_withdrawn(study.id, 1, context="today", now_s=171.0)
    trial = store.detail(study, 2).result.trial
    assert (trial.state, trial.ended_s, trial.context) == (TrialState.WAITING, None, "today")
    assert trial.not_before_s == 170.0
    assert store.detail(study, 2).attempts == ()
    assert claim(store, study).trial.number == 2
    assert states(store, store.study("other")) == ["waiting"] * 3


def test_a_trial_is_cancelled_where_it_waits_and_where_it_runs_and_never_when_it_has_ended(
    store: Store, study: StudyRecord
) -> None:
    held = claim(store, study)
    assert store.cancelled([held.attempt_id]) == frozenset()
    assert store.cancel(study.id, 1, now_s=210.0) is TrialState.RUNNING
    assert store.cancel(study.id, 2, now_s=211.0) is TrialState.WAITING
    assert store.cancel(study.id, 2, now_s=212.0) is None
    assert store.cancelled([held.attempt_id]) == {held.attempt_id}
    assert store.heartbeat([held.attempt_id], now_s=213.0, lease_s=60) == frozenset()
    assert store.finish(held.attempt_id, completed(), now_s=214.0, retry=NO_WAIT) is None
    store.note_stage(held.attempt_id, "core", now_s=215.0)
    first = store.detail(study, 1)
    assert [a.stage for a in first.attempts] == [None, None], "its lease is gone"
    assert [a.ended_s for a in first.attempts] == [210.0, 210.0]
    last = claim(store, study)
    store.finish(last.attempt_id, completed(), now_s=220.0, retry=NO_WAIT)
    assert store.cancel(study.id, 3, now_s=221.0) is None
    assert states(store, study) == ["failed", "failed", "completed"]
    assert states(store, store.study("other")) == ["waiting"] * 3


def test_failed_trials_are_queued_again_unless_only_those_that_wait_are_meant(
    store: Store, study: StudyRecord
) -> None:
    for _ in range(3):
        held = claim(store, study)
        assert held.trial.number == 1
        store.finish(held.attempt_id, CRASH, now_s=200.0, retry=NO_WAIT)
    assert states(store, study) == ["failed", "waiting", "waiting"]
    failed = store.detail(study, 1).result.trial

    assert store.requeue(study.id, context="today", now_s=300.0, also_failed=False) == 0
    assert store.detail(study, 1).result.trial == failed
    waiting = store.detail(study, 2).result.trial
    assert (waiting.context, waiting.not_before_s) == ("today", 300.0)

    assert store.requeue(study.id, context="later", now_s=400.0) == 1
    again = store.detail(study, 1).result.trial
    assert (again.state, again.failures, again.ended_s) == (TrialState.WAITING, 0, None)
    assert (again.context, again.not_before_s) == ("later", 400.0)
    others = store.results(store.study("other").id)
    assert {r.trial.context for r in others} == {"here"}


def test_a_budget_counts_what_the_search_chose(store: Store) -> None:
    def new(number: int, suggested_by: str = "random") -> NewTrial:
        return NewTrial(
            design_id=f"d{number}",
            design_json=f'{{"schema":1,"values":{{"width":{number}}}}}',
            suggested_by=suggested_by,
        )

    study = new_study(store)

    def add(trials: list[NewTrial], budget: int | None) -> list[str]:
        added = store.add_trials(study.id, trials, context="c", budget=budget, now_s=7.0)
        return [trial.design_id for trial in added]

    assert add([new(1), new(2, BY_HAND), new(3), new(1)], 3) == ["d1", "d2", "d3"]
    assert add([new(4), new(5)], 3) == ["d4"], "the one by hand does not count"
    assert add([new(5)], 3) == []
    assert add([new(6, BY_HAND)], 3) == ["d6"]
    assert add([new(7), new(8)], None) == ["d7", "d8"]
    assert add([new(9)], 6) == ["d9"]
    assert add([new(10)], 6) == []
    found = [r.trial for r in store.results(study.id)]
    assert [t.number for t in found] == list(range(1, 9))
    assert {(t.failures, t.created_s, t.not_before_s, t.context) for t in found} == {
        (0, 7.0, 7.0, "c")
    }
    assert len({t.revision for t in found}) == 8
    with pytest.raises(NotFound):
        store.add_trials(99, [new(1)], context="c", budget=None, now_s=7.0)


def test_a_study_keeps_what_is_written_of_it_and_another_its_own(
    store: Store, study: StudyRecord
) -> None:
    assert new_study(store) == study, "one of that name is there"
    assert (study.config_toml, study.config_json, study.created_s) == ("# text", "{}", 100.0)
    other = store.study("other")
    store.update_config(study.id, config_toml="new", config_json='{"new":1}')
    store.describe_space(study.id, '"space"')
    store.describe_oracle(study.id, '"oracle"')
    store.describe_importance(study.id, {"lut4": {"width": 1.0}})
    store.request_stop(study.id, now_s=3.0)
    found = store.study("one")
    assert (found.config_toml, found.config_json) == ("new", '{"new":1}')
    assert (found.space_json, found.oracle_json) == ('"space"', '"oracle"')
    assert json.loads(found.importance_json or "") == {"lut4": {"width": 1.0}}
    assert found.stop_requested_s == 3.0
    assert store.is_stop_requested(study.id)
    assert not store.is_stop_requested(other.id)
    store.request_stop(study.id, now_s=None)
    assert not store.is_stop_requested(study.id)
    assert store.study("other") == other


def test_facts_of_a_context_are_kept_once_and_in_one_order(store: Store) -> None:
    store.keep_context("key", {"b": 1, "a": 2})
    store.keep_context("key", {"other": 3})
    assert store.context_facts("key") == {"a": 2, "b": 1}
    assert store.context_facts("none") is None
    ((_, facts),) = [row[:2] for row in content(store.place)["contexts"]]
    assert facts == '{"a": 2, "b": 1}'


def test_what_a_process_works_on_is_left_alone_until_it_leaves(
    store: Store, study: StudyRecord
) -> None:
    config = '{"study":{"name":"one"}}'
    store.update_config(study.id, config_toml='[study]\nname = "one"\n', config_json=config)
    store.archive_study("one", now_s=4.0)
    assert store.study("one").archived_s == 4.0
    me = worker_name()
    store.enter("one", worker=me, now_s=5.0)
    assert store.study("one").archived_s is None, "somebody works on it"
    for change in (
        lambda: store.delete_study("one", now_s=6.0, client="c"),
        lambda: store.rename_study("one", "two", now_s=6.0, client="c"),
        lambda: store.archive_study("one", now_s=6.0),
    ):
        with pytest.raises(ConfigError):
            change()
    store.leave("one", worker="somebody else")
    with pytest.raises(ConfigError):
        store.archive_study("one", now_s=6.0)
    store.leave("one", worker=me)

    store.rename_study("one", "two", now_s=7.0, client="c")
    renamed = store.study("two")
    assert (renamed.id, renamed.config_toml) == (study.id, '[study]\nname = "two"\n')
    removed = store.delete_study("other", now_s=8.0, client="d")
    assert (removed.study, removed.trials) == ("other", 3)
    assert [(e.time_s, e.client) for e in store.audits()] == [(8.0, "d"), (7.0, "c")]
    for gone in ("one", "other"):
        with pytest.raises(NotFound):
            store.study(gone)
    assert states(store, renamed) == ["waiting"] * 3
    store.archive_study("two", now_s=9.0)
    store.unarchive_study("two")
    assert store.study("two").archived_s is None


def test_a_notice_is_given_once_and_no_other_of_its_kind_soon(store: Store) -> None:
    def asked(kind: str, key: str, now_s: float, *, study: str = "one", quiet_s: float = 0) -> bool:
        return store.claim_notice(
            study, kind, key=key, text=f"text {key}", worker="w", now_s=now_s, quiet_s=quiet_s
        )

    assert asked("stuck", "a", 10.0) is True
    assert asked("stuck", "a", 1e9) is False, "it was given, however long ago"
    assert asked("stuck", "a", 10.0, study="two") is True
    assert asked("failing", "a", 10.0, quiet_s=100) is True
    assert asked("stuck", "b", 109.5, quiet_s=100) is False
    assert asked("stuck", "b", 110.0, quiet_s=100) is True
    assert asked("stuck", "c", 20.0, quiet_s=100) is False, "a clock may have been set back"
    (first, *_) = store.audits(study="one")
    assert (first.time_s, first.client, first.outcome) == (110.0, "w", "text b")
    assert first.detail == {"notice": "stuck", "key": "b"}


def test_a_lease_is_prolonged_from_now_on_and_lost_the_moment_after(
    store: Store, study: StudyRecord
) -> None:
    held = claim(store, study)
    other = claim(store, store.study("other"))
    assert store.heartbeat([held.attempt_id, 99], now_s=230.0, lease_s=60) == {held.attempt_id}
    (attempt,) = store.detail(study, 1).attempts
    assert (attempt.heartbeat_s, attempt.lease_until_s) == (230.0, 290.0)
    store.note_stage(held.attempt_id, "core", now_s=231.0)
    (attempt,) = store.detail(study, 1).attempts
    assert (attempt.stage, attempt.stage_since_s) == ("core", 231.0)
    (untouched,) = store.detail(store.study("other"), 1).attempts
    assert (untouched.stage, untouched.lease_until_s) == (None, 260.0)
    assert store.take_back(now_s=260.0, retry=NO_WAIT) == 0
    assert store.take_back(now_s=261.0, retry=NO_WAIT) == 1
    assert store.take_back(now_s=290.0, retry=NO_WAIT) == 0
    assert store.take_back(now_s=291.0, retry=NO_WAIT) == 1
    assert store.heartbeat([held.attempt_id, other.attempt_id], now_s=1.0, lease_s=9) == set()
