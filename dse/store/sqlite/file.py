"""Opening the file: pragmas, migrations, and every bad state of it as a StoreError."""

import json
import os
import shutil
import sqlite3
import tempfile
import threading
import time
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, select
from sqlalchemy.pool import QueuePool

from contracts.faults import StoreError
from dse import program
from dse.store.dialect import Unavailable, as_store_error
from dse.store.records import DELETE
from dse.store.schema import HEAD, audit
from dse.store.sqlite.inotify import FileNotices
from dse.store.versions import migrate, version_of
from dse.words import study_command

if TYPE_CHECKING:
    from dse.store.bulk import Bulk

_FIXES: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_NOTADB: (
        "is not an SQLite database",
        "name another file with --db, or move this one away",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged",
        "restore a backup, or save what can be read: sqlite3 {path} .recover | sqlite3 saved.db",
    ),
    sqlite3.SQLITE_READONLY: (
        "cannot be written",
        "make the file and its folder writable, or work on a copy with --db",
    ),
    sqlite3.SQLITE_PERM: ("cannot be opened", "check the permissions of the file and its folder"),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "check that the folder exists and that you may write in it",
    ),
    sqlite3.SQLITE_BUSY: (
        "is locked by another process",
        "end the program that holds it (fuser {path} names it), then run the command again",
    ),
    sqlite3.SQLITE_FULL: (
        "cannot grow: the disk or its quota is full",
        "free space on its disk, then run: {program} resume",
    ),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written: the disk reports an error",
        "check the disk (dmesg, df); network file systems do not carry SQLite's locks",
    ),
}


_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class SQLite:
    """The dialect of files, see ``dse.store.dialect``."""

    error: type[Exception] = sqlite3.Error

    def open_to_read(self, place: Path, *, busy_timeout_s: float) -> "Reading":
        """Open a database that exists, without changing it."""
        return open_to_read(place, busy_timeout_s=busy_timeout_s)

    def open_to_write(self, place: Path, *, busy_timeout_s: float) -> "Writing":
        """Open a database; set an empty one up, bring one of an older schema up to date."""
        return Writing(open_to_write(place, busy_timeout_s=busy_timeout_s))

    def exists(self, place: Path) -> bool:
        """Tell whether there is a database."""
        return place.exists()

    def notices(self, place: Path) -> FileNotices:
        """Return what wakes a viewer after a write."""
        path = place.resolve()  # SQLite's log lies beside the file itself
        return FileNotices((path, _beside(path, "-wal")))

    def fault(self, place: Path, error: BaseException) -> StoreError:
        """Say in words what an exception of the driver means."""
        return store_error(place, error)

    def unused_key(self, db: Connection, table: Table) -> int:
        """Return a key that no row of a table has or had."""
        # SQLite gives the keys of the newest rows again
        used = [db.execute(select(func.max(table.c.id))).scalar() or 0]
        for detail in db.execute(select(audit.c.detail).where(audit.c.action == DELETE)).scalars():
            with suppress(ValueError, TypeError, KeyError):  # a database may say anything
                used.append(int(json.loads(detail)["last"][table.name]))
        return max(used) + 1

    def note_given_keys(self, db: Connection, table: Table) -> None:
        """Do nothing: the next key is beyond the largest."""

    def bulk(self, db: Connection) -> "Bulk":
        """Return what reads many trials on a connection."""
        from dse.store.sqlite.bulk import FileBulk  # NumPy takes a while to import

        return FileBulk(db)


class Writing:
    """A file that is open for writing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def begin(self) -> AbstractContextManager[Connection]:
        """Open a transaction that holds the lock of the file."""
        return self.engine.begin()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def store_error(path: Path, error: BaseException | None) -> StoreError:
    """Say in words what SQLite's error means for the file at ``path``."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    kind = Unavailable if code in _LOCKED else StoreError
    if code == sqlite3.SQLITE_LOCKED:
        code = sqlite3.SQLITE_BUSY
    what, fix = _FIXES.get(
        code, ("refused a statement", "keep the file and report this message as a bug")
    )
    if code == sqlite3.SQLITE_FULL:
        folder = path.absolute().parent
        what += f", {shutil.disk_usage(folder).free:,} bytes are free in {folder}"
    found = kind(f"{path} {what} ({error})", fix=fix.format(path=path, program=program.name()))
    if isinstance(found, Unavailable):
        found.has_waited = True  # SQLite did, as long as the timeout says
    return found


