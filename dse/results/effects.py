"""What each parameter goes with: a metric's range at each of its values, tested against chance.

An effect is told only where values dealt out at random would hardly ever look so strong, and it is
told once: what goes with a stronger parameter is taken away before the next one is looked at. A
parameter that goes with a metric need not be the cause of it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.results.columns import ABSENT, Codes, Floats, Mask, StudyColumns
from dse.words import value_text

LEAST_TRIALS = 12
"""With fewer trials nothing is said."""
_PERMUTATIONS, _SEED = 999, 20_261_127
"""So often values are dealt out at random; an effect is told if no deal makes any parameter look as
strong. That happens by chance once in a thousand pictures, whatever the number of parameters."""
_MOST_TESTED = 1000
"""Of more trials an even sample is tested; ranges and shares are those of all."""


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
        share: How much of the metric's variance the parameter's values explain beyond the effects
            before it, 0 to 1. Trials that do not have the parameter are left out of it: whether
            they have it is another parameter's doing.
        together: Other parameters that take other values in the same trials and no others: which
            of them it is cannot be told.
    """

    parameter: str
    metric: str
    levels: tuple[Level, ...]
    share: float
    together: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What can be said of a metric.

    Attributes:
        metric: Name.
        trials: How many stand behind it.
        told: The effects that chance hardly makes, the strongest first.
        untold: Varying parameters whose effect cannot be told from chance.
    """

    metric: str
    trials: int
    told: tuple[Effect, ...]
    untold: tuple[str, ...]


def effects(columns: StudyColumns, metric: str, chosen: Mask) -> Effects:
    """Return the effects of the varying parameters on a metric, the strongest first."""
    values = columns.column(metric)
    has = chosen & np.isfinite(values)
    count = int(has.sum())
    codes = {name: columns.parameters[name].codes[has] for name in columns.varying}
    shares = _shares(values[has], codes) if count >= LEAST_TRIALS else {}
    told = tuple(
        Effect(
            parameter=name,
            metric=metric,
            levels=_levels(columns, name, values[has], codes[name]),
            share=share,
            together=tuple(
                other for other in codes if other != name and _is_same(codes[name], codes[other])
            ),
        )
        for name, share in shares.items()
    )
    said = {name for effect in told for name in (effect.parameter, *effect.together)}
    untold = tuple(name for name in columns.varying if name not in said)
    return Effects(metric=metric, trials=count, told=told, untold=untold)


def _levels(columns: StudyColumns, name: str, values: Floats, codes: Codes) -> tuple[Level, ...]:
    parameter, levels = columns.parameters[name], []
    for code in (*range(len(parameter.values)), ABSENT):
        some = values[codes == code]
        if some.size:
            levels.append(
                Level(
                    value="-" if code == ABSENT else value_text(parameter.values[code]),
                    trials=int(some.size),
                    low=float(some.min()),
                    middle=float(np.median(some)),
                    high=float(some.max()),
                )
            )
    return tuple(levels)


def _shares(values: Floats, codes: dict[str, Codes]) -> dict[str, float]:
    """Return the share of the variance that each parameter explains beyond those before it."""
    rest = values - values.mean()
    whole = float((rest**2).sum())
    scale = float(np.abs(values).max())
    left = {name: some for name, some in codes.items() if len(np.unique(some[some >= 0])) > 1}
    found: dict[str, float] = {}
    # what is left is nothing but rounding when all is explained
    while left and float((rest**2).sum()) > len(rest) * (1e-9 * scale) ** 2:
        gains = {name: _explained(rest, some) for name, some in left.items()}
        name = max(gains, key=lambda each: gains[each])
        if not _is_beyond_chance(rest, left, name):
            break
        found[name] = min(gains[name] / whole, 1.0)
        rest = rest - _fitted(rest, left.pop(name))
    return found


def _fitted(rest: Floats, codes: Codes) -> Floats:
    """Return by how much the mean of those with a trial's value differs from that of all with one.

    It is 0 where a trial does not have the parameter.
    """
    has = codes >= 0
    counts = np.maximum(np.bincount(codes[has]), 1)
    means = np.bincount(codes[has], weights=rest[has]) / counts
    found = np.zeros(len(rest))
    found[has] = means[codes[has]] - rest[has].mean()
    return found


def _explained(rest: Floats, codes: Codes) -> float:
    """Return by how much a parameter makes the sum of squares smaller."""
    return float((_fitted(rest, codes) ** 2).sum())


def _is_beyond_chance(rest: Floats, codes: dict[str, Codes], strongest: str) -> bool:
    """Tell whether no deal of the values makes any parameter look as strong as the strongest.

    Parameters of many values explain more by chance alone, so each is measured in standard
    deviations above what it explains by chance (Westfall and Young, Resampling-Based Multiple
    Testing, 1993).
    """
    tested = np.linspace(0, len(rest) - 1, min(len(rest), _MOST_TESTED)).astype(np.intp)
    rest = rest[tested]
    generator = np.random.default_rng(_SEED)
    dealt = np.empty((_PERMUTATIONS + 1, len(rest)))
    dealt[0] = rest
    for row in dealt[1:]:
        row[:] = generator.permutation(rest)
    most = np.full(_PERMUTATIONS, -np.inf)
    seen = -np.inf
    for name, some in codes.items():
        explained = _explained_each(dealt, some[tested])
        spread = float(explained[1:].std())
        if spread <= 0:
            continue
        standard = (explained - explained[1:].mean()) / spread
        most = np.maximum(most, standard[1:])
        if name == strongest:
            seen = float(standard[0])
    return seen > float(most.max())


def _explained_each(dealt: NDArray[np.float64], codes: Codes) -> Floats:
    """Return ``_explained`` for each row."""
    is_level = codes[:, np.newaxis] == np.unique(codes[codes >= 0])
    counts = is_level.sum(axis=0)
    if not counts.size:
        return np.zeros(len(dealt))
    sums = dealt @ is_level.astype(np.float64)
    explained: Floats = (sums**2 / counts).sum(axis=1) - sums.sum(axis=1) ** 2 / counts.sum()
    return explained


def _is_same(one: Codes, other: Codes) -> bool:
    """Tell whether two parameters change in the same trials and no others."""
    pairs = len(np.unique(one.astype(np.int64) * 65_536 + other))
    return pairs == len(np.unique(one)) == len(np.unique(other))
