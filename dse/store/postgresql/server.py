"""Connections to a server: how transactions begin, what they see, and who notices them.

Writers wait for each other: a transaction that writes holds one advisory lock of its database, as
one that writes a file of SQLite holds the file's. So the order of revisions is the order in which
they are stored, which readers rely on that ask for what came since. Readers wait for nobody.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import IsolationLevel
from psycopg.types.string import StrDumper
from sqlalchemy import Connection, Engine, Table, create_engine, event, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from contracts.faults import StoreError
from dse.store.dialect import as_store_error
from dse.store.place import Server
from dse.store.postgresql.faults import is_lost, store_error, wrong_url
from dse.store.schema import HEAD
from dse.store.versions import KNOWN, migrate, version_of
from dse.words import study_command

if TYPE_CHECKING:
    from dse.store.bulk import Bulk

CHANNEL = "soft_soc_dse"
"""Where each transaction that writes gives notice when it is stored."""
_LOCK = 0x736F_6674_2D73_6F63
"""Key of the advisory lock of a database's writers: the letters `soft-soc`."""
_OLDEST = 130000
"""The oldest server that knows the functions used here: PostgreSQL 13."""
_BEGIN = (
    f"SELECT pg_advisory_xact_lock({_LOCK}), pg_notify('{CHANNEL}', ''), pg_current_xact_id()::text"
)
_ASLEEP_S = 60
"""A process that was stopped within a transaction loses it then: the others wait for its lock."""
_CLOCK_S = 1.0
"""So long the server's clock is reckoned by this machine's: asking takes a round trip."""
_SETTINGS = {
    "connect_timeout": "10",
    "application_name": "soft-soc-dse",
    "client_encoding": "utf8",
    # a cable that was pulled is noticed within a minute, not after two hours
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}


class PostgreSQL:
    """The dialect of servers, see ``dse.store.dialect``."""

    error: type[Exception] = psycopg.Error

    def open_to_read(self, place: Server, *, busy_timeout_s: float) -> "Reading":
        """Open a database that exists, without changing it."""
        engine = _engine(place, busy_timeout_s=busy_timeout_s, is_reading=True)
        try:
            with as_store_error(place), engine.connect() as db:
                found = version_of(place, db)
            if found != HEAD:
                raise _unread(place, found)
        except BaseException:
            engine.dispose()
            raise
        return Reading(place, engine)

    def open_to_write(self, place: Server, *, busy_timeout_s: float) -> "Writing":
        """Open a database; set an empty one up, bring one of an older schema up to date."""
        engine = _engine(place, busy_timeout_s=busy_timeout_s, is_reading=False)
        writing = Writing(place, engine)
        try:
            with as_store_error(place), engine.connect() as db:
                _require_usable(place, db)
                found = version_of(place, db)
            if found != HEAD:
                with as_store_error(place), writing.begin() as db:
                    migrate(place, db)
        except BaseException:
            engine.dispose()
            raise
        return writing

    def exists(self, _place: Server) -> bool:
        """Tell whether there is a database."""
        return True

    def notices(self, place: Server) -> "ServerNotices":
        """Return what wakes a viewer after a write."""
        return ServerNotices(place)

    def fault(self, place: Server, error: BaseException) -> StoreError:
        """Say in words what an exception of the driver means."""
        assert isinstance(error, psycopg.Error)
        return store_error(place, error)

    def unused_key(self, db: Connection, table: Table) -> int:
        """Return a key that no row of a table has or had."""
        sequence = func.pg_get_serial_sequence(table.name, "id")
        return int(db.execute(select(func.nextval(sequence))).scalar_one())

    def note_given_keys(self, db: Connection, table: Table) -> None:
        """Let later rows have keys beyond those that were given."""
        highest = select(func.coalesce(func.max(table.c.id), 1)).scalar_subquery()
        db.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), highest)))

    def bulk(self, db: Connection) -> "Bulk":
        """Return what reads many trials on a connection."""
        from dse.store.postgresql.bulk import ServerBulk  # NumPy takes a while to import

        return ServerBulk(db)


