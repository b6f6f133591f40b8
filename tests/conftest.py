"""How the tests are shared out between the processes of pytest-xdist."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")  # how fast a machine draws examples says nothing about the software

BUILT_ONCE = {"boards": "soc", "cfu": "cfu", "cpu": "cpu", "docs": "docs", "soc": "soc"}
"""Folders whose files share what takes long to build, with the name of what they share."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep in one process what shares a simulator or a study, and the tests of any one file."""
    for item in items:
        group = BUILT_ONCE.get(item.path.parent.name, str(item.path))
        item.add_marker(pytest.mark.xdist_group(group))
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)  # seconds each: a browser starts and draws
