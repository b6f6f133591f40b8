"""Opening the file: pragmas, migrations, and every bad state of it as a StoreError."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from contracts.faults import StoreError
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
        "free space on its disk, then run: python -m dse.study resume",
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
    return StoreError(f"{path} {what} ({error})", fix=fix.format(path=path))


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
    engine = _engine(str(path), busy_timeout_s, begin="BEGIN IMMEDIATE", pragmas=pragmas)
    try:
        with as_store_error(path):
            if _version(path, engine) != HEAD:
                _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def open_to_read(
    path: Path, *, busy_timeout_s: float
) -> tuple[Engine, "tempfile.TemporaryDirectory[str] | None"]:
    """Open the database without changing it, and return an engine that only reads.

    Returns:
        The engine, and the folder of the migrated copy that it reads when the file has an older
        schema; whoever asked cleans it up.

    Raises:
        StoreError: The file is missing or in a state that it cannot be used in.
    """
    if not path.is_file():
        raise StoreError(
            f"there is no database {path}",
            fix="name one with --db, or start a study here:"
            f" {study_command('start', 'CONFIG', db=str(path))}",
        )
    engine = _reading_engine(path, busy_timeout_s)
    try:
        with as_store_error(path):
            if _version(path, engine) == HEAD:
                return engine, None
    except BaseException:
        engine.dispose()
        raise
    engine.dispose()
    folder = tempfile.TemporaryDirectory(prefix="dse-copy-")
    copy = Path(folder.name) / path.name
    try:
        with as_store_error(path):
            _copy(path, copy, busy_timeout_s)
        open_to_write(copy, busy_timeout_s=busy_timeout_s).dispose()
    except BaseException:
        folder.cleanup()
        raise
    return _reading_engine(copy, busy_timeout_s), folder


def uri_to_read(path: Path) -> str:
    """Return the address under which SQLite opens a file that exists, and creates none.

    Not ``mode=ro``: SQLite must be able to make the -shm file of a database in WAL mode.
    """
    return f"file:{quote(str(path))}?mode=rw"


def _reading_engine(path: Path, busy_timeout_s: float) -> Engine:
    address = f"{uri_to_read(path)}&uri=true"
    return _engine(address, busy_timeout_s, begin="BEGIN", pragmas=("query_only=ON",))


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


def _copy(path: Path, target: Path, busy_timeout_s: float) -> None:
    """Copy a database that others may be writing to, what is still in its log included."""
    with (
        closing(sqlite3.connect(path, timeout=busy_timeout_s)) as source,
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


def _engine(address: str, busy_timeout_s: float, *, begin: str, pragmas: tuple[str, ...]) -> Engine:
    # autocommit in the driver, transactions by our own BEGIN: only so is the lock taken first
    engine = create_engine(
        f"sqlite:///{address}",
        connect_args={"isolation_level": None, "timeout": busy_timeout_s},
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
