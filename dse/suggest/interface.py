"""What a study asks of a search algorithm, and what every algorithm promises."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from contracts.faults import ConfigError
from dse.pareto import Goal
from dse.space import Design, Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A metric and the direction in which it is better."""

    metric: str
    goal: Goal = "minimise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What is known about a finished design.

    Attributes:
        design: What was tried.
        values: Metric name to value, with at least the objectives; None for an infeasible design.
    """

    design: Design
    values: Mapping[str, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestRequest:
    """Everything that a suggestion may depend on: nothing is remembered between requests.

    Attributes:
        space: Where to look.
        objectives: At least one.
        observations: Finished designs, oldest first. Failures of the infrastructure are not told.
        active: Designs that are waiting or running.
        seed: Of the study. Equal requests get equal answers.
        count: How many designs are wanted, at least 1.

    Raises:
        ConfigError: An objective is missing or named twice, its value is missing or not finite in
            an observation, or ``count`` is less than 1.
    """

    space: Space
    objectives: tuple[Objective, ...]
    observations: tuple[Observation, ...] = ()
    active: tuple[Design, ...] = ()
    seed: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        metrics = [objective.metric for objective in self.objectives]
        if not metrics or len(set(metrics)) != len(metrics):
            raise ConfigError(f"objectives are {metrics}", "name at least one, each once")
        if self.count < 1:
            raise ConfigError(f"{self.count} suggestions are wanted", "ask for at least 1")
        for observation in self.observations:
            for metric in metrics if observation.values is not None else ():
                value = (observation.values or {}).get(metric)
                if value is None or not math.isfinite(value):
                    raise ConfigError(
                        f"objective {metric} is {value} for design {observation.design}",
                        "report a finite number, or the design as infeasible",
                    )

    def taken(self) -> frozenset[Design]:
        """Return the designs that must not be suggested again."""
        observed = {observation.design for observation in self.observations}
        return frozenset(observed.union(self.active))


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A design to try next.

    Attributes:
        design: The design.
        suggested_by: How it was found, in words: the name of the algorithm where it chose by what
            it knows, else what was done instead, such as ``random (first designs)``.
    """

    design: Design
    suggested_by: str


class Suggester(Protocol):
    """A search algorithm.

    Safe to call from one thread at a time. An algorithm may keep a process alive between calls as
    a cache; ``close`` ends it, and the next call may start it again.
    """

    @property
    def name(self) -> str:
        """The name under which ``make_suggester`` knows it."""
        ...

    def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
        """Return up to ``request.count`` distinct legal designs, none of them taken.

        Fewer are returned only when the space has no more; an empty tuple means it is exhausted.

        Raises:
            ToolTimeout: The algorithm did not answer within its time limit.
            ToolCrashed: Its process ended without an answer.
        """
        ...

    def close(self) -> None:
        """Release what the algorithm holds."""
        ...
