"""Each page in a real browser, on real studies."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.dashboard.conftest import Served


def test_the_first_page_leads_to_every_study(page: Page, example_served: Served) -> None:
    page.goto(example_served.url)
    assert page.locator("tbody tr").count() == 3
    assert page.locator("tr", has_text="48 of 48").count() == 1
    page.get_by_role("link", name="table", exact=True).click()
    page.wait_for_url("**/studies/table")
    assert page.locator("h1").inner_text() == "table"


def test_a_study_draws_its_front_and_lists_it(
    page: Page, example_served: Served, drawn: Callable[[Page], None]
) -> None:
    page.goto(f"{example_served.url}/studies/imgc")
    drawn(page)
    chart = page.locator("#front-chart")
    assert chart.get_attribute("data-points") == "45"  # 3 of 48 have no latency
    assert chart.get_attribute("data-front") == "14"
    assert page.locator("#front-table tbody tr").count() == 14
    assert "3 without these values are not drawn" in page.locator("#shapes").inner_text()


def test_the_data_of_a_study_are_fetched_once(
    page: Page, example_served: Served, drawn: Callable[[Page], None]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{example_served.url}/studies/imgc")
    drawn(page)
    assert len([url for url in asked if "/columns" in url]) == 1, (
        "what is preloaded is what is used"
    )


def test_a_click_on_a_point_opens_its_trial_and_back_returns(
    page: Page, example_served: Served, drawn: Callable[[Page], None]
) -> None:
    page.goto(f"{example_served.url}/studies/imgc")
    drawn(page)
    page.locator("#front-chart").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#front-chart").get_attribute("data-focus") == "47"
    assert "latency_us" in page.locator(".hint-box").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url("**/studies/imgc/trials/47")
    assert "Trial 47" in page.locator("h1").inner_text()
    page.go_back()
    drawn(page)


@pytest.mark.parametrize("number", [1, 45])
def test_a_trial_has_everything_that_is_known(
    page: Page, example_served: Served, number: int
) -> None:
    page.goto(f"{example_served.url}/studies/imgc/trials/{number}")
    text = page.locator("main").inner_text()
    assert "icache_bytes" in text
    assert "python -m dse.study show imgc" in text
    assert "gone from the cache" in text
    if number == 45:
        assert "too-slow" in text
        assert "raise limits.cycles" in text
    else:
        assert "conv2d_0" in text
        assert "8.3 %" in text or "of 83,640" in page.locator("svg.drawing").first.inner_html()
