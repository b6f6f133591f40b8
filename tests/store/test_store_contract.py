import math

import pytest

from contracts.faults import Cancelled, ConfigError, DoesNotFit, ToolCrashed, ToolMissing
from contracts.measurement import Completed, Fidelity, Measurement, Metric, outcome_of
from dse.store import STAND_IN, NewTrial, Reader, RetryPolicy, Store, TrialState
from tests.store.store_fixtures import NO_WAIT, a_measurement, completed, new_study, new_trials

NOTHING = Measurement(metrics=())
CRASH = outcome_of(ToolCrashed("yosys failed", fix="read its log", detail="line 1"), NOTHING)


def test_a_study_is_created_once_and_found_by_name(store: Store) -> None:
    first, second = new_study(store), new_study(store)

    assert first == second == store.study("one")


def test_an_unknown_study_is_an_error_that_names_those_there_are(store: Store) -> None:
    new_study(store, "night")
    new_study(store, "day")

    with pytest.raises(ConfigError, match=r"has no study 'nigth'\n  fix: use one of: night, day"):
        store.study("nigth")


def test_trials_are_numbered_from_one_and_never_exceed_the_budget(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 2)
    new = [NewTrial(design_id=str(n), design_json="{}", suggested_by="x") for n in range(9)]

    added = store.add_trials(study.id, new, context="c", budget=5, now_s=0)

    assert [trial.number for trial in added] == [3, 4, 5]
    assert store.add_trials(study.id, new, context="c", budget=5, now_s=0) == ()


def test_the_oldest_waiting_trial_is_claimed_first_and_by_one_worker_only(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 2)

    claims = [store.claim(study.id, worker=w, now_s=200, lease_s=60) for w in ("a", "b", "c")]

    assert [claim and claim.trial.number for claim in claims] == [1, 2, None]
    assert claims[0] is not None
    assert (claims[0].attempt_number, claims[0].trial.state) == (1, TrialState.RUNNING)


def test_what_was_measured_is_read_back_unchanged(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 1)
    claim = store.claim(study.id, worker="a", now_s=200, lease_s=60)
    assert claim is not None

    assert (
        store.finish(claim.attempt_id, completed(), now_s=230, retry=NO_WAIT)
        is TrialState.COMPLETED
    )

    detail = store.detail(study, 1)
    expected = a_measurement()
    assert {m.name: m for m in detail.measurement.metrics} == {m.name: m for m in expected.metrics}
    assert detail.measurement.layers == expected.layers
    assert detail.measurement.stage_times == expected.stage_times
    assert detail.measurement.artefacts == expected.artefacts
    assert detail.measurement.tools == expected.tools
    assert detail.result.metrics == {"cycles": 1000.0, "latency_us": 20.0}
    assert detail.result.trial.design == {"width": 0}


def test_an_infeasible_design_is_a_result_with_its_fault(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 1)
    claim = store.claim(study.id, worker="a", now_s=200, lease_s=60)
    assert claim is not None
    fault = outcome_of(DoesNotFit("200 of 156 multipliers", fix="narrower"), a_measurement())

    state = store.finish(claim.attempt_id, fault, now_s=230, retry=NO_WAIT)

    assert state is TrialState.INFEASIBLE
    (result,) = store.results(study.id)
    assert (result.kind, result.what) == ("does-not-fit", "200 of 156 multipliers")


def test_a_second_result_of_the_same_attempt_changes_nothing(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 1)
    claim = store.claim(study.id, worker="a", now_s=200, lease_s=60)
    assert claim is not None
    store.finish(claim.attempt_id, completed(1000), now_s=230, retry=NO_WAIT)

    assert store.finish(claim.attempt_id, completed(5), now_s=231, retry=NO_WAIT) is None
    assert store.results(study.id)[0].metrics["cycles"] == 1000


