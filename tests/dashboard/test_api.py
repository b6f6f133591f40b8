"""What scripts get: the values of the command line, in pages, with tags."""

import csv
import io
import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dse.store import Store
from runners.stages.golden import Missed, OracleReport
from tests.commands.here import call_here
from tests.dashboard.http import client

ROOT = Path(__file__).parents[2]


def command_line(database: Path, *words: str) -> object:
    ended = call_here(*words, "--db", database, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", ("list",)),
        ("/imgc", ("status", "imgc")),
        ("/imgc/front", ("front", "imgc")),
        ("/imgc/trials/45", ("show", "imgc", "45")),
    ],
)
def test_the_api_says_what_the_command_line_says(
    example: Path, path: str, words: tuple[str, ...]
) -> None:
    assert client(example).get(f"/api/studies{path}").json() == command_line(example, *words)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/audit",
        "/studies/imgc",
        "/studies/imgc/compare?trials=45&trials=40",
        "/studies/imgc/front.svg",
        "/studies/imgc/queue",
        "/studies/imgc/trials/45",
        "/api/studies",
        "/api/studies/imgc",
        "/api/studies/imgc/columns",
        "/api/studies/imgc/front",
        "/api/studies/imgc/growth",
        "/api/studies/imgc/trials",
    ],
)
def test_an_address_that_asks_for_what_nothing_reads_is_refused(example: Path, path: str) -> None:
    """A filter with a spelling mistake must not answer with everything."""
    asking = client(example)
    assert asking.get(path).status_code == 200
    separator = "&" if "?" in path else "?"
    refused = asking.get(f"{path}{separator}lut4_at_most=1000")
    assert refused.status_code == 400
    assert "lut4_at_most" in refused.text


def test_trials_come_in_pages_and_are_those_of_the_export(example: Path, tmp_path: Path) -> None:
    asking = client(example)
    rows, after = [], 0
    while after is not None:
        params = {"after": str(after), "limit": "20"}
        page = asking.get("/api/studies/imgc/trials", params=params).json()
        assert len(page["trials"]) <= 20
        rows += page["trials"]
        after = page["next"]
    assert [row["trial"] for row in rows] == list(range(1, 49))
    exported = tmp_path / "trials.csv"
    assert call_here("export", "imgc", exported, "--db", example).returncode == 0
    table = list(csv.DictReader(exported.read_text().splitlines()))
    for row, expected in zip(rows, table, strict=True):
        for name, text in expected.items():
            if name == "reused_from":
                continue
            value = row.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                assert float(text) == value
            else:
                assert text.lower() == ("" if value is None else str(value).lower()), name


def test_filters_of_the_pages_hold_for_scripts(example: Path) -> None:
    params = {"show": "front", "box": "lut4::6000"}
    rows = client(example).get("/api/studies/imgc/trials", params=params).json()["trials"]
    assert rows
    assert all(row["on_front"] and row["lut4"] <= 6000 for row in rows)


@pytest.mark.parametrize("limit", ["0", "1001", "many"])
def test_a_page_has_its_limits(example: Path, limit: str) -> None:
    answer = client(example).get(f"/api/studies/imgc/trials?limit={limit}")
    assert answer.status_code == 400
    assert answer.json().keys() == {"error", "fix"}
    assert limit in answer.json()["error"]


@pytest.mark.parametrize(
    "path",
    ["", "/imgc", "/imgc/front", "/imgc/trials", "/imgc/trials/3", "/imgc/columns",
     "/imgc/growth", "/imgc/effects"],
)  # fmt: skip
def test_an_unchanged_answer_costs_no_body(example: Path, path: str) -> None:
    asking = client(example)
    first = asking.get(f"/api/studies{path}")
    assert first.status_code == 200
    known = first.headers["etag"]
    for tag in (known, f"W/{known}", f'"x", {known}'):
        again = asking.get(f"/api/studies{path}", headers={"if-none-match": tag})
        assert again.status_code == 304
        assert again.content == b""
    other = asking.get(f"/api/studies{path}", headers={"if-none-match": '"other"'})
    assert other.status_code == 200


def test_a_search_that_failed_is_said_on_the_page_and_in_the_answers(database: Path) -> None:
    quiet = client(database)
    assert "The search failed" not in quiet.get("/studies/imgc").text
    with closing(sqlite3.connect(database)) as db, db:
        db.execute(
            "UPDATE trials SET suggested_by = 'random instead of vizier', revision = revision + 100"
            " WHERE number IN (7, 9) AND study_id = (SELECT id FROM studies WHERE name = 'imgc')"
        )
    db.close()
    asking = client(database)
    page = asking.get("/studies/imgc").text
    banner = page[page.index("The search failed") :][:700]
    assert "2 designs of this study were drawn at random instead" in banner
    assert '/studies/imgc/trials/7"' in banner
    assert '/studies/imgc/trials/9"' in banner
    assert asking.get("/api/studies/imgc").json()["stand_ins"] == [7, 9]
    assert asking.get("/api/studies/imgc/front").json()["stand_ins"] == [7, 9]


def test_a_trial_or_study_that_is_not_there_is_not_found_whatever_its_message_says(
    database: Path,
) -> None:
    assert client(database).get("/api/studies/no%20trial/trials/1").status_code == 404
    assert client(database).get("/studies/imgc/parts/none").status_code == 404
    wrong = client(database).get("/studies/imgc?x=no%20study")  # a config error that says so
    assert wrong.status_code == 400


