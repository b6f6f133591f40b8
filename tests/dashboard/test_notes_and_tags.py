"""Cancelling, notes, tags and archiving on the pages: what is written is shown and escaped."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dse.store import NewTrial, Reader, Remark, Store, TrialState
from dse.store.workers import worker_name
from tests.dashboard.conftest import Served
from tests.dashboard.http import Asking, acting, client

NASTY = '<script>alert(1)</script> "it\'s" & =1+1\nsecond line'


@pytest.fixture
def asking(database: Path) -> Asking:
    return acting(client(database))


def send(asking: Asking, path: str, **form: str) -> str:
    answer = asking.post(path, data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["done"])


def run_a_trial(database: Path, *, now_s: float) -> None:
    with Store(database) as store:
        study = store.study("imgc")
        new = NewTrial(design_id="d", design_json='{"schema":1,"values":{}}', suggested_by="x")
        store.add_trials(study.id, [new], context="here", budget=None, now_s=1.0)
        assert store.claim(study.id, worker="w", now_s=now_s, lease_s=60.0)


def test_a_trial_that_runs_is_cancelled_once(asking: Asking, database: Path) -> None:
    run_a_trial(database, now_s=1_800_000_000.0)
    path = "/studies/imgc/trials/49/cancel"
    assert f'action="{path}"' in asking.get("/studies/imgc").text
    assert f'action="{path}"' in asking.get("/studies/imgc/trials/49").text
    assert "which was running, is cancelled" in send(asking, path)
    with Reader(database) as reader:
        study = reader.study("imgc")
        assert reader.detail(study, 49).result.trial.state is TrialState.FAILED
        assert reader.audits(limit=1)[0].action == "cancel"
    again = asking.post(path, data={})
    assert (again.status_code, "is failed" in again.json()["error"]) == (400, True)
    assert asking.post("/studies/imgc/trials/99/cancel", data={}).status_code == 404
    assert "a person cancelled the trial while it ran" in asking.get("/studies/imgc/trials/49").text


def test_notes_and_tags_are_in_tables_and_files_and_filter_them(asking: Asking) -> None:
    send(asking, "/studies/imgc/remark", note=NASTY, tags="paper, board-7")
    send(asking, "/studies/imgc/trials/47/remark", note=NASTY, tags="candidate")
    send(asking, "/studies/imgc/trials/3/remark", note="", tags="candidate slow")
    for page in ("/", "/studies/imgc", "/studies/imgc/trials/47", "/studies/imgc/parts/trials"):
        text = asking.get(page).text
        assert "<script>alert" not in text, page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text, page
    assert "imgc" not in asking.get("/?tag=nosuch").text
    assert 'href="/studies/imgc"' in asking.get("/?tag=paper").text
    assert 'href="/studies/table"' not in asking.get("/?tag=paper").text

    page = asking.get("/studies/imgc?tag=candidate&sort=number").text
    assert "tagged candidate" in page
    numbers = page.split('id="part-trials"')[1].split('data-trial="')[1:]
    assert [rest.partition('"')[0] for rest in numbers] == ["3", "47"]
    rows = list(csv.DictReader(io.StringIO(asking.get("/studies/imgc/trials.csv?tag=slow").text)))
    assert [(row["trial"], row["tags"]) for row in rows] == [("3", "candidate slow")]
    found = asking.get("/api/studies/imgc/trials?tag=candidate").json()["trials"]
    assert [(row["trial"], row["note"]) for row in found] == [(3, None), (47, NASTY)]
    columns = asking.get("/api/studies/imgc/columns").json()
    assert columns["tags"] == {"3": ["candidate", "slow"], "47": ["candidate"]}
    listed = asking.get("/api/studies?tag=paper").json()
    assert [(study["study"], study["note"]) for study in listed] == [("imgc", NASTY)]
    assert asking.get("/api/studies/imgc").json()["tags"] == ["board-7", "paper"]

    send(asking, "/studies/imgc/trials/3/remark", note=" ", tags="")
    assert asking.get("/api/studies/imgc/trials?tag=slow").json()["trials"] == []


@pytest.mark.parametrize(
    "form", [{"note": "\x1b[2J"}, {"note": "x" * 2001}, {"tags": "<b>"}, {"note": "\u2066"}]
)
def test_what_is_no_note_or_tag_is_refused_with_the_reason(
    asking: Asking, database: Path, form: dict[str, str]
) -> None:
    for path in ("/studies/imgc/remark", "/studies/imgc/trials/47/remark"):
        answer = asking.post(path, data=form)
        assert answer.status_code == 400
        assert answer.json()["fix"]
        assert "\x1b" not in answer.text
    with Reader(database) as reader:
        assert reader.study("imgc").remark == Remark()


@pytest.mark.parametrize(
    "path", ["remark", "archive", "unarchive", "trials/47/remark", "trials/47/cancel"]
)
def test_nothing_is_written_without_the_token(database: Path, path: str) -> None:
    reading = client(database)
    reading.get("/")
    before = database.read_bytes()
    assert reading.post(f"/studies/imgc/{path}", data={"note": "x"}).status_code == 403
    assert database.read_bytes() == before


def test_an_archived_study_is_not_on_the_first_page_until_asked_for(
    asking: Asking, database: Path
) -> None:
    send(asking, "/studies/table/archive")
    assert 'href="/studies/table"' not in asking.get("/").text
    assert 'href="/studies/table"' in asking.get("/?archived=yes").text
    assert "table" not in [study["study"] for study in asking.get("/api/studies").json()]
    assert "table" in [study["study"] for study in asking.get("/api/studies?archived=true").json()]
    assert "Archived" in asking.get("/studies/table").text
    with Store(database) as store:
        store.enter("table", worker=worker_name(), now_s=1_800_000_000.0)
    assert 'href="/studies/table"' in asking.get("/").text, "who works on it brings it back"
    refused = asking.post("/studies/table/archive", data={})
    assert (refused.status_code, "cannot be archived" in refused.text) == (400, True)


def test_a_remark_reaches_who_looks_on_and_is_not_read_as_a_result_again(database: Path) -> None:
    from dse.results.study_results import StudyResults

    with Store(database) as store:
        results = StudyResults("imgc")
        results.update(store)
        before = results.columns()
        study = store.study("imgc")
        store.remark(study.id, 47, lambda _: Remark(tags=("a",)))
        update = results.update(store)
        after = results.columns()
        assert len(update.positions) == 0
        changed = after.numbers[after.changed > before.revision].tolist()
        assert (changed, after.remark_of(46).tags) == ([47], ("a",))
        results.update(store)
        assert results.columns() is after


def test_a_note_is_written_on_a_phone_and_a_tag_filters_the_chart(
    serve: Callable[[Path], Served], database: Path, page: Page, drawn: Callable[[Page], None]
) -> None:
    served = serve(database)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(served.acting_url)
    page.goto(f"{served.url}/studies/imgc/trials/47")
    page.locator(".remarking summary").click()
    page.get_by_label("Note on trial 47").fill("to be flashed " + "x" * 90)
    page.get_by_label("Tags of trial 47").fill("candidate")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#done")).to_contain_text("note and tags are written")
    expect(page.locator(".title .remark")).to_contain_text("to be flashed")
    page.goto(f"{served.url}/studies/imgc?show=completed")
    drawn(page)
    page.locator(".ranges summary").click()
    page.locator("#selection select[name=tag]").select_option("candidate")
    expect(page.locator("#chosen")).to_contain_text("tagged candidate; only completed 1 trials")
    expect(page.locator("#part-trials tbody tr")).to_have_count(1)
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wide <= 0, "nothing is wider than the screen"
    assert "tag=candidate" in page.url
    with Reader(database) as reader:
        detail = json.dumps(reader.audits(limit=1)[0].detail)
    assert detail == '{"trial": 47}'
