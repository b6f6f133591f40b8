"""What a design would cost to measure: the stages that no trial has built, and how long they take.

Nothing is told of how stages depend on parameters; it is learned from the keys of what trials
built. Two trials with one key for a stage show that the parameters in which they differ do not
matter to it; a design that agrees with a trial in all others needs the stage no more. How long a
stage takes is its mean, or a line through the designs' features where that predicts it better:
the time of a simulation is learned as a factor for each value, as its cycles are.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from contracts.parameter import Value
from dse.space import Design, Space
from dse.suggest.features import Encoder
from dse.suggest.interface import StageRun, Suggestion, SuggestRequest, TrialCost

Array = NDArray[np.float64]

_LEAST_TRIALS = 3
"""Trials that must have ended before costs are predicted."""

_LEAST_SHARE = 0.05
"""Of the mean cost of a trial: no design is cheaper, whatever is built already. A trial has to be
started, and predictions near zero would win against any gain."""

_STRENGTHS = (0.1, 1.0, 10.0)
"""Of the ridge, in designs; the one that predicts each time best from the others is taken."""

_BEYOND = 2.0
"""A stage is predicted to take at most so many times longer, or less, than it ever took."""


class CostModel:
    """Predicts CPU-seconds of designs from what trials took.

    Args:
        space: Of the designs.
        trials: What ended trials took; of those with designs of other spaces nothing is learned.
        pending: Designs that are being measured: what they build will be there.
    """

    def __init__(
        self, space: Space, trials: Sequence[TrialCost], pending: Iterable[Design] = ()
    ) -> None:
        ended = [trial for trial in trials if space.contains(trial.design)]
        self._encoder = Encoder(space)
        self._names = tuple(parameter.name for parameter in space.parameters)
        self._is_known = len(ended) >= _LEAST_TRIALS
        stages = {stage for trial in ended for stage in trial.stages} if self._is_known else set()
        self._stages = [
            _Stage(name, ended, encoder=self._encoder, names=self._names) for name in sorted(stages)
        ]
        for design in pending:
            self.assume(design)
        spent = [sum(run.cpu_s for run in trial.stages.values()) for trial in ended]
        self._least_s = _LEAST_SHARE * float(np.mean(spent)) if spent else 0.0

    @property
    def is_known(self) -> bool:
        """Whether enough trials have ended to predict anything."""
        return self._is_known

    def assume(self, design: Design) -> None:
        """From now on, count what a design builds as there."""
        for stage in self._stages:
            stage.assume(design)

    def predict_s(self, designs: Sequence[Design]) -> Array:
        """Return the CPU-seconds that the trial of each design would take, if it goes through."""
        seconds = np.zeros(len(designs))
        features = _columns(self._encoder, designs)
        for stage in self._stages:
            seconds += stage.predict_s(designs, features)
        return np.maximum(seconds, self._least_s)


def priced(suggestions: Sequence[Suggestion], request: SuggestRequest) -> tuple[Suggestion, ...]:
    """Return suggestions whose beliefs say what their trials are predicted to cost.

    The second of several counts on what the first will build.
    """
    model = CostModel(request.space, request.costs, request.active)
    if not model.is_known:
        return tuple(suggestions)
    found = []
    for suggestion in suggestions:
        (cost_s,) = model.predict_s([suggestion.design]).tolist()
        model.assume(suggestion.design)
        belief = suggestion.belief and replace(suggestion.belief, cost_s=cost_s)
        found.append(replace(suggestion, belief=belief))
    return tuple(found)


class _Stage:
    """What is known of one stage."""

    def __init__(
        self,
        name: str,
        trials: Sequence[TrialCost],
        *,
        encoder: Encoder,
        names: Sequence[str],
    ) -> None:
        runs = [(trial.design, trial.stages[name]) for trial in trials if name in trial.stages]
        without = [trial.design for trial in trials if trial.is_whole and name not in trial.stages]
        self._deciding = _deciding([design for design, _ in runs], without, names)
        keyed = [(design, run.key) for design, run in runs if run.key is not None]
        self._matters = _mattering(keyed, names)
        there = [design for design, run in runs if run.key is not None]
        self._built = {self._part(design) for design in there}
        took = [(design, run) for design, run in runs if run.cpu_s > 0 and not run.was_cached]
        self._seconds = _Seconds(
            _columns(encoder, [design for design, _ in took]),
            np.array([run.cpu_s for _, run in took]),
        )

    def assume(self, design: Design) -> None:
        if self._has(design):
            self._built.add(self._part(design))

    def predict_s(self, designs: Sequence[Design], features: Array) -> Array:
        needed = [self._has(design) and self._part(design) not in self._built for design in designs]
        return np.where(needed, self._seconds.predict(features), 0.0)

    def _has(self, design: Design) -> bool:
        """Tell whether a design has this stage at all."""
        if self._deciding is None:
            return True
        name, absent = self._deciding
        return design.values.get(name) not in absent

    def _part(self, design: Design) -> tuple[Value | None, ...]:
        return tuple(design.values.get(name) for name in self._matters)


def _deciding(
    having: Sequence[Design], without: Sequence[Design], names: Sequence[str]
) -> tuple[str, frozenset[Value | None]] | None:
    """Return the parameter that decides whether there is a stage, and its values of no stage."""
    for name in names if without else ():
        absent = {design.values.get(name) for design in without}
        if not absent & {design.values.get(name) for design in having}:
            return name, frozenset(absent)
    return None


def _mattering(keyed: Sequence[tuple[Design, str]], names: Sequence[str]) -> tuple[str, ...]:
    """Return the parameters that a stage may depend on, as far as the keys of trials show."""
    by_key: dict[str, list[Design]] = defaultdict(list)
    for design, key in keyed:
        by_key[key].append(design)
    free = {name for designs in by_key.values() for name in _differing(designs, names)}
    by_part: dict[tuple[Value | None, ...], dict[str, Design]] = defaultdict(dict)
    for design, key in keyed:
        part = tuple(design.values.get(name) for name in names if name not in free)
        by_part[part].setdefault(key, design)
    # free in one family of units and not in another: two keys where there should be one
    for designs in by_part.values():
        free -= _differing(list(designs.values()), names)
    return tuple(name for name in names if name not in free)


def _differing(designs: Sequence[Design], names: Sequence[str]) -> set[str]:
    return {name for name in names if len({design.values.get(name) for design in designs}) > 1}


def _columns(encoder: Encoder, designs: Sequence[Design]) -> Array:
    """Return the features as numbers: ranks, and a column for each category."""
    table = encoder.encode(designs)
    kinds = [
        (table.categorical[:, place, np.newaxis] == np.arange(size)).astype(float)
        for place, size in enumerate(encoder.categories)
    ]
    return np.concatenate([table.continuous, *kinds], axis=1)


class _Seconds:
    """A ridge through the logarithms of some times, or their mean where that is no worse."""

    def __init__(self, features: Array, seconds: Array) -> None:
        self._limits = (0.0, 0.0)
        self._middle = 0.0
        self._offset = np.zeros(features.shape[1])
        self._weights = np.zeros(features.shape[1])
        if not len(seconds):
            return
        logs = np.log(seconds)
        self._limits = float(seconds.min()) / _BEYOND, float(seconds.max()) * _BEYOND
        self._middle = float(logs.mean())
        self._offset = features.mean(axis=0)
        x, y = features - self._offset, logs - self._middle
        count = len(y)
        best = float(y @ y) * (count / max(1, count - 1)) ** 2
        for strength in _STRENGTHS if count >= 4 else ():
            inverse = np.linalg.inv(x.T @ x + strength * np.eye(x.shape[1]))
            weights = inverse @ x.T @ y
            leverage = np.einsum("ij,jk,ik->i", x, inverse, x) + 1.0 / count
            missed = (y - x @ weights) / np.maximum(1.0 - leverage, 1e-3)
            if float(missed @ missed) < best:
                best, self._weights = float(missed @ missed), weights

    def predict(self, features: Array) -> Array:
        """Return the seconds of each row of features."""
        logs = self._middle + (features - self._offset) @ self._weights
        return np.clip(np.exp(np.clip(logs, -50.0, 50.0)), *self._limits)


__all__ = ["CostModel", "StageRun", "TrialCost", "priced"]
