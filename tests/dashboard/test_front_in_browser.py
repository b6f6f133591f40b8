"""The front in a real browser: pointing, boxes, addresses, axes, keyboard, size."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from benchmarks.dashboard_study import NAME, make_study
from tests.dashboard.conftest import Served, Watched

Drawn = Callable[[Page], None]


@pytest.fixture
def study(page: Page, example_served: Served, drawn: Drawn) -> Page:
    page.goto(f"{example_served.url}/studies/imgc")
    drawn(page)
    return page


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over the chart between two places, given as shares of its size."""
    box = page.locator("#front-chart").bounding_box()
    assert box is not None

    def at(place: tuple[float, float]) -> tuple[float, float]:
        return box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"]

    page.mouse.move(*at(start))
    page.mouse.down()
    page.mouse.move(*at(((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)))
    page.mouse.move(*at(end))
    page.mouse.up()


def test_a_box_filters_everything_and_back_takes_it_away(study: Page) -> None:
    expect(study.locator("#part-trials .head .soft")).to_have_text("48")
    drag(study, (0.15, 0.1), (0.5, 0.6))
    expect(study.locator("#part-trials .head")).to_contain_text("of the selection")
    assert "box=latency_us:" in study.url
    assert "box=lut4:" in study.url
    kept = int(re.findall(r"\d+", study.locator("#part-trials .head .soft").inner_text())[0])
    assert 0 < kept < 45
    expect(study.locator("#chosen")).to_contain_text(f"{kept} trials")
    expect(study.locator("#part-effects")).to_contain_text("of the selection")
    expect(study.locator("#part-faults")).to_contain_text("None in the selection")
    expect(study.locator("#front-table tbody tr")).not_to_have_count(14)
    fewer = study.locator("#front-table tbody tr").count()
    assert 0 < fewer < 14
    link = study.locator("#part-front .files a", has_text="CSV").get_attribute("href") or ""
    assert "box=" in link
    study.go_back()
    expect(study.locator("#front-table tbody tr")).to_have_count(14)
    assert "box=" not in study.url
    study.go_forward()
    expect(study.locator("#front-table tbody tr")).to_have_count(fewer)
    study.locator("#chosen button").click()
    expect(study.locator("#front-table tbody tr")).to_have_count(14)


def test_a_deep_link_shows_the_same_as_the_way_to_it(
    page: Page, example_served: Served, drawn: Drawn
) -> None:
    query = "x=cycles&y=dp16kd&size=lut4&ys=log&box=lut4::6000&only=cfu:simd&show=completed"
    page.goto(f"{example_served.url}/studies/imgc?{query}")
    drawn(page)
    assert page.locator("select[name=x]").input_value() == "cycles"
    assert page.locator("select[name=ys]").input_value() == "log"
    assert page.locator("input[name=high-lut4]").input_value() == "6,000"
    expect(page.locator("#chosen")).to_contain_text("lut4 ≤ 6,000; cfu is simd; only completed")
    words = page.locator("#chosen").inner_text()
    shown = page.locator("#part-trials .head .soft").inner_text()
    assert re.findall(r"(\d+) trials", words) == re.findall(r"\d+", shown)


def test_the_controls_change_chart_tables_and_address(study: Page) -> None:
    study.select_option("select[name=y]", "cycles")
    expect(study).to_have_url(re.compile("y=cycles"))
    assert "Scatter of cycles" in (study.get_attribute("#front-chart", "aria-label") or "")
    study.select_option("select[name=show]", "infeasible")
    expect(study.locator("#part-trials tbody tr")).to_have_count(3)
    expect(study.locator("#part-faults tbody")).to_contain_text("too-slow")
    study.locator(".ranges summary").click()
    study.fill("input[name=low-lut4]", "5000")
    study.keyboard.press("Enter")
    expect(study).to_have_url(re.compile("box=lut4:5000:"))
    study.select_option("select[name=show]", "all")
    study.select_option("select[name=only-cfu]", "none")
    expect(study).to_have_url(re.compile("only=cfu:none"))
    expect(study.locator("#part-trials tbody")).not_to_contain_text("simd")
    study.locator("#part-effects .switch a", has_text="lut4").click()
    expect(study.locator("#part-effects .switch a[aria-current]")).to_have_text("lut4")
    study.locator("#part-growth .switch a", has_text="over time").click()
    expect(study.locator("#part-growth")).to_contain_text("minutes since")


def test_a_parameter_is_an_axis_and_a_box_keeps_its_values(
    page: Page, example_served: Served, drawn: Drawn
) -> None:
    page.goto(f"{example_served.url}/studies/imgc?y=lut4")
    drawn(page)
    assert page.locator("#front-chart").get_attribute("data-points") == "45"
    page.select_option("select[name=x]", "multiplier")
    expect(page).to_have_url(re.compile("x=multiplier&y=lut4"))
    # the three that were too slow have cells, too
    expect(page.locator("#front-chart")).to_have_attribute("data-points", "48")
    drag(page, (0.11, 0.0), (0.4, 1.0))  # the first of three
    expect(page.locator("#chosen")).to_contain_text("multiplier is iterative")
    assert "only=multiplier:iterative" in page.url
    assert "box=multiplier" not in page.url
    expect(page.locator("#part-trials .head")).to_contain_text("of the selection")
    shown = page.locator("#part-trials .head .soft").inner_text()
    words = page.locator("#chosen").inner_text()
    assert re.findall(r"(\d+) trials", words) == re.findall(r"\d+", shown)

    page.goto(f"{example_served.url}/studies/imgc?x=simd_width&y=lut4")
    drawn(page)
    assert page.locator("select[name=x]").input_value() == "simd_width"
    expect(page.locator("#shapes")).to_contain_text("without these values are not drawn")
    drag(page, (0.75, 0.0), (0.99, 1.0))
    expect(page).to_have_url(re.compile(r"only=simd_width:16"))


def test_pointing_shows_the_design_and_a_click_opens_it(study: Page) -> None:
    study.locator("#front-chart").focus()
    study.keyboard.press("ArrowRight")
    ring = study.locator(".ring").bounding_box()
    assert ring is not None
    study.mouse.move(5, 5)
    study.keyboard.press("Escape")
    expect(study.locator(".hint-box")).to_be_hidden()
    study.mouse.move(ring["x"] + 11, ring["y"] + 11)
    expect(study.locator(".hint-box")).to_contain_text("Trial 47")
    study.mouse.down()
    study.mouse.up()
    study.wait_for_url("**/trials/47")


def test_the_keyboard_goes_along_the_front_and_says_so(study: Page) -> None:
    study.locator("#front-chart").focus()
    seen = []
    for _ in range(14):
        study.keyboard.press("ArrowRight")
        seen.append(study.get_attribute("#front-chart", "data-focus"))
    table = study.locator("#front-table tbody th").all_inner_texts()
    assert seen == table  # best in the first objective first, both
    assert f"Trial {seen[-1]}" in study.locator("#said").inner_text()
    study.keyboard.press("ArrowUp")
    assert study.get_attribute("#front-chart", "data-focus") != seen[-1]


def test_everything_can_be_reached_with_the_tab_key(study: Page) -> None:
    reached = set()
    for _ in range(60):
        study.keyboard.press("Tab")
        reached.add(
            study.evaluate(
                "() => { const e = document.activeElement;"
                " return e.id || e.name || e.className || e.textContent.trim().slice(0, 20) }"
            )
        )
    for wanted in ("skip", "theme", "x", "front-chart", "trials"):
        assert wanted in reached


def test_parallel_axes_can_be_brushed(study: Page) -> None:
    target = study.locator("#parallel-chart")
    target.scroll_into_view_if_needed()
    expect(target).to_have_attribute("data-lines", "45")
    with study.expect_download() as saved:
        study.click("#parallel-svg")
    assert saved.value.suggested_filename == "imgc-parallel.svg"
    assert "icache_bytes" in saved.value.path().read_text()
    box = target.bounding_box()
    assert box is not None
    # the last axis is lut4; the lower half of it
    x = box["x"] + box["width"] - 60
    study.mouse.move(x, box["y"] + box["height"] * 0.6)
    study.mouse.down()
    study.mouse.move(x, box["y"] + box["height"] * 0.75)
    study.mouse.move(x, box["y"] + box["height"] * 0.9)
    study.mouse.up()
    expect(study).to_have_url(re.compile("box=lut4:"))
    expect(study.locator("#part-trials .head")).to_contain_text("of the selection")


def test_ticked_trials_are_compared_with_differences_marked(study: Page) -> None:
    boxes = study.locator("#front-table input[type=checkbox]")
    boxes.nth(0).check()
    boxes.nth(2).check()
    study.locator("#front-table button").click()
    study.wait_for_url("**/compare?*")
    assert study.locator("h1").inner_text() == "Compare trials 47, 32"
    marked = study.locator("tr.differs")
    assert marked.count() > 3
    assert all("≠" in text for text in marked.all_inner_texts())
    assert study.locator("td.best").count() == 2


def test_light_and_dark_can_be_chosen_and_are_kept(study: Page) -> None:
    def ground() -> str:
        return str(study.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = ground()
    study.click("#theme")
    assert ground() != light
    study.reload()
    assert ground() != light


@pytest.mark.slow
def test_ten_thousand_trials_are_drawn_in_less_than_a_megabyte(
    tmp_path: Path, serve: Callable[..., Served], context: BrowserContext, drawn: Drawn
) -> None:
    database = tmp_path / "large.db"
    make_study(database, trials=10_000)
    served = serve(database)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[int] = []
    session.on("Network.loadingFinished", lambda e: sizes.append(int(e["encodedDataLength"])))
    page.goto(f"{served.url}/studies/{NAME}")
    drawn(page)
    assert int(page.get_attribute("#front-chart", "data-points") or 0) > 8000
    assert sum(sizes) < 1_000_000  # 0.45 MB measured
    expect(page.locator("#part-trials .pages")).to_contain_text("page 1 of 200")
    page.locator("#part-trials .pages a", has_text="last").click()
    expect(page.locator("#part-trials tbody th").last).to_have_text("1")
    page.locator("#parallel-chart").scroll_into_view_if_needed()
    expect(page.locator("#parallel-hint")).to_contain_text("trials are drawn")


def test_without_scripts_there_are_tables_pictures_and_forms(
    example_served: Served, browser: object, watched: Watched
) -> None:
    context = browser.new_context(java_script_enabled=False)  # type: ignore[attr-defined]
    context.on("page", watched.follow)
    page = context.new_page()
    page.goto(f"{example_served.url}/studies/imgc")
    assert page.locator("#front-table tbody tr").count() == 14
    assert page.locator("#part-trials tbody tr").count() == 48
    for part in ("growth", "course", "faults", "effects"):
        assert page.locator(f"#part-{part} svg.drawing").count() >= 1, part
    assert page.locator("noscript img, img.still").first.is_visible()
    page.select_option("select[name=show]", "front")
    page.locator(".ranges summary").click()
    page.fill("input[name=high-lut4]", "5500")
    page.locator("#selection button", has_text="Apply").click()
    expect(page.locator("#chosen")).to_have_text(re.compile("^lut4 ≤ 5,500"))  # the new page
    assert "show=front" in page.url
    assert 0 < page.locator("#part-trials tbody tr").count() < 14
    page.locator("#part-trials thead a", has_text="cycles").click()
    expect(page).to_have_url(re.compile("sort=cycles"))
    expect(page.locator("#chosen")).to_have_text(re.compile("^lut4 ≤ 5,500"))
    context.close()
    watched.check()