def test_an_infrastructure_fault_is_tried_three_times_with_growing_waits(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 1)
    policy = RetryPolicy(attempts=3, backoff_s=2.0)
    now_s, waits, states = 200.0, [], []
    for _ in range(3):
        claim = store.claim(study.id, worker="a", now_s=now_s, lease_s=60)
        assert claim is not None
        states.append(store.finish(claim.attempt_id, CRASH, now_s=now_s, retry=policy))
        start_s = store.next_start_s(study.id)
        waits.append(None if start_s is None else start_s - now_s)
        if start_s is not None:
            assert store.claim(study.id, worker="a", now_s=start_s - 0.1, lease_s=60) is None
            now_s = start_s

    assert states == [TrialState.WAITING, TrialState.WAITING, TrialState.FAILED]
    assert waits == [2.0, 6.0, None]
    attempts = store.detail(study, 1).attempts
    assert [(a.number, a.kind, a.what, a.fix, a.detail) for a in attempts] == [
        (number, "tool-crashed", "yosys failed", "read its log", "line 1") for number in (1, 2, 3)
    ]


@pytest.mark.parametrize("fault", [Cancelled("Ctrl-C", fix="-"), ToolMissing("no", fix="-")])
def test_a_fault_that_says_nothing_about_the_trial_is_not_counted(
    store: Store, fault: Cancelled
) -> None:
    study = new_study(store)
    new_trials(store, study, 1)
    for _ in range(5):
        claim = store.claim(study.id, worker="a", now_s=200, lease_s=60)
        assert claim is not None
        outcome = outcome_of(fault, NOTHING)
        state = store.finish(claim.attempt_id, outcome, now_s=200, retry=NO_WAIT)
        assert state is TrialState.WAITING

    assert store.results(study.id)[0].trial.failures == 0


def test_requeue_gives_failed_trials_all_their_attempts_again(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 1)
    for _ in range(3):
        claim = store.claim(study.id, worker="a", now_s=200, lease_s=60)
        assert claim is not None
        store.finish(claim.attempt_id, CRASH, now_s=200, retry=NO_WAIT)

    assert store.requeue(study.id, context="now", now_s=300) == 1
    claim = store.claim(study.id, worker="a", now_s=300, lease_s=60)
    assert claim is not None
    assert (claim.attempt_number, claim.trial.failures, claim.trial.context) == (4, 0, "now")


def test_waiting_trials_are_measured_under_the_context_of_the_day(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 1, context="yesterday")

    assert store.requeue(study.id, context="today", now_s=300, also_failed=False) == 0
    assert store.results(study.id)[0].trial.context == "today"


def test_an_expired_lease_is_taken_back_and_its_late_result_is_refused(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 1)
    late = store.claim(study.id, worker="slow", now_s=200, lease_s=60)
    assert late is not None

    assert store.take_back(now_s=259, retry=NO_WAIT) == 0
    assert store.take_back(now_s=261, retry=NO_WAIT) == 1
    second = store.claim(study.id, worker="quick", now_s=262, lease_s=60)
    assert second is not None

    assert store.finish(late.attempt_id, completed(1), now_s=263, retry=NO_WAIT) is None
    assert store.heartbeat([late.attempt_id], now_s=263, lease_s=60) == frozenset()
    store.finish(second.attempt_id, completed(2), now_s=264, retry=NO_WAIT)
    assert store.results(study.id)[0].metrics["cycles"] == 2
    assert [a.kind for a in store.detail(study, 1).attempts] == ["worker-lost", None]


def test_killed_workers_are_not_held_against_a_trial_but_not_for_ever(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 1)
    states = []
    for n in range(8):
        at_s = 1000.0 * (n + 1)
        assert store.claim(study.id, worker="killed", now_s=at_s, lease_s=60) is not None
        assert store.take_back(now_s=at_s + 1, retry=NO_WAIT, is_gone=lambda _: True) == 1
        states.append(store.results(study.id)[0].trial.state)

    assert states == ["waiting"] * 7 + ["failed"]


