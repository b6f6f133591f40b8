"""Trials that a person takes back before they run, or cancels while they do.

Such a trial keeps its number and its design: it is ``failed``, and its only mark is a last attempt
whose worker is ``BY_HAND``. Functions on an open write transaction.
"""

from collections.abc import Collection

from sqlalchemy import Connection, delete, exists, func, insert, literal, select, update

from contracts.faults import FaultKind
from dse.store import queries
from dse.store.records import BY_HAND, TrialState
from dse.store.schema import attempts, trials

IS_WITHDRAWN = exists(
    select(literal(1)).where(attempts.c.trial_id == trials.c.id, attempts.c.worker == BY_HAND)
).correlate(trials)
"""Condition on ``trials``."""


def withdraw(db: Connection, study_id: int, number: int, *, now_s: float) -> bool:
    """Take a waiting trial back; tell whether it was waiting."""
    key = _end(db, study_id, number, TrialState.WAITING, now_s=now_s)
    if key is None:
        return False
    _mark(db, key, "a person took the trial back before it ran", now_s=now_s)
    return True


def cancel(db: Connection, study_id: int, number: int, *, now_s: float) -> TrialState | None:
    """Take a trial back that waits or runs; return which it did, None where it has ended.

    The attempt that runs it loses its lease: whoever holds it hears that with its next look.
    """
    if withdraw(db, study_id, number, now_s=now_s):
        return TrialState.WAITING
    key = _end(db, study_id, number, TrialState.RUNNING, now_s=now_s)
    if key is None:
        return None
    what = "a person cancelled the trial while it ran"
    db.execute(
        update(attempts)
        .where(attempts.c.trial_id == key, attempts.c.ended_s.is_(None))
        .values(
            ended_s=now_s,
            outcome=TrialState.FAILED,
            kind=FaultKind.CANCELLED,
            what=what,
            progress_json=None,
        )
    )
    _mark(db, key, what, now_s=now_s)
    return TrialState.RUNNING


def cancelled(db: Connection, attempt_ids: Collection[int]) -> frozenset[int]:
    """Return those of some attempts whose trials a person has taken back."""
    rows = db.execute(
        select(attempts.c.id)
        .join(trials, trials.c.id == attempts.c.trial_id)
        .where(attempts.c.id.in_(attempt_ids), trials.c.state == TrialState.FAILED, IS_WITHDRAWN)
    )
    return frozenset(rows.scalars())


def _end(
    db: Connection, study_id: int, number: int, state: TrialState, *, now_s: float
) -> int | None:
    """End a trial that is in a state and return its id; None where it is in another one."""
    key: int | None = db.execute(
        update(trials)
        .where(trials.c.study_id == study_id, trials.c.number == number, trials.c.state == state)
        .values(state=TrialState.FAILED, ended_s=now_s, revision=queries.next_revision(study_id))
        .returning(trials.c.id)
    ).scalar()
    return key


def _mark(db: Connection, key: int, what: str, *, now_s: float) -> None:
    before = db.execute(select(func.count()).where(attempts.c.trial_id == key)).scalar_one()
    db.execute(
        insert(attempts).values(
            trial_id=key,
            number=before + 1,
            worker=BY_HAND,
            started_s=now_s,
            heartbeat_s=now_s,
            lease_until_s=now_s,
            ended_s=now_s,
            outcome=TrialState.FAILED,
            kind=FaultKind.CANCELLED,
            what=what,
            fix="queue its design again",
        )
    )


def queue_again(db: Connection, study_id: int, number: int, *, context: str, now_s: float) -> bool:
    """Undo ``withdraw``; tell whether there was something to undo."""
    key = db.execute(
        update(trials)
        .where(trials.c.study_id == study_id, trials.c.number == number, IS_WITHDRAWN)
        .values(
            state=TrialState.WAITING,
            ended_s=None,
            failures=0,
            not_before_s=now_s,
            context=context,
            revision=queries.next_revision(study_id),
        )
        .returning(trials.c.id)
    ).scalar()
    if key is None:
        return False
    db.execute(delete(attempts).where(attempts.c.trial_id == key, attempts.c.worker == BY_HAND))
    return True
