"""What a person chooses by: the selection's own front, limits as people write them, weights."""

import csv
import re
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect

from contracts.faults import ConfigError
from dse.dashboard.data.selection import parse_selection
from dse.pareto import non_dominated
from dse.results.choosing import choose, fits
from dse.results.columns import StudyColumns
from dse.results.derived import with_derived
from dse.words import estimate_text, metric_text, quantity
from runners.fpga import PARTS, capacity_of
from tests.dashboard.conftest import Served
from tests.dashboard.http import client

STUDY = "/studies/imgc"
TYPED = (
    "100 ms",
    "100ms",
    "1.5 s",
    "0.1 S",
    "100k",
    "6,500",
    "6 500",
    "1e3",
    ".5",
    "60 000",
    "7",
    "6_500",
)
REFUSED = ("1,5", "ms", "100 m", "abc", "inf", "nan", "0x10", "1..2", "10 %", "--1", "1e999", "1 2")


def read(text: str, metric: str) -> tuple[float, str]:
    """Return what a text is as a value, or NaN and what to do instead."""
    try:
        return quantity(text, metric), ""
    except ConfigError as error:
        return np.nan, error.fix


def own_front(columns: StudyColumns, within: np.ndarray) -> set[int]:
    """What nobody within is better than, by the definition."""
    kept = np.flatnonzero(columns.standing.kept & within)
    points = np.column_stack([columns.column(name)[kept] for name in columns.config.objectives])
    return set(columns.numbers[kept[non_dominated(points)]].tolist())


@pytest.mark.parametrize(
    "query",
    ["high-lut4=5800", "fits=LFE5U-25F", "low-latency_us=200 ms", "only=cfu:none",
     "only=cfu:none&show=front", "high-mult18x18d=8&show=feasible"],
)  # fmt: skip
def test_table_count_and_file_of_a_selection_are_its_own_front(
    example: Path, columns: StudyColumns, query: str
) -> None:
    asking = client(example)
    pairs = [tuple(pair.split("=", 1)) for pair in query.split("&")]
    selection = parse_selection(pairs, columns)  # type: ignore[arg-type]
    narrow = parse_selection([p for p in pairs if p[0] != "show"], columns)  # type: ignore[misc]
    expected = own_front(columns, narrow.mask(columns))
    assert expected
    asked = urlencode(pairs)
    rows = list(csv.DictReader(asking.get(f"{STUDY}/front.csv?{asked}").text.splitlines()))
    assert {int(row["trial"]) for row in rows} == expected
    page = asking.get(f"{STUDY}/parts/front?{asked}").text
    assert set(map(int, re.findall(r'<tr data-trial="(\d+)"', page))) == expected
    assert f"{len(expected)} on the front of the selection" in page
    whole = list(csv.DictReader(asking.get(f"{STUDY}/trials.csv?{asked}").text.splitlines()))
    assert len(whole) == selection.mask(columns).sum()
    assert {int(r["trial"]) for r in whole if r["on_front"] == "True"} == expected
    answer = asking.get(f"/api{STUDY}/trials?{asked}").json()["trials"]
    assert {row["trial"] for row in answer if row["on_front"]} == expected


def test_the_front_of_everything_is_that_of_the_study(columns: StudyColumns) -> None:
    selection = parse_selection([], columns)
    assert selection.standing(columns) is columns.standing
    assert own_front(columns, np.ones(len(columns), dtype=np.bool_)) == set(
        columns.numbers[columns.standing.front].tolist()
    )


@pytest.mark.parametrize("part", list(PARTS))
def test_what_fits_a_part_is_what_the_command_says(columns: StudyColumns, part: str) -> None:
    mask = fits(columns, part)
    kept = set(columns.numbers[mask & columns.standing.kept].tolist())
    try:
        choice = choose(columns, part=part)
    except ConfigError:
        assert not kept
        return
    assert len(kept) == choice.kept
    assert {c.number for c in choice.candidates} == own_front(columns, mask)
    for name, there in capacity_of(part).items():
        assert not (columns.column(name)[mask] > there).any()


def test_the_knee_and_the_order_by_weights_are_those_of_the_command(
    example: Path, columns: StudyColumns
) -> None:
    choice = choose(columns, weights={"latency_us": 3.0})
    page = client(example).get(f"{STUDY}/parts/front?weight-latency_us=3").text
    assert list(map(int, re.findall(r'<tr data-trial="(\d+)"', page))) == [
        c.number for c in choice.candidates
    ]
    knee = next(c.number for c in choice.candidates if c.is_knee)
    assert page.count(">knee<") == 1
    assert page.rindex("<tr data-trial", 0, page.index(">knee<")) == page.index(
        f'<tr data-trial="{knee}"'
    )
    huge = (
        client(example).get(f"{STUDY}/parts/front?weight=latency_us:3e307&weight=lut4:1e307").text
    )
    assert re.findall(r'<tr data-trial="(\d+)"', huge) == [str(c.number) for c in choice.candidates]
    refused = client(example).get(f"{STUDY}?weight=latency_us:0&weight=lut4:0")
    assert refused.status_code == 400


