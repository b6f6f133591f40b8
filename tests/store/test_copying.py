"""A study in another database is the same study, whichever kinds of databases the two are."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.belief import EXPECTED_GAIN, Belief, Prediction
from contracts.faults import ConfigError, NotFound, ToolCrashed, Unreadable
from contracts.measurement import Fidelity, Measurement, outcome_of
from dse.store import NewTrial, Place, Store, StudyRecord, TrialState
from tests.store.store_fixtures import (
    NO_WAIT,
    a_measurement,
    completed,
    content,
    new_study,
    new_trials,
    open_at,
)

ROOT = Path(__file__).parents[2]
BELIEF = Belief(
    reason=EXPECTED_GAIN,
    cost_s=12.5,
    predictions=(Prediction(metric="cycles", middle=5.0, low=4.0, high=7.0),),
    feasible=0.5,
    gain=0.1,
)
CRASH = outcome_of(ToolCrashed("yosys \0 failed", fix="read"), Measurement(metrics=()))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def other_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return tmp_path / "other.db"
    found: Place = request.getfixturevalue("server").new_database(is_empty=True)
    return found


def a_night(store: Store) -> StudyRecord:
    """A study with all that one can have: results, own and shared, failures, beliefs, a lease."""
    elsewhere = new_study(store, "elsewhere")
    new_trials(store, elsewhere, 2, first=7)
    while claim := store.claim(elsewhere.id, worker="w", now_s=150, lease_s=60):
        store.finish(claim.attempt_id, completed(3e9), now_s=160, retry=NO_WAIT)
    study = store.create_study(
        name="night",
        config_toml='[study]\nname = "night"\n',
        config_json='{"study": {"name": "night"}}',
        source_hash="0",
        now_s=100.0,
    )
    (first,) = new_trials(store, study, 1)
    new_trials(store, study, 2, first=7)  # shared with the study elsewhere
    store.keep_context("here", {"tools": {"gcc": "14"}})
    claim = store.claim(study.id, worker="w", now_s=200, lease_s=60)
    assert claim is not None
    store.finish(claim.attempt_id, CRASH, now_s=205, retry=NO_WAIT)
    assert len(store.reuse_results(study.id, now_s=230)) == 2
    claim = store.claim(study.id, worker="w", now_s=210, lease_s=60)
    assert claim is not None
    store.finish(claim.attempt_id, completed(5.5), now_s=220, retry=NO_WAIT)
    more = [
        NewTrial(design_id="p", design_json=first.design_json, suggested_by="promotion",
                 fidelity=Fidelity.PLACED, promotes=first.id),
        NewTrial(design_id="b", design_json='{"schema":1,"values":{"width":1}}',
                 suggested_by="vizier", belief=BELIEF),
    ]  # fmt: skip
    store.add_trials(study.id, more, context="here", budget=None, now_s=240)
    assert store.claim(study.id, worker="host/1.2", now_s=290, lease_s=1e9) is not None
    store.claim_notice("night", "stuck", key="k", text="t", worker="w", now_s=1, quiet_s=1)
    return store.study("night")


def copy(source: Store, target: Store, *, new: str = "night") -> None:
    target.take_study(source, "night", new=new, now_s=300, client="me")


def without_nul(text: str | None) -> str | None:
    return text and text.replace("\0", "\ufffd")  # a server's texts have none


def told(store: Store, name: str) -> dict[str, object]:
    study = store.study(name)
    details = [store.detail(study, n.trial.number) for n in store.results(study.id)]
    return {
        "study": (study.created_s, study.source_hash),
        "trials": [
            d.result.trial._replace(id=0, study_id=0, reused_from=None, promotes=None, state="")
            for d in details
        ],
        "promotes": [d.result.trial.promotes is not None for d in details],
        "states": [d.result.trial.state for d in details],
        "measured": [(d.measurement, d.result.metrics, d.belief) for d in details],
        "attempts": [
            [(a.number, a.worker, a.outcome, without_nul(a.what)) for a in d.attempts if a.ended_s]
            for d in details
        ],
        "contexts": [c for c in store.contexts_of(study.id) if c.key == "here"][:1],
    }


def test_a_copy_tells_what_the_study_tells_and_has_no_lease(
    store: Store, other_place: Place
) -> None:
    a_night(store)
    with Store(other_place) as target:
        new_trials(target, new_study(target, "older"), 3)  # whose keys are taken

        copy(store, target)

        here, there = told(store, "night"), told(target, "night")
        assert here.pop("states")[3] is TrialState.RUNNING  # type: ignore[index]
        assert there.pop("states")[3] is TrialState.WAITING  # type: ignore[index]
        for each in (here, there):  # results that were shared are its own there
            del each["contexts"]
        assert there == here
        copied = target.study("night")
        assert target.held_trials(copied.id, now_s=300) == ()
        assert target.detail(copied, 2).measurement == a_measurement(3e9)
        assert target.detail(copied, 2).result.reused_from is None
        assert target.context_facts("here") == {"tools": {"gcc": "14"}}
        assert [a.action for a in target.audits(study="night")] == ["copy", "notify"]
        # and it goes on there
        claim = target.claim(copied.id, worker="w", now_s=310, lease_s=60)
        assert claim is not None
        assert claim.trial.number == 4
        assert claim.trial.promotes == target.results(copied.id)[0].trial.id
        assert target.finish(claim.attempt_id, completed(), now_s=311, retry=NO_WAIT) is not None
        new_trials(target, copied, 1, first=50)


def test_a_copy_back_again_is_the_copy(store: Store, other_place: Place) -> None:
    a_night(store)
    with Store(other_place) as target:
        copy(store, target)
        once = told(target, "night")
        store.take_study(target, "night", new="again", now_s=301, client="me")

        assert told(store, "again") == once
        assert '"again"' in store.study("again").config_toml


def test_a_name_that_is_taken_is_refused_and_nothing_is_written(
    store: Store, other_place: Place
) -> None:
    a_night(store)
    with Store(other_place) as target:
        new_study(target, "night")
        before = content(other_place)

        with pytest.raises(ConfigError, match=r"a study 'night' already .*\n  fix: .*--as"):
            copy(store, target)
        with pytest.raises(NotFound, match="no study 'none'"):
            target.take_study(store, "none", new="none", now_s=300, client="me")
        assert content(other_place) == before


def test_a_study_that_cannot_be_read_is_not_copied(tmp_path: Path, other_place: Place) -> None:
    with Store(tmp_path / "bad.db") as store, Store(other_place) as target:
        a_night(store)
        with store._write() as db:
            db.exec_driver_sql("UPDATE metrics SET value = 'many' WHERE name = 'cycles'")
        before = content(other_place)

        with pytest.raises(Unreadable, match=r"'night' of .*bad.db cannot be read: metrics.value"):
            copy(store, target)
        assert content(other_place) == before


KILLED = """
import os, signal, sys
import dse.store.copying as copying
from dse.store import Reader, Store, parse_place

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

copying.write_audit = killed  # the last thing that it does
source, target = map(parse_place, sys.argv[1:])
Store(target).take_study(Reader(source), "night", new="night", now_s=300, client="me")
"""


def test_a_kill_in_the_middle_of_a_copy_leaves_nothing_of_it(
    store: Store, other_place: Place
) -> None:
    a_night(store)
    with open_at(other_place) as target:
        new_study(target, "older")
    before = content(other_place)

    command = [sys.executable, "-c", KILLED, str(store.place), str(other_place)]
    ended = subprocess.run(command, cwd=ROOT, check=False, env={**os.environ})

    assert ended.returncode == -signal.SIGKILL
    assert content(other_place) == before
