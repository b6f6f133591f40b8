"""What a study asks of a search algorithm, and what every algorithm promises."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, overload

from contracts.belief import Belief, Importance
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


class History(Sequence[Observation]):
    """Finished designs, oldest first, each checked once: when it comes in.

    It never changes for those who hold it. ``extended`` returns a longer one that shares what is
    there already, so a campaign that extends the newest one pays for what is new and no more.

    Args:
        objectives: Names of the metrics that every feasible design must have.
    """

    __slots__ = ("_finished", "_length", "_places", "objectives")

    def __init__(self, objectives: tuple[str, ...]) -> None:
        self.objectives = objectives
        self._finished: list[tuple[str, Mapping[str, float] | None]] = []
        self._places: dict[str, int] = {}
        self._length = 0

    def extended(self, finished: Iterable[tuple[str, Mapping[str, float] | None]]) -> "History":
        """Return the history with more designs at its end.

        Args:
            finished: Canonical text of each design, and its values as in ``Observation``.

        Raises:
            ConfigError: The value of an objective is missing or not finite.
        """
        longer = History(self.objectives)
        if len(self._finished) == self._length:  # nobody has extended this one yet
            longer._finished, longer._places = self._finished, self._places
        else:
            longer._finished = self._finished[: self._length]
            longer._places = {t: p for t, p in self._places.items() if p < self._length}
        for text, values in finished:
            self._check(text, values)
            longer._places.setdefault(text, len(longer._finished))
            longer._finished.append((text, values))
        longer._length = len(longer._finished)
        return longer

    def __len__(self) -> int:
        return self._length

    def finished(self) -> Sequence[tuple[str, Mapping[str, float] | None]]:
        """Return canonical text and values of each design, as they came in; no text is parsed."""
        return self._finished[: self._length]

    def has(self, design: Design) -> bool:
        """Tell whether a design is finished; takes no longer for a longer history."""
        return self._places.get(design.canonical, self._length) < self._length

    @overload
    def __getitem__(self, place: int) -> Observation: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Observation, ...]: ...
    def __getitem__(self, place: int | slice) -> Observation | tuple[Observation, ...]:
        if isinstance(place, slice):
            return tuple(self[n] for n in range(*place.indices(self._length)))
        if not -self._length <= place < self._length:
            raise IndexError(f"observation {place} of {self._length}")
        text, values = self._finished[place % self._length]
        return Observation(design=Design.from_canonical(text), values=values)

    def _check(self, text: str, values: Mapping[str, float] | None) -> None:
        for metric in self.objectives if values is not None else ():
            value = (values or {}).get(metric)
            if value is None or not math.isfinite(value):
                raise ConfigError(
                    f"objective {metric} is {value} for design {Design.from_canonical(text)}",
                    "report a finite number, or the design as infeasible",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierStudy:
    """What another study of the same parameters and values found, see ``suggest.learn_from``.

    Attributes:
        name: Of the study.
        objectives: Its own, which may be others than those of the study that learns from it.
        observations: Its finished designs, with its own objectives and whatever it measured of
            the objectives of the study that learns from it.
    """

    name: str
    objectives: tuple[Objective, ...]
    observations: History


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRun:
    """One stage of a trial.

    Attributes:
        key: Of what it built; None where it failed.
        cpu_s: CPU-seconds that it took.
        was_cached: Whether what it builds was there already.
    """

    key: str | None
    cpu_s: float
    was_cached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCost:
    """What an ended trial took.

    Attributes:
        design: What was tried.
        stages: By name; of an infeasible design only those up to its fault.
        is_whole: Whether the trial went through all of its stages.
    """

    design: Design
    stages: Mapping[str, StageRun]
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestRequest:
    """Everything that a suggestion may depend on: nothing is remembered between requests.

    Attributes:
        space: Where to look.
        objectives: At least one.
        observations: Finished designs, oldest first; kept as a ``History``, and not checked again
            when they are one. Failures of the infrastructure are not told.
        active: Designs that are waiting or running.
        seed: Of the study. Equal requests get equal answers.
        count: How many designs are wanted, at least 1.
        earlier: Studies to learn from; an algorithm may ignore them.
        costs: What ended trials took, see ``dse.suggest.cost``.
        per_cost: Whether a design is worth what it gains for each second that it is predicted to
            cost; an algorithm may ignore it.

    Raises:
        ConfigError: An objective is missing or named twice, its value is missing or not finite in
            an observation, or ``count`` is less than 1.
    """

    space: Space
    objectives: tuple[Objective, ...]
    observations: Sequence[Observation] = ()
    active: tuple[Design, ...] = ()
    seed: int = 0
    count: int = 1
    earlier: tuple[EarlierStudy, ...] = ()
    costs: tuple[TrialCost, ...] = ()
    per_cost: bool = False

    def __post_init__(self) -> None:
        metrics = tuple(objective.metric for objective in self.objectives)
        if not metrics or len(set(metrics)) != len(metrics):
            raise ConfigError(f"objectives are {list(metrics)}", "name at least one, each once")
        if self.count < 1:
            raise ConfigError(f"{self.count} suggestions are wanted", "ask for at least 1")
        told = self.observations
        if not isinstance(told, History) or told.objectives != metrics:
            checked = History(metrics).extended((o.design.canonical, o.values) for o in told)
            object.__setattr__(self, "observations", checked)

    @property
    def history(self) -> History:
        """The observations, as what they are kept as."""
        assert isinstance(self.observations, History)
        return self.observations

    def is_taken(self, design: Design) -> bool:
        """Tell whether a design must not be suggested again."""
        return self.history.has(design) or design in self.active

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
        belief: Why it is suggested and what is expected of it; None where an algorithm says
            nothing.
        importance: Of the parameters to the model that chose the design; None where none did.
            Equal in all suggestions of one answer.
    """

    design: Design
    suggested_by: str
    belief: Belief | None = None
    importance: Importance | None = None


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
