"""Placed trials, references, limits and three objectives, in a real browser."""

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from dse.store import Store
from tests.commands.here import call_here
from tests.dashboard.conftest import Served
from tests.dashboard.http import client
from tests.dashboard.placed import change_config, place

Drawn = Callable[[Page], None]
Serve = Callable[[Path], Served]


def test_a_placed_trial_shows_clocks_and_critical_path(
    database: Path, serve: Serve, page: Page
) -> None:
    place(database, 47)
    served = serve(database)
    page.goto(f"{served.url}/studies/imgc/trials/49")
    section = page.locator("section", has_text="Place and route").last
    expect(section).to_contain_text("$glbnet$crg_clkout0")
    expect(section.locator("table").first.locator("tbody tr")).to_have_count(2)
    expect(section.locator("table").first).to_contain_text("no")
    section.locator("summary").click()
    expect(section).to_contain_text("clk-to-q")
    expect(section).to_contain_text("tag_mem.0.0")
    expect(page.locator("main")).to_contain_text("takes trial 47 further")
    expect(page.locator("main")).to_contain_text("flash imgc 49")
    page.locator("a", has_text="trial 47").first.click()
    expect(page.locator("h1")).to_contain_text("Trial 47")
    expect(page.locator("main")).to_contain_text("measured further by a promotion")


def test_fidelities_are_told_apart_by_shape_and_estimates_by_a_sign(
    database: Path, serve: Serve, page: Page, drawn: Drawn
) -> None:
    place(database, 47, 38, 32)
    served = serve(database)
    page.goto(f"{served.url}/studies/imgc")
    drawn(page)
    expect(page.locator("#shapes")).to_contain_text("● synthesised · ◆ placed")
    rows = page.locator("#front-table tbody tr")
    placed = rows.filter(has_text="placed")
    assert placed.count() > 0
    assert "~" not in placed.first.locator("td").nth(1).inner_text()
    assert "~" in rows.filter(has_text="synthesised").first.locator("td").nth(1).inner_text()


def test_figures_of_others_and_limits_of_the_part_are_lines_with_a_table(
    database: Path, serve: Serve, page: Page, drawn: Drawn
) -> None:
    change_config(
        database,
        "imgc",
        references=[{"name": "another system", "metric": "latency_us", "value": 18_500.0}],
    )
    served = serve(database)
    page.goto(f"{served.url}/studies/imgc?y=mult18x18d")
    drawn(page)
    page.locator("summary", has_text="Limits and references").click()
    table = page.locator("details", has_text="Limits and references").locator("tbody")
    expect(table).to_contain_text("another system")
    expect(table).to_contain_text("LFE5U-85F")
    expect(page.locator("#shapes")).to_contain_text("limit of the part (156 mult18x18d)")
    picture = client(database).get("/studies/imgc/front.svg").text
    assert ">another system</text>" in picture


def test_three_objectives_are_seen_by_pairs_and_by_size(
    database: Path, serve: Serve, page: Page, drawn: Drawn
) -> None:
    objectives = {"minimise": ["latency_us", "lut4", "dp16kd"], "maximise": []}
    change_config(database, "imgc", objectives=objectives)
    served = serve(database)
    page.goto(f"{served.url}/studies/imgc")
    drawn(page)
    pairs = page.locator(".pairs a")
    expect(pairs).to_have_text(["latency_us × lut4", "latency_us × dp16kd", "lut4 × dp16kd"])
    pairs.nth(2).click()
    expect(page.locator("select[name=y]")).to_have_value("dp16kd")
    page.select_option("select[name=size]", "latency_us")
    assert "size=latency_us" in page.url
    assert page.locator("#front-table thead th").all_inner_texts()[2:5] == objectives["minimise"]
    assert client(database).get("/studies/imgc/growth.svg").status_code == 200


def test_a_mixed_front_says_what_placing_adds_to_the_cells(database: Path) -> None:
    target = {"clock_policy": "pinned"}  # so that nothing is learned of the others' cells
    with Store(database) as store:
        resolved = json.loads(store.study("imgc").config_json)
    change_config(database, "imgc", target=resolved["target"] | target)
    words = "lut4 of what is not placed is what synthesis counts"
    assert words not in client(database).get("/studies/imgc").text
    assert words not in call_here("front", "imgc", "--db", database).stdout

    place(database, 47)
    one = f"{words}; placing made it -6.0 % in the one design that has both"
    assert one in client(database).get("/studies/imgc").text
    assert one in " ".join(call_here("front", "imgc", "--db", database).stdout.split())
    place(database, 38, 32)
    several = f"{words}; placing made it -6.0 to -6.0 %, -6.0 % in the median, in the 3 designs"
    assert several in client(database).get("/studies/imgc").text
    only = client(database).get("/studies/imgc?only=cfu:none").text
    assert words not in only, "none of these is placed"


def test_where_the_cells_of_the_others_are_expected_that_is_said(database: Path) -> None:
    with Store(database) as store:
        record = store.study("imgc")
        resolved = json.loads(record.config_json)
        resolved["study"]["fidelity"] = "place"
        store.update_config(record.id, config_toml="", config_json=json.dumps(resolved))
    place(database, 47, 38, 32)
    page = client(database).get("/studies/imgc").text
    assert "lut4: -6.0 % on what synthesis counts, as 3 placed trials let expect" in page
    assert "lut4 of what is not placed" not in page
