"""What a server's error means, and what to do about it; a password is in none of the words."""

import re

import psycopg

from contracts.faults import StoreError
from dse import program
from dse.store.dialect import Unavailable
from dse.store.place import Server

_FIXES: dict[str, tuple[str, str]] = {
    "28P01": ("does not take the password", "correct the password: in the URL, PGPASSWORD or"
              " ~/.pgpass"),
    "28000": ("does not let this user in", "let it in (pg_hba.conf of the server), or name another"
              " user in the URL"),
    "3D000": ("is not there", "create it: createdb -h HOST -U USER NAME; or name another one"),
    "42501": ("does not let this user do that", "make the user its owner: ALTER DATABASE NAME"
              " OWNER TO USER; readers need SELECT on its tables"),
    "25006": ("cannot be written: the server is a standby, or set to read-only",
              "name the primary server"),
    "53100": ("cannot grow: the disk of the server is full",
              "free space on the server's disk, then run: {program} resume"),
    "58030": ("cannot be read or written: the disk of the server reports an error",
              "look at the server's log"),
    "XX001": ("is damaged", "restore a backup; look at the server's log"),
    "XX002": ("has a damaged index", "REINDEX DATABASE NAME; look at the server's log"),
    "0A000": ("refused a statement", "use PostgreSQL 13 or newer"),
}  # fmt: skip
"""SQLSTATE to what is wrong and what to do. Those of which waiting may help are not among them."""

_LOCKED = ("55P03", "57014", "40001", "40P01")
"""Not got within its time, cancelled, or in the way of another transaction."""
_BUSY = ("53300", "53200", "57P03", "57P05", "53400")
"""No connection left, no memory, starting or ending."""
_LOST = ("57P01", "57P02", "25P03", "25P04")
"""The connection was ended: the server stops, or this process was asleep in a transaction."""


def store_error(place: Server, error: psycopg.Error) -> StoreError:
    """Say in words what an error of the driver means for a database."""
    told = place.without_password(" ".join(str(error).split()))
    code = error.sqlstate or ""
    if code in _LOCKED:
        found = Unavailable(
            f"{place} is locked by another process ({told})",
            fix="end the program that holds it (pg_stat_activity of the server names it), then run"
            " the command again",
        )
        found.has_waited = code == "55P03"
        return found
    if code in _LOST or code.startswith("08") or code in _BUSY:
        return _away(place, told)
    if code in _FIXES:
        what, fix = _FIXES[code]
        return StoreError(f"{place} {what} ({told})", fix=fix.format(program=program.name()))
    if code:
        return StoreError(
            f"{place} refused a statement ({told})",
            fix="keep the database and report this message as a bug",
        )
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return _not_connected(place, error, told)
    return StoreError(f"{place} cannot be used ({told})", fix="report this message as a bug")


def wrong_url(place: Server, error: psycopg.Error) -> StoreError:
    """Say that the driver cannot read a URL."""
    told = place.without_password(" ".join(str(error).split()))
    return StoreError(
        f"{place} cannot be read as a URL of a database ({told})",
        fix="correct the URL: postgresql://USER@HOST:PORT/DATABASE?OPTION=VALUE",
    )


def is_lost(error: psycopg.Error) -> bool:
    """Tell whether the connection is gone, so that nobody knows how its transaction ended."""
    code = error.sqlstate or ""
    return not code or code in _LOST or code.startswith("08")


def _not_connected(place: Server, error: psycopg.Error, told: str) -> StoreError:
    """Tell apart why there is no connection: libpq gives a text, and no code."""
    connection = error.pgconn if isinstance(error, psycopg.Error) else None
    if connection is not None and connection.needs_password:
        return StoreError(
            f"{place} asks for a password, and there is none ({told})",
            fix="give one in PGPASSWORD or ~/.pgpass, or in the URL: postgresql://USER:PASSWORD@...",
        )
    for code, pattern in _TOLD.items():
        if re.search(pattern, told):
            what, fix = _FIXES[code]
            return StoreError(f"{place} {what} ({told})", fix=fix)
    if re.search(_NEVER, told):
        return StoreError(
            f"{place} cannot be reached ({told})",
            fix="correct the URL: the host or an option in it is none",
        )
    return _away(place, told)


_TOLD = {
    "28P01": r"password authentication failed",
    "28000": r"pg_hba\.conf|role \S+ does not exist|authentication failed|not permitted",
    "3D000": r"database \S+ does not exist",
    "42501": r"permission denied for database",
}
"""What an English server says while it refuses a connection; another one's own words are shown."""
_NEVER = (
    r"invalid (?:URI|connection option|\S+ value|port|integer)|could not translate host name"
    r"|Name or service not known|certificate|does not support SSL|root.crt"
)


def _away(place: Server, told: str) -> Unavailable:
    return Unavailable(
        f"{place} cannot be reached ({told})",
        fix="start the server, or correct host, port, database and user in the URL; trials that are"
        f" stored are safe, go on with: {program.name()} resume",
    )