def open_to_write(path: Path, *, busy_timeout_s: float) -> Engine:
    """Open the database, creating or migrating it, and return an engine that writes.

    Args:
        path: The file. A missing one is created.
        busy_timeout_s: How long to wait for another process's transaction.

    Raises:
        StoreError: The file is in a state that it cannot be used in.
    """
    _check_place(path)
    # WAL stays with the file; a copy may have lost it. Readers then do not block the writer.
    pragmas = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")
    engine = _engine(_uri(path), busy_timeout_s, begin="BEGIN IMMEDIATE", pragmas=pragmas)
    try:
        with as_store_error(path):
            with engine.connect() as db:
                version = version_of(path, db)
            if version != HEAD:
                with engine.begin() as db:
                    migrate(path, db)
    except BaseException:
        engine.dispose()
        raise
    return engine


class Reading:
    """A file that is open for reading, see ``dse.store.dialect.Reading``.

    Args:
        path: The file.
        engine: Only reads.
        uri: What SQLite opens, for a further connection; None where a copy is read.
        folder: Of the copy that is read, to be cleaned up when the engine is disposed of; or None.
        is_frozen: What is written to the file later is not seen.
    """

    def __init__(
        self,
        path: Path,
        engine: Engine,
        *,
        uri: str | None,
        is_frozen: bool,
        folder: "tempfile.TemporaryDirectory[str] | None" = None,
    ) -> None:
        self.engine = engine
        self.is_frozen = is_frozen
        self._path = path
        self._uri = uri
        self._folder = folder
        self._lock = threading.Lock()
        self._stamping: sqlite3.Connection | None = None
        self._inode = _inode(path)
        self._first_stamp = self.stamp() if is_frozen else 0

    def is_outdated(self) -> bool:
        """Tell whether another file is in the place, or a frozen one was written to."""
        if _inode(self._path) != self._inode:
            return True
        return self.is_frozen and self.stamp() != self._first_stamp

    def stamp(self) -> int:
        """Return a number that is another one after somebody wrote; costs microseconds."""
        if self._uri is None or self.is_frozen:
            return _file_stamp(self._path)
        with self._lock, as_store_error(self._path):
            if self._stamping is None:
                # a connection of its own: SQLite counts the writes of others for each connection
                self._stamping = connect(self._uri, busy_timeout_s=_STAMP_TIMEOUT_S)
            (found,) = self._stamping.execute("PRAGMA data_version").fetchone()
        # another file may have been put in the place of the old one
        return hash((_inode(self._path), int(found)))

    def now_s(self) -> float:
        """Return the time of this machine's clock: who shares a file is on one machine."""
        return time.time()

    def close(self) -> None:
        """Close all connections and remove the copy."""
        with self._lock:
            if self._stamping is not None:
                self._stamping.close()
                self._stamping = None
        self.engine.dispose()
        if self._folder is not None:
            self._folder.cleanup()


_STAMP_TIMEOUT_S = 30.0


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return -1


def _file_stamp(path: Path) -> int:
    """Return a number that is another one after somebody wrote to a file, or to its log."""
    found = []
    for each in (path, _beside(path, "-wal")):
        try:
            stat = each.stat()
        except OSError:
            continue
        found += [stat.st_mtime_ns, stat.st_size]
    return hash(tuple(found))


