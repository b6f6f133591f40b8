"""A study as columns: what charts and tables of thousands of trials are made from."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.measurement import Fidelity
from contracts.parameter import Value
from dse.config import StudyConfig
from dse.store import STAND_IN, TrialState

STATES = tuple(TrialState)
FIDELITIES = tuple(Fidelity)
ABSENT = -1
"""Code of a parameter that a design does not have."""

Floats = NDArray[np.float64]
Codes = NDArray[np.int16]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One trial as the columns need it; see the tables ``trials`` and ``attempts``."""

    id: int
    number: int
    state: str
    design: dict[str, Value]
    design_id: str
    suggested_by: str
    fidelity: str
    promotes: int | None
    reused: bool
    created_s: float
    ended_s: float | None
    started_s: float | None
    wall_s: float | None
    kind: str | None
    what: str | None
    metrics: dict[str, tuple[float, str, str, bool]]

    @property
    def is_stand_in(self) -> bool:
        """See ``dse.store.TrialRecord``."""
        return self.suggested_by.startswith(STAND_IN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of all trials: its values in ascending order, and a code for each trial."""

    name: str
    values: tuple[Value, ...]
    codes: Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricColumn:
    """One metric of all trials.

    Attributes:
        name: Of the metric.
        unit: Of its values.
        values: NaN where a trial has none.
        fidelity: Code of the fidelity each value was obtained at; -1 where there is none.
        estimate: Where the clock behind a value is only wished for.
    """

    name: str
    unit: str
    values: Floats
    fidelity: NDArray[np.int8]
    estimate: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyColumns:
    """All trials of a study at one moment; never changed, only replaced.

    Attributes:
        id: Key of the study.
        config: Of the study.
        created_s: When it was created.
        stop_requested_s: When a person asked that no further trial starts, or None.
        trials: By number.
        numbers: Their numbers.
        state: Codes in the order of ``STATES``.
        parameters: By name, those that vary or not.
        metrics: By name.
        revision: Grows with each change.
        changed: Revision at which each trial changed last.
    """

    id: int
    config: StudyConfig
    created_s: float
    stop_requested_s: float | None
    trials: tuple[Trial, ...]
    numbers: NDArray[np.int64]
    state: NDArray[np.int8]
    parameters: dict[str, Parameter]
    metrics: dict[str, MetricColumn]
    revision: int
    changed: NDArray[np.int64]
    cache: dict[str, Any] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        return len(self.trials)

    def is_state(self, *states: TrialState) -> Mask:
        """Return where a trial is in one of the states."""
        return np.isin(self.state, [STATES.index(state) for state in states])

    def column(self, metric: str) -> Floats:
        """Return the values of a metric, NaN everywhere when no trial has it."""
        if metric in self.metrics:
            return self.metrics[metric].values
        return np.full(len(self.trials), np.nan)

    def index_of(self, number: int) -> int | None:
        """Return where the trial of a number stands, or None."""
        found = int(np.searchsorted(self.numbers, number))
        if found < len(self.numbers) and self.numbers[found] == number:
            return found
        return None

    @property
    def varying(self) -> tuple[str, ...]:
        """Names of the parameters that are not the same in all trials."""
        return tuple(
            name
            for name, parameter in self.parameters.items()
            if len(parameter.values) + bool((parameter.codes == ABSENT).any()) > 1
        )


def values_json(values: Floats) -> list[float | int | None]:
    """Return numbers as JSON has them: whole ones short, missing ones null."""
    return [
        None if not np.isfinite(value) else int(value) if value == int(value) else value
        for value in values.tolist()
    ]
