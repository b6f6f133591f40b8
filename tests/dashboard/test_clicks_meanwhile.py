"""A click while its part of the page is on its way from the server is obeyed, not forgotten."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.dashboard.conftest import Served

CONTROLS = {
    "growth": ("a", "over time", "a[aria-current=true]", "over time"),
    "course": ("a", "lut4", "a[aria-current=true]", "lut4"),
    "effects": ("a", "lut4", ".switch a[aria-current=true]", "lut4"),
    "trials": ("thead a", "cycles", "th[aria-sort] a", "cycles ↑"),
}


def hold_first(page: Page, part: str) -> list[Route]:
    """Leave the first request for a part without an answer."""
    held: list[Route] = []

    def answer(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route(f"**/parts/{part}?*", answer)
    return held


@pytest.fixture
def study(example_served: Served, page: Page, drawn: Callable[[Page], None]) -> Page:
    page.goto(f"{example_served.url}/studies/imgc")
    drawn(page)
    return page


@pytest.mark.parametrize("part", CONTROLS)
def test_a_click_during_a_refresh_is_obeyed(study: Page, part: str) -> None:
    hold_first(study, part)
    with study.expect_request(f"**/parts/{part}?*"):
        study.evaluate("document.body.dispatchEvent(new CustomEvent('trials-changed'))")
    control, words, found, shown = CONTROLS[part]
    study.locator(f"#part-{part} {control}", has_text=words).first.click()
    expect(study.locator(f"#part-{part} {found}")).to_have_text(shown)


def test_a_second_choice_before_the_answer_to_the_first_keeps_both(study: Page) -> None:
    held = hold_first(study, "interactions")
    form = study.locator("#part-interactions form")
    with study.expect_request("**/parts/interactions?*"):
        form.locator("select[name=across]").select_option("multiplier")
    form.locator("select[name=of]").select_option("lut4")
    drawing = study.locator("#part-interactions svg")
    expect(drawing.locator("text.c-head").last).to_have_text("multiplier →")
    expect(form.locator("select[name=of]")).to_have_value("lut4")
    assert len(held) == 1
    assert "across=multiplier" in study.url
    assert "of=lut4" in study.url
