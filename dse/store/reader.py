"""Reading without the records: whole columns for charts, and a stamp that says when to look again.

Those who show thousands of trials at once ask for rows in SQL; whoever wants one trial uses Store.
"""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contracts.faults import StoreError
from dse.store.database import as_store_error
from dse.store.schema import HEAD

Row = tuple[Any, ...]


class Reader:
    """One connection that cannot write. Its methods may be called from any thread, one at a time.

    Args:
        path: A database that exists.
        busy_timeout_s: How long to wait for another process's lock; readers hardly ever do.

    Raises:
        StoreError: From the constructor and every method: the file is missing, of another
            schema, damaged, or cannot be read.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = 10.0) -> None:
        self.path = path
        self._lock = threading.RLock()
        if not path.is_file():
            raise StoreError(
                f"there is no database {path}",
                fix="name one with --db, or start a study: python -m dse.study start",
            )
        with as_store_error(path):
            # not mode=ro: SQLite must be able to make the -shm file of a database in WAL mode
            self._connection = sqlite3.connect(
                path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA query_only=ON")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def stamp(self) -> int:
        """Return a number that is another one after somebody wrote; costs microseconds."""
        with self._lock, as_store_error(self.path):
            (found,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(found)

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """Return the rows of one SELECT."""
        with self._lock, as_store_error(self.path):
            return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all queries of the block see one state of the database, of a schema we know."""
        with self._lock, as_store_error(self.path):
            self._connection.execute("BEGIN")
            try:
                self._check_schema()
                yield
            finally:
                self._connection.execute("COMMIT")

    def _check_schema(self) -> None:
        try:
            found = self._connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            found = None
        if found is None or found[0] != HEAD:
            has = "no schema of ours" if found is None else f"schema {found[0]}"
            raise StoreError(
                f"{self.path} has {has}, this program reads {HEAD}",
                fix="end the dashboard and start it again with the newest version of the software",
            )
