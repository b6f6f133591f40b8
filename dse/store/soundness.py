"""Whether rows hold what this program writes: SQLite takes any value in any column.

A database of somebody else, or one that was edited, may have texts where numbers belong. Whoever
reads rows asks here first, so that one bad study is refused by name and no other suffers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    Select,
    Table,
    Text,
    and_,
    func,
    not_,
    or_,
    select,
)

from contracts.faults import ConfigError, NotFound, Unreadable
from dse.store.dialect import is_flag, is_integer, is_number, is_text, literal_of
from dse.store.place import Place

_LAST_S = 253_402_300_800
"""The year 10,000, which no calendar of Python reaches."""
_SHOWN_CHARS = 60


def require_sound(db: Connection, table: Table, which: ColumnElement[bool]) -> None:
    """Check the types of all values in some rows of a table, in one pass of SQLite.

    Args:
        db: An open connection.
        table: One of ``dse.store.schema``.
        which: The rows.

    Raises:
        ValueError: A value is of another type than its column, or a time that no clock shows.
    """
    row = db.execute(_unsound(table).where(which)).one_or_none()
    if row is not None:
        columns = list(table.columns)
        at = [bool(each) for each in row[: len(columns)]].index(False)
        raise ValueError(f"{table.name}.{columns[at].name} is {row[len(columns) + at]}")


@cache  # a campaign asks at every look, and building it takes longer than running it
def _unsound(table: Table) -> Select[*tuple[Any, ...]]:
    """Return what selects a row with an unsound value: whether each is sound, then their texts."""
    columns = list(table.columns)
    sound = [_is_sound(column) for column in columns]
    shown = [func.substr(literal_of(column), 1, _SHOWN_CHARS) for column in columns]
    return select(*sound, *shown).where(or_(*map(not_, sound))).limit(1)


@contextmanager
def as_unreadable(place: Place, study: str) -> Iterator[None]:
    """Turn what goes wrong with the content of one study into a fault that names it.

    Args:
        place: The database.
        study: Name of the study.

    Raises:
        Unreadable: Something in the study is not what this program writes.
    """
    try:
        yield
    except NotFound:
        raise
    except ConfigError as error:
        raise _unreadable(place, study, error.what) from error
    except (
        *(ValueError, TypeError, KeyError, AttributeError, IndexError),
        *(OverflowError, RecursionError),
    ) as error:
        words = str(error) if isinstance(error, ValueError) else repr(error)
        raise _unreadable(place, study, words.splitlines()[0] if words else "") from error


def _unreadable(place: Place, study: str, why: str) -> Unreadable:
    return Unreadable(
        f"study {study[:80]!r} of {place} cannot be read: {why}",
        fix="read it with the version that wrote it, or restore the file from a copy;"
        " the other studies in it are not touched",
    )


def _is_sound(column: Column[Any]) -> ColumnElement[bool]:
    sound: ColumnElement[bool]
    match column.type:
        case Boolean():
            sound = is_flag(column)
        case Integer():
            sound = is_integer(column)
        case Float() if column.name in _MOMENTS:
            sound = and_(is_number(column), column >= 0, column < _LAST_S)
        case Float():
            sound = is_number(column)
        case Text():
            sound = is_text(column)
        case _:
            raise AssertionError(f"{column} has a type that nothing here checks")
    return or_(column.is_(None), sound) if column.nullable else sound


_MOMENTS = frozenset(
    {
        *("created_s", "ended_s", "stop_requested_s", "not_before_s", "started_s", "heartbeat_s"),
        *("lease_until_s", "stage_since_s", "time_s", "archived_s"),
    }
)
"""Columns of seconds since 1970."""
