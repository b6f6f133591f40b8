"""Search algorithms behind one small interface."""

from pathlib import Path

from contracts.faults import ConfigError
from dse.suggest.algorithms import algorithm_module, algorithm_names
from dse.suggest.cycles import expected_cycles
from dse.suggest.interface import (
    EarlierStudy,
    History,
    Objective,
    Observation,
    StageRun,
    Suggester,
    Suggestion,
    SuggestRequest,
    TrialCost,
)


def make_suggester(
    name: str, *, timeout_s: float = 300.0, compilation_cache: Path | None = None
) -> Suggester:
    """Return a search algorithm.

    Args:
        name: One of ``algorithm_names()``.
        timeout_s: Limit of one call of an algorithm that runs in a process of its own.
        compilation_cache: Where such an algorithm may keep compiled code; None for nowhere.

    Raises:
        ConfigError: There is no such algorithm.
    """
    known = algorithm_names()
    if name not in known:
        raise ConfigError(
            f"there is no search algorithm {name!r}", f"use one of: {', '.join(known)}"
        )
    found: Suggester = algorithm_module(name).make(
        timeout_s=timeout_s, compilation_cache=compilation_cache
    )
    return found


__all__ = [
    "EarlierStudy",
    "History",
    "Objective",
    "Observation",
    "StageRun",
    "SuggestRequest",
    "Suggester",
    "Suggestion",
    "TrialCost",
    "algorithm_names",
    "expected_cycles",
    "make_suggester",
]
