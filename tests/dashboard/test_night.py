"""The night by worker and stage, and two parameters together: what is drawn is what is stored."""

import csv
import io
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dse.dashboard.drawing.interactions import interaction_chart
from dse.dashboard.drawing.timeline import legend_of
from dse.results.interactions import interaction
from dse.results.study_results import study_columns
from dse.results.timeline import timeline_of
from dse.store import Reader, TimedAttempt, TrialState
from tests.dashboard.conftest import Served
from tests.dashboard.http import client


def attempt(trial: int, start_s: float, end_s: float | None, worker: str = "m/1.1") -> TimedAttempt:
    long_s = 0.0 if end_s is None else end_s - start_s
    return TimedAttempt(
        trial=trial,
        number=1,
        worker=worker,
        started_s=start_s,
        ended_s=end_s,
        outcome=None if end_s is None else TrialState.COMPLETED,
        stage=None if end_s is not None else "simulate",
        stage_since_s=None if end_s is not None else start_s + 2,
        stages=() if end_s is None else (("core", 0.25 * long_s, False), ("cpu", 9e9, True)),
    )


def test_attempts_that_overlap_have_rows_of_their_own_and_no_row_more() -> None:
    found = timeline_of(
        [attempt(3, 20, None), attempt(1, 0, 10), attempt(2, 5, 15), attempt(4, 12, 18, "m/2.2")],
        now_s=26.0,
    )
    assert found is not None
    shown = [(lane.worker, [a.trial for a in lane.attempts], lane.busy_s) for lane in found.lanes]
    assert shown == [("m/1.1", [1, 3], 16.0), ("m/1.1", [2], 10.0), ("m/2.2", [4], 6.0)]
    assert (found.since_s, found.until_s) == (0, 26.0)
    first, running = found.lanes[0].attempts
    assert [(s.stage, s.start_s, s.end_s) for s in first.stages] == [
        ("core", 0, 2.5),
        ("cpu", 2.5, 10),  # within its attempt, whatever a database says
    ]
    assert [(s.stage, s.start_s, s.end_s) for s in running.stages] == [("simulate", 22, 26.0)]
    assert timeline_of([], now_s=1.0) is None


def test_the_timeline_has_every_stage_that_is_stored(example: Path) -> None:
    asking = client(example)
    rows = list(csv.DictReader(io.StringIO(asking.get("/studies/imgc/timeline.csv").text)))
    with Reader(example) as reader:
        detail = reader.detail(reader.study("imgc"), 47)
    stored = [(time.stage, str(time.cached)) for time in detail.measurement.stage_times]
    assert stored
    assert [(r["stage"], r["cached"]) for r in rows if r["trial"] == "47"] == stored
    page = asking.get("/studies/imgc/parts/timeline").text
    assert "<title>trial 47, completed after" in page
    assert "data:" not in asking.get("/studies/imgc/timeline.svg").text
    assert asking.get("/studies/imgc/timeline.svg").headers["content-type"] == "image/svg+xml"


def test_a_colour_that_stages_share_stands_in_the_legend_once() -> None:
    kinds = {"simulate": "c-series-mark-0", "cfu": "c-other", "soc": "c-other"}
    assert legend_of(kinds) == {"c-series-mark-0": "simulate", "c-other": "2 other stages"}


def test_a_timeline_of_anybody_s_database_is_drawn_or_refused_by_name(database: Path) -> None:
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("UPDATE attempts SET worker = '<b>m/9.9', ended_s = 1e300 WHERE trial_id = 1")
    answer = client(database).get("/studies/imgc/parts/timeline")
    assert "<b>m" not in answer.text
    assert answer.status_code == 200, "the rest of the page does not need it"
    assert "Not drawn: study" in answer.text
    assert "attempts.ended_s" in answer.text


