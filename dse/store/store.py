"""The store: studies, trials and the leases under which they are run. The study's only truth."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

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

from contracts.faults import ConfigError, FaultKind, WorkerLost
from contracts.measurement import Completed, Measurement, Outcome, outcome_of
from contracts.measurement import Infeasible as InfeasibleOutcome
from dse.store import queries
from dse.store.database import as_store_error, open_engines
from dse.store.records import (
    Claim,
    NewTrial,
    StudyRecord,
    StudySummary,
    TrialDetail,
    TrialRecord,
    TrialResult,
    TrialState,
)
from dse.store.results import write_measurement
from dse.store.schema import attempts, studies, trials

_ENDED = (TrialState.COMPLETED, TrialState.INFEASIBLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """What happens to a trial whose attempt failed by infrastructure.

    Attributes:
        attempts: Failed attempts after which the trial is ``failed`` until it is queued again.
        backoff_s: Wait before the second attempt; three times as long before each further one.
    """

    attempts: int = 3
    backoff_s: float = 2.0

    def wait_s(self, failures: int) -> float:
        """Return how long to wait after the given number of failures in a row."""
        return self.backoff_s * 3.0 ** max(failures - 1, 0)


class Store:
    """One database file. Each method is one transaction; any number of processes may share it.

    Times are passed in as seconds since 1970. An instance belongs to one thread.

    Args:
        path: The file; created when missing, migrated when older.
        busy_timeout_s: How long to wait for another process's transaction.

    Raises:
        StoreError: From the constructor and from every method: the file is not a database of
            ours, of a newer schema, read-only, locked, damaged, or the disk is full.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = 30.0) -> None:
        self.path = path
        self._writing, self._reading = open_engines(path, busy_timeout_s=busy_timeout_s)

    def close(self) -> None:
        """Close all connections."""
        self._writing.dispose()
        self._reading.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with as_store_error(self.path), self._writing.begin() as db:
            yield db

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with as_store_error(self.path), self._reading.begin() as db:
            yield db

    # --- studies

    def create_study(
        self, *, name: str, config_toml: str, config_json: str, source_hash: str, now_s: float
    ) -> StudyRecord:
        """Create the study, or return the one of that name that is there already."""
        with self._write() as db:
            known = queries.find_study(db, name)
            if known is not None:
                return known
            values = {
                "name": name,
                "created_s": now_s,
                "config_toml": config_toml,
                "config_json": config_json,
                "source_hash": source_hash,
            }
            row = db.execute(insert(studies).values(values).returning(*studies.c)).one()
            return queries.study_record(row)

    def update_config(self, study_id: int, *, config_toml: str, config_json: str) -> None:
        """Replace the config of a study; the caller has made sure that results stay comparable."""
        with self._write() as db:
            db.execute(
                update(studies)
                .where(studies.c.id == study_id)
                .values(config_toml=config_toml, config_json=config_json)
            )

    def find_study(self, name: str) -> StudyRecord | None:
        """Return the study called ``name``, or None."""
        with self._read() as db:
            return queries.find_study(db, name)

    def study(self, name: str) -> StudyRecord:
        """Return the study called ``name``.

        Raises:
            ConfigError: There is none; the message lists those that there are.
        """
        found = self.find_study(name)
        if found is not None:
            return found
        names = [summary.study.name for summary in self.summaries()]
        raise ConfigError(
            f"{self.path} has no study {name!r}",
            fix=f"use one of: {', '.join(names)}"
            if names
            else "start one: python -m dse.study start",
        )

    def summaries(self) -> tuple[StudySummary, ...]:
        """Return all studies, oldest first, with their trials counted by state."""
        with self._read() as db:
            return queries.summaries(db)

    # --- trials

    def results(self, study_id: int) -> tuple[TrialResult, ...]:
        """Return all trials of a study in order, with the metrics of those that ended."""
        with self._read() as db:
            return queries.trial_results(db, study_id)

    def detail(self, study: StudyRecord, number: int) -> TrialDetail:
        """Return everything about trial ``number``.

        Raises:
            ConfigError: There is no such trial.
        """
        with self._read() as db:
            return queries.trial_detail(db, study, number)

    def add_trials(
        self,
        study_id: int,
        new: Iterable[NewTrial],
        *,
        context: str,
        budget: int,
        now_s: float,
    ) -> tuple[TrialRecord, ...]:
        """Queue suggestions, but never more than ``budget`` trials in the study altogether."""
        added = []
        with self._write() as db:
            count = db.execute(
                select(func.count()).where(trials.c.study_id == study_id)
            ).scalar_one()
            for number, trial in enumerate(new, start=count + 1):
                if number > budget:
                    break
                values = {
                    "study_id": study_id,
                    "number": number,
                    "design_id": trial.design_id,
                    "design_json": trial.design_json,
                    "context": context,
                    "suggested_by": trial.suggested_by,
                    "state": TrialState.WAITING,
                    "created_s": now_s,
                    "failures": 0,
                    "not_before_s": now_s,
                }
                row = db.execute(insert(trials).values(values).returning(*trials.c)).one()
                added.append(queries.trial_record(row))
        return tuple(added)

    def reuse_results(self, study_id: int, *, now_s: float) -> tuple[TrialRecord, ...]:
        """End every waiting trial whose design was measured before in the same context."""
        earlier = trials.alias()
        same = and_(
            earlier.c.design_id == trials.c.design_id,
            earlier.c.context == trials.c.context,
            earlier.c.state.in_(_ENDED),
            earlier.c.reused_from.is_(None),
        )
        origin = select(func.min(earlier.c.id)).where(same).scalar_subquery()
        state = (
            select(earlier.c.state).where(same).order_by(earlier.c.id).limit(1).scalar_subquery()
        )
        with self._write() as db:
            rows = db.execute(
                update(trials)
                .where(
                    trials.c.study_id == study_id,
                    trials.c.state == TrialState.WAITING,
                    exists(select(literal(1)).where(same)),
                )
                .values(state=state, reused_from=origin, ended_s=now_s)
                .returning(*trials.c)
            ).all()
        return tuple(sorted(map(queries.trial_record, rows), key=lambda trial: trial.number))

    def requeue(self, study_id: int, *, context: str, now_s: float) -> int:
        """Queue again what failed by infrastructure, and lift all back-offs; return how many.

        Waiting trials move to ``context``, since that is what they will be measured under.
        """
        with self._write() as db:
            db.execute(
                update(trials)
                .where(trials.c.study_id == study_id, trials.c.state == TrialState.WAITING)
                .values(not_before_s=now_s, failures=0, context=context)
            )
            return db.execute(
                update(trials)
                .where(trials.c.study_id == study_id, trials.c.state == TrialState.FAILED)
                .values(
                    state=TrialState.WAITING,
                    ended_s=None,
                    failures=0,
                    not_before_s=now_s,
                    context=context,
                )
            ).rowcount

    # --- leases

    def claim(self, study_id: int, *, worker: str, now_s: float, lease_s: float) -> Claim | None:
        """Give the oldest waiting trial to ``worker``; None when none may start now.

        A trial whose design is being measured by anyone in the same context is left waiting:
        its result will be there to reuse.
        """
        busy = trials.alias()
        built_elsewhere = exists(
            select(literal(1)).where(
                busy.c.design_id == trials.c.design_id,
                busy.c.context == trials.c.context,
                busy.c.state == TrialState.RUNNING,
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
        take = (
            update(trials)
            .where(trials.c.id == oldest, trials.c.state == TrialState.WAITING)
            .values(state=TrialState.RUNNING)
            .returning(*trials.c)
        )
        with self._write() as db:
            row = db.execute(take).one_or_none()
            if row is None:
                return None
            number = select(func.count() + 1).where(attempts.c.trial_id == row.id).scalar_subquery()
            values = {
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
            return Claim(
                attempt_id=held.id, attempt_number=held.number, trial=queries.trial_record(row)
            )

    def heartbeat(
        self, attempt_ids: Iterable[int], *, now_s: float, lease_s: float
    ) -> frozenset[int]:
        """Prolong the leases of ``attempt_ids`` and return those that are still held."""
        with self._write() as db:
            rows = db.execute(
                update(attempts)
                .where(attempts.c.id.in_(list(attempt_ids)), attempts.c.ended_s.is_(None))
                .values(heartbeat_s=now_s, lease_until_s=now_s + lease_s)
                .returning(attempts.c.id)
            )
            return frozenset(row.id for row in rows)

    def finish(
        self, attempt_id: int, outcome: Outcome, *, now_s: float, retry: RetryPolicy
    ) -> TrialState | None:
        """Record how an attempt ended and return the trial's new state.

        Returns:
            None when the attempt no longer holds the lease: nothing is stored then. ``waiting``
            when the trial will be tried again.
        """
        with self._write() as db:
            return _finish(db, attempt_id, outcome, now_s=now_s, retry=retry)

    def take_back(
        self,
        *,
        now_s: float,
        retry: RetryPolicy,
        is_gone: Callable[[str], bool] = lambda _worker: False,
    ) -> int:
        """End, as ``worker-lost``, the attempts whose lease ran out or whose worker is gone.

        Args:
            now_s: The time.
            retry: What happens to their trials.
            is_gone: Tells of a worker's name whether it is known to have died.

        Returns:
            How many attempts were ended.
        """
        with self._read() as db:
            held = db.execute(select(attempts).where(attempts.c.ended_s.is_(None))).all()
        lost = [row for row in held if row.lease_until_s < now_s or is_gone(row.worker)]
        if not lost:  # the usual case takes no write lock
            return 0
        with self._write() as db:
            ended = 0
            for row in lost:
                fault = WorkerLost(
                    f"worker {row.worker} went away during attempt {row.number}",
                    fix="nothing: the trial is tried again; look for kills in the system's log",
                )
                state = _finish(
                    db,
                    row.id,
                    outcome_of(fault, Measurement(metrics=())),
                    now_s=now_s,
                    retry=retry,
                    unless_renewed_since_s=row.heartbeat_s,
                )
                ended += state is not None
            return ended

    def open_trials(self, study_id: int) -> int:
        """Return how many trials are waiting or running, here or in other processes."""
        with self._read() as db:
            return db.execute(
                select(func.count()).where(
                    trials.c.study_id == study_id,
                    trials.c.state.in_((TrialState.WAITING, TrialState.RUNNING)),
                )
            ).scalar_one()

    def next_start_s(self, study_id: int) -> float | None:
        """Return when the earliest waiting trial may start; None when none waits."""
        with self._read() as db:
            found: float | None = db.execute(
                select(func.min(trials.c.not_before_s)).where(
                    trials.c.study_id == study_id, trials.c.state == TrialState.WAITING
                )
            ).scalar()
        return found


def _finish(
    db: Connection,
    attempt_id: int,
    outcome: Outcome,
    *,
    now_s: float,
    retry: RetryPolicy,
    unless_renewed_since_s: float | None = None,
) -> TrialState | None:
    holds: list[ColumnElement[bool]] = [attempts.c.id == attempt_id, attempts.c.ended_s.is_(None)]
    if unless_renewed_since_s is not None:
        holds.append(attempts.c.heartbeat_s == unless_renewed_since_s)
    fault: dict[str, Any] = {}
    if isinstance(outcome, Completed):
        ended = TrialState.COMPLETED
    else:
        is_result = isinstance(outcome, InfeasibleOutcome)
        ended = TrialState.INFEASIBLE if is_result else TrialState.FAILED
        fault = {
            "kind": outcome.kind,
            "what": outcome.what,
            "fix": outcome.fix,
            "detail": outcome.detail,
        }
    trial_id = db.execute(
        update(attempts)
        .where(*holds)
        .values(ended_s=now_s, outcome=ended, **fault)
        .returning(attempts.c.trial_id)
    ).scalar()
    if trial_id is None:
        return None
    write_measurement(db, trial_id=trial_id, attempt_id=attempt_id, measurement=outcome.measurement)
    values: dict[str, Any] = {"state": ended, "ended_s": now_s}
    if ended is TrialState.FAILED:
        failures = db.execute(select(trials.c.failures).where(trials.c.id == trial_id)).scalar_one()
        # a person's Ctrl-C says nothing about the trial: it waits on, uncounted
        counts = fault["kind"] is not FaultKind.CANCELLED
        failures += counts
        values["failures"] = failures
        if failures < retry.attempts:
            wait_s = retry.wait_s(failures) if counts else 0.0
            values |= {"state": TrialState.WAITING, "ended_s": None, "not_before_s": now_s + wait_s}
    db.execute(update(trials).where(trials.c.id == trial_id).values(values))
    return TrialState(values["state"])
