"""What a dashboard refuses, and what it tells a browser to refuse."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from dse.output.export import export
from dse.results.study_results import study_columns
from dse.store import Store
from tests.dashboard.conftest import TOKEN
from tests.dashboard.http import HOST, acting, client

FORMULA = ("=", "+", "@", "\t", "\r")


def test_a_foreign_host_name_is_refused(example: Path) -> None:
    asking = client(example)
    assert asking.get("/").status_code == 200
    assert asking.get("/", headers={"host": "localhost:8642"}).status_code == 200
    assert asking.get("/", headers={"host": "[::1]:8642"}).status_code == 200
    for name in ("evil.example", "evil.example:8642", "127.0.0.1.evil.example", "", "[::1"):
        answer = asking.get("/", headers={"host": name})
        assert answer.status_code == 421, name
        assert "open it by its address or as localhost" in answer.text


def test_reading_is_free_on_loopback_and_needs_the_token_elsewhere(example: Path) -> None:
    assert client(example).get("/studies/imgc").status_code == 200
    outside = client(example, host="192.0.2.7")
    for path in ("/", "/studies/imgc", "/api/studies", "/studies/imgc/events", "/static/x/app.js"):
        refused = outside.get(path)
        assert refused.status_code == 401, path
        assert "imgc" not in refused.text
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert outside.get("/api/studies", headers=bearer).status_code == 200
    assert outside.get("/", headers={"authorization": "Bearer guess"}).status_code == 401
    assert acting(outside).get("/studies/imgc").status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.7"])
def test_the_token_is_in_no_cookie_which_every_port_of_the_host_gets(
    example: Path, host: str
) -> None:
    asking = client(example, host=host)
    answer = asking.get("/studies/imgc", params={"x": "lut4", "token": TOKEN})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/studies/imgc?x=lut4#token={TOKEN}"
    assert asking.get("/studies/imgc").status_code == 200
    assert TOKEN not in asking.get("/studies/imgc").text
    is_loopback = host == "127.0.0.1"
    assert ("set-cookie" not in answer.headers) == is_loopback
    if not is_loopback:
        cookie = answer.headers["set-cookie"]
        assert TOKEN not in cookie
        assert "httponly" in cookie.lower()
        assert "samesite=strict" in cookie.lower()
    # who has all cookies of this browser can read, and do nothing
    assert asking.post("/studies/imgc/stop", data={}).status_code == 403
    for cookie in asking.cookies.values():
        bearer = {"authorization": f"Bearer {cookie}"}
        assert asking.post("/studies/imgc/stop", data={}, headers=bearer).status_code == 403
    wrong = client(example, host=host).get("/", params={"token": "guess"})
    assert wrong.status_code == 403
    assert "set-cookie" not in wrong.headers


def test_the_token_leads_to_no_other_site(example: Path) -> None:
    answer = client(example).get("//evil.example/", params={"token": TOKEN})
    assert re.match(r"/[^/]", answer.headers["location"])


@pytest.mark.parametrize(
    "path", ["/", "/studies/imgc", "/api/studies", "/studies/none", "/nothing"]
)
def test_every_answer_has_the_headers(example: Path, path: str) -> None:
    headers = client(example).get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_acting_needs_the_token(database: Path) -> None:
    asking = client(database)
    answer = asking.post("/studies/imgc/stop", data={})
    assert answer.status_code == 403
    assert "needs the token" in answer.text
    with Store(database) as store:
        assert store.study("imgc").stop_requested_s is None
        assert store.audits() == ()


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site", "origin": f"http://{HOST}"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
    ],
)
def test_a_page_of_another_site_cannot_act(database: Path, headers: dict[str, str]) -> None:
    asking = acting(client(database))
    assert asking.post("/studies/imgc/stop", data={}, headers=headers).status_code == 403
    ours = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}
    assert asking.post("/studies/imgc/stop", data={}, headers=ours).status_code == 200


def test_a_form_alone_does_nothing_whatever_it_holds(database: Path) -> None:
    asking = client(database)
    for form in ({}, {"token": TOKEN}, {"form_token": TOKEN}):
        assert asking.post("/studies/imgc/stop", data=form).status_code == 403
    bearer = {"authorization": "Bearer guess"}
    assert asking.post("/studies/imgc/stop", data={}, headers=bearer).status_code == 403


def artefact(database: Path, cache: Path, stage: str = "firmware") -> Path:
    """Put the artefact of a stage of trial 47 into a cache."""
    with Store(database) as store:
        key = store.detail(store.study("imgc"), 47).measurement.artefacts[stage]
    folder = cache / stage / key
    folder.mkdir(parents=True)
    (folder / "firmware.bin").write_bytes(b"\x13\x00")
    (folder / "inner").mkdir()
    (folder / "inner" / "build.log").write_text("<script>alert(1)</script>")
    (cache / "secret.txt").write_text("secret")
    return folder


def test_artefacts_are_downloaded_by_stage_and_name_only(database: Path, tmp_path: Path) -> None:
    folder = artefact(database, tmp_path)
    (folder / "outside").symlink_to(tmp_path / "secret.txt")
    asking = client(database, cache=tmp_path)
    base = "/studies/imgc/trials/47/artefacts"
    assert asking.get(f"{base}/firmware/firmware.bin").content == b"\x13\x00"
    log = asking.get(f"{base}/firmware/inner/build.log")
    assert log.headers["content-type"].startswith("text/plain")
    assert log.headers["x-content-type-options"] == "nosniff"
    image = asking.get(f"{base}/firmware/firmware.bin")
    assert image.headers["content-type"] == "application/octet-stream"
    assert image.headers["content-disposition"].startswith("attachment")
    for name in (
        "firmware/../../secret.txt", "firmware/..%2f..%2fsecret.txt", "firmware/%2e%2e/secret.txt",
        "firmware//etc/passwd", "firmware/outside", "..%2fsecret.txt/x", "firmware/inner",
        "firmware/%00", "%2fetc/passwd",
    ):  # fmt: skip
        answer = asking.get(f"{base}/{name}")
        assert answer.status_code in (400, 404), name
        assert "secret" not in answer.text.replace("secret.txt", "")
        assert "root:" not in answer.text


@pytest.mark.parametrize("linked", ["entry", "stage"])
def test_an_entry_of_the_cache_that_is_a_link_is_not_followed(
    database: Path, tmp_path: Path, linked: str
) -> None:
    folder = artefact(database, tmp_path)
    asking = client(database, cache=tmp_path)
    path = "/studies/imgc/trials/47/artefacts/firmware/firmware.bin"
    assert asking.get(path).status_code == 200
    moved = tmp_path / "elsewhere"
    link = folder if linked == "entry" else folder.parent
    link.rename(moved)
    link.symlink_to(moved)
    assert asking.get(path).status_code == 404
    page = asking.get("/studies/imgc/trials/47").text
    assert "firmware.bin" not in page


def test_an_artefact_that_is_gone_says_so(database: Path, tmp_path: Path) -> None:
    asking = client(database, cache=tmp_path)
    answer = asking.get("/studies/imgc/trials/47/artefacts/firmware/firmware.bin")
    assert answer.status_code == 404
    assert "is gone from the cache" in answer.text


@pytest.mark.parametrize("name", ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "/etc/passwd", "no"])
def test_static_files_are_those_of_the_folder(example: Path, name: str) -> None:
    assert client(example).get(f"/static/any/{name}").status_code == 404


def test_text_from_the_database_is_never_a_script_or_a_formula(database: Path) -> None:
    from contracts.faults import DoesNotFit
    from contracts.measurement import Measurement, outcome_of
    from dse.store import NewTrial, RetryPolicy

    nasty = "<script>alert(1)</script>"
    with Store(database) as store:
        study = store.study("imgc")
        values = {"cfu": "=1+1", "@SUM(A1)": "x", "<img src=x onerror=alert(1)>": '"<b>'}
        text = json.dumps({"schema": 1, "values": values}, separators=(",", ":"))
        new = NewTrial(design_id="d", design_json=text, suggested_by=nasty)
        store.add_trials(study.id, [new], context="", budget=None, now_s=1.0)
        claim = store.claim(study.id, worker=nasty, now_s=2.0, lease_s=1.0)
        assert claim is not None
        fault = outcome_of(DoesNotFit(nasty, fix=nasty, detail=nasty), Measurement(metrics=()))
        store.finish(claim.attempt_id, fault, now_s=3.0, retry=RetryPolicy())
    asking = client(database)
    pages = (
        "",
        "/report?hours=999999",
        "/trials/49",
        "/compare?trials=49,47",
        "/faults.svg",
        "/effects.svg",
        "/front.svg",
    )
    for path in pages:
        page = asking.get(f"/studies/imgc{path}").text
        assert "<script>alert" not in page, path
        assert "<img" not in page.replace('<img class="still"', ""), path
    for table in ("trials.csv", "front.csv", "faults.csv", "effects.csv"):
        rows = csv.reader(io.StringIO(asking.get(f"/studies/imgc/{table}").text))
        assert not [cell for row in rows for cell in row if cell.startswith(FORMULA)], table
    assert "'=1+1" in asking.get("/studies/imgc/trials.csv").text
    exported = database.with_suffix(".csv")
    with Store(database) as store:
        export(study_columns(store, "imgc"), exported)
    cells = [cell for row in csv.reader(io.StringIO(exported.read_text())) for cell in row]
    assert "'=1+1" in cells
    assert "'@SUM(A1)" in cells
    assert not [cell for cell in cells if cell.startswith(FORMULA)]
    odd = asking.get("/studies/imgc", params={"x": nasty})
    assert odd.status_code == 400
    assert "<script>alert" not in odd.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_api_only_reads(database: Path, method: str) -> None:
    asking = acting(client(database))
    assert asking.request(method, "/api/studies").status_code == 405
    assert asking.request(method, "/api/studies/imgc").status_code == 405
