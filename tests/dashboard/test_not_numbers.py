"""A database that holds infinity, from before that was refused, is shown everywhere."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest

from dse.words import json_text, number_text
from tests.commands.here import call_here
from tests.dashboard.http import client

ROOT = Path(__file__).parents[2]
FRONT_TRIAL = 47
OF_STUDY = "WHERE name = 'imgc'"
PAGES = (
    "/",
    "/studies/imgc",
    *(f"/studies/imgc/parts/{part}" for part in ("front", "trials", "effects", "faults")),
    *(f"/studies/imgc/trials/{number}" for number in (1, 2, 3, FRONT_TRIAL)),
    f"/studies/imgc/compare?trials=1,2,{FRONT_TRIAL}",
    "/studies/imgc/front.svg",
    "/studies/imgc/effects.svg",
    "/studies/imgc/trials.csv",
    "/studies/imgc/front.csv",
)
JSON = (
    "/studies",
    "/studies/imgc",
    "/studies/imgc/front",
    "/studies/imgc/trials",
    "/studies/imgc/trials/1",
    f"/studies/imgc/trials/{FRONT_TRIAL}",
    "/studies/imgc/columns",
    "/studies/imgc/growth",
    "/studies/imgc/effects",
)
COMMANDS = (
    ("list",),
    ("status", "imgc"),
    ("front", "imgc"),
    ("show", "imgc", "1"),
    ("show", "imgc", str(FRONT_TRIAL)),
)


@pytest.fixture
def infinite(database: Path) -> Path:
    """The example with an infinite reference and infinite metrics, one on the front."""
    with closing(sqlite3.connect(database)) as db, db:
        (text,) = db.execute(f"SELECT config_json FROM studies {OF_STUDY}").fetchone()
        config = json.loads(text)
        config["references"] = [
            {"name": "a rival", "metric": "cycles", "value": float("inf")},
            {"name": "another", "metric": "cycles", "value": 22e6},
        ]
        config["limits"]["stage_timeout_s"] = float("inf")
        db.execute(f"UPDATE studies SET config_json = ? {OF_STUDY}", (json.dumps(config),))
        for number, name, value in (
            (1, "cycles", "9e999"),
            (2, "latency_us", "-9e999"),
            (3, "lut4", "9e999"),
            (FRONT_TRIAL, "cycles", "9e999"),
            (FRONT_TRIAL, "latency_us", "9e999"),
        ):
            changed = db.execute(
                f"UPDATE metrics SET value = {value} WHERE name = ?"
                " AND trial_id IN (SELECT t.id FROM trials t JOIN studies s ON s.id = t.study_id"
                " WHERE s.name = 'imgc' AND t.number = ?)",
                (name, number),
            )
            assert changed.rowcount == 1
    return database


def refuse(word: str) -> NoReturn:
    raise AssertionError(f"{word} is no JSON")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_shown(infinite: Path, page: str) -> None:
    assert client(infinite).get(page).status_code == 200


@pytest.mark.parametrize("path", JSON)
def test_every_answer_to_a_script_is_json(infinite: Path, path: str) -> None:
    answer = client(infinite).get(f"/api{path}")
    assert answer.status_code == 200
    json.loads(answer.content, parse_constant=refuse)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
def test_every_command_shows_it(infinite: Path, words: tuple[str, ...], as_json: bool) -> None:
    options = ("--db", str(infinite), *(("--json",) if as_json else ()))
    ended = call_here(*words, *options)
    assert ended.returncode == 0, ended.stderr
    if as_json:
        json.loads(ended.stdout, parse_constant=refuse)


def test_a_design_without_a_finite_objective_is_on_no_front(infinite: Path) -> None:
    front = client(infinite).get("/api/studies/imgc/front").json()
    assert front["front"]
    assert FRONT_TRIAL not in {point["trial"] for point in front["front"]}
    assert FRONT_TRIAL in front["excluded"]


@pytest.mark.parametrize("bound", ["inf", "-inf", "nan", "1e999"])
def test_a_filter_that_is_no_number_is_refused(example: Path, bound: str) -> None:
    answer = client(example).get("/api/studies/imgc/trials", params={"box": f"lut4::{bound}"})
    assert answer.status_code == 400
    assert "use a number" in answer.json()["fix"]


def test_a_number_that_is_none_has_a_text_and_no_json() -> None:
    assert [number_text(float(text)) for text in ("inf", "-inf", "nan")] == ["inf", "-inf", "nan"]
    data = {"a": [1.5, float("nan")], "b": {"c": (float("inf"),)}}
    assert json.loads(json_text(data)) == {"a": [1.5, None], "b": {"c": [None]}}
    assert json_text({"a": 1}, indent=1) == json.dumps({"a": 1}, indent=1)
