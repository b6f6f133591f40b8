"""The same tests over both kinds of databases; a server takes seconds to start, so it is slow."""

from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest

import dse.store.sqlite.file
from benchmarks.postgresql import PostgreSQLServer, bin_folder, running_server
from dse.store import Place, Store
from dse.store.versions import migrate

Places = Callable[[str], Place]


@pytest.fixture(scope="module", autouse=True)
def databases_by_migrations(databases_set_up_once: None) -> Iterator[None]:
    """Run the migrations for each database, as the program does."""
    del databases_set_up_once
    with mock.patch.object(dse.store.sqlite.file, "migrate", migrate):
        yield


@pytest.fixture(scope="session")
def running() -> Iterator[PostgreSQLServer]:
    if bin_folder() is None:
        pytest.skip("PostgreSQL is not installed (Debian's package postgresql)")
    with running_server(is_durable=False) as server:
        yield server


@pytest.fixture
def server(running: PostgreSQLServer) -> PostgreSQLServer:
    """A server that runs, whatever the last test did to it."""
    running.require_up()
    return running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Places:
    """Return where a new database may be, by a name of the test's own."""
    if request.param == "sqlite":
        return lambda name: tmp_path / f"{name}.db"
    server: PostgreSQLServer = request.getfixturevalue("server")
    return lambda _name: server.new_database()


@pytest.fixture
def place(new_place: Places) -> Place:
    return new_place("results")


@pytest.fixture
def empty(new_place: Places, request: pytest.FixtureRequest) -> Place:
    """Where a database may be that nobody has set up yet."""
    place = new_place("empty")
    if isinstance(place, Path):
        return place
    server: PostgreSQLServer = request.getfixturevalue("server")
    return server.new_database(is_empty=True)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with Store(place) as opened:
        yield opened
