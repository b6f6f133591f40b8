"""Reading many trials at once: by plain cursors into arrays, since a study has 100,000 of them.

Every statement is one pass over an index, and none has more variables for more trials.
"""

import gc
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from contracts.faults import FaultKind
from contracts.measurement import Fidelity
from dse.store.queries import origins
from dse.store.records import (
    BY_HAND,
    STAND_IN,
    AttemptsWanted,
    LastAttempts,
    MetricValues,
    StudyChanges,
    StudyRecord,
    TrialColumns,
    TrialRecord,
    TrialState,
)
from dse.store.schema import trials
from dse.store.soundness import require_sound

_STATES = {state.value: state for state in TrialState}
_FAULTS = {kind.value: kind for kind in FaultKind}
_FIDELITIES = {fidelity.value: fidelity for fidelity in Fidelity}
_NUMBER, _CONTEXT, _FIDELITY, _SUGGESTED_BY, _STATE = map(
    TrialRecord._fields.index, ("number", "context", "fidelity", "suggested_by", "state")
)
_AT_ONCE = 4096
"""Rows turned into records together, so that few are in memory twice."""
_FEW = 1000
"""Up to so many trials are looked up one by one, more of them by a range of keys."""

_STATE_CODE = " ".join(f"WHEN '{s.value}' THEN {code}" for code, s in enumerate(TrialState))
# As texts, as the values of a metric below.
_COLUMNS = f"""
SELECT group_concat(id), group_concat(number), group_concat(revision),
       group_concat(coalesce(reused_from, 0)), group_concat(coalesce(promotes, 0)),
       group_concat(CASE state {_STATE_CODE} END * 4 + (suggested_by = '{BY_HAND}') * 2
                    + (substr(suggested_by, 1, {len(STAND_IN)}) = '{STAND_IN}')),
       group_concat(design_id, char(10))
FROM trials WHERE study_id = ? AND revision > ?
"""
_TRIALS = """
SELECT id, study_id, number, design_id, design_json, context, fidelity, suggested_by, state,
       created_s, ended_s, failures, not_before_s, reused_from, promotes, revision
FROM trials WHERE study_id = ? AND revision > ?
"""
_FIDELITY_CODE = " ".join(f"WHEN '{f.value}' THEN {code}" for code, f in enumerate(Fidelity))
_FRACTION = 1 << 52
# As four texts, not as a row for each trial: Python makes numbers of them four times faster. A
# value is told by its whole part and the rest in units of the last bit that it can have. That is
# exact unless it is smaller than one, or has no whole part that fits; the last column counts those.
_CODE = f"CASE fidelity {_FIDELITY_CODE} ELSE -1 END * 2 + estimate"
_METRIC = f"""
SELECT group_concat(trial_id), group_concat(CAST(value AS INTEGER)),
       group_concat(CAST((value - CAST(value AS INTEGER)) * {_FRACTION} AS INTEGER)),
       group_concat({_CODE}),
       total(abs(value) < 1 AND value <> 0 OR abs(value) >= {_FRACTION}),
       total(typeof(value) NOT IN ('real', 'integer') OR {_CODE} < 0)
FROM metrics WHERE name = ? AND
"""
_METRIC_ROWS = f"SELECT trial_id, value, {_CODE} FROM metrics WHERE name = ? AND "
# SQLite takes the other columns from the row that has the largest number
_ATTEMPTS = """
SELECT trial_id, started_s, ended_s, kind, what, max(number) FROM attempts
WHERE {which} GROUP BY trial_id
"""
_FAULTY = f"SELECT * FROM ({_ATTEMPTS}) WHERE kind IS NOT NULL"
_IN_RANGE = "trial_id BETWEEN ? AND ?"
_IN_LIST = "trial_id IN (SELECT value FROM json_each(?))"

Which = tuple[str, tuple[Any, ...]]
"""A condition on ``trial_id`` with its variables."""


def study_changes(
    db: Connection,
    study: StudyRecord,
    *,
    since: int,
    names: Collection[str] | None,
    with_records: bool,
    wanted: AttemptsWanted,
) -> StudyChanges:
    """Return what changed in a study after a revision, see ``Reader.changes``."""
    require_sound(db, trials, (trials.c.study_id == study.id) & (trials.c.revision > since))
    cursor = _cursor(db)
    with _no_collection():
        found = _columns(cursor, study.id, since)
        sources = _Sources(found)
        return StudyChanges(
            study=study,
            trials=found,
            records=_records(cursor, study.id, since) if with_records else None,
            metrics=tuple(_metrics(cursor, sources, names)) if len(found.ids) else (),
            attempts=_attempts(cursor, sources, wanted),
            origins=origins(db, set(found.reused_from[found.reused_from > 0].tolist())),
        )


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from walking through all that is read, again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _cursor(db: Connection) -> sqlite3.Cursor:
    connection = db.connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return connection.cursor()


def _columns(cursor: sqlite3.Cursor, study_id: int, since: int) -> TrialColumns:
    *texts, design_ids = cursor.execute(_COLUMNS, (study_id, since)).fetchone()
    ids, numbers, revisions, reused_from, promotes, codes = (
        np.fromstring(text or "", dtype=np.int64, sep=",") for text in texts
    )
    order = np.argsort(numbers)  # in SQLite, whole rows would be moved
    each_id = design_ids.split("\n") if design_ids else []
    return TrialColumns(
        ids=ids[order],
        numbers=numbers[order],
        states=(codes[order] >> 2).astype(np.int8),
        revisions=revisions[order],
        reused_from=reused_from[order],
        promotes=promotes[order],
        is_stand_in=(codes[order] & 1) != 0,
        is_by_hand=(codes[order] & 2) != 0,
        design_ids=[each_id[place] for place in order.tolist()],
    )


