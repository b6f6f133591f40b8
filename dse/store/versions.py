"""Versions of the schema: which a database has, and how it gets the newest one."""

import threading
from pathlib import Path

from sqlalchemy import Connection, inspect

from contracts.faults import StoreError
from dse.store.place import Place
from dse.store.schema import HEAD

_UPGRADING = threading.Lock()
"""Alembic keeps what it works on in names of its module: two threads at once break each other."""

MIGRATIONS = Path(__file__).parent / "migrations"
KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""All schema versions that this code can bring to ``HEAD``, oldest first."""


def version_of(place: Place, db: Connection) -> str | None:
    """Return the schema version of a database, or None where it is empty.

    Raises:
        StoreError: It is of another program, or of a newer version of this one.
    """
    tables = set(inspect(db).get_table_names())
    if not tables:
        return None
    if not {"alembic_version", "studies"} <= tables:
        raise StoreError(
            f"{place} is a database of another program"
            f" (its tables: {', '.join(sorted(tables)[:5])})",
            fix="name another database with --db",
        )
    version = str(db.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())
    if version not in KNOWN:
        raise StoreError(
            f"{place} has schema {version}, this software knows up to {HEAD}:"
            " a newer version wrote it",
            fix="update this software, or name another database with --db",
        )
    return version


def check_schema(place: Place, db: Connection) -> None:
    """Make sure, in a transaction, that nobody has migrated a database since it was opened.

    Raises:
        StoreError: The schema is not the one that this software reads.
    """
    found = db.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if found != HEAD:
        raise StoreError(
            f"{place} has schema {found}, this program reads {HEAD}",
            fix="end this program and start it again with the newest version of the software",
        )


def migrate(place: Place, db: Connection) -> None:
    """Bring a database to ``HEAD``.

    Args:
        place: Where it is.
        db: An open write transaction: of two processes that try at once, one waits, and finds
            that there is nothing left to do.
    """
    if version_of(place, db) == HEAD:
        return
    from alembic import command  # 0.6 s, only needed here
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = db
    with _UPGRADING:
        command.upgrade(config, HEAD)
