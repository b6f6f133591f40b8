"""For each parameter: the range of a metric at each of its values, and how much of it they explain.

A parameter that goes with a metric need not be the cause of it.
"""

from dataclasses import dataclass

import numpy as np

from dse.results.columns import ABSENT, Mask, StudyColumns
from dse.words import value_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The trials that share one value of a parameter.

    Attributes:
        value: The value as text; ``-`` where the parameter does not exist.
        trials: How many of them have the metric.
        low: Smallest value of the metric.
        middle: Its median.
        high: Largest value.
    """

    value: str
    trials: int
    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One parameter and one metric.

    Attributes:
        parameter: Name.
        metric: Name.
        levels: By value of the parameter, ascending; those that a trial has.
        share: How much of the metric's variance the parameter's values explain, 0 to 1
            (eta squared, the variance between levels over the whole one).
    """

    parameter: str
    metric: str
    levels: tuple[Level, ...]
    share: float


def effects(columns: StudyColumns, metric: str, chosen: Mask) -> tuple[Effect, ...]:
    """Return the effect of each varying parameter on a metric, the strongest first."""
    values = columns.column(metric)
    has = chosen & np.isfinite(values)
    if not has.any():
        return ()
    whole = float(values[has].var())
    found = []
    for name in columns.varying:
        parameter = columns.parameters[name]
        levels, between = [], 0.0
        for code in (*range(len(parameter.values)), ABSENT):
            some = values[has & (parameter.codes == code)]
            if not some.size:
                continue
            between += some.size * float(some.mean() - values[has].mean()) ** 2
            levels.append(
                Level(
                    value="-" if code == ABSENT else value_text(parameter.values[code]),
                    trials=int(some.size),
                    low=float(some.min()),
                    middle=float(np.median(some)),
                    high=float(some.max()),
                )
            )
        if len(levels) > 1:
            share = between / int(has.sum()) / whole if whole > 0 else 0.0
            found.append(
                Effect(parameter=name, metric=metric, levels=tuple(levels), share=min(share, 1.0))
            )
    return tuple(sorted(found, key=lambda effect: (-effect.share, effect.parameter)))
