"""A study is what it would be if the database had no other one."""

from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

import pytest

from contracts.faults import Cancelled, DoesNotFit, ToolCrashed, ToolTimeout
from contracts.measurement import Fidelity, Measurement, outcome_of
from dse.store import AuditRecord, Claim, NewTrial, RetryPolicy, Store, StudyRecord, TrialState
from tests.store.conftest import Places
from tests.store.store_fixtures import NO_WAIT, completed, new_study, new_trials

NOTHING = Measurement(metrics=())
CRASH = outcome_of(ToolCrashed("yosys failed", fix="read its log"), NOTHING)
SLOW = outcome_of(ToolTimeout("yosys took long", fix="wait"), NOTHING)
WIDE = outcome_of(DoesNotFit("too wide", fix="narrower"), NOTHING)
SLOWLY = RetryPolicy(attempts=3, backoff_s=50.0)
TARGET = {"board": "ulx3s"}


def claim(store: Store, study: StudyRecord, worker: str, *, now_s: float, context: str) -> Claim:
    found = store.claim(study.id, worker=worker, now_s=now_s, lease_s=60, context=context)
    assert found is not None
    assert found.trial.study_id == study.id
    return found


def night(store: Store, name: str, *, context: str, cycles: float) -> Iterator[StudyRecord]:
    """Do with a study all that can be done with one, and wait where a moment is worth a look."""
    study = store.create_study(
        name=name,
        config_toml=name,
        config_json='{"target":{"board":"ulx3s"}}',
        source_hash="0",
        now_s=100,
    )
    store.update_config(
        study.id, config_toml=f"{name} 2", config_json='{"target":{"board":"ulx3s"}}'
    )
    store.describe_space(study.id, f'"{name}"')
    store.describe_oracle(study.id, f'"{name}"')
    store.describe_importance(study.id, {name: 1.0})
    store.keep_context(context, {"of": name})
    new_trials(store, study, 7, context="before")
    assert store.requeue(study.id, context=context, now_s=150, also_failed=False) == 0
    yield study
    first = claim(store, study, f"{name}/1", now_s=200, context=context)
    yield study
    store.note_stage(first.attempt_id, "core", now_s=201)
    store.finish(first.attempt_id, completed(cycles), now_s=210, retry=NO_WAIT)
    second = claim(store, study, f"{name}/2", now_s=211, context=context)
    store.finish(second.attempt_id, WIDE, now_s=212, retry=NO_WAIT)
    for _ in range(3):
        third = claim(store, study, f"{name}/3", now_s=214, context=context)
        assert third.trial.number == 3
        store.finish(third.attempt_id, CRASH, now_s=214, retry=NO_WAIT)
    yield study
    fourth = claim(store, study, f"{name}/4", now_s=215, context=context)
    store.finish(fourth.attempt_id, SLOW, now_s=216, retry=SLOWLY)
    claim(store, study, f"{name}/dead", now_s=217, context=context)
    held = claim(store, study, f"{name}/6", now_s=218, context=context)
    yield study
    assert store.heartbeat([held.attempt_id], now_s=230, lease_s=60) == {held.attempt_id}
    assert store.take_back(now_s=231, retry=NO_WAIT, is_gone=f"{name}/dead".__eq__) == 1
    again = NewTrial(
        design_id="design0",
        design_json='{"schema":1,"values":{"width":0}}',
        suggested_by="promotion",
        fidelity=Fidelity.PLACED,
        promotes=first.trial.id,
    )
    (promoted,) = store.add_trials(study.id, [again], context=context, budget=7, now_s=232)
    assert promoted.number == 8
    assert store.add_trials(study.id, [again], context=context, budget=7, now_s=232) == ()
    assert new_trials(store, study, 7) == (), "all of these designs are there"
    assert len(new_trials(store, study, 1, first=7, context=context)) == 1
    assert store.add_trials(study.id, [fresh(9)], context=context, budget=8, now_s=233) == ()
    assert len(store.add_trials(study.id, [fresh(9)], context=context, budget=9, now_s=233)) == 1
    yield study
    store.request_stop(study.id, now_s=234 if name == "ours" else None)
    entry = AuditRecord(
        time_s=235, client=name, action="stop", study=name, detail={"of": name}, outcome="done"
    )
    store.record_audit(entry)
    assert store.claim_notice(
        name, "stuck", key=name, text="it is", worker=name, now_s=236, quiet_s=100
    )


def fresh(number: int) -> NewTrial:
    return NewTrial(
        design_id=f"design{number}",
        design_json=f'{{"schema":1,"values":{{"width":{number}}}}}',
        suggested_by="random",
    )


