"""How the tests are shared out between the processes of pytest-xdist, and in which order."""

import random
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")  # how fast a machine draws examples says nothing about the software

BUILT_ONCE = {"boards": "soc", "cfu": "cfu", "cpu": "cpu", "docs": "docs", "soc": "soc"}
"""Folders whose files share what takes long to build, with the name of what they share."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--random-order-seed",
        type=int,
        metavar="N",
        help="run the files, and the tests of each file, in the order that N draws",
    )


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep in one process what shares a simulator or a study, and the tests of any one file."""
    for item in items:
        group = BUILT_ONCE.get(item.path.parent.name, str(item.path))
        item.add_marker(pytest.mark.xdist_group(group))
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)  # seconds each: a browser starts and draws
    seed: int | None = config.getoption("random_order_seed")
    if seed is not None:
        items[:] = shuffled(items, seed=seed)


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
