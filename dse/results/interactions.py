"""Two parameters together: the median of a metric for each pair of their values."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dse.results.columns import ABSENT, Codes, Mask, Parameter, StudyColumns
from dse.words import value_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The trials of one pair of values.

    Attributes:
        trials: How many of them have the metric.
        low: Smallest value of the metric.
        middle: Its median.
        high: Largest value.
    """

    trials: int
    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """A metric over two parameters.

    Attributes:
        metric: Its name.
        across: Name of one parameter.
        down: Name of the other.
        columns: Values of the first as texts, ascending; ``-`` where it does not exist.
        rows: Values of the second.
        cells: Place of a column and of a row to what was measured there; not of a pair that no
            trial has.
        trials: How many stand behind all of it.
    """

    metric: str
    across: str
    down: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: Mapping[tuple[int, int], Cell]
    trials: int


def interaction(
    columns: StudyColumns, metric: str, *, across: str, down: str, chosen: Mask
) -> Interaction:
    """Return a metric of the chosen trials over two parameters."""
    values = columns.column(metric)
    has = chosen & np.isfinite(values)
    values = values[has]
    first, second = columns.parameters[across], columns.parameters[down]
    of_first, of_second = first.codes[has], second.codes[has]
    there_first, there_second = _there(of_first), _there(of_second)
    cells = {}
    for place, code in enumerate(there_first):
        for row, other in enumerate(there_second):
            some = values[(of_first == code) & (of_second == other)]
            if some.size:
                cells[place, row] = Cell(
                    trials=int(some.size),
                    low=float(some.min()),
                    middle=float(np.median(some)),
                    high=float(some.max()),
                )
    return Interaction(
        metric=metric,
        across=across,
        down=down,
        columns=_texts(first, there_first),
        rows=_texts(second, there_second),
        cells=cells,
        trials=int(has.sum()),
    )


def _there(codes: Codes) -> list[int]:
    """Return the codes that a trial has, ascending, that of an absent parameter last."""
    found = [int(code) for code in np.unique(codes)]
    return sorted(found, key=lambda code: (code == ABSENT, code))


def _texts(parameter: Parameter, codes: list[int]) -> tuple[str, ...]:
    return tuple("-" if code == ABSENT else value_text(parameter.values[code]) for code in codes)