def told(store: Store, name: str) -> dict[str, Any]:
    """Return all that the store tells of a study, with numbers of trials in place of keys."""
    study = store.study(name)
    results = store.results(study.id)
    numbers = {result.trial.id: result.trial.number for result in results}
    changes = store.changes(name)
    assert changes is not None
    contexts = store.contexts_of(study.id)
    _, samples = store.samples("cycles", target=TARGET, seen={})
    (summary,) = (each for each in store.summaries() if each.study.name == name)
    return {
        "study": [value for key, value in zip(study.__slots__, astuple(study), strict=True)][1:],
        "trials": [
            r.trial._replace(id=0, study_id=0, promotes=numbers.get(r.trial.promotes or 0))
            for r in results
        ],
        "results": [(r.metrics, r.kind, r.what, r.started_s, r.reused_from) for r in results],
        "few": [r.trial.number for r in store.results(study.id, numbers=[2, 5, 99])],
        "attempts": [
            [(a.number, a.worker, a.kind, a.stage, a.ended_s) for a in detail.attempts]
            for detail in (store.detail(study, number) for number in (1, 3, 5) if results)
        ],
        "changed": (changes.trials.numbers.tolist(), changes.trials.revisions.tolist()),
        "metrics": {m.name: (m.numbers.tolist(), m.values.tolist()) for m in changes.metrics},
        "texts": store.design_texts(study.id, after=2, until=5),
        "held": store.held_trials(study.id, now_s=231),
        "failed": store.failed_attempts(study.id, since_s=214),
        "failed late": store.failed_attempts(study.id, since_s=217),
        "contexts": [(c.key, c.facts, c.results) for c in contexts],
        "last context": store.last_context(study.id),
        "open context": store.open_context(study.id),
        "designs": [store.trial_of_design(study.id, f"design{n}") for n in range(12)],
        "open": store.open_trials(study.id),
        "counts": {state: store.count_trials(study.id, state) for state in TrialState},
        "summary": (summary.counts, summary.last_s, summary.problem),
        "next": store.next_start_s(study.id),
        "stop": store.is_stop_requested(study.id),
        "audits": store.audits(study=name),
        "samples": [(numbers[s.trial_id], s.value) for s in samples if s.trial_id in numbers],
    }


def test_a_study_is_the_same_alone_and_beside_another_one(new_place: Places) -> None:
    with Store(new_place("alone")) as alone, Store(new_place("both")) as both:
        new_trials(both, new_study(both, "older"), 3, context="elsewhere")
        here = night(alone, "ours", context="a", cycles=1000)
        ours = night(both, "ours", context="a", cycles=1000)
        theirs = night(both, "theirs", context="b", cycles=2000)
        for step, _ in enumerate(here):
            next(ours)
            next(theirs)
            assert told(both, "ours") == told(alone, "ours"), f"after step {step}"
        for generator in (ours, theirs):
            assert list(generator) == []
        assert told(both, "ours") == told(alone, "ours")
        assert both.is_stop_requested(both.study("ours").id)
        assert not both.is_stop_requested(both.study("theirs").id)


def test_a_study_that_ends_does_not_wait_for_the_open_trials_of_another(new_place: Places) -> None:
    with Store(new_place("both")) as store:
        study, other = new_study(store, "ours"), new_study(store, "theirs")
        new_trials(store, other, 3)
        assert (store.open_trials(study.id), store.open_trials(other.id)) == (0, 3)
        assert store.next_start_s(study.id) is None
        assert store.open_context(study.id) is None
        assert store.claim(study.id, worker="w", now_s=200, lease_s=60) is None


def test_promotions_use_up_no_budget_however_many_there_are(new_place: Places) -> None:
    with Store(new_place("results")) as store:
        study = new_study(store)
        for trial in new_trials(store, study, 4):
            again = NewTrial(
                design_id=trial.design_id,
                design_json=trial.design_json,
                suggested_by="promotion",
                fidelity=Fidelity.PLACED,
                promotes=trial.id,
            )
            assert len(store.add_trials(study.id, [again], context="a", budget=4, now_s=0)) == 1
        more = [fresh(number) for number in range(4, 12)]
        added = store.add_trials(study.id, more, context="a", budget=6, now_s=0)
        assert [trial.number for trial in added] == [9, 10]
        unlimited = store.add_trials(study.id, more, context="a", budget=None, now_s=0)
        assert len(unlimited) == 6


@pytest.mark.parametrize(("silent_s", "lost"), [(59.9, 0), (60.0, 0), (60.1, 1)])
def test_a_lease_ends_when_nothing_was_heard_for_longer_than_it_lasts(
    new_place: Places, silent_s: float, lost: int
) -> None:
    with Store(new_place("results")) as store:
        study = new_study(store)
        new_trials(store, study, 1)
        held = claim(store, study, "w", now_s=200, context="a")
        assert store.heartbeat([held.attempt_id], now_s=240, lease_s=60) == {held.attempt_id}
        assert len(store.held_trials(study.id, now_s=240 + silent_s)) == (silent_s < 60)
        assert store.take_back(now_s=240 + silent_s, retry=NO_WAIT) == lost
        assert store.heartbeat([held.attempt_id], now_s=301, lease_s=60) == (
            frozenset() if lost else {held.attempt_id}
        )