def test_a_heartbeat_keeps_a_lease(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 1)
    claim = store.claim(study.id, worker="a", now_s=200, lease_s=60)
    assert claim is not None

    held = store.heartbeat([claim.attempt_id], now_s=250, lease_s=60)

    assert held == {claim.attempt_id}
    assert store.take_back(now_s=300, retry=NO_WAIT) == 0


def test_the_trials_of_a_worker_known_to_be_dead_need_no_waiting(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 2)
    for worker in ("dead", "alive"):
        store.claim(study.id, worker=worker, now_s=200, lease_s=60)

    assert store.take_back(now_s=201, retry=NO_WAIT, is_gone=lambda w: w == "dead") == 1
    states = [result.trial.state for result in store.results(study.id)]
    assert states == [TrialState.WAITING, TrialState.RUNNING]


def test_an_equal_design_waits_for_the_running_one_and_then_reuses_its_result(
    store: Store,
) -> None:
    first, second = new_study(store, "first"), new_study(store, "second")
    new_trials(store, first, 1)
    new_trials(store, second, 1)
    claim = store.claim(first.id, worker="a", now_s=200, lease_s=60)
    assert claim is not None

    assert store.claim(second.id, worker="b", now_s=201, lease_s=60) is None
    assert store.reuse_results(second.id, now_s=202) == ()
    store.finish(claim.attempt_id, completed(), now_s=230, retry=NO_WAIT)
    (reused,) = store.reuse_results(second.id, now_s=231)

    assert reused.state is TrialState.COMPLETED
    (result,) = store.results(second.id)
    assert result.reused_from == ("first", 1)
    assert result.metrics["cycles"] == 1000
    assert store.detail(second, 1).measurement.layers == a_measurement().layers


def test_a_result_of_another_context_is_not_reused(store: Store) -> None:
    first, second = new_study(store, "first"), new_study(store, "second")
    new_trials(store, first, 1, context="old tools")
    new_trials(store, second, 1, context="new tools")
    claim = store.claim(first.id, worker="a", now_s=200, lease_s=60)
    assert claim is not None
    store.finish(claim.attempt_id, completed(), now_s=230, retry=NO_WAIT)

    assert store.reuse_results(second.id, now_s=231) == ()
    assert store.claim(second.id, worker="b", now_s=232, lease_s=60) is not None


def test_summaries_count_the_trials_of_each_state(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 3)
    store.claim(study.id, worker="a", now_s=200, lease_s=60)

    (summary,) = store.summaries()

    assert summary.counts[TrialState.WAITING] == 2
    assert summary.counts[TrialState.RUNNING] == 1
    assert summary.counts[TrialState.FAILED] == 0
    assert store.open_trials(study.id) == 3


def test_an_unknown_trial_is_an_error_that_says_how_many_there_are(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 3)

    with pytest.raises(ConfigError, match=r"no trial 4\n  fix: use a number from 1 to 3"):
        store.detail(study, 4)


def test_every_change_of_a_trial_gives_it_the_highest_revision_of_its_study(store: Store) -> None:
    study, other = new_study(store), new_study(store, "other")
    new_trials(store, other, 5)
    seen = [0]

    def expect_new_highest(*numbers: int) -> None:
        revisions = {r.trial.number: r.trial.revision for r in store.results(study.id)}
        assert all(revisions[number] > max(seen) for number in numbers), revisions
        seen.append(max(revisions.values()))

    new_trials(store, study, 2)
    expect_new_highest(1, 2)
    claim = store.claim(study.id, worker="a", now_s=200, lease_s=60)
    assert claim is not None
    expect_new_highest(1)
    store.finish(claim.attempt_id, CRASH, now_s=210, retry=RetryPolicy(attempts=1))
    expect_new_highest(1)
    store.requeue(study.id, context="here", now_s=220)
    expect_new_highest(1, 2)
    again = store.claim(study.id, worker="a", now_s=230, lease_s=10)
    assert again is not None
    expect_new_highest(1)
    store.take_back(now_s=300, retry=NO_WAIT)
    expect_new_highest(1)
    third = store.claim(study.id, worker="a", now_s=310, lease_s=60)
    assert third is not None
    store.finish(third.attempt_id, completed(), now_s=320, retry=NO_WAIT)
    expect_new_highest(1)
    before = max(r.trial.revision for r in store.results(other.id))
    (reused,) = store.reuse_results(other.id, now_s=340)
    assert reused.revision > before


