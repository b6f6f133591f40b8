"""What a person with the token can do, and that it is written down."""

import json
import os
import sys
import time
from pathlib import Path
from unittest import mock

import pytest

from contracts.faults import ToolCrashed
from contracts.measurement import Measurement, outcome_of
from dse.dashboard.pages.processes import Processes
from dse.store import AuditRecord, NewTrial, RetryPolicy, Store, TrialState
from tests.dashboard.http import Asking, acting, client


class Resumed:
    def __init__(self) -> None:
        self.studies: list[str] = []

    def __call__(self, study: str) -> str:
        self.studies.append(study)
        return "process 1 was started, its log is x.log"


@pytest.fixture
def resumed() -> Resumed:
    return Resumed()


@pytest.fixture
def asking(database: Path, resumed: Resumed) -> Asking:
    return acting(client(database, resume=resumed))


def send(asking: Asking, path: str, **form: str) -> str:
    answer = asking.post(path, data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["done"])


def last_audit(database: Path) -> AuditRecord:
    with Store(database) as store:
        return store.audits(limit=1)[0]


def fail_a_trial(database: Path) -> None:
    with Store(database) as store:
        study = store.study("imgc")
        new = NewTrial(design_id="d", design_json='{"schema":1,"values":{}}', suggested_by="x")
        store.add_trials(study.id, [new], context="here", budget=None, now_s=1.0)
        claim = store.claim(study.id, worker="w", now_s=2.0, lease_s=9.0)
        assert claim is not None
        fault = outcome_of(ToolCrashed("no", fix="no"), Measurement(metrics=()))
        store.finish(claim.attempt_id, fault, now_s=3.0, retry=RetryPolicy(attempts=1))


def state_of(database: Path, number: int) -> TrialState:
    with Store(database) as store:
        return store.detail(store.study("imgc"), number).result.trial.state


def test_resume_queues_failed_trials_and_starts_a_process(
    asking: Asking, database: Path, resumed: Resumed
) -> None:
    fail_a_trial(database)
    assert state_of(database, 49) is TrialState.FAILED
    assert send(asking, "/studies/imgc/stop")
    said = send(asking, "/studies/imgc/resume")
    assert said == "1 failed trial queued again; process 1 was started, its log is x.log"
    assert state_of(database, 49) is TrialState.WAITING
    assert resumed.studies == ["imgc"]
    with Store(database) as store:
        assert store.study("imgc").stop_requested_s is None
    entry = last_audit(database)
    assert (entry.action, entry.study, entry.client) == ("resume", "imgc", "127.0.0.1")
    assert entry.outcome == f"done: {said}"


def test_resume_leaves_the_work_to_a_process_that_is_at_it(
    asking: Asking, database: Path, resumed: Resumed
) -> None:
    fail_a_trial(database)
    with Store(database) as store:
        study = store.study("imgc")
        new = NewTrial(design_id="e", design_json='{"schema":1,"values":{}}', suggested_by="x")
        store.add_trials(study.id, [new], context="here", budget=None, now_s=1.0)
        assert store.claim(study.id, worker="w", now_s=1_800_000_000.0, lease_s=60.0)
    send(asking, "/studies/imgc/resume")
    assert resumed.studies == []
    assert "a running process goes on" in last_audit(database).outcome


def test_stop_asks_for_no_further_trial(asking: Asking, database: Path) -> None:
    send(asking, "/studies/imgc/stop")
    with Store(database) as store:
        assert store.is_stop_requested(store.study("imgc").id)
    assert "Paused as somebody asked" in asking.get("/studies/imgc").text


def design_form(database: Path, number: int, **changes: str) -> dict[str, str]:
    with Store(database) as store:
        design = store.detail(store.study("imgc"), number).result.trial.design
    design = {**design, "branch_stage": "memory", "relaxed_fetch": False}  # which came later
    texts = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in design.items()}
    return {f"design-{name}": text for name, text in (texts | changes).items()}


def test_an_edited_design_is_queued_outside_the_budget(
    asking: Asking, database: Path, resumed: Resumed
) -> None:
    page = asking.get("/studies/imgc/queue?like=47").text
    assert 'name="design-simd_width"' in page
    send(
        asking,
        "/studies/imgc/queue",
        **design_form(database, 47, simd_width="8", channelwise="false"),
    )
    with Store(database) as store:
        trial = store.detail(store.study("imgc"), 49).result.trial
    assert trial.design["simd_width"] == 8
    assert trial.suggested_by == "hand"
    assert trial.state is TrialState.WAITING
    assert resumed.studies == []
    assert "simd_width=8" in json.dumps(last_audit(database).detail)
    send(
        asking,
        "/studies/imgc/queue",
        start="yes",
        **design_form(database, 47, simd_width="4", channelwise="false"),
    )
    assert resumed.studies == ["imgc"]


def test_values_of_parameters_that_do_not_exist_are_dropped(asking: Asking, database: Path) -> None:
    send(asking, "/studies/imgc/queue", **design_form(database, 47, cfu="none"))
    with Store(database) as store:
        design = store.detail(store.study("imgc"), 49).result.trial.design
    assert "simd_width" not in design


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"simd_width": "16", "buffer_depth": "0", "channelwise": "false"},
            "two 32-bit registers hold four int8 products",
        ),
        ({"simd_width": "99"}, "simd_width"),
    ],
)
def test_what_is_no_design_is_refused_with_the_reason(
    asking: Asking, database: Path, changes: dict[str, str], message: str
) -> None:
    form = design_form(database, 47, **changes)
    answer = asking.post("/studies/imgc/queue", data=form)
    assert answer.status_code == 400
    assert answer.json()["fix"]
    assert message in answer.text
    with Store(database) as store:
        assert len(store.results(store.study("imgc").id)) == 48


def test_the_audit_page_shows_what_was_done(asking: Asking) -> None:
    assert "Nobody has acted" in asking.get("/audit").text
    send(asking, "/studies/imgc/stop")
    page = asking.get("/audit").text
    assert "no further trial is started" in page
    assert "127.0.0.1" in page


def test_a_study_that_is_not_there_cannot_be_acted_on(asking: Asking) -> None:
    answer = asking.post("/studies/none/stop", data={})
    assert answer.status_code == 404


def test_a_resumed_study_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho log\necho "$@" $$ > {tmp_path}/said; sleep 30\n')
    program.chmod(0o755)
    processes = Processes(tmp_path / "results.db")
    with mock.patch.object(sys, "executable", str(program)):
        first = processes.resume("imgc")
        again = processes.resume("imgc")
    assert "was started" in first
    assert "is at it already" in again
    said = tmp_path / "said"
    deadline_s = time.monotonic() + 60
    while not (said.exists() and said.read_text().strip()) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    *words, pid = said.read_text().split()
    try:
        assert words == f"-m dse.study resume imgc --db {tmp_path}/results.db".split()
        assert os.getsid(int(pid)) == int(pid)  # a session of its own: Ctrl-C does not reach it
        assert (tmp_path / "results.db.imgc.log").read_text() == "log\n"
    finally:
        os.killpg(int(pid), 9)
        processes.started["imgc"].wait()
