"""Reading: each function answers one question on an open connection."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect, Select, func, select

from contracts.faults import FaultKind, NotFound
from contracts.measurement import Fidelity
from dse.store.records import (
    AttemptRecord,
    ContextRecord,
    Sample,
    StudyRecord,
    StudySummary,
    TrialDetail,
    TrialRecord,
    TrialResult,
    TrialState,
)
from dse.store.results import read_measurement
from dse.store.schema import attempts, contexts, metrics, studies, trials


def trial_record(row: Row[Any]) -> TrialRecord:
    """Turn a row of ``trials`` into its record."""
    values = {column.name: getattr(row, column.name) for column in trials.columns}
    typed = {"state": TrialState(row.state), "fidelity": Fidelity(row.fidelity)}
    return TrialRecord(**{**values, **typed})


def attempt_record(row: Row[Any]) -> AttemptRecord:
    """Turn a row of ``attempts`` into its record."""
    values = {column.name: getattr(row, column.name) for column in attempts.columns}
    outcome = None if row.outcome is None else TrialState(row.outcome)
    kind = None if row.kind is None else FaultKind(row.kind)
    return AttemptRecord(**{**values, "outcome": outcome, "kind": kind})


def study_record(row: Row[Any]) -> StudyRecord:
    """Turn a row of ``studies`` into its record."""
    return StudyRecord(**{column.name: getattr(row, column.name) for column in studies.columns})


def find_study(db: Connection, name: str) -> StudyRecord | None:
    """Return the study called ``name``, or None."""
    row = db.execute(select(studies).where(studies.c.name == name)).one_or_none()
    return None if row is None else study_record(row)


def next_revision(study_id: int | ColumnElement[int]) -> ScalarSelect[int]:
    """Return the expression of the next number for a change of a trial of a study."""
    changed = trials.alias()
    return (
        select(func.coalesce(func.max(changed.c.revision), 0) + 1)
        .where(changed.c.study_id == study_id)
        .scalar_subquery()
    )


def held_attempts(db: Connection) -> tuple[AttemptRecord, ...]:
    """Return the attempts that hold a lease, in all studies."""
    rows = db.execute(select(attempts).where(attempts.c.ended_s.is_(None)))
    return tuple(attempt_record(row) for row in rows)


def ended_attempts(db: Connection, trial_id: int, *, but: int) -> tuple[AttemptRecord, ...]:
    """Return the attempts of a trial that ended, without the one whose key is ``but``."""
    rows = db.execute(
        select(attempts).where(
            attempts.c.trial_id == trial_id,
            attempts.c.id != but,
            attempts.c.ended_s.is_not(None),
        )
    )
    return tuple(attempt_record(row) for row in rows)


def summaries(db: Connection) -> tuple[StudySummary, ...]:
    """Return all studies, oldest first, with the number of trials in each state."""
    counted: dict[int, dict[TrialState, int]] = {}
    for study_id, state, count in db.execute(
        select(trials.c.study_id, trials.c.state, func.count()).group_by(
            trials.c.study_id, trials.c.state
        )
    ):
        counted.setdefault(study_id, {})[TrialState(state)] = count
    return tuple(
        StudySummary(
            study=study_record(row),
            counts={state: counted.get(row.id, {}).get(state, 0) for state in TrialState},
        )
        for row in db.execute(select(studies).order_by(studies.c.id))
    )


def trial_results(db: Connection, study_id: int) -> tuple[TrialResult, ...]:
    """Return all trials of a study in order, with the metrics of those that ended."""
    return _results(db, select(trials).where(trials.c.study_id == study_id))


def trial_detail(db: Connection, study: StudyRecord, number: int) -> TrialDetail:
    """Return everything about one trial.

    Raises:
        NotFound: The study has no trial of that number.
    """
    found = _results(
        db, select(trials).where(trials.c.study_id == study.id, trials.c.number == number)
    )
    if not found:
        last = db.execute(
            select(func.max(trials.c.number)).where(trials.c.study_id == study.id)
        ).scalar()
        raise NotFound(
            f"study {study.name} has no trial {number}",
            fix=f"use a number from 1 to {last}" if last else "run it first: it has no trials yet",
        )
    (result,) = found
    source = result.trial.reused_from or result.trial.id
    tried = tuple(
        attempt_record(row)
        for row in db.execute(
            select(attempts).where(attempts.c.trial_id == source).order_by(attempts.c.number)
        )
    )
    ended = [attempt.id for attempt in tried if attempt.ended_s is not None]
    return TrialDetail(
        result=result,
        attempts=tried,
        measurement=read_measurement(db, trial_id=source, attempt_id=ended[-1] if ended else None),
    )


def contexts_of(db: Connection, study_id: int) -> tuple[ContextRecord, ...]:
    """Return the contexts under which trials of a study got results of their own."""
    rows = db.execute(
        select(trials.c.context, contexts.c.facts, func.count().label("results"))
        .join(contexts, contexts.c.context == trials.c.context, isouter=True)
        .where(
            trials.c.study_id == study_id,
            trials.c.state.in_((TrialState.COMPLETED, TrialState.INFEASIBLE)),
            trials.c.reused_from.is_(None),
        )
        .group_by(trials.c.context, contexts.c.facts)
        .order_by(func.min(trials.c.id))
    )
    return tuple(
        ContextRecord(
            key=row.context,
            facts=None if row.facts is None else json.loads(row.facts),
            results=row.results,
        )
        for row in rows
    )


def samples(db: Connection, metric: str, *, target: Mapping[str, Any]) -> tuple[Sample, ...]:
    """Return a metric of all completed trials that were measured themselves on ``target``."""
    alike = [
        study_id
        for study_id, config in db.execute(select(studies.c.id, studies.c.config_json))
        if json.loads(config).get("target") == target
    ]
    return tuple(
        Sample(design_json=row.design_json, value=row.value, fidelity=Fidelity(row.fidelity))
        for row in db.execute(
            select(trials.c.design_json, metrics.c.value, metrics.c.fidelity)
            .join(metrics, metrics.c.trial_id == trials.c.id)
            .where(
                metrics.c.name == metric,
                ~metrics.c.estimate,
                trials.c.study_id.in_(alike),
                trials.c.state == TrialState.COMPLETED,
            )
            .order_by(trials.c.id)
        )
    )


def _results(db: Connection, which: Select[Any]) -> tuple[TrialResult, ...]:
    found = [trial_record(row) for row in db.execute(which.order_by(trials.c.number))]
    sources = {trial.reused_from or trial.id for trial in found}
    values, estimates = _metric_values(db, sources)
    last = _last_attempts(db, sources)
    origins = _origins(db, {trial.reused_from for trial in found if trial.reused_from})
    results = []
    for trial in found:
        source = trial.reused_from or trial.id
        attempt = last.get(source)
        results.append(
            TrialResult(
                trial=trial,
                metrics=values.get(source, {}),
                estimates=frozenset(estimates.get(source, ())),
                reused_from=origins.get(trial.reused_from or -1),
                kind=None if attempt is None else attempt.kind,
                what=None if attempt is None else attempt.what,
                started_s=None if attempt is None else attempt.started_s,
            )
        )
    return tuple(results)


def _metric_values(
    db: Connection, trial_ids: Iterable[int]
) -> tuple[dict[int, dict[str, float]], dict[int, list[str]]]:
    """Return the metrics of each trial, and the names of those that are estimates."""
    values: dict[int, dict[str, float]] = {}
    estimates: dict[int, list[str]] = {}
    for trial_id, name, value, estimate in db.execute(
        select(metrics.c.trial_id, metrics.c.name, metrics.c.value, metrics.c.estimate)
        .where(metrics.c.trial_id.in_(sorted(trial_ids)))
        .order_by(metrics.c.name)
    ):
        values.setdefault(trial_id, {})[name] = value
        if estimate:
            estimates.setdefault(trial_id, []).append(name)
    return values, estimates


def _last_attempts(db: Connection, trial_ids: Iterable[int]) -> dict[int, AttemptRecord]:
    return {
        row.trial_id: attempt_record(row)
        for row in db.execute(
            select(attempts)
            .where(attempts.c.trial_id.in_(sorted(trial_ids)))
            .order_by(attempts.c.number)
        )
    }


def _origins(db: Connection, trial_ids: Iterable[int]) -> dict[int, tuple[str, int]]:
    return {
        row.id: (row.name, row.number)
        for row in db.execute(
            select(trials.c.id, studies.c.name, trials.c.number)
            .join(studies, studies.c.id == trials.c.study_id)
            .where(trials.c.id.in_(sorted(trial_ids)))
        )
    }
