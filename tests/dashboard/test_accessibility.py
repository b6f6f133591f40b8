"""axe-core finds nothing wrong on any page: light and dark, on a desk and on a phone."""

import importlib.util
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from starlette.responses import HTMLResponse
from starlette.routing import Route

from contracts.measurement import Fidelity
from dse.campaign.promotion import SUGGESTED_BY
from dse.dashboard.pages import acting, api, pages, starting
from dse.shipped import OUR_MODEL
from dse.store import NewTrial, Store
from dse.store.records import Remark
from tests.dashboard.conftest import PATIENCE_MS, Served, Watched, serving
from tests.dashboard.http import client
from tests.dashboard.placed import place

AS_IT_COMES = "study as it comes"
PAGES = {
    "studies": "/",
    "archived studies": "/?archived=yes",
    AS_IT_COMES: "/studies/imgc",
    "study": "/studies/imgc",
    "study of a selection": "/studies/imgc?high-latency_us=100000&only=cfu:simd&tick=47",
    "study with a table": "/studies/table",
    "placed trial": "/studies/imgc/trials/49",
    "infeasible trial": "/studies/imgc/trials/45",
    "compare": "/studies/imgc/compare?trials=47&trials=38&trials=31",
    "report": "/studies/imgc/report",
    "queue": "/studies/imgc/queue",
    "start": "/start",
    "start a config": "/start?config=first.toml",
    "config with mistakes": "/start?config=wrong.toml",
    "audit": "/audit",
    "api": "/api",
    "error": "/studies/none",
}
GOOD = f"""[study]
name = "first"
trials = 6
[workload]
model = "{OUR_MODEL}"
[space]
cfu = ["none", "simd"]
"""
OPEN_ALL = "document.querySelectorAll('details').forEach(each => each.open = true)"


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core as one script."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-core is not there: `make setup` installs axe-playwright-python")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def served(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("accessibility")
    database = folder / "example.db"
    database.write_bytes(example.read_bytes())
    place(database, 47, 38)
    wait(database, 32, 33)
    configs = folder / "configs"
    configs.mkdir()
    (configs / "first.toml").write_text(GOOD)
    (configs / "wrong.toml").write_text(GOOD.replace("trials = 6", "trials = 0\nfidelty = 'x'"))
    with serving(database, configs=[configs]) as each:
        yield each


def wait(database: Path, *numbers: int) -> None:
    """Promote trials of the study imgc: the first is running, the others wait."""
    with Store(database) as store:
        study = store.study("imgc")
        for number in numbers:
            trial = store.detail(study, number).result.trial
            new = NewTrial(
                design_id=trial.design_id,
                design_json=trial.design_json,
                suggested_by=SUGGESTED_BY,
                fidelity=Fidelity.PLACED,
                promotes=trial.id,
            )
            store.add_trials(study.id, [new], context=f"w{number}", budget=None, now_s=2e9)
        assert store.claim(study.id, worker="w", now_s=2e9, lease_s=60.0) is not None
        store.remark(study.id, None, lambda _: Remark(note="a note", tags=("fast",)))
        store.archive_study("table", now_s=2e9)


def violations(page: Page, axe: str) -> list[str]:
    """Return what axe-core finds wrong: rule, place, and what it says of it."""
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:200]}: {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def test_no_page_is_forgotten() -> None:
    shown = [
        route
        for module in (pages, acting, starting, api)
        for route in module.router.routes
        if isinstance(route, Route)
        and inspect.signature(route.endpoint).return_annotation is HTMLResponse
        and route.path
        not in (
            "/studies/{study}/parts/{part}",
            "/studies/{study}/trials/{number}/standing",
            "/studies/{study}/report.html",
        )
    ]
    assert len(shown) > 8
    addresses = [path.partition("?")[0] for path in PAGES.values()]
    forgotten = [route.path for route in shown if not any(map(route.path_regex.match, addresses))]
    assert forgotten == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_core_finds_nothing_in_the_report_that_is_sent(
    browser: Browser, example: Path, axe: str, theme: Any
) -> None:
    page = browser.new_page(color_scheme=theme)
    page.set_content(client(example).get("/studies/imgc/report.html").text)
    found = violations(page, axe)
    page.close()
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_core_finds_nothing_on_any_page(
    browser: Browser, served: Served, axe: str, watched: Watched, theme: Any, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_MS)
    watched.expected = ("404",)  # the page of an error
    context.on("page", watched.follow)
    page = context.new_page()
    page.goto(served.acting_url)
    found: list[str] = []
    for name, path in PAGES.items():
        answer = page.goto(f"{served.url}{path}")
        assert answer is not None
        assert answer.status == (404 if name == "error" else 200), (name, answer.text())
        if page.locator("#front-chart").count():
            page.wait_for_selector("#front-chart[data-drawn]")
        if name != AS_IT_COMES:
            page.evaluate(OPEN_ALL)
        found += [f"{name}: {each}" for each in violations(page, axe)]
    context.close()
    watched.check()
    assert not found, "\n".join(found)
