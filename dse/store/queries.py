"""Reading: each function answers one question on an open connection."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    false,
    func,
    literal,
    select,
)

from contracts.faults import FaultKind, NotFound
from contracts.measurement import Fidelity
from contracts.untrusted import parse_json
from dse.store.beliefs import read_belief
from dse.store.dialect import each_of, is_number
from dse.store.how_far import how_far
from dse.store.records import (
    BY_HAND,
    AttemptRecord,
    AttemptRow,
    ContextRecord,
    HeldTrial,
    NewTrial,
    Sample,
    StudyRecord,
    StudySummary,
    TimedAttempt,
    TrialDetail,
    TrialRecord,
    TrialResult,
    TrialState,
    design_values,
    stored_remark,
)
from dse.store.remarks import trial_remark
from dse.store.results import read_measurement
from dse.store.schema import (
    MOST_TRIALS,
    artefacts,
    attempts,
    beliefs,
    contexts,
    layers,
    metrics,
    placements,
    predictions,
    stage_times,
    studies,
    tools,
    trials,
)
from dse.store.soundness import require_sound
from dse.store.workers import is_gone


def trial_record(row: Row[Any]) -> TrialRecord:
    """Turn a row of ``trials``, all columns in their order, into its record."""
    record = TrialRecord._make(row)
    return record._replace(fidelity=Fidelity(record.fidelity), state=TrialState(record.state))


def attempt_record(row: Row[Any]) -> AttemptRecord:
    """Turn a row of ``attempts`` into its record."""
    values = {name: getattr(row, name) for name in AttemptRecord.__dataclass_fields__}
    outcome = None if row.outcome is None else TrialState(row.outcome)
    kind = None if row.kind is None else FaultKind(row.kind)
    return AttemptRecord(**{**values, "outcome": outcome, "kind": kind})


def study_record(row: Row[Any]) -> StudyRecord:
    """Turn a row of ``studies`` into its record."""
    return StudyRecord(**{column.name: getattr(row, column.name) for column in studies.columns})


def find_study(db: Connection, name: str) -> StudyRecord | None:
    """Return the study called ``name``, or None."""
    require_sound(db, studies, studies.c.name == name)
    row = db.execute(select(studies).where(studies.c.name == name)).one_or_none()
    if row is None:
        return None
    found = study_record(row)
    stored_remark(found.note, found.tags_json)  # raises ValueError where it is none
    return found


KEYED = (studies, attempts)
"""Tables whose keys a process remembers while it works, and may go on with after its study was
deleted: with a key that is given again, its next result would be stored with another study."""


_CHANGED = trials.alias()  # once: it copies all columns


def next_revision(study_id: int | ColumnElement[int]) -> ScalarSelect[int]:
    """Return the expression of the next number for a change of a trial of a study."""
    return (
        select(func.coalesce(func.max(_CHANGED.c.revision), 0) + 1)
        .where(_CHANGED.c.study_id == study_id)
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
    counted: dict[int, dict[str, int]] = {}
    for study_id, state, count in db.execute(
        select(trials.c.study_id, trials.c.state, func.count()).group_by(
            trials.c.study_id, trials.c.state
        )
    ):
        counted.setdefault(study_id, {})[state] = count
    last = (
        select(func.max(trials.c.ended_s)).where(trials.c.study_id == studies.c.id)
    ).scalar_subquery()
    return tuple(
        _summary(db, row, counted.get(row.id, {}))
        for row in db.execute(select(studies, last.label("last_s")).order_by(studies.c.id)).all()
    )


def _summary(db: Connection, row: Row[Any], counted: Mapping[str, int]) -> StudySummary:
    """Return the line of one study; of one that cannot be read, what can be told nevertheless."""
    values = {column.name: getattr(row, column.name) for column in studies.columns}
    last_s, problem = row.last_s, None
    try:
        require_sound(db, studies, studies.c.id == row.id)
        stored_remark(row.note, row.tags_json)
        if strange := sorted(set(counted) - {state.value for state in TrialState}, key=str):
            raise ValueError(f"trials.state is {strange[0]!r}")
        if not isinstance(last_s, float | int | None):
            raise ValueError(f"trials.ended_s is {last_s!r}")
    except ValueError as error:
        problem = str(error)
        name = values["name"]
        values |= {"name": name if isinstance(name, str) else repr(name), "created_s": 0.0}
        values |= {"note": None, "tags_json": None, "archived_s": None}
        last_s = None
    return StudySummary(
        study=StudyRecord(**values),
        counts={state: counted.get(state.value, 0) for state in TrialState},
        last_s=last_s,
        problem=problem,
    )


def held_trials(db: Connection, study_id: int, *, now_s: float) -> tuple[HeldTrial, ...]:
    """Return the trials of a study whose attempt holds a lease, by number.

    A process of this machine that died holds none, though its lease has not run out.
    """
    rows = db.execute(
        select(trials.c.number.label("trial_number"), *attempts.columns)
        .join(attempts, attempts.c.trial_id == trials.c.id)
        .where(
            attempts.c.ended_s.is_(None),
            attempts.c.lease_until_s > now_s,
            trials.c.study_id == study_id,
        )
        .order_by(trials.c.number)
    )
    return tuple(
        HeldTrial(
            number=row.trial_number,
            attempt=row.number,
            worker=row.worker,
            started_s=row.started_s,
            heartbeat_s=row.heartbeat_s,
            lease_until_s=row.lease_until_s,
            stage=row.stage,
            stage_since_s=row.stage_since_s,
            fraction=fraction,
            cycles=cycles,
        )
        for row in rows
        for fraction, cycles in [how_far(row.progress_json)]
        if not is_gone(row.worker)
    )


def timed_attempts(
    db: Connection, study_id: int, *, since_s: float, most: int
) -> tuple[TimedAttempt, ...]:
    """Return the newest attempts that began since then, see ``Reader.timed_attempts``."""
    of_study = select(trials.c.id).where(trials.c.study_id == study_id)
    newest = (
        select(attempts.c.id)
        .where(
            attempts.c.trial_id.in_(of_study),
            attempts.c.started_s >= since_s,
            attempts.c.worker != BY_HAND,
        )
        .order_by(attempts.c.id.desc())
        .limit(most)
    )
    which = _is_in(attempts.c.id, db.execute(newest).scalars())
    require_sound(db, attempts, which)
    rows = db.execute(
        select(trials.c.number.label("trial_number"), *attempts.columns)
        .join(trials, trials.c.id == attempts.c.trial_id)
        .where(which)
        .order_by(attempts.c.started_s, attempts.c.id)
    ).all()
    of_rows = _is_in(stage_times.c.attempt_id, [row.id for row in rows])
    require_sound(db, stage_times, of_rows)
    stages: dict[int, list[tuple[str, float, bool]]] = {}
    for row in db.execute(select(stage_times).where(of_rows).order_by(stage_times.c.position)):
        stages.setdefault(row.attempt_id, []).append((row.stage, row.wall_s, row.cached))
    return tuple(
        TimedAttempt(
            trial=row.trial_number,
            number=row.number,
            worker=row.worker,
            started_s=row.started_s,
            ended_s=row.ended_s,
            outcome=None if row.outcome is None else TrialState(row.outcome),
            stage=row.stage,
            stage_since_s=row.stage_since_s,
            stages=tuple(stages.get(row.id, ())),
        )
        for row in rows
    )


def trial_results(
    db: Connection, study_id: int, *, numbers: Iterable[int] | None
) -> tuple[TrialResult, ...]:
    """Return trials of a study in order, with the metrics of those that ended; None means all."""
    which = trials.c.study_id == study_id
    if numbers is not None:
        which &= _is_in(trials.c.number, numbers)
    return _results(db, which)


def design_texts(db: Connection, study_id: int, *, after: int, until: int) -> tuple[str, ...]:
    """Return the canonical texts of the designs of some trials, see ``Reader.design_texts``."""
    rows = db.execute(
        select(trials.c.design_json)
        .where(trials.c.study_id == study_id, trials.c.number > after, trials.c.number <= until)
        .order_by(trials.c.number)
    )
    return tuple(rows.scalars())


def trial_detail(db: Connection, study: StudyRecord, number: int) -> TrialDetail:
    """Return everything about one trial.

    Raises:
        NotFound: The study has no trial of that number.
    """
    # a number that no row can have is none that a database could be asked for
    which = trials.c.study_id == study.id
    which &= trials.c.number == number if abs(number) <= MOST_TRIALS else false()
    found = _results(db, which)
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
    for table in (attempts, metrics, layers, placements):
        require_sound(db, table, table.c.trial_id == source)
    for table in (beliefs, predictions):
        require_sound(db, table, table.c.trial_id == (result.trial.promotes or result.trial.id))
    for table in (stage_times, artefacts, tools):
        of_trial = select(attempts.c.id).where(attempts.c.trial_id == source)
        require_sound(db, table, table.c.attempt_id.in_(of_trial))
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
        belief=read_belief(db, result.trial.promotes or result.trial.id),
        remark=trial_remark(db, result.trial.id),
    )


def context_facts(db: Connection, key: str) -> dict[str, Any] | None:
    """Return what a context stands for; None where that was not kept."""
    text = db.execute(select(contexts.c.facts).where(contexts.c.context == key)).scalar()
    return None if text is None else dict(parse_json(text))


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
            facts=None if row.facts is None else parse_json(row.facts),
            results=row.results,
        )
        for row in rows
    )


def samples(
    db: Connection, metric: str, *, target: Mapping[str, Any], seen: Mapping[int, int]
) -> tuple[dict[int, int], tuple[Sample, ...]]:
    """Return a metric of completed trials that were measured themselves on ``target``.

    See ``Reader.samples``.
    """
    newest = (
        select(func.max(trials.c.revision)).where(trials.c.study_id == studies.c.id)
    ).scalar_subquery()
    now, found = dict(seen), list[Sample]()
    for study_id, revision in db.execute(select(studies.c.id, newest)).all():
        since = seen.get(study_id, -1)
        if revision is None or revision <= since:
            continue
        now[study_id] = revision
        config = db.execute(select(studies.c.config_json).where(studies.c.id == study_id)).scalar()
        if _target_of(config) != target:
            continue
        rows = db.execute(
            select(trials.c.id, trials.c.design_json, metrics.c.value, metrics.c.fidelity)
            .join(metrics, metrics.c.trial_id == trials.c.id)
            .where(
                metrics.c.name == metric,
                is_number(metrics.c.value),
                ~metrics.c.estimate,
                trials.c.study_id == study_id,
                trials.c.revision > since,
                trials.c.state == TrialState.COMPLETED,
            )
        )
        found += (
            Sample(trial_id=key, design_json=text, value=value, fidelity=Fidelity(fidelity))
            for key, text, value, fidelity in rows
        )
    return now, tuple(sorted(found, key=lambda sample: sample.trial_id))


def _target_of(config_json: Any) -> Any:
    """Return the target in a study's config; None where that cannot be read."""
    try:
        return parse_json(config_json)["target"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def last_context(db: Connection, study_id: int) -> str:
    """Return the context of a study's newest trial, or an empty text."""
    return _newest_context(db, trials.c.study_id == study_id) or ""


def open_context(db: Connection, study_id: int) -> str | None:
    """Return the context of the newest trial that waits or runs; None when none does."""
    is_open = trials.c.state.in_((TrialState.WAITING, TrialState.RUNNING))
    return _newest_context(db, (trials.c.study_id == study_id) & is_open)


def _newest_context(db: Connection, which: ColumnElement[bool]) -> str | None:
    newest = select(trials.c.context).where(which).order_by(trials.c.number.desc()).limit(1)
    found: str | None = db.execute(newest).scalar()
    return found


def is_there(db: Connection, study_id: int, new: NewTrial) -> bool:
    """Tell whether a study has the design, or for a promotion: whether it has that promotion."""
    if new.promotes is None:
        return trial_of_design(db, study_id, new.design_id) is not None
    again = select(literal(1)).where(trials.c.promotes == new.promotes)
    return db.execute(again).scalar() is not None


def trial_of_design(db: Connection, study_id: int, design_id: str) -> int | None:
    """Return the number of the trial that a study has of a design, promotions left out."""
    rows = db.execute(
        select(trials.c.number, trials.c.promotes).where(
            trials.c.study_id == study_id, trials.c.design_id == design_id
        )
    )
    # as a condition, `promotes IS NULL` would lead SQLite to the index of that column: all trials
    return min((number for number, promotes in rows if promotes is None), default=None)


def _results(db: Connection, which: ColumnElement[bool]) -> tuple[TrialResult, ...]:
    require_sound(db, trials, which)
    rows = db.execute(select(*trials.c).where(which).order_by(trials.c.number))
    found = [trial_record(row) for row in rows]
    for trial in found:
        design_values(trial.design_json)  # raises ValueError where it is none
    source = func.coalesce(trials.c.reused_from, trials.c.id)
    values: dict[int, dict[str, float]] = {}
    estimates: dict[int, list[str]] = {}
    for number, name, value, estimate in db.execute(
        select(trials.c.number, metrics.c.name, metrics.c.value, metrics.c.estimate)
        .join(metrics, metrics.c.trial_id == source)
        .where(which)
        .order_by(trials.c.number, metrics.c.name)
    ):
        values.setdefault(number, {})[name] = value
        if estimate:
            estimates.setdefault(number, []).append(name)
    last = {attempt.number: attempt for attempt in _last_attempt_rows(db, source, which)}
    shared = origins(db, {trial.reused_from for trial in found if trial.reused_from})
    results = []
    for trial in found:
        attempt = last.get(trial.number)
        results.append(
            TrialResult(
                trial=trial,
                metrics=values.get(trial.number, {}),
                estimates=frozenset(estimates.get(trial.number, ())),
                reused_from=shared.get(trial.reused_from or -1),
                kind=None if attempt is None else attempt.kind,
                what=None if attempt is None else attempt.what,
                started_s=None if attempt is None else attempt.started_s,
            )
        )
    return tuple(results)


def _last_attempt_rows(
    db: Connection, source: ColumnElement[int], which: ColumnElement[bool]
) -> tuple[AttemptRow, ...]:
    later = attempts.alias()
    last = select(func.max(later.c.number)).where(later.c.trial_id == attempts.c.trial_id)
    rows = db.execute(
        select(
            trials.c.number,
            attempts.c.started_s,
            attempts.c.ended_s,
            attempts.c.kind,
            attempts.c.what,
        )
        .join(attempts, attempts.c.trial_id == source)
        .where(which, attempts.c.number == last.scalar_subquery())
    )
    return tuple(
        AttemptRow(number, started_s, ended_s, None if kind is None else FaultKind(kind), what)
        for number, started_s, ended_s, kind, what in rows
    )


def failed_attempts(db: Connection, study_id: int, *, since_s: float) -> dict[FaultKind, int]:
    """Return how many attempts that ended since then failed by each fault, retried or not."""
    rows = db.execute(
        select(attempts.c.kind, func.count())
        .join(trials, trials.c.id == attempts.c.trial_id)
        .where(
            trials.c.study_id == study_id,
            attempts.c.outcome == TrialState.FAILED,
            attempts.c.ended_s >= since_s,
        )
        .group_by(attempts.c.kind)
        .order_by(func.count().desc(), attempts.c.kind)
    )
    return {FaultKind(kind): count for kind, count in rows}


def origins(db: Connection, trial_ids: Collection[int]) -> dict[int, tuple[str, int]]:
    """Return the study's name and the number of trials by their keys."""
    if not trial_ids:
        return {}
    return {
        row.id: (row.name, row.number)
        for row in db.execute(
            select(trials.c.id, studies.c.name, trials.c.number)
            .join(studies, studies.c.id == trials.c.study_id)
            .where(_is_in(trials.c.id, trial_ids))
        )
    }


def _is_in(column: ColumnElement[int], numbers: Iterable[int]) -> ColumnElement[bool]:
    """Return a condition with one variable, however many numbers there are."""
    return column.bool_op("IN")(each_of(literal(json.dumps(sorted(numbers)))))
