"""Reading a database that others may be writing to, without changing anything about it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from sqlalchemy import Connection, func, select

from contracts.belief import Belief
from contracts.faults import FaultKind, NotFound
from contracts.untrusted import parse_json
from dse.store import costs, presence, queries, withdrawals
from dse.store.beliefs import newest_beliefs, newest_gains
from dse.store.dialect import Unavailable, as_store_error, dialect_of
from dse.store.place import Place
from dse.store.records import (
    PRESENT,
    AttemptsWanted,
    AuditRecord,
    HeldTrial,
    Sample,
    StudyChanges,
    StudyRecord,
    StudySummary,
    TimedAttempt,
    TrialDetail,
    TrialResult,
    TrialStages,
    TrialState,
    TrialWork,
)
from dse.store.schema import audit, studies, trials
from dse.store.soundness import as_unreadable
from dse.store.versions import check_schema
from dse.store.waiting import patient
from dse.words import study_command


@patient
class Reader:
    """One database, for reading. Each method sees one moment; any thread may call it.

    A file is neither created nor migrated: of an older schema, a temporary copy is brought up
    to date and read, and what is written to the file later is not seen, see ``is_frozen``.

    Args:
        place: A database that exists.
        busy_timeout_s: How long to wait for another process's lock; readers hardly ever do.

    Raises:
        StoreError: From the constructor and from every method: the database is missing, not one
            of ours, of a newer schema, damaged, or cannot be read.
    """

    def __init__(self, place: Place, *, busy_timeout_s: float = 30.0) -> None:
        self.place = place
        self._keep_waiting: Callable[[Unavailable], bool] = lambda _error: False
        self._open = dialect_of(place).open_to_read(place, busy_timeout_s=busy_timeout_s)

    def close(self) -> None:
        """Close all connections."""
        self._open.close()

    def wait_while(self, keep_waiting: Callable[[Unavailable], bool]) -> None:
        """Let somebody decide how long to wait for a database that is locked or away.

        Args:
            keep_waiting: Asked each time that a method met it: True tries that method again, False
                raises the error.
        """
        self._keep_waiting = keep_waiting

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with as_store_error(self.place), self._open.engine.begin() as db:
            yield db

    @contextmanager
    def reading(self, study: str) -> Iterator[Connection]:
        """Open a transaction that reads; what is wrong with a study's content is named.

        Args:
            study: Name of the study.
        """
        with as_unreadable(self.place, study), self._read() as db:
            yield db

    @property
    def is_frozen(self) -> bool:
        """Whether what is written to the file later is not seen.

        So it is where a copy is read, of a file of an older schema for example, and where nothing
        can be written beside the file.
        """
        return self._open.is_frozen

    @property
    def is_outdated(self) -> bool:
        """Whether it has to be opened again to see what is there now."""
        return self._open.is_outdated()

    def stamp(self) -> int:
        """Return a number that is another one after somebody wrote; quick."""
        return self._open.stamp()

    def now_s(self) -> float:
        """Return the time, in seconds since 1970, of the one clock that leases are measured by."""
        return self._open.now_s()

    # --- studies

    def find_study(self, name: str) -> StudyRecord | None:
        """Return the study called ``name``, or None."""
        with self.reading(name) as db:
            return queries.find_study(db, name)

    def study(self, name: str) -> StudyRecord:
        """Return the study called ``name``.

        Raises:
            NotFound: There is none; the message lists those that there are.
            Unreadable: What is stored of it is not what this program writes.
        """
        found = self.find_study(name)
        if found is not None:
            return found
        names = [summary.study.name for summary in self.summaries()]
        raise NotFound(
            f"{self.place} has no study {name!r}",
            fix=f"use one of: {', '.join(names)}"
            if names
            else f"start one: {study_command('start', 'CONFIG', db=str(self.place))}",
        )

    def summaries(self) -> tuple[StudySummary, ...]:
        """Return all studies, oldest first, with their trials counted by state."""
        with self._read() as db:
            check_schema(self.place, db)
            return queries.summaries(db)

    def working_studies(self, *, now_s: float) -> frozenset[str]:
        """Return the names of the studies that some process works on, see ``presence``."""
        with self._read() as db:
            return presence.working_studies(db, now_s=now_s)

    def is_stop_requested(self, study_id: int) -> bool:
        """Tell whether somebody asked that no further trial of a study is started."""
        with self._read() as db:
            found = db.execute(
                select(studies.c.stop_requested_s).where(studies.c.id == study_id)
            ).scalar()
        return found is not None

    # --- trials

    def changes(
        self,
        name: str,
        *,
        since: int = -1,
        metrics: Collection[str] | None = None,
        with_records: bool = True,
        attempts: AttemptsWanted = "all",
    ) -> StudyChanges | None:
        """Return what changed in a study; None when there is no study of that name.

        A trial that ended as a result never changes again, so whoever asks for what came after
        the largest revision seen reads each result once.

        Args:
            name: Of the study.
            since: Only trials with a larger revision; -1 for all.
            metrics: Names of those to read, a few; None for all.
            with_records: Whether to read the trials whole, too.
            attempts: Of which of these trials to read the last attempt, too.
        """
        with self.reading(name) as db:
            check_schema(self.place, db)
            study = queries.find_study(db, name)
            if study is None:
                return None
            from dse.store.changes import study_changes  # NumPy takes a while to import

            return study_changes(
                db,
                study,
                since=since,
                names=metrics,
                with_records=with_records,
                wanted=attempts,
            )

    def design_texts(self, study_id: int, *, after: int, until: int) -> tuple[str, ...]:
        """Return the canonical texts of the designs of some trials, by number.

        Args:
            study_id: Key of the study.
            after: Only trials with a larger number.
            until: Only trials with this number or a smaller one.
        """
        with self._read() as db:
            return queries.design_texts(db, study_id, after=after, until=until)

    def results(
        self, study_id: int, *, numbers: Iterable[int] | None = None
    ) -> tuple[TrialResult, ...]:
        """Return trials of a study in order, with the metrics of those that ended.

        Args:
            study_id: Key of the study.
            numbers: Of the trials; None for all.
        """
        with self._read() as db:
            return queries.trial_results(db, study_id, numbers=numbers)

    def detail(self, study: StudyRecord, number: int) -> TrialDetail:
        """Return everything about trial ``number``.

        Raises:
            NotFound: There is no such trial.
            Unreadable: What is stored of it is not what this program writes.
        """
        with self.reading(study.name) as db:
            return queries.trial_detail(db, study, number)

    def beliefs(self, study_id: int, *, most: int) -> dict[int, Belief]:
        """Return what was believed of a study's newest trials when they were suggested, by number.

        Args:
            study_id: Key of the study.
            most: How many trials, at most; promotions and those of old databases have no belief.
        """
        with self._read() as db:
            return newest_beliefs(db, study_id, most=most)

    def gains(self, study_id: int, *, most: int) -> tuple[float, ...]:
        """Return what a study's newest suggestions were expected to gain, newest first."""
        with self._read() as db:
            return newest_gains(db, study_id, most=most)

    def newest_stages(
        self, study_id: int, *, most: int, since: int = -1, of_promotions: bool = False
    ) -> tuple[TrialStages, ...]:
        """Return what the stages of a study's newest results took, oldest change first.

        Only of trials that were measured themselves, at the fidelity of every design: neither
        promotions, unless those are asked for, nor what reuses the result of another trial.

        Args:
            study_id: Key of the study.
            most: How many trials, at most: those that changed last.
            since: Only trials with a larger revision; -1 for all.
            of_promotions: Whether promotions are wanted instead of what they promote.
        """
        with self._read() as db:
            return costs.newest_stages(
                db, study_id, most=most, since=since, of_promotions=of_promotions
            )

    def trial_works(self, *, most: int) -> tuple[TrialWork, ...]:
        """Return what the newest completed trials of all studies cost, oldest first.

        Only of trials that were measured themselves, as ``newest_stages``.

        Args:
            most: How many trials, at most.
        """
        with self._read() as db:
            return costs.trial_works(db, most=most)

    def worked_s(self, study_id: int, *, now_s: float) -> float:
        """Return how long workers have been busy with a study's trials, each worker counted."""
        with self._read() as db:
            return costs.worked_s(db, study_id, now_s=now_s)

    def samples(
        self, metric: str, *, target: Mapping[str, Any], seen: Mapping[int, int]
    ) -> tuple[dict[int, int], tuple[Sample, ...]]:
        """Return a metric of the completed trials, of any study, measured on this target.

        Args:
            metric: Name of the metric; estimates and shared results are left out.
            target: The resolved ``[target]`` of a config.
            seen: Key of a study to the revision up to which its samples are known; empty at first.

        Returns:
            What to pass as ``seen`` next time, and the samples that came since, by trial.
        """
        with self._read() as db:
            return queries.samples(db, metric, target=target, seen=seen)

    def held_trials(self, study_id: int, *, now_s: float) -> tuple[HeldTrial, ...]:
        """Return the trials of a study whose attempt holds a lease, by number.

        A worker of this machine that died holds none, though its lease has not run out.
        """
        with self._read() as db:
            return queries.held_trials(db, study_id, now_s=now_s)

    def timed_attempts(
        self, study: StudyRecord, *, since_s: float, most: int
    ) -> tuple[TimedAttempt, ...]:
        """Return when the newest attempts ran and how long their stages took, oldest first.

        Args:
            study: Of which study.
            since_s: Only those that began then or later, seconds since 1970.
            most: How many, at most.

        Raises:
            Unreadable: What is stored of them is not what this program writes.
        """
        with self.reading(study.name) as db:
            return queries.timed_attempts(db, study.id, since_s=since_s, most=most)

    def failed_attempts(self, study_id: int, *, since_s: float) -> dict[FaultKind, int]:
        """Return how many attempts failed by each fault since then, those tried again, too."""
        with self._read() as db:
            return queries.failed_attempts(db, study_id, since_s=since_s)

    def last_context(self, study_id: int) -> str:
        """Return the context of a study's newest trial, or an empty text when it has none."""
        with self._read() as db:
            return queries.last_context(db, study_id)

    def open_context(self, study_id: int) -> str | None:
        """Return the context of a study's newest trial that waits or runs; None without one."""
        with self._read() as db:
            return queries.open_context(db, study_id)

    def context_facts(self, key: str) -> dict[str, Any] | None:
        """Return what a context stands for, JSON values; None where that was not kept."""
        with self._read() as db:
            return queries.context_facts(db, key)

    def trial_of_design(self, study_id: int, design_id: str) -> int | None:
        """Return the number of the trial that a study has of a design, or None."""
        with self._read() as db:
            return queries.trial_of_design(db, study_id, design_id)

    def cancelled(self, attempt_ids: Collection[int]) -> frozenset[int]:
        """Return those of some attempts whose trials a person has taken back since."""
        with self._read() as db:
            return withdrawals.cancelled(db, attempt_ids)

    def open_trials(self, study_id: int) -> int:
        """Return how many trials are waiting or running, here or in other processes."""
        return self.count_trials(study_id, TrialState.WAITING, TrialState.RUNNING)

    def count_trials(self, study_id: int, *states: TrialState) -> int:
        """Return how many trials of a study are in one of the states."""
        with self._read() as db:
            return db.execute(
                select(func.count()).where(
                    trials.c.study_id == study_id, trials.c.state.in_(states)
                )
            ).scalar_one()

    def count_failed(self, study_id: int) -> int:
        """Return how many trials failed by infrastructure; ``resume`` runs those again.

        Those that a person took back are none of them.
        """
        failed = (trials.c.state == TrialState.FAILED) & ~withdrawals.IS_WITHDRAWN
        with self._read() as db:
            return db.execute(
                select(func.count()).where(trials.c.study_id == study_id, failed)
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

    # --- what people did

    def audits(self, *, limit: int = 100, study: str | None = None) -> tuple[AuditRecord, ...]:
        """Return what people did, newest first; to one study, or to all."""
        is_act = audit.c.action != PRESENT
        which = select(audit).where(is_act).order_by(audit.c.id.desc()).limit(limit)
        if study is not None:
            which = which.where(audit.c.study == study)
        with self._read() as db:
            rows = db.execute(which).all()
        return tuple(
            AuditRecord(
                time_s=row.time_s,
                client=row.client,
                action=row.action,
                study=row.study,
                detail=parse_json(row.detail),
                outcome=row.outcome,
            )
            for row in rows
        )
