"""The store: studies, trials and the leases under which they are run. The study's only truth."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from contracts.belief import Importance
from contracts.measurement import Outcome
from contracts.untrusted import parse_json
from dse.store import leases, presence, queries, remarks, withdrawals
from dse.store.beliefs import write_belief
from dse.store.copying import copy_study, require_free
from dse.store.dialect import as_store_error, dialect_of
from dse.store.how_far import how_far_text
from dse.store.place import Place
from dse.store.reader import Reader
from dse.store.records import (
    BY_HAND,
    NOTIFY,
    AuditRecord,
    Claim,
    ContextRecord,
    CopiedStudy,
    NewTrial,
    Remark,
    RemovedStudy,
    RetryPolicy,
    StudyRecord,
    TrialRecord,
    TrialState,
)
from dse.store.schema import attempts, audit, contexts, studies, trials
from dse.store.soundness import as_unreadable
from dse.store.studies import (
    archive_study,
    delete_study,
    rename_study,
    require_there,
    unarchive_study,
    write_audit,
)
from dse.store.waiting import patient
from runners.job import StageEvent


@patient
class Store(Reader):
    """One database, for writing too. Each method is one transaction; processes may share it.

    Times are passed in as seconds since 1970. An instance belongs to one thread.

    Args:
        place: The database; a file is created when missing, an empty database set up, one of an
            older schema migrated.
        busy_timeout_s: How long to wait for another process's transaction.

    Raises:
        StoreError: From the constructor and from every method: the database is not one of ours,
            of a newer schema, read-only, locked, damaged, away, or the disk is full.
    """

    def __init__(self, place: Place, *, busy_timeout_s: float = 30.0) -> None:
        self._writing = dialect_of(place).open_to_write(place, busy_timeout_s=busy_timeout_s)
        try:
            super().__init__(place, busy_timeout_s=busy_timeout_s)
        except BaseException:
            self._writing.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        super().close()
        self._writing.close()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with as_store_error(self.place), self._writing.begin() as db:
            yield db

    # --- studies

    def create_study(
        self, *, name: str, config_toml: str, config_json: str, source_hash: str, now_s: float
    ) -> StudyRecord:
        """Create the study, or return the one of that name that is there already.

        Raises:
            Unreadable: What is stored of it is not what this program writes.
        """
        with as_unreadable(self.place, name), self._write() as db:
            known = queries.find_study(db, name)
            if known is not None:
                return known
            values = {
                "id": dialect_of(db).unused_key(db, studies),
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

    def describe_space(self, study_id: int, space_json: str) -> None:
        """Keep what readers need to know of a study's space without running its code."""
        with self._write() as db:
            db.execute(
                update(studies).where(studies.c.id == study_id).values(space_json=space_json)
            )

    def describe_oracle(self, study_id: int, oracle_json: str) -> None:
        """Keep which faults of a design the study's golden inputs would show."""
        with self._write() as db:
            db.execute(
                update(studies).where(studies.c.id == study_id).values(oracle_json=oracle_json)
            )

    def describe_importance(self, study_id: int, importance: Importance) -> None:
        """Keep what the model that suggested last makes of each parameter."""
        with self._write() as db:
            db.execute(
                update(studies)
                .where(studies.c.id == study_id)
                .values(importance_json=json.dumps(importance))
            )

    def delete_study(self, name: str, *, now_s: float, client: str) -> RemovedStudy:
        """Remove a study with all its trials, in one transaction; the cache is not touched.

        Trials of other studies that share its results keep them. One that cannot be read can be
        removed, too.

        Args:
            name: Of the study.
            now_s: The time.
            client: Who asks, for the audit.

        Raises:
            NotFound: There is no such study.
            ConfigError: A process works on it.
        """
        with self._write() as db:
            return delete_study(db, name, now_s=now_s, client=client)

    def rename_study(self, name: str, new: str, *, now_s: float, client: str) -> None:
        """Give a study another name, in one transaction: in its config and in the audit, too.

        Args:
            name: Of the study.
            new: What it will be called; of the form that a config may have.
            now_s: The time.
            client: Who asks, for the audit.

        Raises:
            NotFound: There is no such study.
            ConfigError: A process works on it, there is a study of the new name, or its config
                cannot be read.
        """
        with self._write() as db:
            rename_study(db, name, new, now_s=now_s, client=client)

    def archive_study(self, name: str, *, now_s: float) -> None:
        """Put a study away, so that lists leave it out; a process that works on it takes it out.

        Raises:
            NotFound: There is no such study.
            ConfigError: A process works on it.
        """
        with self._write() as db:
            archive_study(db, name, now_s=now_s)

    def unarchive_study(self, name: str) -> None:
        """Let lists have a study again.

        Raises:
            NotFound: There is no such study.
        """
        with self._write() as db:
            unarchive_study(db, name)

    def take_study(
        self, source: Reader, name: str, *, new: str, now_s: float, client: str
    ) -> CopiedStudy:
        """Write a study of another database into this one, in one transaction.

        Trials with their numbers and revisions, attempts, results, beliefs and what people did
        come with it; leases do not: a trial that runs there waits here. Results that it shares
        with other studies there are its own here.

        Args:
            source: The database that has it; it is only read, at one moment.
            name: Of the study there.
            new: What it is called here.
            now_s: The time.
            client: Who asks, for the audit.

        Raises:
            NotFound: There is no such study.
            ConfigError: There is a study of the new name here.
            Unreadable: What is stored of it is not what this program writes.
        """
        with self._write() as db:
            require_free(db, new)
            with source.reading(name) as theirs:
                return copy_study(
                    theirs,
                    db,
                    name,
                    new=new,
                    origin=str(source.place),
                    now_s=now_s,
                    client=client,
                )

    # --- trials

    def add_trials(
        self,
        study_id: int,
        new: Sequence[NewTrial],
        *,
        context: str,
        budget: int | None,
        now_s: float,
    ) -> tuple[TrialRecord, ...]:
        """Queue designs that the study does not have, at most ``budget`` of them altogether.

        A design that is there already, suggested at the same moment by another process or queued
        by hand, is left out: the caller sees it missing in the answer. Promotions repeat a design
        and do not count, and a trial is promoted once: a second one is left out. Designs that a
        person queued do not count, either.

        Args:
            study_id: Key of the study.
            new: What to queue, in this order.
            context: Hash that they will be measured under.
            budget: Most designs in the study; None for no limit.
            now_s: The time.

        Returns:
            The trials that were queued.

        Raises:
            NotFound: Somebody has deleted the study.
        """
        added = []
        with self._write() as db:
            require_there(db, study_id)
            of_study = trials.c.study_id == study_id
            number = db.execute(select(func.max(trials.c.number)).where(of_study)).scalar() or 0
            spent = number  # numbers go from 1 without a gap
            if budget is not None and number + len(new) > budget:  # then it matters
                spent = db.execute(
                    select(func.count()).where(
                        of_study, trials.c.promotes.is_(None), trials.c.suggested_by != BY_HAND
                    )
                ).scalar_one()
            for trial in new:
                if queries.is_there(db, study_id, trial):
                    continue
                if trial.promotes is None and trial.suggested_by != BY_HAND:
                    if budget is not None and spent >= budget:
                        break
                    spent += 1
                number += 1
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
                    "fidelity": trial.fidelity,
                    "promotes": trial.promotes,
                    "revision": queries.next_revision(study_id),
                }
                row = db.execute(insert(trials).values(values).returning(*trials.c)).one()
                if trial.belief is not None:
                    write_belief(db, row.id, trial.belief)
                added.append(queries.trial_record(row))
        return tuple(added)

    def reuse_results(self, study_id: int, *, now_s: float) -> tuple[TrialRecord, ...]:
        """End every waiting trial whose design was measured before in the same context."""
        with self._write() as db:
            return tuple(leases.reuse_results(db, study_id, now_s=now_s))

    def requeue(
        self, study_id: int, *, context: str, now_s: float, also_failed: bool = True
    ) -> int:
        """Let waiting trials start now, and queue failed ones again; return how many of those.

        All of them move to ``context``, since that is what they will be measured under. Those that
        a person has taken back stay as they are.
        """
        fresh = {
            "failures": 0,
            "not_before_s": now_s,
            "context": context,
            "revision": queries.next_revision(study_id),
        }
        of_study = trials.c.study_id == study_id
        failed = (trials.c.state == TrialState.FAILED) & ~withdrawals.IS_WITHDRAWN
        with self._write() as db:
            db.execute(
                update(trials).where(of_study, trials.c.state == TrialState.WAITING).values(fresh)
            )
            if not also_failed:
                return 0
            return db.execute(
                update(trials)
                .where(of_study, failed)
                .values(state=TrialState.WAITING, ended_s=None, **fresh)
            ).rowcount

    def withdraw(self, study_id: int, number: int, *, now_s: float) -> bool:
        """Take a waiting trial back before it runs; tell whether it was waiting.

        It ends as ``failed`` with the fault ``cancelled``, and ``requeue`` leaves it so.
        """
        with self._write() as db:
            return withdrawals.withdraw(db, study_id, number, now_s=now_s)

    def queue_withdrawn(self, study_id: int, number: int, *, context: str, now_s: float) -> bool:
        """Queue a trial that was taken back; tell whether it had been."""
        with self._write() as db:
            return withdrawals.queue_again(db, study_id, number, context=context, now_s=now_s)

    def cancel(self, study_id: int, number: int, *, now_s: float) -> TrialState | None:
        """Take a trial back that waits or runs; return which it did, None where it has ended.

        It ends as ``withdraw`` ends one. What a worker finds out about it later is not stored.
        """
        with self._write() as db:
            return withdrawals.cancel(db, study_id, number, now_s=now_s)

    # --- what people write beside studies and trials

    def remark(self, study_id: int, number: int | None, change: remarks.Change) -> Remark:
        """Change a note and tags in one transaction; return what is written now.

        Args:
            study_id: Key of the study.
            number: Of the trial that it is about; None for the study itself.
            change: Returns the new remark from the one that is there.

        Raises:
            NotFound: The study has no such trial, or is gone.
            ConfigError: The new one is too long, or has characters that are not to be seen.
        """
        with self._write() as db:
            return remarks.write_remark(db, study_id, number, change)

    # --- what results depend on beside the design

    def keep_context(self, key: str, facts: Mapping[str, Any]) -> None:
        """Keep what a context stands for; one that is kept already stays as it is."""
        with self._write() as db:
            known = db.execute(select(contexts.c.context).where(contexts.c.context == key)).scalar()
            if known is None:
                values = {"context": key, "facts": json.dumps(facts, sort_keys=True)}
                db.execute(insert(contexts).values(values))

    def contexts_of(self, study_id: int) -> tuple[ContextRecord, ...]:
        """Return the contexts of a study's results, in the order in which they came."""
        with self._read() as db:
            return queries.contexts_of(db, study_id)

    # --- what people ask of a study that may be running elsewhere

    def request_stop(self, study_id: int, *, now_s: float | None) -> None:
        """Ask that no further trial of a study is started; None takes the request back."""
        with self._write() as db:
            db.execute(
                update(studies).where(studies.c.id == study_id).values(stop_requested_s=now_s)
            )

    def enter(self, study: str, *, worker: str, now_s: float) -> None:
        """Note that a worker works on a study, so that nobody else need be started for it."""
        with self._write() as db:
            presence.enter(db, study, worker=worker, now_s=now_s)

    def leave(self, study: str, *, worker: str) -> None:
        """Note that a worker does not work on a study any more."""
        with self._write() as db:
            presence.leave(db, study, worker=worker)

    def record_audit(self, entry: AuditRecord) -> None:
        """Keep what a person did."""
        with self._write() as db:
            write_audit(db, entry)

    def claim_notice(
        self,
        study: str,
        kind: str,
        *,
        key: str,
        text: str,
        worker: str,
        now_s: float,
        quiet_s: float,
    ) -> bool:
        """Tell whether this process is the one to give a notice, and keep that it was given.

        Args:
            study: Name of the study.
            kind: Of the notice.
            key: Equal for the same notice of other processes.
            text: What it says.
            worker: Who gives it.
            now_s: The time.
            quiet_s: No other notice of this kind was given for so long.
        """
        asked = {"notice": kind, "key": key}
        given = (
            select(audit.c.time_s, audit.c.detail)
            .where(audit.c.action == NOTIFY, audit.c.study == study)
            .order_by(audit.c.id.desc())
        )
        with self._write() as db:
            for time_s, detail in db.execute(given):
                known = parse_json(detail)
                is_recent = abs(now_s - time_s) < quiet_s
                if known == asked or (known.get("notice") == kind and is_recent):
                    return False
            values = {
                "time_s": now_s,
                "client": worker,
                "action": NOTIFY,
                "study": study,
                "detail": json.dumps(asked, sort_keys=True),
                "outcome": text,
            }
            db.execute(insert(audit).values(values))
        return True

    # --- leases

    def claim(
        self,
        study_id: int,
        *,
        worker: str,
        now_s: float,
        lease_s: float,
        context: str | None = None,
    ) -> Claim | None:
        """Give the oldest waiting trial to ``worker``; None when none may start now.

        A trial whose design is being measured by anyone in the same context is left waiting:
        its result will be there to reuse.

        Args:
            study_id: Key of the study.
            worker: Who takes it.
            now_s: The time.
            lease_s: How long it may be silent.
            context: Hash of what the worker measures under, which the trial gets: it may have
                been queued under another one. None leaves it.
        """
        with self._write() as db:
            return leases.claim_oldest(
                db, study_id, worker=worker, now_s=now_s, lease_s=lease_s, context=context
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

    def note_stage(self, attempt_id: int, stage: str, *, now_s: float) -> None:
        """Say which stage of a held attempt runs now, for those who look on."""
        with self._write() as db:
            db.execute(
                update(attempts)
                .where(attempts.c.id == attempt_id, attempts.c.ended_s.is_(None))
                .values(stage=stage, stage_since_s=now_s, progress_json=None)
            )

    def note_progress(self, told: Mapping[int, StageEvent]) -> None:
        """Say how far the running stages of held attempts are, for those who look on.

        Args:
            told: What the stage of each attempt told last.
        """
        with self._write() as db:
            for attempt_id, event in told.items():
                db.execute(
                    update(attempts)
                    .where(
                        attempts.c.id == attempt_id,
                        attempts.c.ended_s.is_(None),
                        attempts.c.stage == event.stage,
                    )
                    .values(progress_json=how_far_text(event))
                )

    def finish(
        self, attempt_id: int, outcome: Outcome, *, now_s: float, retry: RetryPolicy
    ) -> TrialState | None:
        """Record how an attempt ended and return the trial's new state.

        Returns:
            None when the attempt no longer holds the lease: nothing is stored then. ``waiting``
            when the trial will be tried again.
        """
        with self._write() as db:
            return leases.end_attempt(db, attempt_id, outcome, now_s=now_s, retry=retry)

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
            held = queries.held_attempts(db)
        lost = [a for a in held if a.lease_until_s < now_s or is_gone(a.worker)]
        if not lost:  # the usual case takes no write lock
            return 0
        with self._write() as db:
            return leases.end_lost(db, lost, now_s=now_s, retry=retry)
