"""What a design would cost to measure: the stages that no trial has built, and how long they take.

Nothing is told of how stages depend on parameters; it is learned from the keys of what trials
built. Two trials with one key for a stage show that the parameters in which they differ do not
matter to it; a design that agrees with a trial in all others needs the stage no more. How long a
stage takes is its mean, or a line through the designs' features where that predicts it better:
the time of a simulation is learned as a factor for each value, as its cycles are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dse.space import Design, Space
from dse.suggest.features import Encoder
from dse.suggest.interface import StageRun, Suggestion, SuggestRequest, TrialCost
from dse.suggest.ridge import LogRidge, feature_columns

Array = NDArray[np.float64]
Codes = NDArray[np.int32]

_LEAST_TRIALS = 3
"""Trials that must have ended before costs are predicted."""

_LEAST_SHARE = 0.05
"""Of the mean cost of a trial: no design is cheaper, whatever is built already. A trial has to be
started, and predictions near zero would win against any gain."""


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
        self._encoder = Encoder(space)
        ended = [trial for trial in trials if self._encoder.can_encode(trial.design)]
        self._is_known = len(ended) >= _LEAST_TRIALS
        names = {stage for trial in ended for stage in trial.stages} if self._is_known else set()
        codes = self._encoder.codes([trial.design for trial in ended])
        features = feature_columns(self._encoder, codes)
        self._stages = [_Stage(name, ended, codes, features) for name in sorted(names)]
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
        codes = self._encoder.codes([design])
        for stage in self._stages:
            stage.assume(codes)

    def predict_s(self, designs: Sequence[Design]) -> Array:
        """Return the CPU-seconds that the trial of each design would take, if it goes through."""
        seconds = np.zeros(len(designs))
        codes = self._encoder.codes(designs)
        features = feature_columns(self._encoder, codes)
        for stage in self._stages:
            seconds += stage.predict_s(codes, features)
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
    """What is known of one stage.

    Args:
        name: The stage.
        trials: All that ended.
        codes: Numbers of their designs' values, a row for each.
        features: Of their designs, a row for each.
    """

    def __init__(
        self, name: str, trials: Sequence[TrialCost], codes: Codes, features: Array
    ) -> None:
        runs = [trial.stages.get(name) for trial in trials]
        having = np.array([run is not None for run in runs])
        without = ~having & np.array([trial.is_whole for trial in trials])
        self._deciding = _deciding(codes[having], codes[without])
        keys = [None if run is None else run.key for run in runs]
        is_built = np.array([key is not None for key in keys])
        self._matters = _mattering(codes[is_built], [key for key in keys if key is not None])
        self._built = set(self._parts(codes[is_built]))
        took_s = np.array([0.0 if run is None or run.was_cached else run.cpu_s for run in runs])
        self._seconds = LogRidge(features[took_s > 0], took_s[took_s > 0])

    def assume(self, codes: Codes) -> None:
        self._built.update(self._parts(codes[self._have(codes)]))

    def predict_s(self, codes: Codes, features: Array) -> Array:
        unbuilt = np.array([part not in self._built for part in self._parts(codes)], dtype=bool)
        needed = self._have(codes) & unbuilt
        return np.where(needed, self._seconds.predict(features), 0.0)

    def _have(self, codes: Codes) -> NDArray[np.bool_]:
        """Tell which designs have this stage at all."""
        if self._deciding is None:
            return np.ones(len(codes), dtype=bool)
        column, absent = self._deciding
        found: NDArray[np.bool_] = np.isin(codes[:, column], absent, invert=True)
        return found

    def _parts(self, codes: Codes) -> list[bytes]:
        return [row.tobytes() for row in codes[:, self._matters]]


def _deciding(having: Codes, without: Codes) -> tuple[int, Codes] | None:
    """Return the parameter that decides whether there is a stage, and its values of no stage."""
    for column in range(having.shape[1]) if len(without) else ():
        if not np.isin(having[:, column], without[:, column]).any():
            return column, without[:, column]
    return None


def _mattering(codes: Codes, keys: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which parameters a stage may depend on, as far as the keys of trials show."""
    _, numbers = np.unique(np.array(keys, dtype=str), return_inverse=True)
    matters = ~_differ_within(codes, numbers)
    _, parts = np.unique(codes[:, matters], axis=0, return_inverse=True)
    # free in one family of units and not in another: two keys where there should be one
    pairs = np.stack([parts.ravel(), numbers], axis=1)
    _, first = np.unique(pairs, axis=0, return_index=True)
    return matters | _differ_within(codes[first], parts.ravel()[first])


def _differ_within(codes: Codes, groups: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell which columns have several values within any group of rows."""
    if not len(codes):
        return np.zeros(codes.shape[1], dtype=bool)
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    ordered = codes[order]
    most = np.maximum.reduceat(ordered, starts, axis=0)
    least = np.minimum.reduceat(ordered, starts, axis=0)
    several: NDArray[np.bool_] = np.any(most != least, axis=0)
    return several


__all__ = ["CostModel", "StageRun", "TrialCost", "priced"]