def _records(cursor: sqlite3.Cursor, study_id: int, since: int) -> tuple[TrialRecord, ...]:
    # as TrialRecord._make, but without a call of Python for each trial
    to_record = partial(tuple.__new__, TrialRecord)
    shared: dict[str, str] = {}  # one text for all trials that have the same
    found: list[TrialRecord] = []
    cursor.execute(_TRIALS, (study_id, since))
    while rows := cursor.fetchmany(_AT_ONCE):
        columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
        for place, meaning in ((_FIDELITY, _FIDELITIES), (_STATE, _STATES)):
            columns[place] = map(meaning.__getitem__, columns[place])
        for place in (_CONTEXT, _SUGGESTED_BY):
            columns[place] = list(map(shared.setdefault, columns[place], columns[place]))
        found += map(to_record, zip(*columns, strict=True))
    found.sort(key=itemgetter(_NUMBER))
    return tuple(found)


class _Sources:
    """Under which keys the results of some trials are, and which trials share each of them."""

    def __init__(self, trials: TrialColumns) -> None:
        is_own = trials.reused_from == 0
        keys = np.where(is_own, trials.ids, trials.reused_from)
        order = np.argsort(keys, kind="stable")
        self._keys = keys[order]
        self._numbers = trials.numbers[order]
        own = keys[is_own].tolist()
        shared = keys[~is_own].tolist()
        self.conditions: list[Which] = []
        if len(own) > _FEW:
            self.conditions.append((_IN_RANGE, (min(own), max(own))))
            own = []
        if own or shared:
            self.conditions.append((_IN_LIST, (json.dumps([*own, *set(shared)]),)))

    def numbers(self, keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        """Return the numbers of the trials behind keys, and for each which of the keys it is."""
        first = np.searchsorted(self._keys, keys, side="left")
        counts = np.searchsorted(self._keys, keys, side="right") - first
        rows = np.repeat(np.arange(len(keys)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        return self._numbers[first[rows] + within], rows


def _metrics(
    cursor: sqlite3.Cursor, sources: _Sources, names: Collection[str] | None
) -> Iterator[MetricValues]:
    for name in _metric_names(cursor) if names is None else sorted(names):
        parts = [
            part
            for condition, variables in sources.conditions
            if (part := _metric(cursor, condition, (name, *variables))) is not None
        ]
        if not parts:
            continue
        keys, values, codes = map(np.concatenate, zip(*parts, strict=True))
        numbers, rows_of = sources.numbers(keys)
        if not len(numbers):
            continue
        unit = cursor.execute("SELECT unit FROM metrics WHERE name = ? LIMIT 1", (name,))
        codes = codes[rows_of]
        yield MetricValues(
            name=name,
            unit=str(unit.fetchone()[0]),
            numbers=numbers,
            values=values[rows_of],
            fidelities=(codes >> 1).astype(np.int8),
            estimates=(codes & 1) != 0,
        )


def _metric(
    cursor: sqlite3.Cursor, condition: str, variables: tuple[Any, ...]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]] | None:
    """Return keys of trials, their values of a metric, and twice the fidelity plus estimate."""
    *texts, inexact, unsound = cursor.execute(_METRIC + condition, variables).fetchone()
    if texts[0] is None:
        return None
    if unsound:
        raise ValueError(f"metrics.value or .fidelity of {variables[0]} is of no known kind")
    if inexact:
        rows = cursor.execute(_METRIC_ROWS + condition, variables).fetchall()
        table = np.array(rows, dtype=np.float64)
        return table[:, 0].astype(np.int64), table[:, 1], table[:, 2].astype(np.int64)
    keys, whole, rest, codes = (np.fromstring(text, dtype=np.int64, sep=",") for text in texts)
    return keys, whole + rest / _FRACTION, codes


def _metric_names(cursor: sqlite3.Cursor) -> Iterator[str]:
    """Yield the names of all metrics, each found by one look into the index."""
    (name,) = cursor.execute("SELECT min(name) FROM metrics").fetchone()
    while name is not None:
        yield name
        (name,) = cursor.execute("SELECT min(name) FROM metrics WHERE name > ?", (name,)).fetchone()


def _attempts(cursor: sqlite3.Cursor, sources: _Sources, wanted: AttemptsWanted) -> LastAttempts:
    statement = _ATTEMPTS if wanted == "all" else _FAULTY
    rows = [
        row
        for condition, variables in (sources.conditions if wanted != "none" else ())
        for row in cursor.execute(statement.format(which=condition), variables).fetchall()
    ]
    keys, started_s, ended_s, kinds, whats, _ = zip(*rows, strict=True) if rows else [()] * 6
    numbers, places = sources.numbers(np.array(keys, dtype=np.int64))
    has_fault = np.array([kind is not None for kind in kinds], dtype=np.bool_)[places]
    return LastAttempts(
        numbers=numbers,
        started_s=np.array(started_s, dtype=np.float64)[places],
        ended_s=np.array(ended_s, dtype=np.float64)[places],  # None becomes NaN
        faults={
            number: (_FAULTS[kinds[place]], whats[place] or "")
            for number, place in zip(
                numbers[has_fault].tolist(), places[has_fault].tolist(), strict=True
            )
        },
    )
