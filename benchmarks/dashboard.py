"""Measures the dashboard on a study of thousands of trials, in the real Chromium.

``python -m benchmarks.dashboard [--trials 10000]``: time and bytes of the first view, CPU time of
idle viewers, and how long after a trial is stored it can be seen. With ``--optuna BIN`` (a folder
with ``optuna-dashboard`` and its ``python``; an optional tool, not a dependency) the first view of
optuna-dashboard on as many trials is measured in the same run.
"""

import argparse
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.dashboard_study import NAME, make_study, measure
from contracts.measurement import Completed, Measurement
from dse.config.assembly import assemble_space
from dse.output.report import table_text
from dse.store import NewTrial, RetryPolicy, Store
from runners.measuring.metrics import METRICS

CHROMIUM = "/usr/bin/chromium"
USUAL = 10_000
LARGE = 100_000
"""Trials of a study."""
_IDLE_VIEWERS = (0, 1, 4)
_IDLE_S = 60.0
_PATIENCE_MS = 600_000


@dataclass(frozen=True, kw_only=True)
class View:
    """One view of a page: seconds to the drawn chart, and what it cost.

    Attributes:
        seconds: By the clock, from the start of the navigation.
        cpu_s: Of the page's main thread; unlike the clock it does not depend on other programs.
        bytes: Over the wire.
        requests: How many.
    """

    seconds: float
    cpu_s: float
    bytes: int
    requests: int