def test_a_cell_is_the_median_of_the_trials_that_have_both_values(example: Path) -> None:
    with Reader(example) as reader:
        columns = study_columns(reader, "imgc")
    chosen = columns.is_state(TrialState.COMPLETED)
    across, down = "simd_width", "cfu"
    found = interaction(columns, "lut4", across=across, down=down, chosen=chosen)
    by_hand: dict[tuple[str, str], list[float]] = {}
    for result in columns.results():
        if result.trial.state is TrialState.COMPLETED:
            design = result.trial.design
            pair = str(design.get(across, "-")), str(design.get(down, "-"))
            by_hand.setdefault(pair, []).append(result.metrics["lut4"])
    assert {
        (found.columns[place], found.rows[row]): (cell.trials, cell.middle)
        for (place, row), cell in found.cells.items()
    } == {pair: (len(values), float(np.median(values))) for pair, values in by_hand.items()}
    assert found.trials == sum(map(len, by_hand.values()))


@pytest.mark.parametrize(("goal", "darkest"), [("minimise", min), ("maximise", max), ("", max)])
def test_the_darkest_cell_is_the_best(
    example: Path, goal: str, darkest: Callable[[list[float]], float]
) -> None:
    with Reader(example) as reader:
        columns = study_columns(reader, "imgc")
    chosen = columns.is_state(TrialState.COMPLETED)
    found = interaction(columns, "lut4", across="simd_width", down="cfu", chosen=chosen)
    drawn = str(interaction_chart(found, goal=goal, title="x").markup())
    best = darkest([cell.middle for cell in found.cells.values()])
    (place, row) = next(at for at, cell in found.cells.items() if cell.middle == best)
    (dark,) = [each for each in drawn.split("<rect")[1:] if 'class="c-heat-5"' in each][:1]
    assert f"simd_width = {found.columns[place]}, cfu = {found.rows[row]}:" in dark


@pytest.mark.parametrize(
    "query", ["of=nosuch", "across=nosuch", "down=%3Cb%3E", "across=cfu&down=", "across=cfu"]
)
def test_pairs_that_there_are_not_are_named(example: Path, query: str) -> None:
    answer = client(example).get(f"/studies/imgc/parts/interactions?{query}")
    is_wrong = "nosuch" in query or "%3Cb" in query
    assert answer.status_code == (400 if is_wrong else 200)
    assert "<b>" not in answer.text.split("<main", 1)[-1].replace("<b>Fix", "")


def test_two_parameters_are_chosen_with_a_click_and_stay_in_the_address(
    example_served: Served, page: Page
) -> None:
    page.goto(f"{example_served.url}/studies/imgc?show=completed")
    page.wait_for_selector("#front-chart[data-drawn]")
    # one after the other, without a look at what came of the first
    page.locator("#part-interactions select[name=across]").select_option("cfu")
    page.locator("#part-interactions select[name=of]").select_option("lut4")
    expect(page.locator("#part-interactions svg")).to_have_attribute(
        "aria-label", re.compile("^Median of lut4 over cfu and ")
    )
    assert "across=cfu" in page.url
    assert "of=lut4" in page.url
    assert "show=completed" in page.url
    page.reload()
    expect(page.locator("#part-interactions svg text.c-head").last).to_have_text("cfu →")


def test_a_parameter_colours_the_scatter_and_its_picture(
    example_served: Served, page: Page, drawn: Callable[[Page], None]
) -> None:
    page.goto(f"{example_served.url}/studies/imgc?show=completed")
    drawn(page)
    page.locator("#selection select[name=colour]").select_option("cfu")
    expect(page.locator("#colours")).to_have_text(re.compile(r"^cfu: +none +simd *$"))
    assert "colour=cfu" in page.url
    asking = client(example_served.database)
    picture = asking.get("/studies/imgc/front.svg?colour=cfu&show=completed").text
    assert "cfu = none" in picture
    with Reader(example_served.database) as reader:
        columns = study_columns(reader, "imgc")
    of_simd = [
        trial
        for trial in columns.trials
        if trial.state is TrialState.COMPLETED and trial.design["cfu"] == "simd"
    ]
    assert picture.count('class="c-series-mark-1"') == len(of_simd) + 1, "with the key's"
    assert asking.get("/studies/imgc/front.svg?colour=lut4").status_code == 400
