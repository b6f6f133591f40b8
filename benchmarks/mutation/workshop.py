"""A copy of the checkout in which one module at a time is changed, and tests that are run there.

Each run is a copy of this process, which has loaded the libraries of others already and none of
the project's modules: a test of a changed module costs what importing the project costs. Files of
the checkout itself are never touched; the copy has a cache of its own, so that no artefact of a
changed stage is ever met by a right one.
"""

import builtins
import contextlib
import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mutation.changes import CALLED, Change, telling

ROOT = Path(__file__).parents[2]
_AHEAD = frozenset(
    (
        *("PIL", "_pytest", "alembic", "amaranth", "anyio", "click", "fastapi", "flatbuffers"),
        *("fsspec", "httpx", "hypothesis", "jinja2", "numpy", "pandas", "pluggy", "pydantic"),
        *("pydantic_core", "rich", "scipy", "serial", "sqlalchemy", "starlette", "tflite", "typer"),
    )
)
"""Libraries that bear a fork after they were loaded; jax, for one, does not."""
_SANITY_S = 5.0
"""Tests of so long are run of the module as it is, in the way in which changes are judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What a module's tests do when nothing is changed.

    Attributes:
        seconds: What each test costs, by its id, the cheapest first.
        functions: Which functions of the module each calls, by ``Change.function``.
        modules: What was loaded in the end.
    """

    seconds: Mapping[str, float]
    functions: Mapping[str, frozenset[str]]
    modules: tuple[str, ...]

    def tests_of(self, change: Change) -> tuple[str, ...]:
        """Return the tests that may notice a change, the cheapest first.

        All of them, where none calls the function in this process: a process of a test may.
        """
        if change.is_at_import:
            return tuple(self.seconds)
        reached = tuple(test for test in self.seconds if change.function in self.functions[test])
        return reached or tuple(self.seconds)

    def some(self, seconds: float) -> tuple[str, ...]:
        """Return the cheapest tests, as many as take so long together."""
        found: list[str] = []
        left = seconds
        for test, cost in self.seconds.items():
            left -= cost
            if left < 0 and found:
                break
            found.append(test)
        return tuple(found)


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
            watch = _Watch()
            setattr(builtins, CALLED, watch.called)
            code = pytest.main([*_OPTIONS, *tests], plugins=[watch])
            found.write_text(json.dumps(watch.result()))
            return int(code)

        path = self._checkout / module
        right = path.read_text()
        try:
            self._write(path, telling(right))
            code = self._in_copy(watched, cpu_s=1800, wall_s=3600)
        finally:
            self._write(path, right)
        if code != 0:
            raise RuntimeError(f"the tests of {module} do not pass: {self.log.read_text()[-3000:]}")
        raw = json.loads(found.read_text())
        order = sorted(raw["seconds"], key=raw["seconds"].__getitem__)
        baseline = Baseline(
            seconds={test: raw["seconds"][test] for test in order},
            functions={test: frozenset(raw["functions"][test]) for test in order},
            modules=tuple(raw["modules"]),
        )
        for name in baseline.modules:
            if name.partition(".")[0] in _AHEAD:
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
        if self._run(baseline.some(_SANITY_S), cpu_s=300, wall_s=600).is_noticed:
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
        try:
            self._write(path, change.text)
            return self._run(tests, cpu_s=int(20 + 5 * seconds), wall_s=90 + 15 * seconds)
        finally:
            self._write(path, right)

    def _run(self, tests: Sequence[str], *, cpu_s: int, wall_s: float) -> Verdict:
        blame = self._folder / "blame"
        blame.unlink(missing_ok=True)
        code = self._in_copy(
            lambda: int(pytest.main([*_OPTIONS, *_filed(tests)], plugins=[_Blame(blame)])),
            cpu_s=cpu_s,
            wall_s=wall_s,
        )
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
    "--hypothesis-profile=all",  # of ``tests/examples.py``
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
    """Finds which functions of a module each test calls, and what the test costs."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._calls: dict[str, set[str]] = {}
        self._of_file: dict[str, set[str]] = {}
        self._now: set[str] = set()

    def called(self, function: str) -> None:
        """Note a call; the changed module does it."""
        self._now.add(function)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.skipped:
            self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Any:
        # what a fixture does may be there for all tests of its file
        self._now = self._of_file.setdefault(item.nodeid.partition("::")[0], set())
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        self._now = self._calls.setdefault(item.nodeid, set())
        return (yield)

    def result(self) -> dict[str, Any]:
        """Return what is in a ``Baseline``, as JSON can say it."""
        functions = {}
        for test in self._seconds:
            shared = self._of_file.get(test.partition("::")[0], set())
            functions[test] = sorted(self._calls.get(test, set()) | shared)
        return {"seconds": self._seconds, "functions": functions, "modules": sorted(sys.modules)}
