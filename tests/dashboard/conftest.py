"""A dashboard that really serves, and a real browser that watches what leaves the machine."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from dse.dashboard.data.studies import Studies
from dse.dashboard.example import unpack
from dse.dashboard.web.app import make_app
from dse.dashboard.web.security import make_access
from dse.dashboard.web.serve import make_server
from dse.results.columns import StudyColumns

TOKEN = "the-token-of-these-tests"
CHROMIUM = Path("/usr/bin/chromium")


@dataclass
class NoProcesses:
    """Stands for ``Processes``: keeps what it was told to start, and starts nothing."""

    resumes: Callable[[str], str]
    started: list[tuple[str, Path]]

    def resume(self, study: str) -> str:
        return self.resumes(study)

    def start(self, study: str, config: Path) -> str:
        self.started.append((study, config))
        return f"a process was started for {study}"


@dataclass(frozen=True, kw_only=True)
class Served:
    """A dashboard that is being served."""

    url: str
    database: Path
    cache: Path
    resumed: list[str] = field(default_factory=list)
    started: list[tuple[str, Path]] = field(default_factory=list)

    @property
    def acting_url(self) -> str:
        return f"{self.url}/?token={TOKEN}"


@contextmanager
def serving(
    database: Path, *, host: str = "127.0.0.1", configs: Sequence[Path] = ()
) -> Iterator[Served]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    port = listener.getsockname()[1]
    cache = database.parent / "cache"
    cache.mkdir(exist_ok=True)
    served = Served(url=f"http://127.0.0.1:{port}", database=database, cache=cache)

    def resume(study: str) -> str:
        served.resumed.append(study)
        return "a process was started"

    app = make_app(
        database,
        access=make_access(token=TOKEN, host=host, port=port),
        cache_root=cache,
        processes=NoProcesses(resume, served.started),
        configs=configs,
    )
    server = make_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield served
    finally:
        server.should_exit = True
        server.wake()
        thread.join(timeout=60)
        for connection in app.state.connections:
            connection.close()
        listener.close()


@pytest.fixture(autouse=True)
def clients_closed() -> Iterator[None]:
    from tests.dashboard.http import close_clients  # which imports this file

    yield
    close_clients()


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded example; not to be written to."""
    return unpack(tmp_path_factory.mktemp("example") / "example.db")


@pytest.fixture
def columns(example: Path) -> StudyColumns:
    """The example's study of image classification."""
    studies = Studies(example)
    found = studies.columns("imgc")
    studies.close()
    return found


@pytest.fixture
def database(example: Path, tmp_path: Path) -> Path:
    """A copy of the example that a test may write to."""
    copied = tmp_path / "example.db"
    shutil.copy(example, copied)
    return copied


@pytest.fixture
def serve() -> Iterator[Callable[[Path], Served]]:
    with ExitStack() as stack:
        yield lambda database, **options: stack.enter_context(serving(database, **options))


@pytest.fixture(scope="module")
def example_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The example served once for all tests of a file that only read."""
    database = unpack(tmp_path_factory.mktemp("served") / "example.db")
    with serving(database) as served:
        yield served


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not there: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


REPLACED = ("htmx:sendAbort", "htmx:afterRequest")
"""What htmx says of a request that a later choice replaced; one that fails has another name."""
PATIENCE_MS = 30_000
"""How long a page may take on a machine that builds SoCs beside it."""
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Watched:
    """What a page asked for and complained about."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def follow(self, page: Page) -> None:
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                message.type in ("error", "warning") and self.complaints.append(message.text)
            ),
        )

    def check(self) -> None:
        away = [u for u in self.requests if urlsplit(u).hostname not in ("127.0.0.1", None)]
        assert away == [], "requests left the machine"
        expected = (*self.expected, *REPLACED)
        unexpected = [c for c in self.complaints if not any(e in c for e in expected)]
        assert unexpected == []


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def context(browser: Browser, watched: Watched) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1280, "height": 900})
    made.set_default_timeout(PATIENCE_MS)
    made.on("page", watched.follow)
    yield made
    made.close()
    watched.check()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def drawn() -> Callable[[Page], None]:
    """Wait until the front is drawn."""
    return lambda page: page.wait_for_selector("#front-chart[data-drawn]") and None
