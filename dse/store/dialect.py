"""What differs between the kinds of databases, and nothing else of the store knows of.

``dse.store.sqlite`` and ``dse.store.postgresql`` are the two. Statements are SQLAlchemy's, and the
few words in which both cannot say the same are the functions at the end.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Boolean, Connection, Engine, Table, Text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from contracts.faults import StoreError, ToolMissing
from dse.store.place import Place

if TYPE_CHECKING:
    from dse.store.bulk import Bulk  # NumPy takes a while to import


class Unavailable(StoreError):
    """Another process holds the database, or its server is away: waiting may help.

    Nothing of the transaction that met it was stored.

    Attributes:
        has_waited: Whether somebody has waited already before this was raised.
    """

    has_waited = False


class Notices(Protocol):
    """Wakes who waits for writes; an event loop asks for nothing else.

    Attributes:
        descriptor: Readable when there may have been a write.
    """

    descriptor: int

    def take(self) -> None:
        """Take all notices that wait.

        Raises:
            OSError: There will be no further ones; open another.
        """

    def follow(self) -> None:
        """Look again where notices come from: another file may be in the place of the old one."""

    def close(self) -> None:
        """Give no further notice."""


class Reading(Protocol):
    """A database that is open for reading; any thread may use it.

    Attributes:
        engine: Each of its transactions sees one moment, and cannot write.
        is_frozen: What is written later is not seen.
    """

    engine: Engine
    is_frozen: bool

    def stamp(self) -> int:
        """Return a number that is another one after somebody wrote; quick."""

    def is_outdated(self) -> bool:
        """Tell whether it has to be opened again to see what is there now; quick."""

    def now_s(self) -> float:
        """Return the time, in seconds since 1970, of the clock that leases are measured by."""

    def close(self) -> None:
        """Close all connections."""


class Writing(Protocol):
    """A database that is open for writing; of one thread."""

    def begin(self) -> AbstractContextManager[Connection]:
        """Open a transaction that no other writer is beside; leaving it stores all, or nothing."""

    def close(self) -> None:
        """Close all connections."""


class Dialect(Protocol):
    """One kind of database.

    Attributes:
        error: What its driver raises.
    """

    error: type[Exception]

    def open_to_read(self, place: Any, *, busy_timeout_s: float) -> Reading:
        """Open a database that exists, without changing it.

        Raises:
            StoreError: It is in a state that it cannot be used in.
        """

    def open_to_write(self, place: Any, *, busy_timeout_s: float) -> Writing:
        """Open a database; an empty one is set up, one of an older schema brought up to date.

        Raises:
            StoreError: It is in a state that it cannot be used in.
        """

    def exists(self, place: Any) -> bool:
        """Tell whether there is a database, be it an empty one; a server's is never in doubt."""

    def notices(self, place: Any) -> Notices:
        """Return what wakes a viewer after a write.

        Raises:
            StoreError: Writes cannot be watched.
        """

    def fault(self, place: Any, error: BaseException) -> StoreError:
        """Say in words what an exception of the driver means.

        It is an ``Unavailable`` where waiting may help.
        """

    def unused_key(self, db: Connection, table: Table) -> int:
        """Return a key of a table of ``queries.KEYED`` that no row has or had."""

    def note_given_keys(self, db: Connection, table: Table) -> None:
        """Make sure that rows which were inserted with their keys share them with no later one."""

    def bulk(self, db: Connection) -> "Bulk":
        """Return what reads many trials on a connection."""


def dialect_of(where: Place | Connection) -> Dialect:
    """Return the dialect of a place, or of a connection that is open there."""
    is_file = (
        where.dialect.name == "sqlite" if isinstance(where, Connection) else isinstance(where, Path)
    )
    if is_file:
        from dse.store.sqlite.file import SQLite

        return SQLite()
    try:  # only who names a server needs its driver
        from dse.store.postgresql.server import PostgreSQL
    except ImportError as error:
        raise ToolMissing(
            f"{where} needs the driver of PostgreSQL: {error}",
            fix='install the extra: pip install "soft-soc-dse[postgresql]"',
        ) from error
    return PostgreSQL()


@contextmanager
def as_store_error(place: Place) -> Iterator[None]:
    """Turn the database driver's exceptions into a StoreError that names ``place``."""
    dialect = dialect_of(place)
    try:
        yield
    except DBAPIError as error:
        raise dialect.fault(place, error.orig or error) from error
    except dialect.error as error:
        raise dialect.fault(place, error) from error


# --- words of SQL that both do not share


class is_integer(FunctionElement[bool]):
    """Whether a column's value is an integer; SQLite takes any value in any column."""

    type = Boolean()
    inherit_cache = True


class is_flag(FunctionElement[bool]):
    """Whether a column's value is true or false, see ``is_integer``."""

    type = Boolean()
    inherit_cache = True


class is_number(FunctionElement[bool]):
    """Whether a column's value is a number, see ``is_integer``."""

    type = Boolean()
    inherit_cache = True


class is_text(FunctionElement[bool]):
    """Whether a column's value is a text, see ``is_integer``."""

    type = Boolean()
    inherit_cache = True


class literal_of(FunctionElement[str]):
    """A column's value as a person would write it in SQL."""

    type = Text()
    inherit_cache = True


class each_of(FunctionElement[Any]):
    """The numbers of a JSON list, as the right side of IN: one variable, however many there are."""

    inherit_cache = True


@compiles(is_integer, "sqlite")
def _(element: is_integer, compiler: SQLCompiler, **options: Any) -> str:
    return f"(typeof({compiler.process(element.clauses, **options)}) = 'integer')"


@compiles(is_flag, "sqlite")
def _(element: is_flag, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.clauses, **options)
    return f"(typeof({column}) = 'integer' AND {column} IN (0, 1))"


@compiles(is_number, "sqlite")
def _(element: is_number, compiler: SQLCompiler, **options: Any) -> str:
    return f"(typeof({compiler.process(element.clauses, **options)}) IN ('real', 'integer'))"


@compiles(is_text, "sqlite")
def _(element: is_text, compiler: SQLCompiler, **options: Any) -> str:
    return f"(typeof({compiler.process(element.clauses, **options)}) = 'text')"


@compiles(is_integer, "postgresql")
@compiles(is_flag, "postgresql")
@compiles(is_number, "postgresql")
@compiles(is_text, "postgresql")
def _(_element: FunctionElement[bool], _compiler: SQLCompiler, **_options: Any) -> str:
    return "true"  # its columns take no other values


@compiles(literal_of, "sqlite")
def _(element: literal_of, compiler: SQLCompiler, **options: Any) -> str:
    return f"quote({compiler.process(element.clauses, **options)})"


@compiles(literal_of, "postgresql")
def _(element: literal_of, compiler: SQLCompiler, **options: Any) -> str:
    return f"quote_nullable(CAST({compiler.process(element.clauses, **options)} AS TEXT))"


@compiles(each_of, "sqlite")
def _(element: each_of, compiler: SQLCompiler, **options: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **options)}))"


@compiles(each_of, "postgresql")
def _(element: each_of, compiler: SQLCompiler, **options: Any) -> str:
    listed = compiler.process(element.clauses, **options)
    return f"(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST({listed} AS json)))"
