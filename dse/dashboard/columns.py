"""A study as columns: what charts of thousands of trials are drawn from, kept up to date cheaply.

The store is asked once for all trials of a study, later only for those that can have changed:
new ones and those that had not ended for good. Completed and infeasible trials never change.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.measurement import Fidelity
from contracts.parameter import Value
from dse.config import StudyConfig, config_from_json
from dse.store import Reader, TrialState
from dse.store.records import design_values

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


_TRIALS = """
SELECT t.id, t.number, t.state, t.design_json, t.design_id, t.suggested_by, t.fidelity, t.promotes,
       t.reused_from, t.created_s, t.ended_s
FROM trials t WHERE t.study_id = :study AND {which} ORDER BY t.number
"""
_METRICS = """
SELECT t.id, m.name, m.value, m.unit, m.fidelity, m.estimate
FROM trials t JOIN metrics m ON m.trial_id = coalesce(t.reused_from, t.id)
WHERE t.study_id = :study AND {which}
"""
_ATTEMPTS = """
SELECT t.id, max(a.number), a.started_s, a.ended_s, a.kind, a.what
FROM trials t JOIN attempts a ON a.trial_id = coalesce(t.reused_from, t.id)
WHERE t.study_id = :study AND {which} GROUP BY t.id
"""
_ALL = "1"
_LATER = "(t.id > :last OR t.state IN ('waiting', 'running', 'failed') OR t.id IN ({open}))"


def load_columns(reader: Reader, name: str, before: StudyColumns | None) -> StudyColumns | None:
    """Return the study's columns as they are now; ``before`` itself when nothing changed.

    Returns:
        None when there is no study of that name.

    Raises:
        StoreError: The database cannot be used.
    """
    with reader.snapshot():
        studies = reader.rows(
            "SELECT id, created_s, stop_requested_s, config_json FROM studies WHERE name = ?",
            (name,),
        )
        if not studies:
            return None
        study_id, created_s, stop_requested_s, config_json = studies[0]
        if before is not None and before.id != study_id:  # another file was put in its place
            before = None
        found = _read_trials(reader, study_id, before)
    is_same_config = before is not None and before.cache.get("config_json") == config_json
    if before is not None and is_same_config and stop_requested_s == before.stop_requested_s:
        known = {trial.id: trial for trial in before.trials if trial.id in found}
        if known == found:
            return before
    config = before.config if before and is_same_config else config_from_json(config_json)
    columns = _columns(
        study_id, config, created_s, stop_requested_s, _merged(before, found), before, found
    )
    columns.cache["config_json"] = config_json
    return columns


def _read_trials(reader: Reader, study_id: int, before: StudyColumns | None) -> dict[int, Trial]:
    which, values = _ALL, {"study": study_id, "last": 0}
    if before is not None and before.trials:
        still_open = [
            trial.id
            for trial in before.trials
            if trial.state not in (TrialState.COMPLETED, TrialState.INFEASIBLE)
        ]
        which = _LATER.format(open=",".join(map(str, still_open)))
        values["last"] = max(trial.id for trial in before.trials)
    metrics: dict[int, dict[str, tuple[float, str, str, bool]]] = {}
    for trial_id, name, value, unit, fidelity, estimate in reader.rows(
        _METRICS.format(which=which), values
    ):
        metrics.setdefault(trial_id, {})[name] = (value, unit, fidelity, bool(estimate))
    attempts = {row[0]: row[2:] for row in reader.rows(_ATTEMPTS.format(which=which), values)}
    found = {}
    for row in reader.rows(_TRIALS.format(which=which), values):
        started_s, ended_s, kind, what = attempts.get(row[0], (None, None, None, None))
        found[row[0]] = Trial(
            id=row[0],
            number=row[1],
            state=row[2],
            design=design_values(row[3]),
            design_id=row[4],
            suggested_by=row[5],
            fidelity=row[6],
            promotes=row[7],
            reused=row[8] is not None,
            created_s=row[9],
            ended_s=row[10],
            started_s=started_s,
            wall_s=None if started_s is None or ended_s is None else ended_s - started_s,
            kind=kind,
            what=what,
            metrics=metrics.get(row[0], {}),
        )
    return found


def _merged(before: StudyColumns | None, found: dict[int, Trial]) -> tuple[Trial, ...]:
    if before is None:
        return tuple(found.values())
    merged = {trial.id: trial for trial in before.trials} | found
    return tuple(sorted(merged.values(), key=lambda trial: trial.number))


def _columns(
    study_id: int,
    config: StudyConfig,
    created_s: float,
    stop_requested_s: float | None,
    trials: tuple[Trial, ...],
    before: StudyColumns | None,
    found: dict[int, Trial],
) -> StudyColumns:
    revision = 1 if before is None else before.revision + 1
    earlier = {} if before is None else {trial.id: trial for trial in before.trials}
    changed = {
        trial_id: revision for trial_id, trial in found.items() if earlier.get(trial_id) != trial
    }
    stayed = (
        {}
        if before is None
        else dict(zip((t.id for t in before.trials), before.changed.tolist(), strict=True))
    )
    states = {state.value: code for code, state in enumerate(STATES)}
    return StudyColumns(
        id=study_id,
        config=config,
        created_s=created_s,
        stop_requested_s=stop_requested_s,
        trials=trials,
        numbers=np.array([trial.number for trial in trials], dtype=np.int64),
        state=np.array([states[trial.state] for trial in trials], dtype=np.int8),
        parameters=_parameters(trials),
        metrics=_metrics(trials),
        revision=revision,
        changed=np.array(
            [changed.get(trial.id, stayed.get(trial.id, revision)) for trial in trials],
            dtype=np.int64,
        ),
    )


def _parameters(trials: Sequence[Trial]) -> dict[str, Parameter]:
    names = sorted({name for trial in trials for name in trial.design})
    found = {}
    for name in names:
        column = [trial.design.get(name) for trial in trials]
        values = _ascending({(type(v).__name__, v) for v in column if v is not None})
        code = {(type(value).__name__, value): n for n, value in enumerate(values)}
        found[name] = Parameter(
            name=name,
            values=values,
            codes=np.array(
                [ABSENT if v is None else code[type(v).__name__, v] for v in column],
                dtype=np.int16,
            ),
        )
    return found


def _ascending(values: Iterable[tuple[str, Value]]) -> tuple[Value, ...]:
    """Return numbers by size, then texts by alphabet; ``True`` and ``1`` are two values."""
    return tuple(
        value
        for _, value in sorted(
            values, key=lambda pair: (pair[0], pair[1] if pair[0] != "str" else 0, str(pair[1]))
        )
    )


def _metrics(trials: Sequence[Trial]) -> dict[str, MetricColumn]:
    names = sorted({name for trial in trials for name in trial.metrics})
    fidelities = {fidelity.value: code for code, fidelity in enumerate(FIDELITIES)}
    found = {}
    for name in names:
        column = [trial.metrics.get(name) for trial in trials]
        found[name] = MetricColumn(
            name=name,
            unit=next(entry[1] for entry in column if entry is not None),
            values=np.array([np.nan if e is None else e[0] for e in column], dtype=np.float64),
            fidelity=np.array([-1 if e is None else fidelities[e[2]] for e in column], np.int8),
            estimate=np.array([e is not None and e[3] for e in column], dtype=np.bool_),
        )
    return found


def values_json(values: Floats) -> list[float | int | None]:
    """Return numbers as JSON has them: whole ones short, missing ones null."""
    return [
        None if not np.isfinite(value) else int(value) if value == int(value) else value
        for value in values.tolist()
    ]


def design_line(design: dict[str, Value]) -> str:
    """Return a design as canonical text, for comparing."""
    return json.dumps(design, sort_keys=True)
