"""How a database reads a hundred thousand trials at once, which each kind does in its own way."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Columns = tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    list[str],
]
Values = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]
Which = tuple[int, int] | list[int]
"""Trials by their keys: from one key to another, or a list."""


class Bulk(Protocol):
    """Reads a hundred thousand trials at once, on an open connection, by statements of its own."""

    def columns(self, study_id: int, since: int) -> Columns:
        """Return keys, numbers, revisions, origins, promoted, codes and designs of trials.

        The trials are those of a study whose revision is larger than ``since``, in any order. An
        origin or a promoted trial that there is not is 0. The code is four times the place of the
        state in ``TrialState``, and 2 for a trial by hand, and 1 for a stand-in.
        """

    def rows(self, study_id: int, since: int) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the same trials as rows of ``trials``, some thousands at a time."""

    def metric(self, name: str, which: Which) -> Values | None:
        """Return keys of trials, their values of a metric, and twice the fidelity plus estimate.

        Raises:
            ValueError: A value is none, or its fidelity.
        """

    def metric_names(self) -> Iterator[str]:
        """Yield the names of all metrics, each found by one look into the index."""

    def unit(self, name: str) -> str:
        """Return the unit of a metric that there is."""

    def last_attempts(self, which: Which, *, only_faulty: bool) -> list[tuple[Any, ...]]:
        """Return trial, start, end, kind of fault and what it says of the last attempts."""
