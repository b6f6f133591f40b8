"""Every bad state of the file is a StoreError that names the file and what to do."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event

import dse.store.sqlite.file
from contracts.faults import StoreError
from dse.store import Reader, Store, TrialState
from dse.store.schema import HEAD, metadata
from dse.store.versions import KNOWN, MIGRATIONS, migrate
from runners.job import SimulatedCycles
from tests.databases import SetUpOnce
from tests.store.store_fixtures import new_study, new_trials

ASSETS = Path(__file__).parent / "assets"


def test_databases_of_other_tests_are_those_of_the_migrations(tmp_path: Path) -> None:
    set_up = SetUpOnce(migrate)
    with mock.patch.object(dse.store.sqlite.file, "migrate", set_up):
        for name in ("first", "second"):
            Store(tmp_path / f"{name}.db").close()
    set_up.migrate = mock.Mock(side_effect=AssertionError)
    with mock.patch.object(dse.store.sqlite.file, "migrate", set_up):
        Store(tmp_path / "third.db").close()
    Store(tmp_path / "real.db").close()

    def content(name: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(tmp_path / f"{name}.db")) as db:
            tables = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
            return [*tables, *db.execute("SELECT version_num FROM alembic_version")]

    assert content("first") == content("second") == content("third") == content("real")


def test_a_text_file_is_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, " * 100)

    with pytest.raises(StoreError, match=r"notes.txt is not an SQLite database .*\n  fix: name an"):
        Store(path)
    assert path.read_text().startswith("not a database")


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE songs (id INTEGER)")
    other.close()

    with pytest.raises(StoreError, match=r"other.db is .* of another program .*songs"):
        Store(path)


def test_a_newer_schema_asks_for_newer_software(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    Store(path).close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.close()

    with pytest.raises(StoreError, match=r"has schema 9999, .*\n  fix: update this software"):
        Store(path)


def test_a_folder_is_not_a_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"is a folder, not a database"):
        Store(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no folder .*nowhere\n  fix: create it"):
        Store(tmp_path / "nowhere" / "results.db")


def test_a_damaged_database_says_how_to_save_it(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    with Store(path) as store:
        new_trials(store, new_study(store), 200)
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)

    damaged = pytest.raises(StoreError, match=r"results.db is damaged .*\n  fix: .* \.recover")
    with damaged, Store(path) as store:
        store.summaries()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write a read-only file")
def test_a_read_only_file_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    Store(path).close()
    path.chmod(stat.S_IRUSR)

    with pytest.raises(StoreError, match="cannot be written"):
        Store(path)


def test_a_read_only_database_cannot_be_written(tmp_path: Path) -> None:
    with Store(tmp_path / "results.db") as store:
        # what SQLite answers for a read-only file; permissions do not bind root
        event.listen(
            store._writing.engine, "begin", lambda c: c.exec_driver_sql("PRAGMA query_only=ON")
        )

        with pytest.raises(StoreError, match=r"results.db cannot be written .*\n  fix: make the"):
            new_study(store)


def test_a_locked_database_names_the_remedy_after_its_time_limit(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    with Store(path, busy_timeout_s=0.2) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        started_s = time.monotonic()

        with pytest.raises(StoreError, match=r"is locked by another process .*\n  fix: end the"):
            new_study(store)
        assert time.monotonic() - started_s >= 0.2
        assert store.summaries() == ()  # readers are not blocked

        other.execute("ROLLBACK")
        other.close()
        assert new_study(store).name == "one"


def test_a_full_disk_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    with Store(tmp_path / "results.db") as store:
        study = new_study(store)
        new_trials(store, study, 1)

        def fill_disk(connection: Connection) -> None:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

        event.listen(store._writing.engine, "begin", fill_disk)
        with pytest.raises(
            StoreError, match=r"its quota is full, [\d,]+ bytes are free in /.*\n  fix: free"
        ):
            new_trials(store, study, 500, first=1)

        assert [r.trial.state for r in store.results(study.id)] == [TrialState.WAITING]


def test_the_newest_migration_is_the_one_that_the_code_expects() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)

    assert script.get_current_head() == HEAD
    assert tuple(reversed([r.revision for r in script.walk_revisions()])) == KNOWN


def test_migrations_lead_to_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with Store(tmp_path / "results.db") as store, store._open.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.mark.parametrize("schema", KNOWN)
def test_a_database_of_every_schema_can_be_opened(tmp_path: Path, schema: str) -> None:
    path = tmp_path / "results.db"
    shutil.copy(ASSETS / f"schema_{schema}.sqlite3", path)

    with Store(path) as store:
        study = store.study("old")
        assert [r.trial.state.value for r in store.results(study.id)] == [
            "completed",
            "infeasible",
            "waiting",
        ]
        assert store.detail(study, 1).measurement.value("cycles") == 1000


def test_what_a_running_attempt_told_moves_out_of_the_column_of_faults(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    shutil.copy(ASSETS / "schema_0007.sqlite3", path)
    told = '{"fraction": 0.25, "cycles": 5, "expected_cycles": 20}'
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "INSERT INTO attempts (id, trial_id, number, worker, started_s, heartbeat_s,"
            " lease_until_s, detail) SELECT 99, id, 1, 'w', 1, 1, 1e9, ? FROM trials"
            " WHERE state = 'waiting'",
            [told],
        )
        db.execute("UPDATE trials SET state = 'running' WHERE state = 'waiting'")
        db.execute("UPDATE attempts SET detail = 'log' WHERE kind = 'does-not-fit'")

    with Store(path) as store:
        study = store.study("old")
        (held,) = store.held_trials(study.id, now_s=1.0)
        (ended,) = store.detail(study, 2).attempts
        (running,) = store.detail(study, 3).attempts
    assert held.fraction == 0.25
    assert held.cycles == SimulatedCycles(done=5, expected=20)
    assert ended.detail == "log"
    assert running.detail is None


def test_opening_a_database_of_the_current_schema_needs_no_migration_tool(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    Store(path).close()
    code = (
        "import sys, pathlib, dse.store\n"
        f"dse.store.Store(pathlib.Path({str(path)!r})).close()\n"
        "assert 'alembic' not in sys.modules\n"
    )
    root = Path(__file__).parent.parent.parent
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


@pytest.mark.parametrize("schema", KNOWN)
def test_looking_at_a_database_of_any_schema_changes_nothing_about_it(
    tmp_path: Path, schema: str
) -> None:
    path = tmp_path / "results.db"
    shutil.copy(ASSETS / f"schema_{schema}.sqlite3", path)
    before = path.read_bytes()

    with Reader(path) as reader:
        assert reader.is_frozen == (schema != HEAD)
        study = reader.study("old")
        assert reader.detail(study, 1).measurement.value("cycles") == 1000
        changes = reader.changes("old")
        assert changes is not None
        assert changes.records is not None
        assert [t.state.value for t in changes.records] == ["completed", "infeasible", "waiting"]
        stamp = reader.stamp()
        assert path.read_bytes() == before
        with Store(path) as store:
            store.request_stop(study.id, now_s=1.0)
        assert reader.stamp() != stamp


def test_an_old_database_can_be_looked_at_by_many_threads_at_once(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    shutil.copy(ASSETS / "schema_0001.sqlite3", path)

    def look(_: int) -> str:
        with Reader(path) as reader:
            return reader.study("old").name

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(look, range(6))) == ["old"] * 6


def test_looking_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database"):
        Reader(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []
