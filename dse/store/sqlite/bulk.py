"""Reading many trials of a file at once: as texts, of which Python makes numbers quickest.

Every statement is one pass over an index, and none has more variables for more trials.
"""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import Connection

from contracts.measurement import Fidelity
from dse.store.bulk import Columns, Values, Which
from dse.store.records import BY_HAND, STAND_IN, TrialState

_AT_ONCE = 4096
"""Rows turned into records together, so that few are in memory twice."""

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


class FileBulk:
    """See ``dse.store.dialect.Bulk``."""

    def __init__(self, db: Connection) -> None:
        connection = db.connection.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        self._cursor = connection.cursor()

    def columns(self, study_id: int, since: int) -> Columns:
        """Return keys, numbers, revisions, origins, promoted, codes and designs of trials."""
        *texts, design_ids = self._cursor.execute(_COLUMNS, (study_id, since)).fetchone()
        ids, numbers, revisions, reused_from, promotes, codes = (
            np.fromstring(text or "", dtype=np.int64, sep=",") for text in texts
        )
        each_id = design_ids.split("\n") if design_ids else []
        return ids, numbers, revisions, reused_from, promotes, codes, each_id

    def rows(self, study_id: int, since: int) -> Iterator[list[tuple[Any, ...]]]:
        """Yield trials as rows of ``trials``, some thousands at a time."""
        self._cursor.execute(_TRIALS, (study_id, since))
        while rows := self._cursor.fetchmany(_AT_ONCE):
            yield rows

    def metric(self, name: str, which: Which) -> Values | None:
        """Return keys of trials, their values of a metric, and twice the fidelity plus estimate."""
        condition, variables = _condition(which)
        given = (name, *variables)
        *texts, inexact, unsound = self._cursor.execute(_METRIC + condition, given).fetchone()
        if texts[0] is None:
            return None
        if unsound:
            raise ValueError(f"metrics.value or .fidelity of {name} is of no known kind")
        if inexact:
            rows = self._cursor.execute(_METRIC_ROWS + condition, given).fetchall()
            table = np.array(rows, dtype=np.float64)
            return table[:, 0].astype(np.int64), table[:, 1], table[:, 2].astype(np.int64)
        keys, whole, rest, codes = (np.fromstring(text, dtype=np.int64, sep=",") for text in texts)
        return keys, whole + rest / _FRACTION, codes

    def metric_names(self) -> Iterator[str]:
        """Yield the names of all metrics."""
        (name,) = self._cursor.execute("SELECT min(name) FROM metrics").fetchone()
        while name is not None:
            yield name
            after = "SELECT min(name) FROM metrics WHERE name > ?"
            (name,) = self._cursor.execute(after, (name,)).fetchone()

    def unit(self, name: str) -> str:
        """Return the unit of a metric that there is."""
        unit = self._cursor.execute("SELECT unit FROM metrics WHERE name = ? LIMIT 1", (name,))
        return str(unit.fetchone()[0])

    def last_attempts(self, which: Which, *, only_faulty: bool) -> list[tuple[Any, ...]]:
        """Return trial, start, end, kind of fault and what it says of the last attempts."""
        condition, variables = _condition(which)
        statement = _FAULTY if only_faulty else _ATTEMPTS
        found = self._cursor.execute(statement.format(which=condition), variables).fetchall()
        return [row[:5] for row in found]


def _condition(which: Which) -> tuple[str, tuple[Any, ...]]:
    if isinstance(which, tuple):
        return _IN_RANGE, which
    return _IN_LIST, (json.dumps(which),)
