"""Search algorithms behind one small interface."""

from pathlib import Path

from contracts.faults import ConfigError
from dse.suggest.baselines import GridSuggester, RandomSuggester
from dse.suggest.interface import History, Objective, Observation, Suggester, SuggestRequest
from dse.suggest.vizier import VizierSuggester

ALGORITHMS = ("vizier", "random", "grid")
"""Names that ``make_suggester`` knows."""


def make_suggester(
    name: str, *, timeout_s: float = 300.0, compilation_cache: Path | None = None
) -> Suggester:
    """Return a search algorithm.

    Args:
        name: One of ``ALGORITHMS``.
        timeout_s: Limit of one call of an algorithm that runs in a process of its own.
        compilation_cache: Where such an algorithm may keep compiled code; None for nowhere.

    Raises:
        ConfigError: There is no such algorithm.
    """
    if name == "vizier":
        return VizierSuggester(timeout_s=timeout_s, compilation_cache=compilation_cache)
    if name == "random":
        return RandomSuggester()
    if name == "grid":
        return GridSuggester()
    raise ConfigError(
        f"there is no search algorithm {name!r}", f"use one of: {', '.join(ALGORITHMS)}"
    )


__all__ = [
    "ALGORITHMS",
    "History",
    "Objective",
    "Observation",
    "SuggestRequest",
    "Suggester",
    "make_suggester",
]
