"""A copy of the checkout in which one module at a time is changed, and tests that are run there.

Each run is a copy of this process, which has loaded the libraries of others already and none of
the project's modules: a test of a changed module costs what importing the project costs. Files of
the checkout itself are never touched; the copy has a cache of its own, so that no artefact of a
changed stage is ever met by a right one.
"""

import contextlib
import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from benchmarks.mutation.changes import Change

ROOT = Path(__file__).parents[2]
_AHEAD = frozenset(
    (
        *("PIL", "_pytest", "alembic", "amaranth", "anyio", "click", "fastapi", "flatbuffers"),
        *("fsspec", "httpx", "hypothesis", "jinja2", "numpy", "pandas", "pluggy", "pydantic"),
        *("pydantic_core", "rich", "scipy", "serial", "sqlalchemy", "starlette", "tflite", "typer"),
    )
)
"""Libraries that bear a fork after they were loaded; jax, for one, does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What a module's tests do when nothing is changed.

    Attributes:
        seconds: What each test costs, by its id, the cheapest first.
        lines: Which lines of the module each executes.
        modules: What was loaded in the end.
    """

    seconds: Mapping[str, float]
    lines: Mapping[str, frozenset[int]]
    modules: tuple[str, ...]

    def tests_of(self, change: Change) -> tuple[str, ...]:
        """Return the tests that may notice a change, the cheapest first.

        All of them, where none executes the line in this process: a process of a test may.
        """
        if change.is_at_import:
            return tuple(self.seconds)
        wanted = range(change.first_line, change.last_line + 1)
        reached = tuple(test for test in self.seconds if not self.lines[test].isdisjoint(wanted))
        return reached or tuple(self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What tests said of a change.

    Attributes:
        is_noticed: One of them failed, or did not come to an end.
        by: The test that failed; ``time`` or ``process`` where there is none.
    """

    is_noticed: bool
    by: str = ""


class Workshop:
    """A copy of the checkout, made and removed as a context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._checkout = folder / "checkout"

    def __enter__(self) -> "Workshop":
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for name in filter(None, listed.split("\0")):
            source, target = ROOT / name, self._checkout / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        (self._checkout / ".venv").symlink_to((ROOT / ".venv").resolve())
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def baseline(self, module: str, tests: Sequence[str]) -> Baseline:
        """Run the tests of a module as it is.

        Raises:
            RuntimeError: One of them fails.
        """
        found = self._folder / "baseline.json"
        found.unlink(missing_ok=True)

        def watched() -> int:
            watch = _Watch(self._checkout / module)
            code = pytest.main([*_OPTIONS, *tests], plugins=[watch])
            found.write_text(json.dumps(watch.result()))
            return int(code)

        code = self._in_copy(watched, cpu_s=1800, wall_s=3600)
        if code != 0:
            raise RuntimeError(f"the tests of {module} do not pass: {self.log.read_text()[-3000:]}")
        raw = json.loads(found.read_text())
        order = sorted(raw["seconds"], key=raw["seconds"].__getitem__)
        baseline = Baseline(
            seconds={test: raw["seconds"][test] for test in order},
            lines={test: frozenset(raw["lines"].get(test, ())) for test in order},
            modules=tuple(raw["modules"]),
        )
        for name in baseline.modules:
            if name.partition(".")[0] in _AHEAD:
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
        nothing = Change(
            function="",
            code="",
            what="",
            nth=0,
            first_line=0,
            last_line=0,
            is_at_import=True,
            text=(ROOT / module).read_text(),
        )
        if self.judge(module, nothing, baseline).is_noticed:
            raise RuntimeError(f"{module} as it is does not pass: {self.log.read_text()[-3000:]}")
        return baseline

    @property
    def log(self) -> Path:
        """What the last run printed."""
        return self._folder / "log"

    def judge(self, module: str, change: Change, baseline: Baseline) -> Verdict:
        """Run the tests that may notice a change until one does."""
        path = self._checkout / module
        right = path.read_text()
        tests = baseline.tests_of(change)
        seconds = sum(map(baseline.seconds.__getitem__, tests))
        blame = self._folder / "blame"
        blame.unlink(missing_ok=True)
        try:
            self._write(path, change.text)
            code = self._in_copy(
                lambda: int(pytest.main([*_OPTIONS, *_filed(tests)], plugins=[_Blame(blame)])),
                cpu_s=int(20 + 5 * seconds),
                wall_s=90 + 15 * seconds,
            )
        finally:
            self._write(path, right)
        if code == 0:
            return Verdict(is_noticed=False)
        by = blame.read_text() if blame.exists() else "time" if code < 0 else "import"
        return Verdict(is_noticed=True, by=by)

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text)
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
            compiled.unlink()  # told by size and second, which may both be the same

    def _in_copy(self, run: Callable[[], int], *, cpu_s: int, wall_s: float) -> int:
        """Run a function in a copy of this process, within the copy of the checkout.

        Returns:
            Its result, or a negative number if it was ended.
        """
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                os.setpgid(0, 0)
                self._settle_in(cpu_s)
                code = run()
            finally:
                if sys.exc_info()[0] is not None:  # into the log: this is a copy
                    traceback.print_exc()
                with contextlib.suppress(Exception):
                    sys.stdout.flush()
                os._exit(code)
        until_s = time.monotonic() + wall_s
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                break
            if time.monotonic() > until_s:
                os.kill(pid, signal.SIGKILL)
                _, status = os.waitpid(pid, 0)
                break
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # what it left behind
        return os.waitstatus_to_exitcode(status)

    def _settle_in(self, cpu_s: int) -> None:
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
        os.environ["XDG_CACHE_HOME"] = str(self._folder / "cache")
        os.environ.pop("DSE_CACHE_DIR", None)
        os.chdir(self._checkout)
        sys.path[:] = [
            str(self._checkout),
            *(each for each in sys.path if Path(each or ".").resolve() != ROOT),
        ]
        for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
            del sys.modules[name]  # tests find those of the copy