@pytest.mark.parametrize(
    "query",
    ["low-nosuch=3", "high-nosuch=3", "only-nosuch=3", "box=nosuch:1:", "only=nosuch:1",
     "nosuch=3", "lo-lut4=3", "sise=lut4", "over=nosuch"],
)  # fmt: skip
def test_a_query_that_nothing_reads_is_refused_and_says_what_there_is(
    example: Path, query: str
) -> None:
    asking = client(example)
    pages = ["/studies/imgc", "/studies/imgc/parts/growth", "/studies/imgc/growth.svg"]
    if query != "over=nosuch":
        pages += ["/api/studies/imgc/trials", "/studies/imgc/trials.csv"]
    for page in pages:
        answer = asking.get(f"{page}?{query}")
        assert answer.status_code == 400, page
        assert "use one of" in answer.text, page


def test_the_forms_of_a_page_leave_fields_empty(example: Path) -> None:
    query = "low-lut4=&high-lut4=&only-cfu=&size=&low-latency_us=1&show=all&sort=number&page=2"
    assert client(example).get(f"/studies/imgc?{query}").status_code == 200


def test_errors_are_json_with_a_fix(example: Path) -> None:
    asking = client(example)
    for path in ("/none", "/none/front", "/none/columns", "/imgc/trials/99"):
        answer = asking.get(f"/api/studies{path}")
        assert answer.status_code == 404, path
        assert answer.json().keys() == {"error", "fix"}


def test_the_description_names_every_route(example: Path) -> None:
    asking = client(example)
    schema = asking.get("/api/openapi.json").json()
    page = asking.get("/api").text
    assert set(schema["paths"]) == {
        "/api/studies", "/api/studies/{study}", "/api/studies/{study}/front",
        "/api/studies/{study}/trials", "/api/studies/{study}/trials/{number}",
        "/api/studies/{study}/columns", "/api/studies/{study}/growth",
        "/api/studies/{study}/effects",
    }  # fmt: skip
    assert all(f"<code>{path}</code>" in page for path in schema["paths"])
    for methods in schema["paths"].values():
        assert set(methods["get"]["responses"]) == {"200", "304", "4XX", "5XX"}
    documented = (ROOT / "docs" / "reference" / "api.md").read_text()
    assert all(f"`{path}`" in documented for path in schema["paths"])


@pytest.mark.parametrize("name", ["front", "effects", "growth", "course", "faults"])
def test_every_chart_of_a_study_is_a_picture_and_a_table(example: Path, name: str) -> None:
    asking = client(example)
    picture = asking.get(f"/studies/imgc/{name}.svg")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert picture.text.startswith("<?xml")
    assert "http-equiv" not in picture.text
    rows = list(csv.DictReader(io.StringIO(asking.get(f"/studies/imgc/{name}.csv").text)))
    assert rows
    assert asking.get(f"/studies/imgc/{name}.csv").headers["content-disposition"].startswith("att")


def test_the_charts_of_a_trial_are_pictures_and_tables(example: Path) -> None:
    asking = client(example)
    within = {"layers": "conv2d_0", "stages": "simulate", "resources": "lut4"}
    for name, word in within.items():
        assert word in asking.get(f"/studies/imgc/trials/47/{name}.svg").text
        assert word in asking.get(f"/studies/imgc/trials/47/{name}.csv").text
    assert asking.get("/studies/imgc/trials/47/path.svg").status_code == 404  # not placed
    rows = list(csv.DictReader(asking.get("/studies/imgc/trials/47/layers.csv").text.splitlines()))
    assert sum(int(row["cycles"]) for row in rows) > 1_000_000


def test_the_layers_of_a_trial_have_their_share_of_the_roofline(example: Path) -> None:
    asking = client(example)
    page = asking.get("/studies/imgc/trials/47").text
    (row,) = re.findall(r'<tr><th scope="row">conv2d_5</th>.*?</tr>', page)
    assert re.findall(r'<td class="n">(.*?)</td>', row)[2:6] == [
        "5,857",
        "402.82",
        "8.056",
        "50.4 %",
    ]
    (row,) = re.findall(r'<tr><th scope="row">add_3</th>.*?</tr>', page)
    assert re.findall(r'<td class="n">(.*?)</td>', row)[2:6] == ["3,595", "–", "–", "–"]
    assert "roofline: 16 MAC/cycle, or what 2 bytes/cycle of memory let a layer do" in page
    rows = list(csv.DictReader(asking.get("/studies/imgc/trials/47/layers.csv").text.splitlines()))
    by_name = {row["layer"]: row for row in rows}
    assert float(by_name["conv2d_5"]["roofline_share"]) == pytest.approx(0.504, abs=0.001)
    assert by_name["add_3"]["roofline_share"] == ""


def test_a_study_says_what_its_golden_inputs_would_show(example: Path, tmp_path: Path) -> None:
    assert 'id="oracle"' not in client(example).get("/studies/imgc").text, "of an older version"
    database = tmp_path / "results.db"
    shutil.copy(example, database)
    missed = Missed(layer="add_3", what="one too large", another_input=True)
    report = OracleReport(
        golden_inputs=2, candidates=73, faults=10, caught=9, inputs_for_all=3, missed=(missed,)
    )
    with Store(database) as store:
        store.describe_oracle(store.study("imgc").id, report.to_json())
    said = "2 golden inputs, chosen from 73, would show 9 of 10 faults of a design; 1 more with"
    assert f'id="oracle">{said}' in client(database).get("/studies/imgc").text
    assert client(database).get("/api/studies/imgc").json()["oracle"]["caught"] == 9
    assert 'id="oracle"' not in client(database).get("/studies/table").text