def test_what_waited_for_another_ones_design_runs_when_that_one_failed(new_place: Places) -> None:
    with Store(new_place("both")) as store:
        ours, theirs = new_study(store, "ours"), new_study(store, "theirs")
        for study in (ours, theirs):
            new_trials(store, study, 2, context="a")
        running = claim(store, theirs, "w", now_s=200, context="a")
        second = claim(store, ours, "w", now_s=200, context="a")
        assert (running.trial.design_id, second.trial.design_id) == ("design0", "design1")
        assert store.claim(theirs.id, worker="w", now_s=200, lease_s=60, context="a") is None
        for attempt in (running, second):
            store.finish(attempt.attempt_id, CRASH, now_s=201, retry=RetryPolicy(attempts=1))
        assert store.reuse_results(ours.id, now_s=202) == ()
        assert claim(store, ours, "w", now_s=203, context="a").trial.design_id == "design0"


def test_a_result_that_is_itself_shared_is_shared_from_where_it_was_measured(
    new_place: Places,
) -> None:
    with Store(new_place("three")) as store:
        studies = [new_study(store, name) for name in ("first", "second", "third")]
        for study in studies:
            new_trials(store, study, 1, context="a")
        done = claim(store, studies[0], "w", now_s=200, context="a")
        store.finish(done.attempt_id, completed(7), now_s=201, retry=NO_WAIT)
        for study in studies[1:]:
            (reused,) = store.reuse_results(study.id, now_s=202)
            assert (reused.reused_from, reused.ended_s) == (done.trial.id, 202)
            assert store.results(study.id)[0].reused_from == ("first", 1)
        assert store.reuse_results(studies[2].id, now_s=203) == ()


def test_a_sign_of_life_between_the_look_and_the_write_saves_a_trial(new_place: Places) -> None:
    with Store(new_place("results")) as store:
        study = new_study(store)
        new_trials(store, study, 2)
        held = claim(store, study, "w", now_s=200, context="a")
        claim(store, study, "dead", now_s=200, context="a")

        def is_gone(worker: str) -> bool:
            if worker == "w":
                store.heartbeat([held.attempt_id], now_s=249, lease_s=60)
            return True

        assert store.take_back(now_s=250, retry=NO_WAIT, is_gone=is_gone) == 1
        first, second = store.results(study.id)
        assert (first.trial.state, second.trial.state) == ("running", "waiting")
        assert (second.kind, second.what) == (
            "worker-lost",
            "worker dead went away during attempt 1",
        )


@pytest.mark.parametrize(("named", "kept"), [(None, "core"), ("soc", "soc")])
def test_the_stage_that_a_fault_names_is_more_certain_than_the_last_that_was_told(
    new_place: Places, named: str | None, kept: str
) -> None:
    with Store(new_place("results")) as store:
        study = new_study(store)
        new_trials(store, study, 1)
        held = claim(store, study, "w", now_s=200, context="a")
        store.note_stage(held.attempt_id, "core", now_s=201)
        (seen,) = store.held_trials(study.id, now_s=202)
        assert (seen.stage, seen.stage_since_s, seen.lease_until_s) == ("core", 201, 260)
        error = ToolCrashed("yosys failed", fix="read its log")
        error.stage = named
        store.finish(held.attempt_id, outcome_of(error, NOTHING), now_s=210, retry=SLOWLY)
        store.note_stage(held.attempt_id, "late", now_s=211)
        (attempt,) = store.detail(study, 1).attempts
        assert (attempt.stage, attempt.ended_s, attempt.outcome) == (kept, 210, "failed")
        assert store.next_start_s(study.id) == 260


def test_what_says_nothing_about_a_trial_costs_it_no_wait(new_place: Places) -> None:
    with Store(new_place("results")) as store:
        study = new_study(store)
        new_trials(store, study, 1)
        held = claim(store, study, "w", now_s=200, context="a")
        fault = outcome_of(Cancelled("Ctrl-C", fix="-"), NOTHING)
        assert store.finish(held.attempt_id, fault, now_s=210, retry=SLOWLY) == "waiting"
        assert store.next_start_s(study.id) == 210
        claim(store, study, "dead", now_s=210, context="a")
        store.take_back(now_s=220, retry=SLOWLY, is_gone=lambda _: True)
        assert store.next_start_s(study.id) == 220
        (result,) = store.results(study.id)
        assert (result.trial.failures, result.trial.ended_s) == (0, None)
        for failures, start_s in ((1, 280.0), (2, 450.0)):
            now_s = 230.0 if failures == 1 else 300.0
            held = claim(store, study, "w", now_s=now_s, context="a")
            store.finish(held.attempt_id, CRASH, now_s=now_s, retry=SLOWLY)
            assert store.next_start_s(study.id) == start_s
            assert store.results(study.id)[0].trial.failures == failures
        held = claim(store, study, "w", now_s=460, context="a")
        assert store.finish(held.attempt_id, CRASH, now_s=470, retry=SLOWLY) == "failed"
        (result,) = store.results(study.id)
        assert (result.trial.failures, result.trial.ended_s) == (3, 470)
        assert store.next_start_s(study.id) is None
