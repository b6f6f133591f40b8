"""Reading many trials of a server at once: as texts, which take one row instead of thousands.

Every statement is one pass over an index, and none has more variables for more trials.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection as Driver
from sqlalchemy import Connection

from contracts.measurement import Fidelity
from dse.store.bulk import Columns, Values, Which
from dse.store.records import BY_HAND, STAND_IN, TrialState

_AT_ONCE = 4096
"""Rows turned into records together, so that few are in memory twice."""

_STATE_CODE = " ".join(f"WHEN '{s.value}' THEN {code}" for code, s in enumerate(TrialState))
_COLUMNS = f"""
SELECT string_agg(id::text, ','), string_agg(number::text, ','), string_agg(revision::text, ','),
       string_agg(coalesce(reused_from, 0)::text, ','),
       string_agg(coalesce(promotes, 0)::text, ','),
       string_agg((CASE state {_STATE_CODE} END * 4 + (suggested_by = '{BY_HAND}')::int * 2
                   + starts_with(suggested_by, '{STAND_IN}')::int)::text, ','),
       string_agg(design_id, chr(10))
FROM trials WHERE study_id = %s AND revision > %s
"""
_TRIALS = """
SELECT id, study_id, number, design_id, design_json, context, fidelity, suggested_by, state,
       created_s, ended_s, failures, not_before_s, reused_from, promotes, revision
FROM trials WHERE study_id = %s AND revision > %s
"""
_FIDELITY_CODE = " ".join(f"WHEN '{f.value}' THEN {code}" for code, f in enumerate(Fidelity))
_METRIC = f"""
SELECT string_agg(trial_id::text, ','), string_agg(value::text, ','),
       string_agg((CASE fidelity {_FIDELITY_CODE} ELSE -1 END * 2 + estimate::int)::text, ',')
FROM metrics WHERE name = %s AND trial_id
"""
_ATTEMPTS = """
SELECT DISTINCT ON (trial_id) trial_id, started_s, ended_s, kind, what FROM attempts
WHERE trial_id {which} ORDER BY trial_id, number DESC
"""
_FAULTY = f"SELECT * FROM ({_ATTEMPTS}) AS newest WHERE kind IS NOT NULL"
_IN_RANGE = "BETWEEN %s AND %s"
_IN_LIST = "= ANY (%s::bigint[])"


class ServerBulk:
    """See ``dse.store.bulk.Bulk``."""

    def __init__(self, db: Connection) -> None:
        connection = db.connection.driver_connection
        assert isinstance(connection, Driver)
        self._cursor = connection.cursor()

    def columns(self, study_id: int, since: int) -> Columns:
        """Return keys, numbers, revisions, origins, promoted, codes and designs of trials."""
        *texts, design_ids = self._one(_COLUMNS, study_id, since)
        ids, numbers, revisions, reused_from, promotes, codes = map(_integers, texts)
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
        keys, values, codes = self._one(_METRIC + condition, name, *variables)
        if keys is None:
            return None
        found = _integers(codes)
        if (found < 0).any():
            raise ValueError(f"metrics.fidelity of {name} is of no known kind")
        return _integers(keys), np.array(values.split(","), dtype=np.float64), found

    def metric_names(self) -> Iterator[str]:
        """Yield the names of all metrics."""
        (name,) = self._one("SELECT min(name) FROM metrics")
        while name is not None:
            yield name
            (name,) = self._one("SELECT min(name) FROM metrics WHERE name > %s", name)

    def unit(self, name: str) -> str:
        """Return the unit of a metric that there is."""
        return str(self._one("SELECT unit FROM metrics WHERE name = %s LIMIT 1", name)[0])

    def last_attempts(self, which: Which, *, only_faulty: bool) -> list[tuple[Any, ...]]:
        """Return trial, start, end, kind of fault and what it says of the last attempts."""
        condition, variables = _condition(which)
        statement = _FAULTY if only_faulty else _ATTEMPTS
        self._cursor.execute(statement.replace("{which}", condition), variables)
        return self._cursor.fetchall()

    def _one(self, statement: str, *variables: Any) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self._cursor.execute(statement, variables).fetchone()
        assert row is not None, "each of these statements has one row"
        return row


def _condition(which: Which) -> tuple[str, tuple[Any, ...]]:
    return (_IN_RANGE, which) if isinstance(which, tuple) else (_IN_LIST, (which,))


def _integers(text: str | None) -> NDArray[np.int64]:
    return np.fromstring(text or "", dtype=np.int64, sep=",")
