"""Promotion, placements, live progress, and what people ask of a running study."""

from dataclasses import replace

import pytest

from contracts.measurement import ClockDomain, Completed, Fidelity, PathStep, Placement
from dse.store import AuditRecord, NewTrial, Store, TrialRecord
from dse.store.how_far import how_far
from runners.job import SimulatedCycles, StageEvent, StageState
from tests.store.store_fixtures import NO_WAIT, completed, new_study, new_trials


def test_a_promotion_does_not_spend_the_budget_and_happens_once(store: Store) -> None:
    study = new_study(store)
    (base,) = new_trials(store, study, 1)

    def promote() -> tuple[TrialRecord, ...]:
        again = NewTrial(
            design_id=base.design_id,
            design_json=base.design_json,
            suggested_by="promotion",
            fidelity=Fidelity.PLACED,
            promotes=base.id,
        )
        return store.add_trials(study.id, [again], context="here", budget=2, now_s=0)

    (promoted,) = promote()
    assert (promoted.number, promoted.fidelity, promoted.promotes) == (2, "placed", base.id)
    assert promote() == ()
    assert len(new_trials(store, study, 1, first=1)) == 1


def test_a_result_of_lower_fidelity_is_not_reused_for_a_higher_one(store: Store) -> None:
    study = new_study(store)
    (base,) = new_trials(store, study, 1)
    claim = store.claim(study.id, worker="w", now_s=200, lease_s=60)
    assert claim is not None
    store.finish(claim.attempt_id, completed(), now_s=230, retry=NO_WAIT)
    placed = NewTrial(
        design_id=base.design_id,
        design_json=base.design_json,
        suggested_by="promotion",
        fidelity=Fidelity.PLACED,
        promotes=base.id,
    )
    store.add_trials(study.id, [placed], context="here", budget=1, now_s=0)

    assert store.reuse_results(study.id, now_s=240) == ()
    claimed = store.claim(study.id, worker="w", now_s=250, lease_s=60)
    assert claimed is not None
    assert claimed.trial.fidelity is Fidelity.PLACED


def test_placements_come_back_as_they_were_stored(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 1)
    claim = store.claim(study.id, worker="w", now_s=200, lease_s=60)
    assert claim is not None
    tried = tuple(
        Placement(
            seed=seed,
            clock_hz=75_000_000,
            fmax_mhz=fmax_mhz,
            is_met=fmax_mhz > 75.0,
            domains=(ClockDomain(name="sys_clk", clock_mhz=75.0, fmax_mhz=fmax_mhz),),
            critical_path=(PathStep(kind="logic", delay_ns=0.5, source="a", sink="b"),),
        )
        for seed, fmax_mhz in ((1, 71.5), (2, 76.25))
    )
    outcome = Completed(measurement=replace(completed().measurement, placements=tried))
    store.finish(claim.attempt_id, outcome, now_s=230, retry=NO_WAIT)

    assert store.detail(study, 1).measurement.placements == tried


def test_a_stop_is_asked_for_and_taken_back(store: Store) -> None:
    study = new_study(store)
    assert not store.is_stop_requested(study.id)
    store.request_stop(study.id, now_s=5.0)
    assert store.is_stop_requested(study.id)
    assert store.study(study.name).stop_requested_s == 5.0
    store.request_stop(study.id, now_s=None)
    assert not store.is_stop_requested(study.id)


def test_the_stage_of_a_running_attempt_is_there_for_those_who_look_on(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 1)
    claim = store.claim(study.id, worker="w", now_s=200, lease_s=60)
    assert claim is not None
    store.note_stage(claim.attempt_id, "simulate", now_s=210)

    (attempt,) = store.detail(study, 1).attempts
    assert (attempt.stage, attempt.stage_since_s) == ("simulate", 210)


def test_how_far_a_stage_is_is_there_while_it_runs(store: Store) -> None:
    study = new_study(store)
    new_trials(store, study, 1)
    claim = store.claim(study.id, worker="w", now_s=200, lease_s=60)
    assert claim is not None
    key = claim.attempt_id
    cycles = SimulatedCycles(done=3_000_000, expected=12_000_000)
    told = StageEvent(stage="simulate", state=StageState.STARTED, fraction=0.25, cycles=cycles)

    def seen() -> tuple[float | None, SimulatedCycles | None]:
        (held,) = store.held_trials(study.id, now_s=201)
        (attempt,) = store.detail(study, 1).attempts
        assert attempt.detail is None, "it is no evidence of a fault"
        return held.fraction, held.cycles

    store.note_stage(key, "simulate", now_s=200)
    assert seen() == (None, None)
    store.note_progress({key: told})
    assert seen() == (0.25, cycles)
    only = SimulatedCycles(done=5_000_000, expected=None)
    store.note_progress({key: replace(told, fraction=None, cycles=only)})
    assert seen() == (None, only)
    store.note_progress({key: replace(told, stage="firmware")})
    assert seen() == (None, only), "what another stage told came too late"
    store.note_stage(key, "accuracy", now_s=201)
    assert seen() == (None, None)
    store.note_progress({key: replace(told, stage="accuracy")})
    store.finish(key, completed(), now_s=202, retry=NO_WAIT)
    store.note_progress({key: told})
    (attempt,) = store.detail(study, 1).attempts
    assert attempt.detail is None


@pytest.mark.parametrize(
    "written",
    ["a traceback", "[1]", "{}", '{"fraction": 2, "cycles": "many"}', '{"cycles": true}'],
)
def test_what_another_program_wrote_there_tells_nothing(written: str) -> None:
    assert how_far(written) == (None, None)


def test_what_people_did_is_kept_newest_first(store: Store) -> None:
    entries = [
        AuditRecord(
            time_s=float(second),
            client="127.0.0.1",
            action="stop",
            study="one",
            detail={"why": "morning"},
            outcome="done",
        )
        for second in (1, 2)
    ]
    for entry in entries:
        store.record_audit(entry)

    assert store.audits() == (entries[1], entries[0])
    assert store.audits(limit=1) == (entries[1],)
