"""Reading less of a study gives the same answers about it, at once and as it goes on."""

from dataclasses import replace
from pathlib import Path

import pytest

from contracts.faults import ToolCrashed
from contracts.measurement import Measurement, outcome_of
from dse.dashboard.example import unpack
from dse.output.report import front_data, status_data
from dse.results.front import pareto_front
from dse.results.study_results import StudyResults, Wanted, study_columns, study_front
from dse.store import NewTrial, Reader, RetryPolicy, Store

FAULTS_ONLY = Wanted(metrics=frozenset(), records=False, designs=False, attempts="faults")
CRASH = outcome_of(ToolCrashed("yosys failed", fix="read its log"), Measurement(metrics=()))


def test_front_and_status_are_those_of_a_study_read_whole(tmp_path: Path) -> None:
    path = unpack(tmp_path / "results.db")
    with Reader(path) as reader:
        names = [summary.study.name for summary in reader.summaries()]
        for name in names:
            whole = study_columns(reader, name)
            columns, front = study_front(reader, name)
            config = columns.config
            measured = {r.trial.number: r.metrics for r in reader.results(whole.id)}
            wanted = pareto_front(whole)
            wanted = replace(
                wanted,
                points=tuple(
                    replace(p, metrics={**measured[p.trial.number], **p.metrics})
                    for p in wanted.points
                ),
            )
            assert front_data(front, config) == front_data(wanted, config)
            assert status_data(study_columns(reader, name, FAULTS_ONLY)) == status_data(whole)
    assert len(names) > 1


@pytest.mark.parametrize("wanted", [FAULTS_ONLY, Wanted()], ids=["faults", "everything"])
def test_a_fault_is_told_until_the_next_attempt_begins(tmp_path: Path, wanted: Wanted) -> None:
    with Store(unpack(tmp_path / "results.db")) as store:
        study = store.study("imgc")
        results = StudyResults("imgc", wanted)
        results.update(store)
        known = status_data(results.columns())["faults"]
        new = NewTrial(design_id="one", design_json="{}", suggested_by="random")
        (trial,) = store.add_trials(study.id, [new], context="c", budget=None, now_s=0)
        told = []
        for now_s in (2e9, 3e9):
            claim = store.claim(study.id, worker="a", now_s=now_s, lease_s=60)
            assert claim is not None
            results.update(store)
            told.append([f for f in status_data(results.columns())["faults"] if f not in known])
            retry = RetryPolicy(attempts=2, backoff_s=0)
            store.finish(claim.attempt_id, CRASH, now_s=now_s + 1, retry=retry)
            results.update(store)
            told.append([f for f in status_data(results.columns())["faults"] if f not in known])
    fault = {"trial": trial.number, "kind": "tool-crashed", "what": "yosys failed"}
    waiting, failed = {**fault, "state": "waiting"}, {**fault, "state": "failed"}
    assert told == [[], [waiting], [], [failed]]
