"""Opening the file: pragmas, migrations, and every bad state of it as a StoreError."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from contracts.faults import StoreError
from dse import program
from dse.store.schema import HEAD
from dse.words import study_command

MIGRATIONS = Path(__file__).parent / "migrations"
KNOWN = ("0001", "0002", "0003", "0004", "0005")
"""All schema versions that this code can bring to ``HEAD``, oldest first."""

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


def is_locked(error: DBAPIError) -> bool:
    """Tell whether a statement failed because another process holds the lock of the file."""
    code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def store_error(path: Path, error: BaseException | None) -> StoreError:
    """Say in words what SQLite's error means for the file at ``path``."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_LOCKED:
        code = sqlite3.SQLITE_BUSY
    what, fix = _FIXES.get(
        code, ("refused a statement", "keep the file and report this message as a bug")
    )
    if code == sqlite3.SQLITE_FULL:
        folder = path.absolute().parent
        what += f", {shutil.disk_usage(folder).free:,} bytes are free in {folder}"
    return StoreError(f"{path} {what} ({error})", fix=fix.format(path=path, program=program.name()))


@contextmanager
def as_store_error(path: Path) -> Iterator[None]:
    """Turn the database driver's exceptions into a StoreError that names ``path``."""
    try:
        yield
    except DBAPIError as error:
        raise store_error(path, error.orig) from error
    except sqlite3.Error as error:
        raise store_error(path, error) from error


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
            if _version(path, engine) != HEAD:
                _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A database that is open for reading.

    Attributes:
        engine: Only reads.
        uri: What SQLite opens, for a further connection; None where a copy is read.
        folder: Of the copy that is read, to be cleaned up when the engine is disposed of; or None.
        is_frozen: What is written to the file later is not seen.
    """

    engine: Engine
    uri: str | None
    folder: "tempfile.TemporaryDirectory[str] | None" = None
    is_frozen: bool = False

    def close(self) -> None:
        """Close all connections and remove the copy."""
        self.engine.dispose()
        if self.folder is not None:
            self.folder.cleanup()


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
                if _version(path, engine) == HEAD:
                    return Reading(engine=engine, uri=uri, is_frozen=uri.endswith(_FROZEN))
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
    return Reading(engine=engine, uri=None, folder=folder, is_frozen=True)


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


def check_schema(path: Path, db: Connection) -> None:
    """Make sure, in a transaction, that nobody has migrated the file since it was opened.

    Raises:
        StoreError: The schema is not the one that this software reads.
    """
    found = db.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if found != HEAD:
        raise StoreError(
            f"{path} has schema {found}, this program reads {HEAD}",
            fix="end this program and start it again with the newest version of the software",
        )


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


def _version(path: Path, engine: Engine) -> str | None:
    """Return the schema version, or None for a new database."""
    with engine.connect() as connection:
        tables = {
            name
            for (name,) in connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            )
        }
        if not tables:
            return None
        if not {"alembic_version", "studies"} <= tables:
            raise StoreError(
                f"{path} is an SQLite database of another program"
                f" (its tables: {', '.join(sorted(tables)[:5])})",
                fix="name another file with --db",
            )
        version = str(
            connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
        )
    if version not in KNOWN:
        raise StoreError(
            f"{path} has schema {version}, this software knows up to {HEAD}:"
            " a newer version wrote it",
            fix="update this software, or name another file with --db",
        )
    return version


def _migrate(engine: Engine) -> None:
    """Bring the database to ``HEAD`` in one transaction; safe when two processes try at once."""
    from alembic import command  # 0.6 s, only needed here
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        current = connection.exec_driver_sql(
            "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
        ).scalar_one()
        if current:
            row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            if row == HEAD:  # another process was quicker
                return
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)
