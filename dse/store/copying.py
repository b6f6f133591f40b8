"""A study from one database into another, of either kind: functions on open transactions.

What the study shares with others of its database goes with it: the first of its trials that shares
a result gets that result as its own. Leases stay behind: a trial that runs waits in the copy.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, insert, select

from contracts.faults import ConfigError, NotFound
from dse.store import queries
from dse.store.dialect import dialect_of
from dse.store.records import COPY, PRESENT, AuditRecord, CopiedStudy, TrialState
from dse.store.schema import (
    artefacts,
    attempts,
    audit,
    beliefs,
    contexts,
    layers,
    metrics,
    placements,
    predictions,
    remarks,
    stage_times,
    studies,
    tools,
    trials,
)
from dse.store.soundness import require_sound
from dse.store.studies import renamed_config, write_audit

_AT_ONCE = 1000
"""Rows that are in memory together."""

_Keys = dict[int, int]
"""Key in the source to key in the target."""


def require_free(target: Connection, new: str) -> None:
    """Make sure that no study of a database has a name.

    Raises:
        ConfigError: One has.
    """
    if target.execute(select(studies.c.id).where(studies.c.name == new)).scalar() is not None:
        raise ConfigError(
            f"there is a study {new!r} already in the database that it would be copied to",
            fix="choose another name with --as, or delete that one",
        )


def copy_study(
    source: Connection,
    target: Connection,
    name: str,
    *,
    new: str,
    origin: str,
    now_s: float,
    client: str,
) -> CopiedStudy:
    """Write a study of one database into another, see ``Store.take_study``.

    Args:
        source: A transaction that reads.
        target: A transaction that writes; it may be of the same database.
        name: Of the study.
        new: What it is called in the target.
        origin: The source, as the audit names it.
        now_s: The time.
        client: Who asks, for the audit.
    """
    study = queries.find_study(source, name)
    if study is None:
        raise NotFound(f"there is no study {name!r}", fix="`list` prints those that there are")
    _require_all_sound(source, study.id)
    values = asdict(study)
    if new != name:
        config_toml, config_json = renamed_config(study, new)
        values |= {"name": new, "config_toml": config_toml, "config_json": config_json}
    dialect = dialect_of(target)
    values["id"] = dialect.unused_key(target, studies)
    target.execute(insert(studies).values(values))
    copying = _Copying(source, target, study.id)
    copying.copy(values["id"])
    _copy_rows(source, target, audit, (audit.c.study == name) & (audit.c.action != PRESENT),
               lambda row: {**row, "id": None, "study": new})  # fmt: skip
    for table in (studies, trials, attempts):
        dialect.note_given_keys(target, table)
    copied = CopiedStudy(study=new, trials=len(copying.trials), attempts=len(copying.attempts))
    write_audit(
        target,
        AuditRecord(
            time_s=now_s,
            client=client,
            action=COPY,
            study=new,
            detail={"from": origin, "study": name},
            outcome="done",
        ),
    )
    return copied


class _Copying:
    """One study on its way.

    Attributes:
        trials: Its trials.
        attempts: Their attempts, and those of results that it shared.
    """

    def __init__(self, source: Connection, target: Connection, study_id: int) -> None:
        self._source = source
        self._target = target
        self._of_study = trials.c.study_id == study_id
        self._heirs: _Keys = {}  # of results of other studies: their trials to ours, as here
        self.trials: _Keys = {}
        self.attempts: _Keys = {}

    def copy(self, study_id: int) -> None:
        self._number_trials()
        self._find_heirs()
        own = select(trials.c.id).where(self._of_study)
        self._copy(trials, self._of_study, lambda row: self._trial(row, study_id))
        for table in (beliefs, predictions, remarks):
            self._copy(table, table.c.trial_id.in_(own), self._of_trial)
        shared = select(trials.c.reused_from).where(self._of_study)
        results = own.union(shared).subquery()
        of_results = select(results.c[0])
        for table in (metrics, layers, placements):
            self._copy(table, table.c.trial_id.in_(of_results), self._result)
        held = {row.trial_id: row.number for row in self._highest_numbers(own)}
        ended = attempts.c.trial_id.in_(of_results) & attempts.c.ended_s.is_not(None)
        self._number_attempts(ended)
        self._copy(attempts, ended, lambda row: self._attempt(row, held))
        of_attempts = select(attempts.c.id).where(ended)
        for table in (stage_times, artefacts, tools):
            self._copy(table, table.c.attempt_id.in_(of_attempts), self._of_attempt)
        named = select(trials.c.context).where(self._of_study)
        known = set(self._target.execute(select(contexts.c.context)).scalars())
        self._copy(contexts, contexts.c.context.in_(named),
                   lambda row: None if row["context"] in known else row)  # fmt: skip

    def _copy(self, table: Table, which: ColumnElement[bool], change: Any) -> None:
        _copy_rows(self._source, self._target, table, which, change)

    def _number_trials(self) -> None:
        keys = select(trials.c.id).where(self._of_study).order_by(trials.c.number)
        first = dialect_of(self._target).unused_key(self._target, trials)
        for place, key in enumerate(self._source.execute(keys).scalars()):
            self.trials[key] = first + place

    def _number_attempts(self, which: ColumnElement[bool]) -> None:
        keys = select(attempts.c.id).where(which).order_by(attempts.c.id)
        first = dialect_of(self._target).unused_key(self._target, attempts)
        for place, key in enumerate(self._source.execute(keys).scalars()):
            self.attempts[key] = first + place

    def _find_heirs(self) -> None:
        sharing = (
            select(trials.c.id, trials.c.reused_from)
            .where(self._of_study, trials.c.reused_from.is_not(None))
            .order_by(trials.c.number)
        )
        for key, origin in self._source.execute(sharing):
            if origin not in self.trials:
                self._heirs.setdefault(origin, key)

    def _highest_numbers(self, own: Any) -> Iterable[Any]:
        ended = attempts.c.ended_s.is_not(None)
        return self._source.execute(
            select(attempts.c.trial_id, attempts.c.number)
            .where(attempts.c.trial_id.in_(own), ended)
            .order_by(attempts.c.number)
        )

    def _trial(self, row: Mapping[str, Any], study_id: int) -> dict[str, Any]:
        reused_from = row["reused_from"]
        heir = self._heirs.get(reused_from, reused_from)
        promotes = row["promotes"]
        changed = {
            "id": self.trials[row["id"]],
            "study_id": study_id,
            "reused_from": None if heir in (None, row["id"]) else self.trials[heir],
            "promotes": None if promotes is None else self.trials[promotes],
        }
        state = TrialState.WAITING if row["state"] == TrialState.RUNNING else row["state"]
        return {**row, **changed, "state": state}

    def _of_trial(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {**row, "trial_id": self.trials[row["trial_id"]]}

    def _result(self, row: Mapping[str, Any]) -> dict[str, Any]:
        key = row["trial_id"]
        return {**row, "trial_id": self.trials[self._heirs.get(key, key)]}

    def _attempt(self, row: Mapping[str, Any], held: _Keys) -> dict[str, Any]:
        changed = self._result(row)
        heir = self._heirs.get(row["trial_id"])
        before = 0 if heir is None else held.get(heir, 0)  # the heir's own attempts come first
        return {**changed, "id": self.attempts[row["id"]], "number": row["number"] + before}

    def _of_attempt(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {**row, "attempt_id": self.attempts[row["attempt_id"]]}


def _copy_rows(
    source: Connection, target: Connection, table: Table, which: ColumnElement[bool], change: Any
) -> None:
    """Insert rows of one database into another; ``change`` returns a row anew, or None."""
    for rows in _in_pieces(source, table, which):
        changed = [new for row in rows if (new := change(row)) is not None]
        for row in changed:
            if "id" in row and row["id"] is None:
                del row["id"]  # the database gives one
        if changed:
            target.execute(insert(table), changed)


def _in_pieces(
    db: Connection, table: Table, which: ColumnElement[bool]
) -> Iterator[list[dict[str, Any]]]:
    # parents of a reference within the table come before those that refer to them
    order = [table.c.id] if "id" in table.c else list(table.primary_key)
    rows = db.execution_options(yield_per=_AT_ONCE).execute(
        select(table).where(which).order_by(*order)
    )
    for piece in rows.mappings().partitions(_AT_ONCE):
        yield [dict(row) for row in piece]


def _require_all_sound(db: Connection, study_id: int) -> None:
    """Make sure that every row of a study is what this program writes.

    Raises:
        ValueError: One is not.
    """
    own = select(trials.c.id).where(trials.c.study_id == study_id)
    shared = select(trials.c.reused_from).where(trials.c.study_id == study_id)
    of_results = select(own.union(shared).subquery().c[0])
    tried = select(attempts.c.id).where(attempts.c.trial_id.in_(of_results))
    require_sound(db, trials, trials.c.study_id == study_id)
    for table in (beliefs, predictions, remarks):
        require_sound(db, table, table.c.trial_id.in_(own))
    for table in (metrics, layers, placements, attempts):
        require_sound(db, table, table.c.trial_id.in_(of_results))
    for table in (stage_times, artefacts, tools):
        require_sound(db, table, table.c.attempt_id.in_(tried))
