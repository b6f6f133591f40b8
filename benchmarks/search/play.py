"""Playing a search against a table: no tool runs, so only the choice of designs counts."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.search.table import Table
from dse.pareto import Goal, front, hypervolume, reference_point
from dse.space import Design
from dse.suggest import (
    EarlierStudy,
    Objective,
    Observation,
    Suggester,
    SuggestRequest,
    TrialCost,
)
from runners.tools.child import session_use


@dataclass(frozen=True, slots=True, kw_only=True)
class Game:
    """One study on a table.

    Attributes:
        observations: In the order of the trials.
        cpu_s: CPU-seconds of each suggestion, of the search process too.
        costs: What each trial took, where the game was played with costs.
    """

    observations: tuple[Observation, ...]
    cpu_s: tuple[float, ...]
    costs: tuple[TrialCost, ...] = ()

    @property
    def found(self) -> tuple[Mapping[str, float] | None, ...]:
        """What each trial came to; None for an infeasible design."""
        return tuple(o.values for o in self.observations)


def play(
    table: Table,
    suggester: Suggester,
    objectives: tuple[Objective, ...],
    *,
    seed: int,
    trials: int,
    earlier: tuple[EarlierStudy, ...] = (),
    cost_of: Callable[[Design], TrialCost] | None = None,
    per_cost: bool = False,
) -> Game:
    """Run one study, one trial at a time.

    Args:
        table: What there is to find.
        suggester: The search.
        objectives: At least one.
        seed: Of the study.
        trials: How many, at most.
        earlier: What the study learns from.
        cost_of: Called for each trial in turn; returns what it takes, and counts what it builds as
            there from then on. None for a search that is told of no costs.
        per_cost: Whether gains count by their cost.
    """
    observations: list[Observation] = []
    costs: list[float] = []
    took: list[TrialCost] = []
    while len(observations) < trials:
        before_s = _cpu_s(suggester)
        request = SuggestRequest(
            space=table.space,
            objectives=objectives,
            observations=tuple(observations),
            seed=seed,
            earlier=earlier,
            costs=tuple(took),
            per_cost=per_cost,
        )
        designs = [suggestion.design for suggestion in suggester.suggest(request)]
        costs.append(_cpu_s(suggester) - before_s)
        if not designs:
            break
        observations += [Observation(design=d, values=table.results[d]) for d in designs]
        if cost_of is not None:
            took += map(cost_of, designs)
    return Game(observations=tuple(observations), cpu_s=tuple(costs), costs=tuple(took))


def _cpu_s(suggester: Suggester) -> float:
    pid = getattr(suggester, "child_pid", None)  # those with a search process have one
    return time.process_time() + (0.0 if pid is None else session_use(pid).cpu_s)


class Scale:
    """Measures fronts by their share of the hypervolume of the table's own front.

    Args:
        table: All designs.
        objectives: At least one.
        logarithmic: Compare ratios instead of differences; needs positive values.

    The reference point lies a tenth of the true front's extent beyond its worst values.
    """

    def __init__(
        self, table: Table, objectives: tuple[Objective, ...], *, logarithmic: bool
    ) -> None:
        self._objectives = objectives
        self._logarithmic = logarithmic
        self._goals: list[Goal] = [objective.goal for objective in objectives]
        points = self._points(list(table.results.values()))
        best = [points[position] for position in front(points, self._goals)]
        self.front_size = len(set(best))
        self._reference = reference_point(best, self._goals)
        self._whole = hypervolume(best, self._reference, self._goals)

    def share(self, found: Sequence[Mapping[str, float] | None]) -> float:
        """Return the share of the true hypervolume that these results reach."""
        points = self._points(found)
        best = [points[position] for position in front(points, self._goals)]
        return hypervolume(best, self._reference, self._goals) / self._whole

    def _points(self, found: Sequence[Mapping[str, float] | None]) -> list[tuple[float, ...]]:
        rows = [
            [values[objective.metric] for objective in self._objectives]
            for values in found
            if values is not None
        ]
        table = np.array(rows, dtype=float).reshape(-1, len(self._objectives))
        return [tuple(row) for row in (np.log(table) if self._logarithmic else table).tolist()]
