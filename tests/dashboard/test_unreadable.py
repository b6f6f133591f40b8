"""A database of somebody else: one study that cannot be read is named, and spoils no other page."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands.here import Ended, call_here
from tests.dashboard.http import client

BAD, GOOD = "table", "imgc"
OF_STUDY = f"WHERE name = '{BAD}'"
OF_TRIAL = f"WHERE study_id = (SELECT id FROM studies {OF_STUDY}) AND number = 3"
OF_RESULT = f"WHERE trial_id = (SELECT id FROM trials {OF_TRIAL})"
IN_THE_STUDY = {
    "a key of a newer version": f"UPDATE studies SET config_json = json_set(config_json, '$.later', 1) {OF_STUDY}",  # noqa: E501
    "a config that is no JSON": f"UPDATE studies SET config_json = '{{' {OF_STUDY}",
    "a config that is a list": f"UPDATE studies SET config_json = '[]' {OF_STUDY}",
    "a config without a section": f"UPDATE studies SET config_json = json_set(config_json, '$.study', json('null')) {OF_STUDY}",  # noqa: E501
    "a config of bytes": f"UPDATE studies SET config_json = x'ff00' {OF_STUDY}",
    "a config as deep as a well": f"UPDATE studies SET config_json = replace(hex(zeroblob(100000)), '0', '[') {OF_STUDY}",  # noqa: E501
    "a date that is a text": f"UPDATE studies SET created_s = 'x' {OF_STUDY}",
    "a date that no calendar has": f"UPDATE studies SET created_s = 1e300 {OF_STUDY}",
    "a design that is no JSON": f"UPDATE trials SET design_json = '{{' {OF_TRIAL}",
    "a design that is a list": f"UPDATE trials SET design_json = '[1]' {OF_TRIAL}",
    "a design of lists": f"UPDATE trials SET design_json = '{{\"lanes\":[1]}}' {OF_TRIAL}",
    "a value that is a text": f"UPDATE metrics SET value = 'many' {OF_RESULT}",
    "an unknown fidelity": f"UPDATE metrics SET fidelity = 'dreamt' {OF_RESULT}",
    "an unknown state": f"UPDATE trials SET state = 'dreaming' {OF_TRIAL}",
    "a count that is a text": f"UPDATE trials SET failures = 'x' {OF_TRIAL}",
    "an end that is a text": f"UPDATE trials SET ended_s = 'x' {OF_TRIAL}",
}
IN_ONE_TRIAL = {
    "cycles that are a text": f"UPDATE layers SET cycles = 'x' {OF_RESULT}",
    "a shape that is no JSON": f"UPDATE layers SET output_shape = 'x' {OF_RESULT}",
    "a time of bytes": "UPDATE stage_times SET wall_s = x'00' WHERE attempt_id IN"
    f" (SELECT id FROM attempts {OF_RESULT})",
}


def damaged(database: Path, statement: str) -> Path:
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("PRAGMA ignore_check_constraints = 1")
        assert db.execute(statement).rowcount > 0
    return database


@pytest.mark.parametrize("damage", IN_THE_STUDY)
def test_a_study_that_cannot_be_read_is_named_and_spoils_no_other(
    database: Path, damage: str
) -> None:
    asking = client(damaged(database, IN_THE_STUDY[damage]))
    assert asking.get("/").status_code == 200
    assert BAD in asking.get("/").text
    assert asking.get("/api/studies").status_code == 200
    for path in (f"/studies/{BAD}", f"/studies/{BAD}/trials/3"):
        page = asking.get(path)
        assert page.status_code == 500
        assert f"study &#39;{BAD}&#39; of " in page.text
        assert "cannot be read" in page.text
        assert "content-security-policy" in page.headers
    answer = asking.get(f"/api/studies/{BAD}/trials/3")
    assert answer.status_code == 500
    assert answer.json()["error"].startswith(f"study '{BAD}' of ")
    for path in (f"/studies/{GOOD}", f"/studies/{GOOD}/trials/3", f"/studies/{GOOD}/effects.svg"):
        assert asking.get(path).status_code == 200, path


@pytest.mark.parametrize("damage", IN_ONE_TRIAL)
def test_a_trial_that_cannot_be_read_spoils_no_other(database: Path, damage: str) -> None:
    asking = client(damaged(database, IN_ONE_TRIAL[damage]))
    answer = asking.get(f"/api/studies/{BAD}/trials/3")
    assert answer.status_code == 500
    assert f"study '{BAD}' of " in answer.json()["error"]
    for path in ("/", f"/studies/{BAD}", f"/studies/{BAD}/trials/4", f"/studies/{GOOD}"):
        assert asking.get(path).status_code == 200, path


def test_a_night_that_cannot_be_read_is_said_to_be_that(database: Path) -> None:
    asking = client(damaged(database, IN_ONE_TRIAL["a time of bytes"]))
    assert "Not drawn: study" in asking.get(f"/studies/{BAD}").text
    for kind in ("csv", "svg"):
        assert asking.get(f"/studies/{BAD}/timeline.{kind}").status_code == 500


@pytest.mark.parametrize("damage", ["a key of a newer version", "a date that is a text"])
def test_the_list_of_studies_says_which_one_cannot_be_read(database: Path, damage: str) -> None:
    page = client(damaged(database, IN_THE_STUDY[damage])).get("/").text
    assert page.count("cannot be read") == 1
    assert f"/studies/{GOOD}" in page


@pytest.mark.parametrize("damage", [*IN_THE_STUDY, *IN_ONE_TRIAL])
def test_commands_name_the_study_and_read_the_others(database: Path, damage: str) -> None:
    def run(*words: str) -> Ended:
        return call_here(*words, "--db", database)

    damaged(database, (IN_THE_STUDY | IN_ONE_TRIAL)[damage])
    bad = run("show", BAD, "3")
    assert (bad.returncode, bad.stdout) == (4, "")
    assert bad.stderr.startswith(f"error: study '{BAD}' of ")
    for words in (("list",), ("front", GOOD), ("status", GOOD), ("show", GOOD, "3")):
        assert run(*words).returncode == 0, words


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("trials/²", 400),
        ("trials/1.5", 400),
        ("trials/-1", 404),
        ("trials/0", 404),
        (f"trials/{1 << 63}", 404),
        (f"trials/{10**30}", 404),
        ("trials/" + "9" * 5000, 400),
    ],
)
def test_a_number_that_no_trial_has_is_an_error_in_words(
    example: Path, path: str, status: int
) -> None:
    asking = client(example)
    answer, page = asking.get(f"/api/studies/{GOOD}/{path}"), asking.get(f"/studies/{GOOD}/{path}")
    assert (answer.status_code, page.status_code) == (status, status)
    assert answer.json().keys() == {"error", "fix"}
    assert "content-security-policy" in page.headers


@pytest.mark.parametrize("query", ["compare?trials=²,1", "compare?trials=1&trials=" + "9" * 40])
def test_a_comparison_of_what_is_no_trial_is_refused(example: Path, query: str) -> None:
    assert client(example).get(f"/studies/{GOOD}/{query}").status_code == 404


@pytest.mark.parametrize("page", ["²", "9" * 40, "-1", "x"])
def test_a_page_that_is_no_number_is_the_first_or_the_last(example: Path, page: str) -> None:
    assert client(example).get(f"/studies/{GOOD}?page={page}").status_code == 200


def test_a_bug_is_an_answer_with_all_headers(
    example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = client(example)

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("dse.dashboard.data.studies.Studies.columns", fail)
    for path in (f"/studies/{GOOD}", f"/api/studies/{GOOD}"):
        answer = asking.get(path)
        assert answer.status_code == 500
        assert "content-security-policy" in answer.headers
        assert "ZeroDivisionError" not in answer.text
    assert asking.get("/").status_code == 200
