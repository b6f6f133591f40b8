"""What a page says of a study is so: who works on it, what waits, what looking leaves behind."""

import itertools
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dse.store import BY_HAND, NewTrial, Store, TrialState
from dse.store.workers import worker_name
from tests.dashboard.conftest import Served
from tests.dashboard.http import Asking, acting, client

Serve = Callable[[Path], Served]
OLD = Path(__file__).parents[1] / "store" / "assets"
NOTHING_WORKS = "Nothing works on it now"


@pytest.fixture
def worker() -> "Iterator[subprocess.Popen[bytes]]":
    """A process of this machine that can be killed."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def claim_a_trial(database: Path, worker: str, *, now_s: float) -> None:
    with Store(database) as store:
        study = store.study("imgc")
        new = NewTrial(design_id="e", design_json='{"schema":1,"values":{}}', suggested_by="x")
        store.add_trials(study.id, [new], context="here", budget=None, now_s=now_s - 1)
        assert store.claim(study.id, worker=worker, now_s=now_s, lease_s=42.0)


def state_of(database: Path, number: int) -> TrialState:
    with Store(database) as store:
        return store.detail(store.study("imgc"), number).result.trial.state


def said(asking: Asking, path: str, **form: str) -> str:
    answer = asking.post(path, data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["done"])


def test_who_died_holds_nothing_and_resume_works_at_once(
    database: Path, worker: "subprocess.Popen[bytes]"
) -> None:
    resumed: list[str] = []
    asking = acting(client(database, resume=lambda study: resumed.append(study) or "started"))  # type: ignore[func-returns-value]
    claim_a_trial(database, worker_name(worker.pid), now_s=1_800_000_000.0)
    page = asking.get("/studies/imgc").text
    assert NOTHING_WORKS not in page
    assert "Its process died" not in asking.get("/studies/imgc/trials/49").text
    assert ">Resume</button>" not in page
    assert said(asking, "/studies/imgc/resume") == "a running process goes on"
    assert resumed == []
    worker.kill()
    worker.wait()
    page = asking.get("/studies/imgc").text
    assert NOTHING_WORKS in page
    assert "What runs now" not in page
    assert "Its process died" in asking.get("/studies/imgc/trials/49").text
    assert said(asking, "/studies/imgc/resume") == "started"
    assert resumed == ["imgc"]


@pytest.mark.slow
def test_an_open_page_shows_within_seconds_that_the_process_died(
    database: Path, serve: Serve, page: Page, worker: "subprocess.Popen[bytes]"
) -> None:
    claim_a_trial(database, worker_name(worker.pid), now_s=time.time())
    page.goto(f"{serve(database).url}/studies/imgc")
    expect(page.locator("#live")).to_have_text("live")
    expect(page.locator(".running tbody tr")).to_have_count(1)
    worker.kill()
    worker.wait()
    expect(page.locator("#part-progress")).to_contain_text(NOTHING_WORKS, timeout=15_000)
    expect(page.locator(".running")).to_have_count(0)


def test_a_process_that_dies_between_page_and_events_is_told_too(
    database: Path, serve: Serve, worker: "subprocess.Popen[bytes]"
) -> None:
    claim_a_trial(database, worker_name(worker.pid), now_s=time.time())
    worker.kill()
    worker.wait()
    url = f"{serve(database).url}/studies/imgc/events"
    with urllib.request.urlopen(url, timeout=30) as events:
        told = list(itertools.islice((line for line in events if line.startswith(b"event:")), 2))
    assert told == [b"event: reload\n", b"event: progress\n"]


def test_a_process_that_only_thinks_needs_no_other_beside_it(
    database: Path, worker: "subprocess.Popen[bytes]"
) -> None:
    resumed: list[str] = []
    asking = acting(client(database, resume=lambda study: resumed.append(study) or "started"))  # type: ignore[func-returns-value]
    with Store(database) as store:
        store.enter("imgc", worker=worker_name(worker.pid), now_s=1.0)
    page = asking.get("/studies/imgc").text
    assert "the search thinks" in page
    assert ">Resume</button>" not in page
    assert ">Resume</button>" in asking.get("/studies/table").text
    assert said(asking, "/studies/imgc/resume") == "a running process goes on"
    assert resumed == []
    with Store(database) as store:
        store.leave("imgc", worker=worker_name(worker.pid))
    assert ">Resume</button>" in asking.get("/studies/imgc").text
    with Store(database) as store:
        assert "work" not in [entry.action for entry in store.audits()]


def test_a_design_that_is_there_says_where_and_one_that_waits_can_be_taken_back(
    database: Path,
) -> None:
    asking = acting(client(database))
    with Store(database) as store:
        design = store.detail(store.study("imgc"), 47).result.trial.design
    texts = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in design.items()}
    form = {f"design-{name}": text for name, text in texts.items()}
    path = "/studies/imgc/queue"
    form |= {"design-simd_width": "8", "design-channelwise": "false"}  # the latter came later,
    form |= {"design-branch_stage": "memory", "design-relaxed_fetch": "false"}  # as did these
    assert said(asking, path, **form).startswith("queued as trial 49")
    assert said(asking, path, **form).endswith("trial 49 has this design already, it is waiting")

    assert "was taken back" in said(asking, "/studies/imgc/trials/49/withdraw")
    assert state_of(database, 49) is TrialState.FAILED
    again = asking.post("/studies/imgc/trials/49/withdraw", data={})
    assert (again.status_code, "is failed" in again.json()["error"]) == (400, True)
    assert asking.post("/studies/imgc/trials/999/withdraw", data={}).status_code == 404
    said(asking, "/studies/imgc/resume")
    assert state_of(database, 49) is TrialState.FAILED, "resume does not bring it back"
    with Store(database) as store:
        assert store.count_failed(store.study("imgc").id) == 0
    assert "which was taken back, is queued again" in said(asking, path, **form)
    assert state_of(database, 49) is TrialState.WAITING


def test_a_trial_that_runs_is_not_taken_back(database: Path) -> None:
    claim_a_trial(database, "w", now_s=1_800_000_000.0)
    answer = acting(client(database)).post("/studies/imgc/trials/49/withdraw", data={})
    assert answer.status_code == 400
    assert "is running" in answer.json()["error"]
    assert state_of(database, 49) is TrialState.RUNNING


def test_designs_by_hand_are_beside_the_budget(database: Path) -> None:
    asking = acting(client(database))
    assert "<b>48</b><span>of 48 trials" in asking.get("/studies/imgc").text
    with Store(database) as store:
        new = NewTrial(design_id="e", design_json="{}", suggested_by=BY_HAND)
        store.add_trials(store.study("imgc").id, [new], context="", budget=48, now_s=1.0)
    assert "<b>48</b><span>of 49 trials" in asking.get("/studies/imgc").text


@pytest.mark.parametrize("version", ["0001", "0005"])
def test_looking_changes_no_byte_and_leaves_no_file(
    example: Path, tmp_path: Path, version: str
) -> None:
    folder = tmp_path / "colleague"
    folder.mkdir()
    shared = folder / "results.db"
    shutil.copy(OLD / f"schema_{version}.sqlite3", shared)
    with Store(example) as store, closing(sqlite3.connect(shared)) as db, db:
        config = store.study("imgc").config_json
        db.execute("UPDATE studies SET name = 'imgc', config_json = ?", (config,))
    before = shared.read_bytes()
    asking = client(shared)
    for path in ("", "/queue", "/report", "/trials/1", "/trials.csv", "/parts/progress"):
        assert asking.get(f"/studies/imgc{path}").status_code == 200, path
    for path in ("/", "/audit", "/api/studies"):
        assert asking.get(path).status_code == 200, path
    for connection in asking.app.state.connections:
        connection.close()
    assert shared.read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["results.db"]
    shared.unlink()
    assert client(shared).get("/").status_code == 503
    assert list(folder.iterdir()) == []


def test_a_link_to_a_database_is_live_as_the_file_is(
    database: Path, serve: Serve, page: Page, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    link = folder / "link.db"
    link.symlink_to(database)
    page.goto(f"{serve(link).url}/studies/imgc")
    expect(page.locator("#live")).to_have_text("live")
    claim_a_trial(database, "w", now_s=time.time())
    expect(page.locator(".running tbody th")).to_have_text(
        "49", timeout=8_000
    )  # looks come every 10 s
