"""Which tests stay in one process of pytest-xdist: what is built for one serves them all."""

from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

BUILT_ONCE = {
    "boards": "soc",
    "cfu": "cfu",
    "cpu": "cpu",
    "docs": "docs",
    "soc": "soc",
    "test_clock_after_routing.py": "small design, routed",
    "test_measure_on_board.py": "small design, routed",
    "test_measure_placed.py": "small design, routed",
    "test_netlist_simulation.py": "small design, routed",
}
"""Folders and files that share what takes long to build, with the name of what they share."""


def group_of(path: Path) -> str:
    """Return the name of what a file of tests shares with others; else the file."""
    return BUILT_ONCE.get(path.name) or BUILT_ONCE.get(path.parent.name) or str(path)


class ByGroup(LoadScopeScheduling):
    """Hands whole groups of tests to processes, in the order of the first test of each.

    As `--dist loadgroup`, which tells groups by the names of the tests and so has none since
    pytest 9.2, without a word: https://github.com/pytest-dev/pytest-xdist/issues/1386.
    """

    config: pytest.Config

    def _split_scope(self, nodeid: str) -> str:
        return group_of(self.config.rootpath / nodeid.partition("::")[0])
