"""What a campaign knows of its study, kept so that a suggestion costs what is new."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dse.results.columns import StudyColumns
from dse.results.front import goals_of, observed_values
from dse.results.study_results import StudyResults, wanted_for_front
from dse.space import Design, Space
from dse.store import Reader, TrialRecord, TrialState
from dse.suggest import (
    EarlierStudy,
    History,
    Objective,
    SuggestRequest,
    TrialCost,
    expected_cycles,
)
from runners.measuring.metrics import CYCLES

if TYPE_CHECKING:  # pydantic takes a while to import
    from dse.config import StudyConfig

_MOST_LIKE = 300
"""Newest designs that the cycles of another one are expected by."""
_Result = tuple[int, int, str, Mapping[str, float] | None]
"""Revision and number of an ended trial, its design's canonical text, its values."""
_RESULTS = (TrialState.COMPLETED, TrialState.INFEASIBLE)


class Knowledge:
    """The designs of a study for its search algorithm: what was found, and what is still open.

    All of it follows from the store: another process that looks at the same moment asks the same.

    Args:
        name: Of the study.
        config: As this campaign runs it.
        space: Where designs come from.
        is_ours: Tells whether a trial's design is one of the space; the algorithm knows no others.
        also: Metrics that are told beside the objectives, where a design has them.
        newest_untold: So many of the newest designs are not told though they may have ended, and
            the others in the order in which they were suggested: what is told then does not depend
            on which trial ends first. None tells whatever has ended.
    """

    def __init__(
        self,
        name: str,
        config: "StudyConfig",
        space: Space,
        *,
        is_ours: Callable[[TrialRecord], bool] = lambda _trial: True,
        also: tuple[str, ...] = (),
        newest_untold: int | None = None,
    ) -> None:
        self._newest_untold = newest_untold
        self._is_ours = is_ours
        self._config = config
        self._space = space
        self._also = also
        wanted = wanted_for_front(config)
        assert wanted.metrics is not None
        self._results = StudyResults(name, replace(wanted, metrics=wanted.metrics.union(also)))
        self._objectives = tuple(
            Objective(metric=metric, goal=goal)
            for metric, goal in zip(config.objectives, goals_of(config), strict=True)
        )
        self._history = History(config.objectives)
        self._open: dict[int, str] = {}
        self._untold: dict[int, _Result | None] = {}
        self._cycles: dict[Design, float] = {}
        self._designs = 0

    @property
    def designs(self) -> int:
        """How many designs of the budget the study has: neither promotions nor those by hand."""
        return self._designs

    @property
    def is_ready(self) -> bool:
        """Tell whether all has ended that the next question is to tell."""
        return self._newest_untold is None or len(self._untold) <= self._newest_untold

    def update(self, reader: Reader) -> None:
        """Learn what changed since the last update."""
        trials = self._results.trials
        before = len(trials)
        update = self._results.update(reader)
        positions = update.positions.tolist()
        self._note_cycles(positions)
        is_promoted = any(trials[p].promotes and trials[p].state in _RESULTS for p in positions)
        self._designs += sum(
            trials[p].promotes is None and not trials[p].is_by_hand
            for p in positions
            if p >= before
        )
        if update.is_new_clock or is_promoted:  # what was told before has other values now
            self._history = History(self._config.objectives)
            self._open.clear()
            self._untold.clear()
            positions = list(range(len(trials)))
        self._learn(positions)

    def request(
        self,
        count: int,
        *,
        earlier: Sequence[EarlierStudy] = (),
        costs: Sequence[TrialCost] = (),
    ) -> SuggestRequest:
        """Return the question for so many designs.

        Args:
            count: How many.
            earlier: What other studies found.
            costs: What trials took, see ``TrialCosts``.
        """
        return SuggestRequest(
            space=self._space,
            objectives=self._objectives,
            observations=self._history,
            active=tuple(Design.from_canonical(text) for text in self._open.values()),
            seed=self._config.seed,
            count=count,
            earlier=tuple(earlier),
            costs=tuple(costs),
            per_cost=self._config.suggest.budget == "hours",
        )

    def expected_cycles(self, design: Design) -> int:
        """Return the cycles that a design is expected to take, by the newest results; 0 unknown."""
        return expected_cycles(self._space, self._cycles, design)

    def _note_cycles(self, positions: list[int]) -> None:
        """Keep the cycles of the newest designs, so that no claim walks over the study again."""
        found: dict[Design, float] = {}
        for position in reversed(positions):
            if len(found) == _MOST_LIKE:
                break
            trial, cycles = self._results.trials[position], self._results.values(position)
            if CYCLES.name in cycles and self._is_ours(trial):
                found[Design.from_canonical(trial.design_json)] = cycles[CYCLES.name]
        for design in reversed(found):
            self._cycles.pop(design, None)
            self._cycles[design] = found[design]
        for design in list(self._cycles)[:-_MOST_LIKE]:
            del self._cycles[design]

    def columns(self) -> StudyColumns:
        """Return the study as columns, for promotions."""
        return self._results.columns()

    def _learn(self, positions: list[int]) -> None:
        trials = self._results.trials
        further = {
            trials[p].promotes: p
            for p in positions
            if trials[p].promotes is not None and trials[p].state in _RESULTS
        }
        finished: list[_Result] = []
        for position in positions:
            trial = trials[position]
            if trial.promotes is not None or not self._is_ours(trial):
                continue
            if trial.state not in _RESULTS:
                # failed ones too: they are for `resume`, not for the algorithm
                self._open[trial.number] = trial.design_json
                if trial.state is TrialState.FAILED:
                    self._untold.pop(trial.number, None)
                else:
                    self._untold.setdefault(trial.number, None)
                continue
            counts = further.get(trial.id, position)  # a promotion's result, once there is one
            found = self._results.values(counts)
            values = observed_values(trials[counts].state, found, self._config)
            if values is not None:
                more = {name: found.get(name, math.nan) for name in self._also}
                values = {n: v for n, v in more.items() if math.isfinite(v)} | values
            finished.append((trial.revision, trial.number, trial.design_json, values))
        # in the order in which they ended, however many of them came with one update
        finished.sort(key=lambda one: one[:2])
        if self._newest_untold is not None:
            finished = self._in_turn(finished, but=self._newest_untold)
        for _, number, _, _ in finished:
            self._open.pop(number, None)
            self._untold.pop(number, None)
        self._history = self._history.extended((text, values) for _, _, text, values in finished)

    def _in_turn(self, finished: list[_Result], *, but: int) -> list[_Result]:
        """Return the results that are told now: of all but the newest designs, one by one."""
        for result in finished:
            self._open.setdefault(result[1], result[2])
            self._untold[result[1]] = result
        found = []
        for number in sorted(self._untold)[: max(len(self._untold) - but, 0)]:
            told = self._untold[number]
            if told is None:
                break
            found.append(told)
        return found
