"""What the store tells of a study that went through all there is, number by number."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from contracts.belief import Belief, Prediction
from contracts.faults import DoesNotFit, FaultKind, NotFound, ToolCrashed, ToolTimeout, Unreadable
from contracts.measurement import (
    ClockDomain,
    Completed,
    Fidelity,
    Measurement,
    PathStep,
    Placement,
    outcome_of,
)
from dse.store import NewTrial, Store, StudyRecord, TrialState
from dse.store.records import HeldTrial, Sample
from dse.store.workers import worker_name
from tests.store.store_fixtures import NO_WAIT, a_measurement, completed, new_study, new_trials

NOTHING = Measurement(metrics=())
CRASH = outcome_of(ToolCrashed("yosys failed", fix="read its log"), NOTHING)
SLOW = outcome_of(ToolTimeout("yosys took long", fix="wait"), NOTHING)
WIDE = outcome_of(DoesNotFit("too wide", fix="narrower"), NOTHING)
DEAD = worker_name().rpartition(".")[0] + ".1"  # the process that has this number is another one
TARGET = '{"target":{"board":"ulx3s"}}'


def begin(store: Store, study: StudyRecord, *, now_s: float, worker: str = "a machine/1.1") -> int:
    found = store.claim(study.id, worker=worker, now_s=now_s, lease_s=60)
    assert found is not None
    return found.attempt_id


def states(store: Store, study: StudyRecord) -> list[str]:
    return [result.trial.state.value for result in store.results(study.id)]


@pytest.fixture(name="study")
def a_study(store: Store) -> StudyRecord:
    """1 completed, 2 infeasible after a crash, 3 failed, 4 held, 5 held by the dead, 6 waits."""
    other = new_study(store, "other")
    new_trials(store, other, 3, context="elsewhere", first=20)
    found = new_study(store)
    new_trials(store, found, 6)
    first = begin(store, found, now_s=200)
    store.note_stage(first, "core", now_s=201)
    store.finish(first, completed(1000.0), now_s=210, retry=NO_WAIT)
    store.finish(begin(store, found, now_s=220), CRASH, now_s=221, retry=NO_WAIT)
    store.finish(begin(store, found, now_s=222), WIDE, now_s=223, retry=NO_WAIT)
    for at_s, outcome in ((230, CRASH), (231, SLOW), (232, SLOW)):
        store.finish(begin(store, found, now_s=at_s), outcome, now_s=at_s, retry=NO_WAIT)
    fourth = begin(store, found, now_s=240)
    store.heartbeat([fourth], now_s=245, lease_s=60)
    store.note_stage(fourth, "place", now_s=246)
    begin(store, found, now_s=250, worker=DEAD)
    begin(store, other, now_s=260)
    assert states(store, found) == [
        "completed", "infeasible", "failed", "running", "running", "waiting",
    ]  # fmt: skip
    return found


def test_studies_are_told_oldest_first_with_trials_in_each_state(
    store: Store, study: StudyRecord
) -> None:
    other, one = store.summaries()
    assert (other.study.name, one.study) == ("other", study)
    assert one.counts == {
        TrialState.COMPLETED: 1,
        TrialState.INFEASIBLE: 1,
        TrialState.FAILED: 1,
        TrialState.RUNNING: 2,
        TrialState.WAITING: 1,
    }
    assert {state: n for state, n in other.counts.items() if n} == {
        TrialState.RUNNING: 1,
        TrialState.WAITING: 2,
    }
    assert (one.last_s, other.last_s) == (232.0, None)
    assert (one.problem, other.problem) == (None, None)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE trials SET state = 'odd' WHERE number = 6 AND study_id = 2", "'odd'"),
        ("UPDATE trials SET ended_s = 'late' WHERE number = 1 AND study_id = 2", "'late'"),
        ("UPDATE studies SET tags_json = '{' WHERE name = 'one'", ""),
    ],
)
def test_a_study_that_cannot_be_read_is_told_with_what_can(
    store: Store, study: StudyRecord, change: str, problem: str
) -> None:
    if not isinstance(store.place, Path):
        pytest.skip("a server refuses such a value itself, or is no file")
    with store._write() as db:  # as an older or a foreign program may have written it
        db.execute(text("PRAGMA ignore_check_constraints = ON"))
        db.execute(text(change))
        db.execute(text("PRAGMA ignore_check_constraints = OFF"))
    other, one = store.summaries()
    assert other.problem is None
    assert problem in (one.problem or "")
    assert one.problem
    assert (one.study.name, one.study.id, one.last_s) == ("one", study.id, None)
    assert one.counts[TrialState.COMPLETED] == 1


def test_trials_that_are_held_are_told_with_their_worker_and_stage(
    store: Store, study: StudyRecord
) -> None:
    held = HeldTrial(
        number=4,
        attempt=1,
        worker="a machine/1.1",
        started_s=240,
        heartbeat_s=245,
        lease_until_s=305,
        stage="place",
        stage_since_s=246,
    )
    assert store.held_trials(study.id, now_s=304.9) == (held,), "the dead hold nothing"
    assert store.held_trials(study.id, now_s=305) == ()
    new = begin(store, study, now_s=300)
    told = store.held_trials(study.id, now_s=301)
    assert [h.number for h in told] == [4, 6]
    assert (told[1].stage, told[1].stage_since_s, told[1].started_s) == (None, None, 300)
    assert new > 0


def test_attempts_are_told_in_the_order_in_which_they_began(
    store: Store, study: StudyRecord
) -> None:
    def told(since_s: float = 0, most: int = 100) -> list[tuple[int, int, float]]:
        found = store.timed_attempts(study, since_s=since_s, most=most)
        return [(each.trial, each.number, each.started_s) for each in found]

    whole = [
        (1, 1, 200), (2, 1, 220), (2, 2, 222), (3, 1, 230), (3, 2, 231), (3, 3, 232), (4, 1, 240),
        (5, 1, 250),
    ]  # fmt: skip
    assert told() == whole
    assert told(since_s=222) == whole[2:]
    assert told(since_s=222.5) == whole[3:]
    assert told(most=3) == whole[-3:], "the newest"
    first, second, *_, fourth, _ = store.timed_attempts(study, since_s=0, most=100)
    assert first.stages == (("core", 2.0, False), ("simulate", 9.0, True))
    assert (first.ended_s, first.outcome) == (210, TrialState.COMPLETED)
    assert (second.outcome, second.stages) == (TrialState.FAILED, ())
    assert (fourth.ended_s, fourth.outcome, fourth.worker) == (None, None, "a machine/1.1")
    assert (fourth.stage, fourth.stage_since_s) == ("place", 246)
    assert store.withdraw(study.id, 6, now_s=270)
    assert told() == whole, "what a person did was no work"


def test_faults_are_counted_by_attempt_the_most_frequent_first(
    store: Store, study: StudyRecord
) -> None:
    found = store.failed_attempts(study.id, since_s=0)
    assert list(found.items()) == [(FaultKind.TOOL_CRASHED, 2), (FaultKind.TOOL_TIMEOUT, 2)]
    late = store.failed_attempts(study.id, since_s=231)
    assert list(late.items()) == [(FaultKind.TOOL_TIMEOUT, 2)]
    assert store.failed_attempts(study.id, since_s=232.5) == {}
    again = begin(store, study, now_s=260)
    store.finish(again, SLOW, now_s=261, retry=NO_WAIT)
    found = store.failed_attempts(study.id, since_s=0)
    assert list(found.items()) == [(FaultKind.TOOL_TIMEOUT, 3), (FaultKind.TOOL_CRASHED, 2)]


def test_results_have_the_metrics_and_the_last_attempt_of_each_trial(
    store: Store, study: StudyRecord
) -> None:
    results = store.results(study.id)
    assert [r.trial.number for r in results] == [1, 2, 3, 4, 5, 6]
    assert results[0].metrics == {"cycles": 1000.0, "latency_us": 20.0}
    assert results[0].estimates == {"latency_us"}
    assert {frozenset(r.metrics) for r in results[1:]} == {frozenset()}
    assert [(r.kind, r.what, r.started_s) for r in results] == [
        (None, None, 200),
        (FaultKind.DOES_NOT_FIT, "too wide", 222),
        (FaultKind.TOOL_TIMEOUT, "yosys took long", 232),
        (None, None, 240),
        (None, None, 250),
        (None, None, None),
    ]
    assert {r.reused_from for r in results} == {None}
    assert [r.trial.number for r in store.results(study.id, numbers=[6, 2, 99])] == [2, 6]
    assert store.results(study.id, numbers=[]) == ()


def test_a_shared_result_says_whose_it_is_and_has_its_attempts(
    store: Store, study: StudyRecord
) -> None:
    assert study.name == "one"
    third = new_study(store, "third")
    new_trials(store, third, 1, first=30)
    new_trials(store, third, 2)
    assert [t.number for t in store.reuse_results(third.id, now_s=400)] == [2, 3]
    own, shared, wide = store.results(third.id)
    assert (own.reused_from, shared.reused_from, wide.reused_from) == (None, ("one", 1), ("one", 2))
    assert shared.metrics == {"cycles": 1000.0, "latency_us": 20.0}
    assert (wide.kind, wide.started_s) == (FaultKind.DOES_NOT_FIT, 222)
    detail = store.detail(third, 2)
    assert [a.started_s for a in detail.attempts] == [200]
    assert detail.measurement == a_measurement(1000.0)
    assert store.contexts_of(third.id) == (), "it has no result of its own"


def test_a_trial_shares_nothing_of_the_first_one_that_there_ever_was(store: Store) -> None:
    first = new_study(store)
    new_trials(store, first, 1)
    store.finish(begin(store, first, now_s=200), completed(), now_s=210, retry=NO_WAIT)
    second = new_study(store, "second")
    new_trials(store, second, 2)
    assert [t.number for t in store.reuse_results(second.id, now_s=220)] == [1]
    assert [r.reused_from for r in store.results(second.id)] == [("one", 1), None]
    third = new_study(store, "third")
    assert [t.revision for t in new_trials(store, third, 3, first=50)] == [1, 2, 3]


def test_a_detail_has_all_attempts_and_what_the_last_one_that_ended_measured(
    store: Store, study: StudyRecord
) -> None:
    first = store.detail(study, 1)
    assert first.measurement == a_measurement(1000.0)
    assert first.result == store.results(study.id)[0]
    second = store.detail(study, 2)
    assert [a.number for a in second.attempts] == [1, 2]
    assert [a.kind for a in second.attempts] == [FaultKind.TOOL_CRASHED, FaultKind.DOES_NOT_FIT]
    assert [a.outcome for a in second.attempts] == [TrialState.FAILED, TrialState.INFEASIBLE]
    for number in (4, 6):
        assert store.detail(study, number).measurement == NOTHING
    for missing in (0, 7, -1, 10**30):
        with pytest.raises(NotFound, match="use a number from 1 to 6"):
            store.detail(study, missing)
    with pytest.raises(NotFound, match="it has no trials yet"):
        store.detail(new_study(store, "empty"), 1)


def test_designs_are_told_by_number_and_found_by_their_own_trial(
    store: Store, study: StudyRecord
) -> None:
    texts = [f'{{"schema":1,"values":{{"width":{n}}}}}' for n in range(6)]
    assert store.design_texts(study.id, after=0, until=6) == tuple(texts)
    assert store.design_texts(study.id, after=2, until=4) == tuple(texts[2:4])
    assert store.trial_of_design(study.id, "design3") == 4
    assert store.trial_of_design(study.id, "design20") is None, "that is another study's"
    again = NewTrial(
        design_id="design0",
        design_json=texts[0],
        suggested_by="promotion",
        fidelity=Fidelity.PLACED,
        promotes=store.results(study.id)[0].trial.id,
    )
    store.add_trials(study.id, [again], context="later", budget=None, now_s=300)
    assert store.trial_of_design(study.id, "design0") == 1
    assert (store.last_context(study.id), store.open_context(study.id)) == ("later", "later")


def test_the_newest_context_and_that_of_what_is_open_are_told(
    store: Store, study: StudyRecord
) -> None:
    assert store.last_context(new_study(store, "empty").id) == ""
    assert store.open_context(store.study("empty").id) is None
    assert (store.last_context(study.id), store.open_context(study.id)) == ("here", "here")
    third = new_study(store, "third")
    new_trials(store, third, 1, context="first", first=40)
    new_trials(store, third, 1, context="second", first=41)
    assert store.cancel(third.id, 2, now_s=300) is TrialState.WAITING
    assert (store.last_context(third.id), store.open_context(third.id)) == ("second", "first")
    assert store.claim(third.id, worker="w", now_s=300, lease_s=1e9) is not None
    assert store.open_context(third.id) == "first"


def test_contexts_come_in_the_order_of_their_results(store: Store) -> None:
    study = new_study(store)
    store.keep_context("z", {"of": "z"})
    for at, (context, outcome) in enumerate(
        [("z", completed()), ("a", WIDE), ("a", completed()), ("b", CRASH), ("z", completed())]
    ):
        new_trials(store, study, 1, context=context, first=at)
        held = begin(store, study, now_s=200)
        store.finish(held, outcome, now_s=210, retry=replace(NO_WAIT, attempts=1))
    found = [(c.key, c.facts, c.results) for c in store.contexts_of(study.id)]
    assert found == [("z", {"of": "z"}, 2), ("a", None, 2)]
    assert (store.context_facts("z"), store.context_facts("a")) == ({"of": "z"}, None)


def test_samples_are_measured_on_the_target_itself_and_told_once(store: Store) -> None:
    def measure(name: str, config: str, cycles: list[float]) -> StudyRecord:
        study = store.create_study(
            name=name, config_toml="", config_json=config, source_hash="", now_s=0
        )
        new_trials(store, study, len(cycles), first=int(cycles[0]))
        for each in cycles:
            held = begin(store, study, now_s=200)
            store.finish(held, completed(each), now_s=210, retry=NO_WAIT)
        return study

    def sampled(metric: str, seen: dict[int, int]) -> tuple[dict[int, int], list[float]]:
        now, found = store.samples(metric, target={"board": "ulx3s"}, seen=seen)
        assert all(type(sample) is Sample for sample in found)
        assert [s.trial_id for s in found] == sorted(s.trial_id for s in found)
        return now, [sample.value for sample in found]

    measure("elsewhere", '{"target":{"board":"arty"}}', [50.0])
    measure("odd", "[]", [60.0])
    measure("broken", "{", [70.0])
    new_study(store, "empty")
    one = measure("one", TARGET, [1.0, 2.0])
    two = measure("two", TARGET, [11.0])
    seen, values = sampled("cycles", {})
    assert values == [1.0, 2.0, 11.0]
    assert sampled("latency_us", {})[1] == [], "estimates teach nothing"
    assert sampled("cycles", seen) == (seen, [])
    assert seen.keys() >= {one.id, two.id}

    new_trials(store, two, 1, first=12)
    held = begin(store, two, now_s=300)
    later, values = sampled("cycles", seen)
    assert values == [], "a trial that runs has no sample"
    store.finish(held, WIDE, now_s=310, retry=NO_WAIT)
    later, values = sampled("cycles", later)
    assert values == []
    new_trials(store, two, 1, first=13)
    store.finish(begin(store, two, now_s=320), completed(13.0), now_s=330, retry=NO_WAIT)
    newest, values = sampled("cycles", later)
    assert values == [13.0]
    assert newest[two.id] > later[two.id] > seen[two.id]
    assert newest[one.id] == seen[one.id]
    third = measure("third", TARGET, [99.0])
    new_trials(store, third, 1, first=1)
    assert len(store.reuse_results(third.id, now_s=400)) == 1
    assert sampled("cycles", newest)[1] == [99.0], "a shared result is told where it was measured"


def whole_trial(store: Store) -> StudyRecord:
    """Two trials that have a row in every table that belongs to one."""
    study = new_study(store, "whole")
    belief = Belief(
        reason="gain",
        predictions=(Prediction(metric="cycles", middle=2.0, low=1.0, high=3.0),),
        gain=0.5,
    )
    placement = Placement(
        seed=1,
        clock_hz=75_000_000,
        fmax_mhz=76.0,
        is_met=True,
        domains=(ClockDomain(name="sys_clk", clock_mhz=75.0, fmax_mhz=76.0),),
        critical_path=(PathStep(kind="logic", delay_ns=0.5, source="a", sink="b"),),
    )
    for number in range(2):
        new = NewTrial(
            design_id=f"w{number}",
            design_json=f'{{"schema":1,"values":{{"width":{number}}}}}',
            suggested_by="model",
            belief=belief,
        )
        store.add_trials(study.id, [new], context="c", budget=None, now_s=1.0)
        measured = replace(a_measurement(), placements=(placement,))
        held = begin(store, study, now_s=200 + 10 * number)
        store.finish(held, Completed(measurement=measured), now_s=205, retry=NO_WAIT)
    return study


OF_TRIAL = "trial_id = 1"
OF_ATTEMPT = "attempt_id = 1"
UNSOUND = (
    "trials SET failures = 'x' WHERE id = 1",
    "trials SET design_json = '{' WHERE id = 1",
    f"attempts SET started_s = 'x' WHERE {OF_TRIAL}",
    f"metrics SET value = 'many' WHERE {OF_TRIAL}",
    f"layers SET cycles = 'x' WHERE {OF_TRIAL}",
    f"placements SET fmax_mhz = 'x' WHERE {OF_TRIAL}",
    f"beliefs SET gain = 'x' WHERE {OF_TRIAL}",
    f"predictions SET middle = 'x' WHERE {OF_TRIAL}",
    f"stage_times SET wall_s = x'00' WHERE {OF_ATTEMPT}",
    f"artefacts SET key = x'00' WHERE {OF_ATTEMPT}",
    f"tools SET version = x'00' WHERE {OF_ATTEMPT}",
)


@pytest.mark.parametrize("change", UNSOUND)
def test_a_trial_with_a_value_of_another_type_is_named_and_no_other(
    store: Store, change: str
) -> None:
    if not isinstance(store.place, Path):
        pytest.skip("a server refuses such a value itself")
    study = whole_trial(store)
    assert store.detail(study, 1).result.trial.id == 1
    with store._write() as db:
        db.execute(text("PRAGMA ignore_check_constraints = ON"))
        db.execute(text(f"UPDATE {change}"))
        db.execute(text("PRAGMA ignore_check_constraints = OFF"))
    with pytest.raises(Unreadable, match=r"study 'whole' of .* cannot be read"):
        store.detail(study, 1)
    assert store.detail(study, 2).result.metrics["cycles"] == 1000.0
    if change.startswith(("attempts", "stage_times")):
        with pytest.raises(Unreadable):
            store.timed_attempts(study, since_s=0, most=10)
        assert len(store.timed_attempts(study, since_s=210, most=1)) == 1


def test_a_study_with_a_value_of_another_type_is_named_and_no_other(store: Store) -> None:
    if not isinstance(store.place, Path):
        pytest.skip("a server refuses such a value itself")
    new_study(store)
    new_study(store, "other")
    with store._write() as db:
        db.execute(text("UPDATE studies SET created_s = 'x' WHERE name = 'one'"))
    with pytest.raises(Unreadable, match=r"study 'one' of .* cannot be read"):
        store.study("one")
    with pytest.raises(Unreadable):
        new_study(store)
    assert store.study("other").name == "other"
    with store._write() as db:
        db.execute(text("UPDATE studies SET created_s = 1, tags_json = '{' WHERE name = 'one'"))
    with pytest.raises(Unreadable):
        store.study("one")