def test_a_design_is_queued_once_in_a_study_and_its_promotion_once(store: Store) -> None:
    study, other = new_study(store), new_study(store, "other")
    (first,) = new_trials(store, study, 1)
    again = NewTrial(design_id=first.design_id, design_json="{}", suggested_by="hand")
    fresh = NewTrial(design_id="fresh", design_json="{}", suggested_by="random")
    promotion = NewTrial(
        design_id=first.design_id, design_json="{}", suggested_by="p", promotes=first.id
    )

    added = store.add_trials(
        study.id,
        [again, fresh, fresh, promotion, promotion],
        context="here",
        budget=2,
        now_s=0,
    )

    assert [(t.design_id, t.promotes) for t in added] == [("fresh", None), ("design0", first.id)]
    assert len(store.add_trials(other.id, [again], context="here", budget=1, now_s=0)) == 1
    assert store.trial_of_design(study.id, "design0") == first.number
    assert store.trial_of_design(study.id, "unknown") is None


def test_a_reader_is_told_what_changed_and_nothing_else(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 3)
    reader = Reader(store.place)
    first = reader.changes("one")
    assert first is not None
    assert first.records is not None
    assert [trial.number for trial in first.records] == [1, 2, 3]
    seen = int(first.trials.revisions.max())
    nothing = reader.changes("one", since=seen)
    assert nothing is not None
    assert (nothing.records, list(nothing.trials.ids)) == ((), [])

    claim = store.claim(study.id, worker="a", now_s=200, lease_s=60)
    assert claim is not None
    store.finish(claim.attempt_id, completed(7), now_s=230, retry=NO_WAIT)

    later = reader.changes("one", since=seen, metrics=("cycles",))
    assert later is not None
    assert later.records is not None
    assert [(t.number, t.state) for t in later.records] == [(1, TrialState.COMPLETED)]
    (cycles,) = later.metrics
    assert (cycles.name, cycles.unit) == ("cycles", "cycles")
    assert (cycles.numbers.tolist(), cycles.values.tolist()) == ([1], [7])
    (number,), (started_s,), (ended_s,) = (
        later.attempts.numbers,
        later.attempts.started_s,
        later.attempts.ended_s,
    )
    assert (number, started_s, ended_s) == (1, 200, 230)
    assert later.attempts.faults == {}
    assert reader.changes("nothing") is None
    reader.close()


def test_columns_of_trials_say_what_the_whole_trials_say(store: Store) -> None:
    study, other = new_study(store), new_study(store, "two")
    first, second = new_trials(store, study, 2)
    for outcome in (completed(7), CRASH):
        claim = store.claim(study.id, worker="a", now_s=200, lease_s=60)
        assert claim is not None
        store.finish(claim.attempt_id, outcome, now_s=230, retry=NO_WAIT)
    new_trials(store, other, 1)
    store.reuse_results(other.id, now_s=231)
    further = NewTrial(
        design_id=first.design_id,
        design_json=first.design_json,
        suggested_by="promotion",
        fidelity=Fidelity.PLACED,
        promotes=first.id,
    )
    drawn = [
        NewTrial(design_id=f"drawn{n}", design_json="{}", suggested_by=text)
        for n, text in enumerate((f"{STAND_IN}vizier", "random", STAND_IN.upper()))
    ]
    store.add_trials(study.id, [further, *drawn], context="here", budget=None, now_s=0)

    for name, since, count in (("one", -1, 6), ("one", second.revision + 4, 4), ("two", -1, 1)):
        whole = store.changes(name, since=since)
        slim = store.changes(name, since=since, with_records=False)
        assert whole is not None
        assert slim is not None
        assert whole.records is not None
        assert slim.records is None
        found = slim.trials
        assert len(whole.records) == len(found.design_ids) == count
        assert found.numbers.tolist() == [t.number for t in whole.records]
        assert found.ids.tolist() == [t.id for t in whole.records]
        assert [list(TrialState)[code] for code in found.states] == [t.state for t in whole.records]
        assert found.revisions.tolist() == [t.revision for t in whole.records]
        assert found.reused_from.tolist() == [t.reused_from or 0 for t in whole.records]
        assert found.promotes.tolist() == [t.promotes or 0 for t in whole.records]
        assert found.is_stand_in.tolist() == [t.is_stand_in for t in whole.records]
        assert list(found.design_ids) == [t.design_id for t in whole.records]
    texts = store.design_texts(study.id, after=1, until=4)
    assert texts == (second.design_json, first.design_json, "{}")


