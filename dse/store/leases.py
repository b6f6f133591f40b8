"""Leases: which attempt may write a trial's result. Functions on an open write transaction."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from contracts.faults import Fault, FaultKind, Then, WorkerLost
from contracts.measurement import Completed, Failed, Measurement, Outcome, outcome_of
from dse.store import queries
from dse.store.dialect import dialect_of
from dse.store.limits import LIMIT_RESULTS, fault_of_design
from dse.store.records import AttemptRecord, Claim, RetryPolicy, TrialRecord, TrialState
from dse.store.results import write_measurement
from dse.store.schema import attempts, trials

_FORGIVEN = 5
"""So often a trial may lose its worker before that counts: a design may be what kills it."""
_BUSY, _EARLIER = trials.alias(), trials.alias()  # once: each copies all columns
_RESULTS = (TrialState.COMPLETED, TrialState.INFEASIBLE)


def claim_oldest(
    db: Connection,
    study_id: int,
    *,
    worker: str,
    now_s: float,
    lease_s: float,
    context: str | None = None,
) -> Claim | None:
    """Give the oldest trial that may start to ``worker``; the guard is inside the statement."""
    moved = {} if context is None else {"context": context}
    built_elsewhere = exists(
        select(literal(1)).where(
            _BUSY.c.design_id == trials.c.design_id,
            _BUSY.c.context == trials.c.context,
            _BUSY.c.fidelity == trials.c.fidelity,
            _BUSY.c.state == TrialState.RUNNING,
        )
    )
    oldest = (
        select(func.min(trials.c.id))
        .where(
            trials.c.study_id == study_id,
            trials.c.state == TrialState.WAITING,
            trials.c.not_before_s <= now_s,
            ~built_elsewhere,
        )
        .scalar_subquery()
    )
    row = db.execute(
        update(trials)
        .where(trials.c.id == oldest, trials.c.state == TrialState.WAITING)
        .values(state=TrialState.RUNNING, revision=queries.next_revision(study_id), **moved)
        .returning(*trials.c)
    ).one_or_none()
    if row is None:
        return None
    number = select(func.count() + 1).where(attempts.c.trial_id == row.id).scalar_subquery()
    values = {
        "id": dialect_of(db).unused_key(db, attempts),
        "trial_id": row.id,
        "number": number,
        "worker": worker,
        "started_s": now_s,
        "heartbeat_s": now_s,
        "lease_until_s": now_s + lease_s,
    }
    held = db.execute(
        insert(attempts).values(values).returning(attempts.c.id, attempts.c.number)
    ).one()
    return Claim(attempt_id=held.id, attempt_number=held.number, trial=queries.trial_record(row))


def reuse_results(db: Connection, study_id: int, *, now_s: float) -> list[TrialRecord]:
    """End every waiting trial whose design was measured before in the same context."""
    same = and_(
        _EARLIER.c.design_id == trials.c.design_id,
        _EARLIER.c.context == trials.c.context,
        _EARLIER.c.fidelity == trials.c.fidelity,
        _EARLIER.c.state.in_(_RESULTS),
        _EARLIER.c.reused_from.is_(None),
        ~exists(
            select(literal(1)).where(
                attempts.c.trial_id == _EARLIER.c.id, attempts.c.kind.in_(LIMIT_RESULTS)
            )
        ),
    )
    origin = select(func.min(_EARLIER.c.id)).where(same).scalar_subquery()
    state = select(_EARLIER.c.state).where(same).order_by(_EARLIER.c.id).limit(1).scalar_subquery()
    rows = db.execute(
        update(trials)
        .where(
            trials.c.study_id == study_id,
            trials.c.state == TrialState.WAITING,
            exists(select(literal(1)).where(same)),
        )
        .values(
            state=state,
            reused_from=origin,
            ended_s=now_s,
            revision=queries.next_revision(study_id),
        )
        .returning(*trials.c)
    ).all()
    return sorted(map(queries.trial_record, rows), key=lambda trial: trial.number)


def end_lost(db: Connection, lost: list[AttemptRecord], *, now_s: float, retry: RetryPolicy) -> int:
    """End attempts as ``worker-lost``, except those that gave a sign of life since; count them."""
    ended = 0
    for attempt in lost:
        fault = WorkerLost(
            f"worker {attempt.worker} went away during attempt {attempt.number}",
            fix="nothing: the trial is tried again; look for kills in the system's log",
        )
        state = end_attempt(
            db,
            attempt.id,
            outcome_of(fault, Measurement(metrics=())),
            now_s=now_s,
            retry=retry,
            unless_heard_of_since_s=attempt.heartbeat_s,
            is_worker_gone=True,
        )
        ended += state is not None
    return ended


def end_attempt(
    db: Connection,
    attempt_id: int,
    outcome: Outcome,
    *,
    now_s: float,
    retry: RetryPolicy,
    unless_heard_of_since_s: float | None = None,
    is_worker_gone: bool = False,
) -> TrialState | None:
    """Store how an attempt ended if it holds the lease; return the trial's new state.

    With ``is_worker_gone`` the whole worker went away, with all its trials: that is not held
    against this one, unless it happens to it again and again.
    """
    holds: list[ColumnElement[bool]] = [attempts.c.id == attempt_id, attempts.c.ended_s.is_(None)]
    if unless_heard_of_since_s is not None:
        holds.append(attempts.c.heartbeat_s == unless_heard_of_since_s)
    trial_id = db.execute(
        update(attempts)
        .where(*holds)
        .values(ended_s=now_s, progress_json=None)
        .returning(attempts.c.trial_id)
    ).scalar()
    if trial_id is None:
        return None
    fault = None if isinstance(outcome, Completed) else outcome.fault
    if isinstance(outcome, Failed):
        earlier = queries.ended_attempts(db, trial_id, but=attempt_id)
        fault = fault_of_design(outcome.fault, earlier) or outcome.fault
    ended = _end_of(fault)
    db.execute(
        update(attempts)
        .where(attempts.c.id == attempt_id)
        .values(outcome=ended, **_fault_values(fault))
    )
    write_measurement(db, trial_id=trial_id, attempt_id=attempt_id, measurement=outcome.measurement)
    values: dict[str, Any] = {"state": ended, "ended_s": now_s}
    if fault is not None and ended is TrialState.FAILED:
        failures = db.execute(select(trials.c.failures).where(trials.c.id == trial_id)).scalar_one()
        counts = _is_counted(fault)
        if is_worker_gone:
            earlier = queries.ended_attempts(db, trial_id, but=attempt_id)
            counts = sum(a.kind is FaultKind.WORKER_LOST for a in earlier) >= _FORGIVEN
        failures += counts
        values["failures"] = failures
        if failures < retry.attempts:
            wait_s = retry.wait_s(failures) if counts else 0.0
            values |= {"state": TrialState.WAITING, "ended_s": None, "not_before_s": now_s + wait_s}
    study_id = db.execute(select(trials.c.study_id).where(trials.c.id == trial_id)).scalar_one()
    values["revision"] = queries.next_revision(study_id)
    db.execute(update(trials).where(trials.c.id == trial_id).values(values))
    return TrialState(values["state"])


def _end_of(fault: Fault | None) -> TrialState:
    """Return the end of an attempt with this fault."""
    if fault is None:
        return TrialState.COMPLETED
    return TrialState.INFEASIBLE if fault.then is Then.INFEASIBLE else TrialState.FAILED


def _fault_values(fault: Fault | None) -> dict[str, Any]:
    """Return a fault as columns; the stage that it names is more certain than the last told."""
    if fault is None:
        return {}
    values = asdict(fault)
    return values if fault.stage is not None else {**values, "stage": attempts.c.stage}


def _is_counted(fault: Fault) -> bool:
    """Tell whether a fault counts against the trial: Ctrl-C, missing tools, a full disk do not."""
    blames_nobody = fault.kind in (FaultKind.CANCELLED, FaultKind.DISK_FULL)
    return not blames_nobody and fault.then is Then.RETRY
