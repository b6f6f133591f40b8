"""How an objective went from trial to trial, with the best value so far."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.results.columns import Floats, Mask, StudyColumns
from dse.results.front import goals_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One objective over the trials of a study; only trials that have it.

    Attributes:
        metric: Name.
        numbers: Of the trials, ascending.
        values: The objective.
        counts: Where a trial keeps the constraints, so that it may be the best.
        estimates: Where a value is only expected.
        best: The best value so far that counts; NaN before the first one.
    """

    metric: str
    numbers: NDArray[np.int64]
    values: Floats
    counts: Mask
    estimates: Mask
    best: Floats


def course_of(columns: StudyColumns, metric: str) -> Course | None:
    """Return the course of an objective; None until a trial has it."""
    column = columns.metrics.get(metric)
    if column is None or not np.isfinite(column.values).any():
        return None
    goal = dict(zip(columns.config.objectives, goals_of(columns.config), strict=True))[metric]
    has = np.isfinite(column.values)
    values, counts = column.values[has], columns.standing.kept[has]
    sign = 1.0 if goal == "minimise" else -1.0
    best = sign * np.fmin.accumulate(np.where(counts, sign * values, np.nan))
    return Course(
        metric=metric,
        numbers=columns.numbers[has],
        values=values,
        counts=counts,
        estimates=column.estimate[has],
        best=best,
    )


def improvements(course: Course) -> list[dict[str, float | int | bool]]:
    """Return the trials that were better than all before them."""
    before = np.concatenate([[np.nan], course.best[:-1]])
    steps = np.flatnonzero(np.isfinite(course.best) & (course.best != before))
    return [
        {
            "trial": int(course.numbers[at]),
            course.metric: float(course.values[at]),
            "estimate": bool(course.estimates[at]),
        }
        for at in steps.tolist()
    ]
