"""Columns from the store: all trials once, later only those that can have changed."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.parameter import Value
from dse.config import StudyConfig, config_from_json
from dse.dashboard.data.columns import (
    ABSENT,
    FIDELITIES,
    STATES,
    MetricColumn,
    Parameter,
    StudyColumns,
    Trial,
)
from dse.store import Reader, TrialState
from dse.store.records import design_values

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
_LATER = """t.id IN (
    SELECT id FROM trials WHERE id > :last AND study_id = :study
    UNION SELECT id FROM trials WHERE study_id = :study AND state IN ('waiting','running','failed')
    UNION SELECT value FROM json_each(:open))
"""


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
    which = _ALL
    values: dict[str, int | str] = {"study": study_id, "last": 0, "open": "[]"}
    if before is not None and before.trials:
        still_open = [
            trial.id
            for trial in before.trials
            if trial.state not in (TrialState.COMPLETED, TrialState.INFEASIBLE)
        ]
        which = _LATER
        values["open"] = json.dumps(still_open)
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
    changes = _changes(trials, before, found)
    changed = np.full(len(trials), revision, dtype=np.int64)
    states = {state.value: code for code, state in enumerate(STATES)}
    parameters, metrics = None, None
    if before is not None and changes is not None:
        changed[: len(before)] = before.changed
        changed[changes] = revision
        parameters = _patched_parameters(before, trials, changes)
        metrics = _patched_metrics(before, trials, changes)
    return StudyColumns(
        id=study_id,
        config=config,
        created_s=created_s,
        stop_requested_s=stop_requested_s,
        trials=trials,
        numbers=np.array([trial.number for trial in trials], dtype=np.int64),
        state=np.array([states[trial.state] for trial in trials], dtype=np.int8),
        parameters=_parameters(trials) if parameters is None else parameters,
        metrics=_metrics(trials) if metrics is None else metrics,
        revision=revision,
        changed=changed,
    )


def _changes(
    trials: tuple[Trial, ...], before: StudyColumns | None, found: dict[int, Trial]
) -> list[int] | None:
    """Return where trials changed or came, None when others moved or all are new."""
    if before is None or [t.id for t in trials[: len(before)]] != [t.id for t in before.trials]:
        return None
    return [
        position
        for position, trial in enumerate(trials)
        if trial.id in found and (position >= len(before) or before.trials[position] != trial)
    ]


def _patched_parameters(
    before: StudyColumns, trials: tuple[Trial, ...], changes: list[int]
) -> dict[str, Parameter] | None:
    """Return the parameters with some trials exchanged; None when a value or name is new."""
    code_of = {
        name: {(type(v).__name__, v): code for code, v in enumerate(parameter.values)}
        for name, parameter in before.parameters.items()
    }
    codes = {name: _grown(p.codes, len(trials), ABSENT) for name, p in before.parameters.items()}
    for position in changes:
        for name, value in trials[position].design.items():
            code = code_of.get(name, {}).get((type(value).__name__, value))
            if code is None:
                return None
            codes[name][position] = code
    return {name: replace(p, codes=codes[name]) for name, p in before.parameters.items()}


def _patched_metrics(
    before: StudyColumns, trials: tuple[Trial, ...], changes: list[int]
) -> dict[str, MetricColumn] | None:
    """Return the metrics with some trials exchanged; None when one is new."""
    fidelities = {fidelity.value: code for code, fidelity in enumerate(FIDELITIES)}
    patched = {
        name: replace(
            metric,
            values=_grown(metric.values, len(trials), np.nan),
            fidelity=_grown(metric.fidelity, len(trials), -1),
            estimate=_grown(metric.estimate, len(trials), False),
        )
        for name, metric in before.metrics.items()
    }
    for position in changes:
        for name, metric in patched.items():
            value, _, fidelity, estimate = trials[position].metrics.get(
                name, (np.nan, "", "", False)
            )
            metric.values[position] = value
            metric.fidelity[position] = fidelities.get(fidelity, -1)
            metric.estimate[position] = estimate
        if not trials[position].metrics.keys() <= patched.keys():
            return None
    return patched


def _grown(array: NDArray[Any], length: int, fill: object) -> NDArray[Any]:
    """Return a copy that is as long as there are trials now."""
    grown = np.full(length, fill, dtype=array.dtype)
    grown[: len(array)] = array
    return grown


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