@pytest.mark.parametrize("text", REFUSED)
def test_a_limit_that_nobody_can_read_is_named_and_not_ignored(example: Path, text: str) -> None:
    for name in ("high-latency_us", "low-lut4"):
        answer = client(example).get(f"{STUDY}?{urlencode({name: text})}")
        assert answer.status_code == 400, text
        assert "is no value of" in answer.text
    assert client(example).get(f"{STUDY}?{urlencode({'high-lut4': '100 ms'})}").status_code == 400


def test_numbers_are_written_as_people_read_them() -> None:
    assert quantity("100 ms", "latency_us") == quantity("0.1s", "latency_us") == 100_000
    assert (quantity("100k", "lut4"), quantity("6,500", "lut4")) == (100_000, 6500)
    assert metric_text("latency_us", 60_012.0) == "60.0 ms"
    assert metric_text("lut4", 6845.0) == "6,845"
    assert estimate_text("latency_us", 1_512_345.0) == "~1.51 s"
    assert estimate_text("lut4", 6847.0) == "~6,850"


@given(st.text(alphabet="0123456789.,eE+-kMGmsuµ ", max_size=12))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_number_or_an_error_in_words(text: str) -> None:
    value, said = read(text, "latency_us")
    assert np.isfinite(value) or "use a number" in said


def test_metrics_are_made_of_others(example: Path, columns: StudyColumns) -> None:
    found = with_derived(columns, ("lut4*latency_us", "cycles / (1000 - 1)"))
    product = found.metrics["lut4 * latency_us"]
    assert np.array_equal(
        product.values, columns.column("lut4") * columns.column("latency_us"), equal_nan=True
    )
    assert product.estimate.any()
    asked = urlencode({"derive": "lut4*latency_us", "y": "lut4 * latency_us"})
    for path in (STUDY, f"{STUDY}/front.svg", f"{STUDY}/trials.csv", f"/api{STUDY}/columns"):
        answer = client(example).get(f"{path}?{asked}")
        assert answer.status_code == 200, path
        assert "lut4 * latency_us" in answer.text, path


@pytest.mark.parametrize(
    "formula",
    ["1", "lut4 ** 9", "__import__('os')", "lut4.real", "nosuch + 1", "lut4 +", "lut4 if 1 else 2",
     "lut4[0]", "True * lut4", "1j * lut4", "lut4 / 0", "(" * 150, "-" * 190 + "lut4", "lut4" * 60,
     "9" * 199, "lut4 * 1e999", "\x00"],
)  # fmt: skip
def test_what_is_no_formula_is_refused_and_runs_nothing(example: Path, formula: str) -> None:
    answer = client(example).get(f"{STUDY}?{urlencode({'derive': formula})}")
    allowed = (200, 400) if formula.endswith("-lut4") or "1e999" in formula else (400,)
    assert answer.status_code in allowed
    assert answer.status_code == 200 or "is no metric" in answer.text


def test_one_tick_is_enough_to_compare(example: Path, columns: StudyColumns) -> None:
    page = client(example).get(f"{STUDY}/compare?trials=1").text
    knee = next(c.number for c in choose(columns).candidates if c.is_knee)
    assert f"Compare trials 1, {knee}" in page
    assert "a good compromise" in page
    page = client(example).get(f"{STUDY}/compare?trials={knee}").text
    assert f"Compare trials {knee}, " in page
    assert client(example).get(f"{STUDY}/compare").status_code == 400


def test_a_comparison_has_factors_and_its_layers_by_difference_without_noise(
    example: Path,
) -> None:
    page = client(example).get(f"{STUDY}/compare?trials=47,32").text
    section = page[page.index('aria-label="Cycles of each layer"') :]
    pairs = [
        [int(cell.replace(",", "")) for cell in re.findall(r"</svg>([\d,]+)", row)]
        for row in re.findall(r'<tr class="differs">.*?</tr>', section)
    ]
    off = [abs(a - b) for a, b in pairs]
    assert len(off) > 5
    assert off == sorted(off, reverse=True)
    assert all(abs(a - b) > 0.01 * max(a, b) for a, b in pairs)
    first = re.search(r'<tr class="differs">.*?</tr>', section)
    assert first is not None
    assert f"{pairs[0][1] / pairs[0][0]:.3g}×" in first[0]
    same = client(example).get(f"{STUDY}/compare?trials=47,47,46").text
    assert "Compare trials 47, 46" in same


