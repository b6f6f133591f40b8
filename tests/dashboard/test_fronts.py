"""Fronts by any parameter on a study's page, other studies beside it, and a share to spare."""

import csv
import re
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from contracts.faults import ConfigError
from dse.dashboard.data.selection import parse_selection
from dse.output.drawing.svg import SERIES
from dse.results.choosing import choose
from dse.results.columns import StudyColumns
from dse.results.fronts_by import fronts_by
from dse.results.study_results import study_columns
from dse.store import Reader
from tests.dashboard.http import client

STUDY = "/studies/imgc"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def columns(example: Path) -> StudyColumns:
    with Reader(example) as reader:
        return study_columns(reader, "imgc")


def table(example: Path, query: str = "") -> list[dict[str, str]]:
    text = client(example).get(f"{STUDY}/fronts.csv?{query}").text
    return list(csv.DictReader(text.splitlines()))


def test_the_page_says_what_the_command_says(example: Path, columns: StudyColumns) -> None:
    for by in ("cfu", "simd_width", "study"):
        rows = table(example, f"by={by}")
        expected = fronts_by([columns], by).groups
        # a cell that a spreadsheet might take for a formula has a quote before it
        assert [row[by].lstrip("'") for row in rows] == [group.name for group in expected]
        assert [int(row["on_its_front"]) for row in rows] == [len(g.points) for g in expected]
        assert [float(row["adds"]) for row in rows] == [round(g.adds, 4) for g in expected]
    assert [row["cfu"] for row in table(example)] == ["CPU alone", "simd"], "without a wish"


def test_the_part_has_picture_table_and_links(example: Path) -> None:
    page = client(example).get(f"{STUDY}/parts/fronts?by=simd_width").text
    assert "Fronts by simd_width" in page
    assert 'class="c-series-hollow-1"' in page or 'class="c-series-mark-1"' in page
    assert re.search(r'by=cfu[^"]*#part-fronts"', page)
    assert page.count("<tr><th scope") == 6, "five widths, and designs without"
    svg = client(example).get(f"{STUDY}/fronts.svg?by=simd_width").text
    assert svg.startswith("<?xml")
    whole = client(example).get(f"{STUDY}?by=simd_width").text
    assert "Fronts by simd_width" in whole


def test_filters_leave_their_own_fronts(example: Path, columns: StudyColumns) -> None:
    query = "high-lut4=5800"
    selection = parse_selection([("high-lut4", "5800")], columns)
    expected = fronts_by([columns], "cfu", kept=[selection.standing(columns).kept]).groups
    rows = table(example, query)
    assert [int(row["trials"]) for row in rows] == [group.trials for group in expected]
    assert sum(int(row["trials"]) for row in rows) < int(columns.standing.kept.sum())
    nothing = client(example).get(f"{STUDY}/parts/fronts?high-lut4=1").text
    assert "Nothing to draw" in nothing


def test_other_studies_of_the_same_objectives_stand_beside_it(example: Path) -> None:
    page = client(example).get(f"{STUDY}/parts/fronts").text
    assert "imgc-placed" in page
    rows = table(example, "with=imgc-placed")
    assert [row["cfu"] for row in rows] == [
        "imgc: CPU alone",
        "imgc: simd",
        "imgc-placed: simd",
    ]
    assert "take away" in client(example).get(f"{STUDY}/parts/fronts?with=imgc-placed").text


@pytest.mark.parametrize("query", ["by=nosuch", "with=nosuch", "by=" + "x" * 300])
def test_what_there_is_not_is_named(example: Path, query: str) -> None:
    for where in ("/parts/fronts", "/fronts.csv", "/fronts.svg"):
        answer = client(example).get(f"{STUDY}{where}?{query}")
        assert answer.status_code in (400, 404)
        assert "content-security-policy" in answer.headers


def test_what_must_stay_free_is_what_the_command_keeps_free(
    example: Path, columns: StudyColumns
) -> None:
    for part, spare in (("LFE5U-25F", 20), ("LFE5U-25F", 0), ("", 90)):
        pairs = [("fits", part), ("spare", f"{spare}")]
        selection = parse_selection([pair for pair in pairs if pair[1]], columns)
        kept = selection.mask(columns) & columns.standing.kept
        try:
            choice = choose(columns, part=part or columns.config.target.part, spare=spare / 100)
        except ConfigError:
            assert not kept.any()
            continue
        assert int(kept.sum()) == choice.kept
        numbers = {candidate.number for candidate in choice.candidates}
        front = columns.numbers[selection.standing(columns).front]
        assert set(front.tolist()) == numbers
    answer = client(example).get(f"{STUDY}/parts/front?fits=LFE5U-25F&spare=20").text
    assert 'name="spare"' in client(example).get(f"{STUDY}?spare=20").text
    assert "of the selection" in answer
    selection = parse_selection([("spare", "20%")], columns)
    assert "20 % to spare" in selection.in_words()
    assert "spare=20" in selection.query()
    assert np.array_equal(
        selection.mask(columns), parse_selection([("spare", "20")], columns).mask(columns)
    )


@pytest.mark.parametrize("text", ["100", "-1", "a lot", "nan", "1e400"])
def test_another_share_is_named(columns: StudyColumns, text: str) -> None:
    with pytest.raises(ConfigError, match=r"to spare(.|\n)*0 to 99"):
        parse_selection([("spare", text)], columns)


def test_groups_have_the_same_colours_on_the_page_and_in_files() -> None:
    style = (ROOT / "dse/dashboard/static/style.css").read_text()
    for number, colour in enumerate(SERIES):
        assert f".c-series-line-{number} {{ --series: {colour}; }}" in style


@pytest.mark.slow
def test_a_share_to_spare_is_typed_and_kept_in_the_address(example_served, page, drawn) -> None:  # type: ignore[no-untyped-def]
    page.goto(f"{example_served.url}{STUDY}")
    drawn(page)
    page.click("details.ranges summary")
    page.select_option("select[name=fits]", "LFE5U-25F")
    page.fill("input[name=spare]", "10")
    page.keyboard.press("Tab")
    page.wait_for_function("location.search.includes('spare=10')")
    page.wait_for_function(
        "document.getElementById('chosen').textContent.includes('10 % to spare')"
    )
    said = page.inner_text("#chosen")
    answer = client(example_served.database).get(
        f"/api{STUDY}/trials?{quote('fits')}=LFE5U-25F&spare=10"
    )
    assert f"{len(answer.json()['trials'])} trials" in said
    page.fill("input[name=spare]", "most of it")
    page.keyboard.press("Tab")
    page.wait_for_function(
        "document.getElementById('refused-limit').textContent.includes('no share to spare')"
    )
    page.click("#part-fronts .switch a >> text=simd_width")
    page.wait_for_selector("#part-fronts h2 >> text=Fronts by simd_width")
    assert "spare=10" in page.url