class Writing:
    """A database of a server that is open for writing; of one thread."""

    def __init__(self, place: Server, engine: Engine) -> None:
        self._place = place
        self._engine = engine

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction that holds the lock of the database's writers.

        A connection that is lost while the end of a transaction is told leaves open whether it was
        stored; the server is asked then.
        """
        with self._engine.connect() as db:
            transaction = db.begin()
            try:
                number = db.execute(text(_BEGIN)).one()[2]
                yield db
            except BaseException:
                with suppress(DBAPIError):  # what is on its way tells more
                    transaction.rollback()
                raise
            try:
                transaction.commit()
            except DBAPIError as error:
                if not isinstance(error.orig, psycopg.Error) or not is_lost(error.orig):
                    raise
                if not self._was_stored(number):
                    raise

    def _was_stored(self, number: str, *, within_s: float = 30.0) -> bool:
        """Ask what became of a transaction; the server may be starting again."""
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            try:
                with self._engine.connect() as db:
                    found = db.execute(
                        text("SELECT pg_xact_status(CAST(:number AS xid8))"), {"number": number}
                    ).scalar()
            except DBAPIError:
                found = "in progress"
            if found != "in progress":
                return bool(found == "committed")
            time.sleep(0.2)
        return False

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


class Reading:
    """A database of a server that is open for reading, see ``dse.store.dialect.Reading``."""

    is_frozen = False

    def __init__(self, place: Server, engine: Engine) -> None:
        self.engine = engine
        self._place = place
        self._lock = threading.Lock()
        self._asking: psycopg.Connection[Any] | None = None
        self._clock: tuple[float, float] | None = None

    def is_outdated(self) -> bool:
        """Tell whether it has to be opened again: never, a server shows what there is."""
        return False

    def stamp(self) -> int:
        """Return a number that is another one after any transaction of the server that wrote."""
        return hash(self._ask("SELECT pg_current_snapshot()::text"))

    def now_s(self) -> float:
        """Return the time of the server's clock, which all its writers have in common."""
        here_s = time.clock_gettime(time.CLOCK_BOOTTIME)  # goes on while the machine sleeps
        if self._clock is None or here_s - self._clock[0] > _CLOCK_S:
            told = self._ask("SELECT extract(epoch FROM clock_timestamp())::float8")
            here_s = time.clock_gettime(time.CLOCK_BOOTTIME)
            self._clock = (here_s, float(told))
        return self._clock[1] + here_s - self._clock[0]

    def _ask(self, question: str) -> Any:
        """Return the one value of a statement, by a connection of its own, in no transaction."""
        with self._lock, as_store_error(self._place):
            for is_last in (False, True):
                try:
                    if self._asking is None:
                        self._asking = connect(self._place, autocommit=True)
                    row = self._asking.execute(question).fetchone()
                    assert row is not None
                    return row[0]
                except psycopg.OperationalError:
                    self._close_asking()
                    if is_last:
                        raise
        raise AssertionError("the last try returns or raises")

    def _close_asking(self) -> None:
        if self._asking is not None:
            self._asking.close()
            self._asking = None

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            self._close_asking()
        self.engine.dispose()


class ServerNotices:
    """Notices of stored transactions, see ``dse.store.dialect.Notices``.

    Raises:
        StoreError: The server cannot be reached.
    """

    def __init__(self, place: Server) -> None:
        with as_store_error(place):
            self._connection = connect(place, autocommit=True)
            try:
                self._connection.execute(f"LISTEN {CHANNEL}")
            except BaseException:
                self._connection.close()
                raise
        # of its own: an event loop may watch it while the connection closes by itself
        self.descriptor = os.dup(self._connection.fileno())

    def take(self) -> None:
        """Take all notices that wait.

        Raises:
            OSError: The connection is lost.
        """
        try:
            self._connection.pgconn.consume_input()
            while self._connection.pgconn.notifies() is not None:
                pass
        except psycopg.Error as error:
            raise OSError(f"no further notices: {error}") from error

    def follow(self) -> None:
        """Do nothing: the server tells of the same database always."""

    def close(self) -> None:
        """Give no further notice."""
        os.close(self.descriptor)
        self._connection.close()


def connect(place: Server, **how: Any) -> "psycopg.Connection[Any]":
    """Open a connection; what the URL says of it stands before our settings."""
    try:
        given = psycopg.conninfo.conninfo_to_dict(place.url)
    except psycopg.ProgrammingError as error:
        raise wrong_url(place, error) from error
    settings: dict[str, Any] = {n: value for n, value in _SETTINGS.items() if n not in given}
    if place.password is not None:
        settings["password"] = place.password
    connection = psycopg.connect(place.url, **settings, **how)
    connection.adapters.register_dumper(str, _WithoutNul)
    return connection


class _WithoutNul(StrDumper):
    """PostgreSQL's texts have no NUL, and what programs print may have."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


def _engine(place: Server, *, busy_timeout_s: float, is_reading: bool) -> Engine:
    def open_one() -> "psycopg.Connection[Any]":
        connection = connect(place)
        # a reader sees one moment; a writer sees all that was stored before it got the lock
        if is_reading:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
        else:
            connection.isolation_level = IsolationLevel.READ_COMMITTED
            connection.read_only = False
        return connection

    engine = create_engine(
        "postgresql+psycopg://", creator=open_one, poolclass=QueuePool, use_native_hstore=False
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: "psycopg.Connection[Any]", _record: Any) -> None:
        connection.execute(f"SET lock_timeout = {max(1, round(busy_timeout_s * 1000))}")
        connection.execute(f"SET idle_in_transaction_session_timeout = '{_ASLEEP_S}s'")
        connection.commit()

    return engine


def _require_usable(place: Server, db: Connection) -> None:
    """Make sure that a server can hold studies.

    Raises:
        StoreError: It is too old, or the database's texts are not of Unicode.
    """
    version, encoding = db.exec_driver_sql(
        "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')"
    ).one()
    if version < _OLDEST:
        raise StoreError(
            f"the server of {place} is PostgreSQL {version // 10000}",
            fix=f"use PostgreSQL {_OLDEST // 10000} or newer",
        )
    if encoding != "UTF8":
        raise StoreError(
            f"the encoding of {place} is {encoding}: it cannot keep every text",
            fix="create one that can: createdb --encoding=UTF8 --template=template0 NAME",
        )


def _unread(place: Server, version: str | None) -> StoreError:
    if version is None:
        return StoreError(
            f"{place} is empty: there is no study in it",
            fix=f"start one: {study_command('start', 'CONFIG', db=str(place))}",
        )
    assert version in KNOWN
    return StoreError(
        f"{place} has schema {version}, this software reads {HEAD}",
        fix="bring it up to date by a command that writes, once: every worker of it needs this"
        f" version then; for example {study_command('resume', 'STUDY', db=str(place))}",
    )
