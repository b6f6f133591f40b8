"""Our search as a Designer, for whoever has a Vizier study and nothing else of ours."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

from vizier import algorithms as vza
from vizier import pyvizier as vz

from contracts.faults import ConfigError
from dse.pareto import Goal
from dse.space import Design
from dse.suggest.algorithms.vizier import VizierSuggester
from dse.suggest.interface import History, Objective, Suggester, Suggestion, SuggestRequest
from dse.suggest.vizier_api.foreign_space import ForeignSpace

NAMESPACE = "soft-soc-dse"
"""Of the metadata of studies, trials and suggestions that we write."""


class FiniteDesigner(vza.Designer):  # type: ignore[misc]  # vizier has no types
    """Expected hypervolume gain over the legal designs of a finite, perhaps conditional space.

    One objective or several, and safety metrics: a trial that breaks a threshold counts as
    infeasible, as one that was completed so does. No design is suggested twice. With each
    suggestion comes what is believed of it, as JSON under ``belief`` in our metadata namespace.

    The models live in a process of their own, which ends with ``close`` or with this process.

    Args:
        problem: Of the study.
        seed: Equal studies get equal suggestions.
        suggester: What chooses; our models where None.

    Raises:
        ConfigError: The problem has a parameter with infinitely many values, or no objective.
    """

    def __init__(
        self, problem: vz.ProblemStatement, *, seed: int = 0, suggester: Suggester | None = None
    ) -> None:
        self._foreign = ForeignSpace(problem.search_space)
        self._objectives = _objectives(problem)
        self._safety = tuple(problem.metric_information.of_type(vz.MetricType.SAFETY))
        self._history = History(tuple(o.metric for o in self._objectives))
        self._active: tuple[Design, ...] = ()
        self._seed = seed
        self._suggester = VizierSuggester() if suggester is None else suggester

    @classmethod
    def from_problem(cls, problem: vz.ProblemStatement, seed: int | None = None) -> Self:
        """Return a designer of a study: a ``vizier.algorithms.DesignerFactory``."""
        return cls(problem, seed=seed or 0)

    def suggest(self, count: int | None = None) -> Sequence[vz.TrialSuggestion]:
        """Return up to ``count`` new suggestions, one for None; none when all has been tried."""
        request = SuggestRequest(
            space=self._foreign.space,
            objectives=self._objectives,
            observations=self._history,
            active=self._active,
            seed=self._seed,
            count=count or 1,
        )
        return [self._told(suggestion) for suggestion in self._suggester.suggest(request)]

    def update(self, completed: vza.CompletedTrials, all_active: vza.ActiveTrials) -> None:
        """Take in trials that have completed since, and all that are active now.

        Raises:
            ConfigError: A trial has a parameter or value that the space has not, or lacks the
                value of an objective.
        """
        self._history = self._history.extended(
            (self._design(trial).canonical, self._values(trial)) for trial in completed.trials
        )
        self._active = tuple(self._design(trial) for trial in all_active.trials)

    def close(self) -> None:
        """End the process of the models."""
        self._suggester.close()

    def _design(self, trial: vz.Trial) -> Design:
        try:
            return self._foreign.design(trial.parameters.as_dict())
        except ConfigError as error:
            raise ConfigError(f"trial {trial.id}: {error.what}", error.fix) from error

    def _values(self, trial: vz.Trial) -> Mapping[str, float] | None:
        if trial.infeasible:
            return None
        metrics = {} if trial.final_measurement is None else trial.final_measurement.metrics
        if any(not _is_safe(each, metrics) for each in self._safety):
            return None
        found = {}
        for objective in self._objectives:
            value = metrics[objective.metric].value if objective.metric in metrics else math.nan
            if not math.isfinite(value):
                raise ConfigError(
                    f"trial {trial.id} has completed with {objective.metric} = {value}",
                    "complete it with a finite number, or with an infeasibility_reason",
                )
            found[objective.metric] = value
        return found

    def _told(self, suggestion: Suggestion) -> vz.TrialSuggestion:
        told = vz.TrialSuggestion(self._foreign.values(suggestion.design))
        words = told.metadata.ns(NAMESPACE)
        words["suggested_by"] = suggestion.suggested_by
        if suggestion.belief is not None:
            words["belief"] = json.dumps(asdict(suggestion.belief))
        return told


def _objectives(problem: vz.ProblemStatement) -> tuple[Objective, ...]:
    found = tuple(
        Objective(metric=each.name, goal=_goal(each))
        for each in problem.metric_information.of_type(vz.MetricType.OBJECTIVE)
    )
    if not found:
        raise ConfigError(
            "the Vizier study has no objective", "add a MetricInformation without a threshold"
        )
    return found


def _goal(metric: vz.MetricInformation) -> Goal:
    return "minimise" if metric.goal is vz.ObjectiveMetricGoal.MINIMIZE else "maximise"


def _is_safe(metric: vz.MetricInformation, metrics: Mapping[str, Any]) -> bool:
    if metric.name not in metrics:
        return False
    value, threshold = metrics[metric.name].value, metric.safety_threshold
    if metric.goal is vz.ObjectiveMetricGoal.MINIMIZE:
        return bool(value <= threshold)
    return bool(value >= threshold)