def open_to_read(path: Path, *, busy_timeout_s: float) -> Reading:
    """Open the database without changing it.

    Where nothing can be written beside the file, a file that nobody has open is read as one that
    does not change, without locks. A temporary copy is read of a file of an older schema, which is
    migrated there, and of one that was left with changes beside it that only a writer can take in.

    Raises:
        StoreError: The file is missing or in a state that it cannot be used in.
    """
    if not path.is_file():
        raise StoreError(
            f"there is no database {path}",
            fix="name one with --db, or start a study here:"
            f" {study_command('start', 'CONFIG', db=str(path))}",
        )
    uri = _uri_to_read(path)
    if uri is not None:
        engine = _engine(uri, busy_timeout_s, begin="BEGIN", pragmas=("query_only=ON",))
        try:
            with as_store_error(path):
                with engine.connect() as db:
                    version = version_of(path, db)
                if version == HEAD:
                    is_frozen = uri.endswith(_FROZEN)
                    return Reading(path, engine, uri=uri, is_frozen=is_frozen)
        except BaseException:
            engine.dispose()
            raise
        engine.dispose()
    folder = tempfile.TemporaryDirectory(prefix="dse-copy-")
    copy = Path(folder.name) / path.name
    try:
        with as_store_error(path):
            if uri is None:
                _copy_files(path, copy)
            else:
                _copy(uri, copy, busy_timeout_s)
        open_to_write(copy, busy_timeout_s=busy_timeout_s).dispose()
    except BaseException:
        folder.cleanup()
        raise
    engine = _engine(_uri(copy), busy_timeout_s, begin="BEGIN", pragmas=("query_only=ON",))
    return Reading(path, engine, uri=None, folder=folder, is_frozen=True)


_FROZEN = "?immutable=1"


def _uri(path: Path) -> str:
    return f"file:{quote(str(path.absolute()))}"


def _uri_to_read(path: Path) -> str | None:
    """Return what SQLite opens to read a file; None where it can only read a copy."""
    if _is_writable(path):
        # not mode=ro: SQLite must be able to make the -shm file of a database in WAL mode
        return f"{_uri(path)}?mode=rw"
    if _beside(path, "-shm").exists():  # somebody has it open, and SQLite follows what he does
        return f"{_uri(path)}?mode=ro"
    if any(_has_content(_beside(path, end)) for end in _CHANGES):
        return None
    return _uri(path) + _FROZEN


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


_CHANGES = ("-wal", "-journal")
"""How files end that hold changes which are not in the database itself yet, or not for good."""


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _copy_files(path: Path, target: Path) -> None:
    """Copy a database that nobody has open, with the changes that a killed writer left beside."""
    for end in ("", *_CHANGES):
        source = _beside(path, end)
        if source.exists():
            try:
                shutil.copyfile(source, _beside(target, end))
            except OSError as error:
                raise StoreError(
                    f"{path} cannot be read: {error.strerror}, while it was copied",
                    fix="check the permissions of the file and the space for temporary files",
                ) from error


def _copy(uri: str, target: Path, busy_timeout_s: float) -> None:
    """Copy a database that others may be writing to, what is still in its log included."""
    with (
        closing(sqlite3.connect(uri, uri=True, timeout=busy_timeout_s)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise StoreError(f"{path} is a folder, not a database", fix="name a file with --db")
    if not path.parent.is_dir():
        raise StoreError(
            f"{path} cannot be created: there is no folder {path.parent}",
            fix=f"create it (mkdir -p {path.parent}) or name another file with --db",
        )
    if path.exists() and not _is_writable(path):  # before SQLite leaves files beside it
        raise StoreError(
            f"{path} cannot be written: the file or its folder is read-only",
            fix="make the file and its folder writable, or work on a copy with --db; commands that"
            " only look at studies need neither",
        )


def connect(uri: str, *, busy_timeout_s: float) -> sqlite3.Connection:
    """Open a connection that any thread may use."""
    # autocommit in the driver, transactions by our own BEGIN: only so is the lock taken first
    return sqlite3.connect(
        uri, uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
    )


def _engine(uri: str, busy_timeout_s: float, *, begin: str, pragmas: tuple[str, ...]) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=lambda: connect(uri, busy_timeout_s=busy_timeout_s),
        poolclass=QueuePool,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