@pytest.mark.parametrize(
    "values",
    [
        (0.0, 1.0, -1.0, 1.5, -2.25, 1 / 3 + 1, 123456789.123456789, 2.0**52 - 0.5, 60000.0),
        (1e-9, 0.1, -0.3, 5e-324, 2.0**52, 2.0**53 + 2, 1e300, -1e18, math.inf, 7.7),
    ],
    ids=["usual", "tiny-and-huge"],
)
def test_a_reader_gets_the_very_values_that_were_measured(
    store: Store, values: tuple[float, ...]
) -> None:
    study = new_study(store)
    new_trials(store, study, len(values) + 1)  # the last one has no result
    for value in values:
        claim = store.claim(study.id, worker="a", now_s=200, lease_s=60)
        assert claim is not None
        has_estimate = claim.trial.number % 2 == 0
        metric = Metric(
            name="x", value=value, unit="W", fidelity=Fidelity.PLACED, estimate=has_estimate
        )
        measured = Completed(measurement=Measurement(metrics=(metric,)))
        store.finish(claim.attempt_id, measured, now_s=230, retry=NO_WAIT)

    changes = store.changes("one")
    assert changes is not None
    (found,) = changes.metrics
    assert found.numbers.tolist() == list(range(1, len(values) + 1))
    assert found.values.tolist() == list(values)
    assert {list(Fidelity)[code] for code in found.fidelities.tolist()} == {Fidelity.PLACED}
    assert found.estimates.tolist() == [number % 2 == 0 for number in found.numbers.tolist()]


@pytest.mark.slow
def test_no_statement_grows_with_the_number_of_trials(store: Store) -> None:
    study = new_study(store)
    many = 40_000  # SQLite takes at most 32,766 variables
    with store._write() as db:
        db.exec_driver_sql(
            "INSERT INTO trials (study_id, number, design_id, design_json, context, suggested_by,"
            " state, created_s, failures, not_before_s, revision)"
            f" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many})"
            f" SELECT {study.id}, i, i, '{{}}', '', '', 'waiting', 0, 0, 0, i FROM n"
        )
    assert len(store.results(study.id)) == many
    assert len(store.results(study.id, numbers=range(1, many))) == many - 1


def test_the_contexts_of_results_are_counted_with_what_they_stand_for(store: Store) -> None:
    study, other = new_study(store), new_study(store, "other")
    store.keep_context("new", {"tools": {"gcc": "14"}})
    store.keep_context("new", {"tools": "kept as they were"})
    firsts = iter(range(0, 100, 10))
    for name, count, of in (("old", 2, study), ("new", 1, study), ("elsewhere", 1, other)):
        new_trials(store, of, count, context=name, first=next(firsts))
        for _ in range(count):
            claim = store.claim(of.id, worker="a", now_s=200, lease_s=60)
            assert claim is not None
            store.finish(claim.attempt_id, completed(), now_s=230, retry=NO_WAIT)
    new_trials(store, study, 1, context="waiting", first=next(firsts))

    found = [(c.key, c.facts, c.results) for c in store.contexts_of(study.id)]

    assert found == [("old", None, 2), ("new", {"tools": {"gcc": "14"}}, 1)]