@contextmanager
def our_dashboard(database: Path) -> Iterator[tuple[str, int, float]]:
    """Yield a dashboard's address, its process id, and the seconds until it told the address."""
    command = [sys.executable, "-m", "dse.study", "dashboard", "--db", str(database), "--port", "0"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        found = re.search(r"http\S+", process.stderr.readline())
        assert found is not None
        yield found[0].rstrip("/"), process.pid, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(timeout=20)


def view(browser: Browser, url: str, drawn: str) -> View:
    """Open a page in a browser without any cache and wait until it has an element ``drawn``."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    sizes: list[int] = []
    session.on("Network.loadingFinished", lambda e: sizes.append(int(e["encodedDataLength"])))
    started = time.perf_counter()
    page.goto(url, wait_until="commit", timeout=_PATIENCE_MS)
    page.wait_for_selector(drawn, state="attached", timeout=_PATIENCE_MS)
    seconds = time.perf_counter() - started
    figures = session.send("Performance.getMetrics")["metrics"]
    used_s = next(figure["value"] for figure in figures if figure["name"] == "ThreadTime")
    mark = page.evaluate("performance.getEntriesByName('front-drawn')[0]?.startTime")
    page.wait_for_timeout(1000)
    context.close()
    return View(
        seconds=seconds if mark is None else mark / 1000,
        cpu_s=used_s,
        bytes=sum(sizes),
        requests=len(sizes),
    )


def cpu_s(pid: int) -> float:
    """Return the CPU-seconds of a process, threads that have ended included, to the nanosecond.

    Source: clock_getcpuclockid(3); the kernel makes the clock of a process from its number.
    """
    return time.clock_gettime((~pid << 3) | 2)


def idle(browser: Browser, url: str, pid: int, viewers: int) -> float:
    """Return the server's CPU-seconds in a minute with some viewers who do nothing."""
    context = browser.new_context()
    pages = [context.new_page() for _ in range(viewers)]
    for page in pages:
        page.goto(f"{url}/studies/{NAME}")
        page.wait_for_selector("#live:not([hidden])", state="attached")
    time.sleep(3)
    before = cpu_s(pid)
    time.sleep(_IDLE_S)
    used = cpu_s(pid) - before
    context.close()
    return used * 60 / _IDLE_S


def updates(browser: Browser, url: str, database: Path, count: int) -> tuple[list[float], float]:
    """Add some trials; return the seconds from each commit to its point, and the bytes of one."""
    page = browser.new_page()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[int] = []
    session.on("Network.loadingFinished", lambda e: sizes.append(int(e["encodedDataLength"])))
    session.on("Network.eventSourceMessageReceived", lambda e: sizes.append(len(e["data"])))
    page.goto(f"{url}/studies/{NAME}")
    page.wait_for_selector("#front-chart[data-drawn]")
    page.wait_for_selector("#live:not([hidden])", state="attached")
    page.wait_for_timeout(1000)
    sizes.clear()
    found = []
    with Store(database) as store:
        study = store.study(NAME)
        for number in range(count):
            time.sleep(1.7 + 0.13 * number)  # not in step with the dashboard's looks
            before = int(page.get_attribute("#front-chart", "data-points") or 0)
            store_trial(store, study.id, seed=number)
            stored = time.perf_counter()
            page.wait_for_selector(f'#front-chart[data-points="{before + 1}"]')
            found.append(time.perf_counter() - stored)
        page.wait_for_timeout(2000)  # the parts of the page follow
    page.close()
    return found, sum(sizes) / count


def store_trial(store: Store, study_id: int, *, seed: int) -> None:
    """Queue, claim and complete one more trial of the large study."""
    from dse.config import config_from_json

    numbers = random.Random(1_000_000 + seed)
    space = assemble_space(config_from_json(store.study(NAME).config_json))
    design = space.sample(numbers)
    while "latency_us" not in (values := measure(design.values, numbers)):
        design = space.sample(numbers)
    now_s = time.time()
    new = NewTrial(design_id=design.id, design_json=design.canonical, suggested_by="random")
    store.add_trials(study_id, [new], context="benchmark", budget=None, now_s=now_s)
    claim = store.claim(study_id, worker="worker-1", now_s=now_s, lease_s=100.0)
    assert claim is not None
    metrics = tuple(METRICS[name].measured(value) for name, value in values.items())
    done = Completed(measurement=Measurement(metrics=metrics))
    store.finish(claim.attempt_id, done, now_s=now_s + 1, retry=RetryPolicy())


_OPTUNA_STUDY = """
import random, sqlite3, sys
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
path, count = sys.argv[1], int(sys.argv[2])
study = optuna.create_study(
    storage=f"sqlite:///{path}", study_name="large", directions=["minimize"] * 2
)
numbers = random.Random(1)
sizes = optuna.distributions.CategoricalDistribution([1024, 2048, 4096, 8192, 16384])
names = [f"p{n}" for n in range(17)]
study.add_trial(
    optuna.trial.create_trial(
        params=dict.fromkeys(names, 1024),
        distributions=dict.fromkeys(names, sizes),
        values=[1e5, 5e3],
    )
)
# the others as copies of its rows: through the interface they take many minutes
database = sqlite3.connect(path)

def copies(table, change):
    cursor = database.execute(f"SELECT * FROM {table} WHERE trial_id = 1")
    columns = [column[0] for column in cursor.description]
    found = [dict(zip(columns, row)) for row in cursor]
    marks = ", ".join(f":{column}" for column in columns)
    for number in range(1, count):
        rows = [{**row, columns[0]: None, "trial_id": number + 1, **change(row, number)}
                for row in found]
        database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

copies("trials", lambda row, number: {"trial_id": number + 1, "number": number})
copies("trial_params", lambda row, number: {"param_value": float(numbers.randrange(5))})
copies("trial_values", lambda row, number: {
    "value": numbers.uniform(4e3, 9e3) if row["objective"] else numbers.lognormvariate(12, 1)})
database.commit()
"""
_OPTUNA_DRAWN = ".js-plotly-plot .scatterlayer .points path, .js-plotly-plot canvas"


@contextmanager
def optuna_dashboard(programs: Path, folder: Path, trials: int) -> Iterator[str]:
    """Yield the address of a study in optuna-dashboard."""
    path = folder / "optuna.db"
    subprocess.run(
        [programs / "python", "-c", _OPTUNA_STUDY, path, str(trials)], check=True, timeout=900
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [programs / "optuna-dashboard", f"sqlite:///{path}", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/dashboard/studies/1"
    finally:
        process.terminate()
        process.wait(timeout=20)


def measured(
    trials: int, *, goal_s: int, idle_viewers: Sequence[int], optuna: Path | None = None
) -> list[list[str]]:
    """Return what ``header`` names of a study of so many trials.

    Args:
        trials: Of the study.
        goal_s: Within which it is to be seen.
        idle_viewers: How many look on for a minute, each number for itself.
        optuna: Folder of optuna-dashboard's program, to measure it, too.
    """
    rows: list[list[str]] = []

    def row(what: str, value: str, goal: str = "") -> None:
        rows.append([what, value, goal])
        print(f"{what}: {value}", file=sys.stderr, flush=True)

    drawn = "#front-chart[data-drawn]"
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        database = folder / "large.db"
        make_study(database, trials=trials)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        _warm(browser)
        with our_dashboard(database) as (url, pid, start_s):
            row("from the command to its address", f"{start_s:.2f} s")
            first = view(browser, f"{url}/studies/{NAME}", drawn)
            row("first view, dashboard just started", f"{first.seconds:.2f} s", f"< {goal_s} s")
            before_s = cpu_s(pid)
            again = [view(browser, f"{url}/studies/{NAME}", drawn) for _ in range(5)]
            page_s = statistics.median(v.cpu_s for v in again)
            server_s = (cpu_s(pid) - before_s) / len(again)
            usual = statistics.median(v.seconds for v in again)
            row("first view of a new browser, median of 5", f"{usual:.2f} s", f"< {goal_s} s")
            row("CPU of it", f"{page_s:.2f} s in the page, {server_s:.2f} s in the server")
            row("bytes", f"{first.bytes / 1e6:.2f} MB in {first.requests} requests", "< 1 MB")
            late, update_bytes = updates(browser, url, database, 10)
            seen = f"{statistics.median(late):.2f} s, at most {max(late):.2f} s"
            row("from commit to chart, median of 10", seen, "< 1 s")
            row("bytes of one trial more", f"{update_bytes / 1000:.1f} kB", "< 50 kB")
            for viewers in idle_viewers:
                used = idle(browser, url, pid, viewers)
                each = f", {1000 * used / viewers:.1f} ms each" if viewers else ""
                goal = "< 20 ms each" if viewers else ""
                row(f"CPU a minute, {viewers} idle viewers", f"{1000 * used:.1f} ms{each}", goal)
        if optuna is not None:
            with optuna_dashboard(optuna, folder, trials) as url:
                theirs = view(browser, url, _OPTUNA_DRAWN)
            size = f"{theirs.bytes / 1e6:.1f} MB"
            cost = f"{theirs.seconds:.1f} s, {theirs.cpu_s:.1f} s CPU in the page, {size}"
            row("optuna-dashboard, first view", cost)
        browser.close()
    return rows


def header(trials: int) -> tuple[str, str, str]:
    """Return the head of the table of a study of so many trials."""
    return (f"{trials:,} trials", "measured", "goal")


def rows() -> list[list[str]]:
    """Measure a study as a night or two make it."""
    return measured(USUAL, goal_s=1, idle_viewers=_IDLE_VIEWERS)


def rows_of_a_large_study() -> list[list[str]]:
    """Measure a study that is larger than any that we know of."""
    return measured(LARGE, goal_s=2, idle_viewers=())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=USUAL)
    parser.add_argument("--optuna", type=Path, metavar="BIN")
    parser.add_argument("--quick", action="store_true", help="leave out the idle minutes")
    given = parser.parse_args()
    found = measured(
        given.trials,
        goal_s=1 if given.trials <= USUAL else 2,
        idle_viewers=() if given.quick else _IDLE_VIEWERS,
        optuna=given.optuna,
    )
    print(table_text(list(header(given.trials)), found, left=3))


def _warm(browser: Browser) -> None:
    page: Page = browser.new_page()
    page.goto("data:text/html,<canvas></canvas>")
    page.close()


if __name__ == "__main__":
    main()
