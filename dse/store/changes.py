"""Reading many trials at once: by plain cursors into arrays, since a study has 100,000 of them.

Every statement is one pass over an index, and none has more variables for more trials.
"""

import gc
import itertools
import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from contracts.faults import FaultKind
from contracts.measurement import Fidelity
from dse.store.queries import origins
from dse.store.records import (
    AttemptRow,
    MetricValues,
    StudyChanges,
    StudyRecord,
    TrialRecord,
    TrialState,
)

_STATES = {state.value: state for state in TrialState}
_FIDELITIES = {fidelity.value: fidelity for fidelity in Fidelity}
_FEW = 1000
"""Up to so many trials are looked up one by one, more of them by a range of keys."""

_TRIALS = """
SELECT id, study_id, number, design_id, design_json, context, fidelity, suggested_by, state,
       created_s, ended_s, failures, not_before_s, reused_from, promotes, revision
FROM trials WHERE study_id = ? AND revision > ?
"""
_FIDELITY_CODE = " ".join(f"WHEN '{f.value}' THEN {code}" for code, f in enumerate(Fidelity))
_METRIC = f"""
SELECT trial_id, value, CASE fidelity {_FIDELITY_CODE} END, estimate
FROM metrics WHERE name = ? AND
"""
# SQLite takes the other columns from the row that has the largest number
_ATTEMPTS = """
SELECT trial_id, started_s, ended_s, kind, what, max(number) FROM attempts
WHERE {which} GROUP BY trial_id
"""
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
    with_attempts: bool,
) -> StudyChanges:
    """Return what changed in a study after a revision, see ``Reader.changes``."""
    cursor = _cursor(db)
    with _no_collection():
        trials = _trials(cursor, study.id, since)
        sources = _Sources(trials)
        return StudyChanges(
            study=study,
            trials=trials,
            metrics=tuple(_metrics(cursor, sources, names)) if trials else (),
            attempts=tuple(_attempts(cursor, sources)) if trials and with_attempts else (),
            origins=origins(db, {trial.reused_from for trial in trials if trial.reused_from}),
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


def _trials(cursor: sqlite3.Cursor, study_id: int, since: int) -> tuple[TrialRecord, ...]:
    shared: dict[str, str] = {}  # one text for all trials that have the same
    found = [
        TrialRecord._make(
            (
                *row[:5],
                shared.setdefault(row[5], row[5]),
                _FIDELITIES[row[6]],
                shared.setdefault(row[7], row[7]),
                _STATES[row[8]],
                *row[9:],
            )
        )
        for row in cursor.execute(_TRIALS, (study_id, since))
    ]
    found.sort(key=attrgetter("number"))  # in SQLite, whole rows would be moved
    return tuple(found)


class _Sources:
    """Under which keys the results of some trials are, and which trials share each of them."""

    def __init__(self, trials: Sequence[TrialRecord]) -> None:
        keys = np.array([trial.reused_from or trial.id for trial in trials], dtype=np.int64)
        order = np.argsort(keys, kind="stable")
        self._keys = keys[order]
        self._numbers = np.array([trial.number for trial in trials], dtype=np.int64)[order]
        own = [trial.id for trial in trials if trial.reused_from is None]
        shared = [trial.reused_from for trial in trials if trial.reused_from is not None]
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
        flat: list[float] = []
        for condition, variables in sources.conditions:
            rows = cursor.execute(_METRIC + condition, (name, *variables))
            flat += itertools.chain.from_iterable(rows)
        table = np.array(flat, dtype=np.float64).reshape(-1, 4)
        numbers, rows_of = sources.numbers(table[:, 0].astype(np.int64))
        if not len(numbers):
            continue
        unit = cursor.execute("SELECT unit FROM metrics WHERE name = ? LIMIT 1", (name,))
        table = table[rows_of]
        yield MetricValues(
            name=name,
            unit=str(unit.fetchone()[0]),
            numbers=numbers,
            values=table[:, 1],
            fidelities=table[:, 2].astype(np.int8),
            estimates=table[:, 3] != 0,
        )


def _metric_names(cursor: sqlite3.Cursor) -> Iterator[str]:
    """Yield the names of all metrics, each found by one look into the index."""
    (name,) = cursor.execute("SELECT min(name) FROM metrics").fetchone()
    while name is not None:
        yield name
        (name,) = cursor.execute("SELECT min(name) FROM metrics WHERE name > ?", (name,)).fetchone()


def _attempts(cursor: sqlite3.Cursor, sources: _Sources) -> Iterator[AttemptRow]:
    for condition, variables in sources.conditions:
        found = cursor.execute(_ATTEMPTS.format(which=condition), variables).fetchall()
        numbers, rows = sources.numbers(np.array([row[0] for row in found], dtype=np.int64))
        for number, place in zip(numbers.tolist(), rows.tolist(), strict=True):
            _, started_s, ended_s, kind, what, _ = found[place]
            fault = None if kind is None else FaultKind(kind)
            yield AttemptRow(number, started_s, ended_s, fault, what)