@pytest.fixture
def study(page: Page, example_served: Served) -> Page:
    page.goto(f"{example_served.url}{STUDY}")
    page.wait_for_selector("#front-chart[data-drawn]")
    return page


def test_the_browser_reads_and_writes_numbers_as_the_server_does(study: Page) -> None:
    script = """async (texts) => {
        const near = document.querySelector('link[href*="selection.js"]').href;
        const words = await import(near.replace('selection.js', 'words.js'));
        return texts.map(([text, metric]) => [ASKED]);
    }"""
    asking = script.replace("ASKED", "words.quantity(text, metric), words.refusal(text, metric)")
    asked = [[text, metric] for text in TYPED + REFUSED for metric in ("latency_us", "lut4")]
    for (text, metric), (value, said) in zip(asked, study.evaluate(asking, asked), strict=True):
        expected, refusal = read(text, metric)
        assert value == pytest.approx(expected, nan_ok=True), (text, metric)
        assert refusal.partition(", or none")[0] in said
    values = [0.0, 60_012.0, 999_499.0, 999_501.0, 1_512_345.0, 0.4, 6845.0, 123.456, 12.5]
    writing = script.replace(
        "ASKED", "words.metricText(metric, text), words.metricText(metric, text, true)"
    )
    asked2 = [[value, metric] for value in values for metric in ("latency_us", "lut4")]
    for (value, metric), texts in zip(asked2, study.evaluate(writing, asked2), strict=True):
        assert texts[0] == metric_text(metric, value)
        assert texts[1] == estimate_text(metric, value) or metric == "lut4"  # ties round apart


def test_the_chart_shows_the_same_front_as_the_table(study: Page) -> None:
    study.locator(".ranges summary").click()
    for part in ("LFE5U-25F", "LFE5U-12F", ""):
        study.select_option("select[name=fits]", part)
        rows = study.locator("#front-table tbody tr[data-trial]")
        count = study.get_attribute("#front-chart", "data-front")
        expect(rows).to_have_count(int(count or -1))
    study.fill("input[name=high-lut4]", "5,700")
    study.keyboard.press("Enter")
    expect(study).to_have_url(re.compile("box=lut4::5700"))
    count = study.get_attribute("#front-chart", "data-front")
    expect(study.locator("#front-table tbody tr[data-trial]")).to_have_count(int(count or -1))


def test_a_wrong_limit_is_named_beside_the_form_and_the_panel_covers_nothing(study: Page) -> None:
    study.locator(".ranges summary").click()
    panel, chart = study.locator(".ranges .panel"), study.locator("#front-chart")
    below = panel.bounding_box()
    assert below is not None
    top = chart.bounding_box()
    assert top is not None
    assert below["y"] + below["height"] <= top["y"]
    study.fill("input[name=high-lut4]", "many")
    study.keyboard.press("Enter")
    expect(study.locator("#refused-limit")).to_contain_text("“many” is no value of lut4")
    assert "box=" not in study.url
    study.fill("input[name=high-lut4]", "")
    study.fill("input[name=high-latency_us]", "150 ms")
    study.keyboard.press("Tab")
    expect(study.locator("#refused-limit")).to_be_empty()
    expect(study.locator("#chosen")).to_contain_text("latency_us ≤ 150 ms")
    study.locator("input[name=high-latency_us]").focus()
    study.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def test_going_back_keeps_ticks_filters_order_and_page(study: Page) -> None:
    study.locator("#part-trials thead a", has_text="lut4").click()
    expect(study).to_have_url(re.compile("sort=lut4"))
    study.locator("#front-table input[value='47']").check()
    expect(study.locator("#part-trials input[value='47']")).to_be_checked()
    study.locator("#part-trials input[value='40']").check()
    study.select_option("select[name=show]", "feasible")
    expect(study.locator("#part-trials .head .soft").first).to_contain_text("of the selection")
    first = study.locator("#part-trials tbody th").first.inner_text()
    study.locator("#part-trials button", has_text="Compare 47, 40").click()
    study.wait_for_url("**/compare?*")
    assert study.locator("h1").inner_text() == "Compare trials 47, 40"
    study.go_back()
    study.wait_for_selector("#front-chart[data-drawn]")
    assert study.locator("select[name=show]").input_value() == "feasible"
    assert study.locator("#part-trials tbody th").first.inner_text() == first
    assert "sort=lut4" in study.url
    for number in ("47", "40"):
        expect(study.locator(f"#part-trials input[value='{number}']")).to_be_checked()
