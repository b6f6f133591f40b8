"""Which processes work on which studies, also while none of them holds a lease.

A process enters before it prepares, and leaves when its campaign has ended. One that was killed did
not leave, but its worker's name tells that it is gone. Functions on an open connection.
"""

from sqlalchemy import Connection, delete, insert, select, update

from dse.store.records import PRESENT
from dse.store.schema import attempts, audit, studies, trials
from dse.store.workers import is_gone, local_pid

_WORKS = "works on it"
_IS_OPEN = (audit.c.action == PRESENT) & (audit.c.outcome == _WORKS)


def enter(db: Connection, study: str, *, worker: str, now_s: float) -> None:
    """Note that a worker works on a study, which is not archived then; forget those that died."""
    leave(db, study, worker=worker)
    is_away = (studies.c.name == study) & studies.c.archived_s.is_not(None)
    db.execute(update(studies).where(is_away).values(archived_s=None))
    for other in db.execute(select(audit.c.client).where(_IS_OPEN).distinct()).scalars().all():
        if is_gone(other):
            db.execute(delete(audit).where(_IS_OPEN, audit.c.client == other))
    values = {"time_s": now_s, "client": worker, "action": PRESENT, "study": study}
    db.execute(insert(audit).values(**values, detail="{}", outcome=_WORKS))


def leave(db: Connection, study: str, *, worker: str) -> None:
    """Note that a worker does not work on a study any more."""
    db.execute(delete(audit).where(_IS_OPEN, audit.c.study == study, audit.c.client == worker))


def working_studies(db: Connection, *, now_s: float) -> frozenset[str]:
    """Return the names of the studies that some process works on.

    It holds a lease, or it lives on this machine: one that prepares, or thinks about the next
    design, holds none. Whether a process of another machine lives cannot be told; of those,
    leases alone count.
    """
    return frozenset(study for study, _ in _at_work(db, now_s=now_s))


def workers_on(db: Connection, study: str, *, now_s: float) -> tuple[str, ...]:
    """Return the names of the workers that work on a study, see ``working_studies``."""
    return tuple(sorted(worker for name, worker in _at_work(db, now_s=now_s) if name == study))


def _at_work(db: Connection, *, now_s: float) -> set[tuple[str, str]]:
    """Return the names of studies with those of the workers that work on them."""
    holders = db.execute(
        select(studies.c.name, attempts.c.worker)
        .join(trials, trials.c.study_id == studies.c.id)
        .join(attempts, attempts.c.trial_id == trials.c.id)
        .where(attempts.c.ended_s.is_(None), attempts.c.lease_until_s > now_s)
        .distinct()
    )
    present = db.execute(select(audit.c.study, audit.c.client).where(_IS_OPEN))
    return {(study, worker) for study, worker in holders if not is_gone(worker)} | {
        (study, worker) for study, worker in present if local_pid(worker) is not None
    }
