"""Metrics on the pages: capacities of the part, roles, and what no definition here knows."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from dse.results.front import Verdict
from dse.results.study_results import study_front
from dse.store import Reader, Store
from tests.dashboard.http import client
from tests.dashboard.placed import change_config
from tests.dashboard.test_data import check_front, columns_of


def numbers_on_front(database: Path, study: str) -> list[int]:
    with Reader(database) as reader:
        _, found = study_front(reader, study)
    return [result.trial.number for result in found.points]


def test_a_trial_shows_how_much_of_its_part_it_takes(example: Path) -> None:
    page = client(example).get("/studies/imgc/trials/45").text
    assert "of 83,640</span></td><td>cells</td>" in page
    assert "of 3,833,856</span></td><td>bit</td>" in page


def test_old_trials_have_the_same_front_in_the_role_of_a_metric(database: Path) -> None:
    by_cells = numbers_on_front(database, "imgc")
    change_config(database, "imgc", objectives={"minimise": ["latency_us", "luts"]})
    assert numbers_on_front(database, "imgc") == by_cells
    check_front(database, "imgc")


def test_a_role_has_a_column_where_the_study_names_it(database: Path) -> None:
    page = client(database).get("/studies/imgc").text
    assert "sort=lut4" in page
    assert "sort=luts" not in page
    change_config(database, "imgc", constraints={"luts": {"min": 1, "max": 9e4}})
    assert "sort=luts" in client(database).get("/studies/imgc").text


def test_a_trial_without_the_metric_of_a_constraint_is_off_the_front(database: Path) -> None:
    change_config(database, "imgc", constraints={"lram": {"max": 3}})
    check_front(database, "imgc")
    columns = columns_of(database)
    assert not len(columns.standing.front)
    assert (columns.standing.verdicts == Verdict.EXCLUDED).any()


def test_a_lower_bound_keeps_trials_off_the_front(database: Path) -> None:
    change_config(database, "imgc", constraints={"cycles": {"min": 9_000_000}})
    check_front(database, "imgc")
    columns = columns_of(database)
    front = columns.standing.front
    assert len(front)
    assert (columns.column("cycles")[front] >= 9_000_000).all()


def test_a_metric_that_no_definition_knows_is_shown_with_what_is_stored(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO metrics (trial_id, name, value, unit, fidelity, estimate)"
            " SELECT trial_id, 'energy', value / 1000, 'uJ', 'simulated', 0"
            " FROM metrics WHERE name = 'cycles'"
        )
    connection.close()
    asking = client(database)
    columns = json.loads(asking.get("/api/studies/imgc/columns").text)
    assert {m["name"]: m["unit"] for m in columns["metrics"]}["energy"] == "uJ"
    assert "sort=energy" in asking.get("/studies/imgc").text
    best = numbers_on_front(database, "imgc")[0]
    assert "<td>uJ</td>" in asking.get(f"/studies/imgc/trials/{best}").text
    assert "energy [uJ]" in asking.get("/studies/imgc/front.svg?x=energy&y=lut4").text
    assert asking.get("/studies/imgc/parts/effects?effect=energy").status_code == 200


def test_a_part_that_no_family_knows_has_no_capacity_and_no_error(database: Path) -> None:
    with Store(database) as store:
        target = json.loads(store.study("imgc").config_json)["target"]
    change_config(database, "imgc", target=target | {"part": "LFE6U-1F"})
    asking = client(database)
    assert asking.get("/studies/imgc").status_code == 200
    page = asking.get("/studies/imgc/trials/45")
    assert page.status_code == 200
    assert "of 83,640" not in page.text