_OPTIONS = (
    *("-q", "-x", "--no-header", "-m", "not slow", "-p", "no:cacheprovider"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # of libraries that are there already
)


def _filed(tests: Sequence[str]) -> list[str]:
    """Return tests with those of a file together, the file with the cheapest test first."""
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    return [test for file in files for test in tests if test.partition("::")[0] == file]


class _Blame:
    """Keeps the first test that failed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self._path.exists():
            self._path.write_text(report.nodeid)


class _Watch:
    """Finds which lines of a module each test executes, and what the test costs."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._seconds: dict[str, float] = {}
        self._lines: dict[str, set[int]] = {}
        self._of_file: dict[str, set[int]] = {}
        self._now: set[int] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.skipped:
            self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Any:
        # what a fixture does may be there for all tests of its file
        return (yield from self._watched(self._of_file.setdefault(str(item.path), set())))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        return (yield from self._watched(self._lines.setdefault(item.nodeid, set())))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Any:
        return (yield from self._watched(self._of_file.setdefault(str(item.path), set())))

    def _watched(self, lines: set[int]) -> Any:
        self._now = lines
        threading.settrace(self._called)
        sys.settrace(self._called)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)

    def _called(self, frame: FrameType, _event: str, _argument: object) -> Any:
        if frame.f_code.co_filename != self._path:
            return None
        self._now.add(frame.f_lineno)
        return self._stepped

    def _stepped(self, frame: FrameType, _event: str, _argument: object) -> Any:
        self._now.add(frame.f_lineno)
        return self._stepped

    def result(self) -> dict[str, Any]:
        """Return what is in a ``Baseline``, as JSON can say it."""
        lines = {}
        for test in self._seconds:
            file = test.partition("::")[0]
            shared = next((s for p, s in self._of_file.items() if p.endswith("/" + file)), set())
            lines[test] = sorted(self._lines.get(test, set()) | shared)
        return {"seconds": self._seconds, "lines": lines, "modules": sorted(sys.modules)}
