"""How the tests are shared out between the processes of pytest-xdist, and in which order."""

import gc
import os
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings

from tests.examples import ALL, FEW, examples
from tests.sharing import ByGroup, group_of

# how fast a machine draws examples says nothing about the software
settings.register_profile(ALL, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(FEW, settings.get_profile(ALL), max_examples=examples(100, FEW))
settings.load_profile(ALL)

if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    # as containers say; but then hundreds of processes compile the same modules: Vizier's cost each
    # 5 CPU-seconds. What is compiled is kept, away from the checkout.
    _base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(_base / "soft-soc-dse-tests" / "bytecode"))
    sys.dont_write_bytecode, sys.pycache_prefix = False, os.environ["PYTHONPYCACHEPREFIX"]

MINUTES = (
    "cfu",
    "small design, routed",
    "soc",
    "docs",
    "test_results.py",
    "test_many_campaigns.py",
    "test_keys.py",
    "test_command_line.py",
    "test_installed.py",
    "cpu",
)
"""What takes longest begins first: at the end no process is to wait for another one's long test."""


@pytest.fixture(scope="session", autouse=True)
def databases_set_up_once() -> Iterator[None]:
    """Write the outcome of the migrations where they were run before; `tests/store` runs them."""
    import dse.store.sqlite.file  # here: the process that hands out tests needs none of it
    from dse.store.versions import migrate
    from tests.databases import SetUpOnce

    with mock.patch.object(dse.store.sqlite.file, "migrate", SetUpOnce(migrate)):
        yield


@pytest.fixture(scope="session", autouse=True)
def templates_compiled_once() -> Iterator[None]:
    from jinja2 import Environment

    from tests.templates import compiling_once

    with mock.patch.object(Environment, "compile", compiling_once(Environment.compile)):
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--random-order-seed",
        type=int,
        metavar="N",
        help="run the files, and the tests of each file, in the order that N draws",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Say, before a file of tests is read, what holds for all: few examples without slow tests."""
    if not config.getoption("--hypothesis-profile"):  # else it is Hypothesis that loads one
        settings.load_profile(FEW if config.option.markexpr == "not slow" else ALL)
    if not hasattr(config, "workerinput"):
        # the stages of all processes of this run share the machine; a study that runs beside it
        # may hold all cores for longer than a test may take
        folder = tempfile.TemporaryDirectory(prefix="soft-soc-dse-tests-")
        config.add_cleanup(folder.cleanup)
        os.environ["DSE_MACHINE_DIR"] = folder.name


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Let the garbage collector not look at what lives as long as the process.

    Of the 700,000 objects that all files of tests make, none is garbage; a whole collection among
    the tests takes half a second with them, and a hundredth without.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(optionalhook=True)  # xdist's
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup | None:
    return ByGroup(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.hookimpl(tryfirst=True)  # before what is deselected by its marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a browser, and bring all tests into their order."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)  # seconds each: a browser starts and draws
    seed: int | None = config.getoption("random_order_seed")
    if seed is None:
        items.sort(key=turn_of)
    else:
        items[:] = shuffled(items, seed=seed)


def turn_of(item: pytest.Item) -> int:
    """Return when a test's turn is; equals stay in the order of the files."""
    group = group_of(item.path)
    name = group if group in MINUTES else item.path.name
    return MINUTES.index(name) if name in MINUTES else len(MINUTES)


def shuffled(items: list[pytest.Item], *, seed: int) -> list[pytest.Item]:
    """Return the tests in an order that ``seed`` alone draws; those of a file stay together.

    A fixture of a file is then made once, as it is in the order of the files' names.
    """
    rng = random.Random(seed)
    files: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        files[str(item.path)].append(item)
    order = sorted(files)
    rng.shuffle(order)
    drawn = []
    for path in order:
        rng.shuffle(files[path])
        drawn += files[path]
    return drawn
