"""Takes the pictures of the documentation: ``python -m dse.dashboard.screenshots [FOLDER]``.

Serves the recorded example and looks at it with Playwright and Debian's Chromium, which developers
have; the pictures go to ``docs/pictures``.
"""

import sys
import threading
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, ViewportSize, sync_playwright

from dse.dashboard.web.app import make_app
from dse.dashboard.web.security import make_access
from dse.dashboard.web.serve import example_database, listen, make_server
from runners import ROOT

CHROMIUM = "/usr/bin/chromium"
PICTURES = ROOT / "docs" / "pictures"
_SIZE: ViewportSize = {"width": 1440, "height": 960}
_SHOTS: tuple[tuple[str, str, str, Literal["light", "dark"]], ...] = (
    ("studies", "/", "", "light"),
    ("study", "/studies/imgc", "", "light"),
    ("study-dark", "/studies/imgc", "", "dark"),
    ("exploring", "/studies/imgc", "#parallel-title", "light"),
    ("trial", "/studies/imgc/trials/47", "", "light"),
    ("compare", "/studies/imgc/compare?trials=47,38,46", "", "dark"),
)
"""Name, address, what is scrolled to, theme."""


def main(folder: Path) -> None:
    """Write all pictures into ``folder``."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    with example_database() as database:
        app = make_app(
            database,
            access=make_access(token="-", host="127.0.0.1", port=port),
            cache_root=database.parent,
            shown_db="results.db",
        )
        server = make_server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            _take(folder, f"http://127.0.0.1:{port}")
        finally:
            server.should_exit = True
            server.wake()
            thread.join()


def _take(folder: Path, url: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, address, anchor, theme in _SHOTS:
            page = browser.new_page(viewport=_SIZE, color_scheme=theme)
            page.goto(url + address)
            _settle(page, anchor, points_at=name == "study-dark")
            page.screenshot(path=folder / f"dashboard-{name}.png")
            page.close()
        browser.close()


def _settle(page: Page, anchor: str, *, points_at: bool) -> None:
    """Wait until a page is drawn; ``points_at`` shows what a point of the chart tells."""
    if page.query_selector("#front-chart"):
        page.wait_for_selector("#front-chart[data-drawn]")
        if points_at:
            page.focus("#front-chart")
            for _ in range(3):
                page.keyboard.press("ArrowRight")
    if anchor:
        page.evaluate("anchor => document.querySelector(anchor).scrollIntoView()", anchor)
        page.wait_for_selector("#parallel-chart[data-lines]")
    page.wait_for_timeout(500)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES)
