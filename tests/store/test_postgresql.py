"""What only a server can do to a study: be away, refuse a password, be of another version."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from benchmarks.postgresql import PASSWORD, PostgreSQLServer
from contracts.faults import StoreError, ToolMissing
from dse.store import Place, Reader, Server, Store, TrialState, Unavailable, parse_place
from dse.store.dialect import dialect_of
from dse.store.schema import HEAD, metadata
from dse.store.versions import KNOWN, MIGRATIONS
from tests.store.store_fixtures import new_study, new_trials

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def place(server: PostgreSQLServer) -> Server:
    return server.new_database()


def guarded(server: PostgreSQLServer, password: str) -> str:
    secret = quote(password, safe="")
    return server.url("postgres", user=f"guarded:{secret}")


Url = Callable[[PostgreSQLServer], str]
WRONG = "wr0ng s€cret"
REFUSED: list[tuple[Url, str, str]] = [
    (lambda s: guarded(s, WRONG), r"does not take the password", "correct the password"),
    (lambda s: s.url("postgres", user="guarded"), r"asks for a password", "PGPASSWORD"),
    (lambda s: s.url("postgres", user="banned"), r"does not let this user in", "pg_hba.conf"),
    (lambda s: s.url("postgres", user="nobody"), r"does not let this user in", "another user"),
    (lambda s: s.url("none"), r"is not there", "createdb"),
    (lambda s: s.url("postgres", user="visitor"), r"let this user do that", "OWNER TO"),
    (lambda _: "postgresql://me:wr0ng@no.such.host.invalid/n", r"cannot be reached", "host"),
    (lambda _: "postgresql://me:wr0ng@127.0.0.1:1/n", r"cannot be reached", "start the server"),
    (lambda _: "postgresql:///n?host=/nowhere", r"cannot be reached", "start the server"),
    (lambda s: f"{s.url('postgres')}?colour=red", r"cannot be read as a URL", "OPTION=VALUE"),
    (lambda s: f"{s.url('postgres')}?sslmode=verify-full", r"cannot be reached", "option"),
]


@pytest.mark.parametrize(("url", "what", "fix"), REFUSED)
def test_what_keeps_a_server_from_being_used_is_named_without_a_password(
    server: PostgreSQLServer, url: Url, what: str, fix: str
) -> None:
    with pytest.raises(StoreError, match=rf"{what}(?s:.*)\n  fix: .*{fix}") as caught:
        Store(parse_place(url(server)))

    assert "wr0ng" not in str(caught.value)
    assert quote(WRONG) not in str(caught.value)


def test_a_password_in_the_url_lets_in(server: PostgreSQLServer) -> None:
    server.run("CREATE DATABASE own OWNER guarded")
    url = guarded(server, PASSWORD).replace("/postgres", "/own")

    with Store(parse_place(url)) as store:
        assert PASSWORD not in str(store.place)
        assert new_study(store).id == 1


def test_a_socket_serves_as_well_as_an_address(server: PostgreSQLServer, place: Server) -> None:
    name = place.url.rpartition("/")[2]
    with Store(parse_place(server.socket_url(name))) as store:
        new_study(store, "night")
    with Reader(place) as reader:
        assert reader.study("night").name == "night"


def test_without_the_driver_the_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ModuleNotFoundError('No module named psycopg')")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from dse.store import Store, parse_place\n"
        "Store(parse_place('postgresql://me:wr0ng@host/night'))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT
    )

    assert ToolMissing.__name__ in ended.stderr
    assert 'pip install "soft-soc-dse[postgresql]"' in ended.stderr
    assert "wr0ng" not in ended.stderr.rpartition("ToolMissing")[2]


def test_a_database_of_another_program_is_left_alone(server: PostgreSQLServer) -> None:
    server.run("CREATE DATABASE music TEMPLATE template0")
    server.run("CREATE TABLE songs (title text)", "music")

    with pytest.raises(StoreError, match=r"of another program \(its tables: songs\)\n  fix: "):
        Store(parse_place(server.url("music")))


def test_a_database_of_a_newer_version_is_refused(server: PostgreSQLServer, place: Server) -> None:
    server.run("UPDATE alembic_version SET version_num = '9999'", place.url.rpartition("/")[2])

    for kind in (Store, Reader):
        with pytest.raises(StoreError, match=r"schema 9999, .*\n  fix: update this software"):
            kind(place)


def test_a_database_that_cannot_keep_every_text_is_refused(server: PostgreSQLServer) -> None:
    server.run(
        "CREATE DATABASE narrow TEMPLATE template0 ENCODING 'LATIN1'"
        " LC_COLLATE 'C' LC_CTYPE 'C'"
    )  # fmt: skip

    with pytest.raises(StoreError, match=r"encoding of .*narrow is LATIN1.*\n  fix: .*UTF8"):
        Store(parse_place(server.url("narrow")))


def test_an_empty_database_is_set_up_by_who_writes_and_not_by_who_looks(
    server: PostgreSQLServer,
) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    empty = server.new_database(is_empty=True)
    with pytest.raises(StoreError, match=r"is empty: there is no study in it\n  fix: .*start"):
        Reader(empty)
    tables = "SELECT * FROM pg_tables WHERE schemaname = 'public'"
    assert server.run(tables, empty.url.rpartition("/")[2]) == []
    with Store(empty) as store, store._open.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.mark.parametrize("version", KNOWN[:-1])
def test_an_older_database_is_brought_up_to_date_by_who_writes(
    server: PostgreSQLServer, version: str
) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    place = server.new_database(is_empty=True)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(place.url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as db:
        config.attributes["connection"] = db
        command.upgrade(config, version)
        db.exec_driver_sql(
            "INSERT INTO studies (id, name, created_s, config_toml, config_json, source_hash)"
            ' VALUES (1, \'old\', 1, \'\', \'{"study": {"fidelity": "simulate"},'
            ' "target": {"part": "iCE40UP5K"}}\', \'\')'
        )
        db.exec_driver_sql(
            "INSERT INTO trials (study_id, number, design_id, design_json, context,"
            " suggested_by, state, created_s, failures, not_before_s)"
            " VALUES (1, 1, 'd', '{\"schema\":1,\"values\":{}}', '', 'x', 'completed', 1, 0, 0)"
        )
        db.exec_driver_sql(
            "INSERT INTO metrics VALUES (1, 'ebr', 3, 'cells', 'synthesised', false)"
        )
    engine.dispose()

    with pytest.raises(
        StoreError, match=rf"has schema {version}, .* reads {HEAD}\n  fix: .*resume"
    ):
        Reader(place)
    with Store(place) as store:
        study = store.study("old")
        (result,) = store.results(study.id)
        new_trials(store, study, 1)
    assert result.metrics["ebr"] == 3
    if version < "0003":
        assert result.metrics["block_ram_bits"] == 3 * 4096
    if version == "0001":
        assert result.trial.fidelity == "simulated"


# --- connections that end


@contextmanager
def stopping(server: PostgreSQLServer, *, for_s: float) -> Iterator[None]:
    """Stop a server as a power cut would, and start it again some time later."""
    server.stop("immediate")

    def start() -> None:
        time.sleep(for_s)
        server.start()

    starting = threading.Thread(target=start)
    starting.start()
    try:
        yield
    finally:
        starting.join()


def test_who_waits_goes_on_when_the_server_is_back(server: PostgreSQLServer, place: Server) -> None:
    told: list[str] = []

    def wait(error: Unavailable) -> bool:
        told.append(str(error))
        return True

    with Store(place) as store:
        study = new_study(store)
        store.wait_while(wait)
        with stopping(server, for_s=1.5):
            new_trials(store, study, 2)
            assert store.open_trials(study.id) == 2
            assert store.now_s() == pytest.approx(time.time(), abs=60)
    assert "cannot be reached" in told[0]


def test_who_does_not_wait_is_told_and_goes_on_later(
    server: PostgreSQLServer, place: Server
) -> None:
    with Store(place) as store:
        study = new_study(store)
        with stopping(server, for_s=1.0):
            for ask in (store.summaries, store.stamp, lambda: new_trials(store, study, 1)):
                with pytest.raises(StoreError, match=r"cannot be reached(?s:.*)\n  fix: start"):
                    ask()  # type: ignore[operator]
        assert len(store.summaries()) == 1
        assert store.stamp() == store.stamp()
        assert len(new_trials(store, study, 1)) == 1


def test_a_transaction_whose_end_nobody_heard_of_is_not_done_twice(
    place: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost after the server has stored, and before it could say so."""
    with Store(place) as store:
        study = new_study(store)
        commit, lost = psycopg.Connection.commit, []

        def commit_unheard(self: psycopg.Connection[object]) -> None:
            commit(self)
            if not lost:
                lost.append(self)
                self.close()
                raise psycopg.OperationalError("the connection is lost")

        monkeypatch.setattr(psycopg.Connection, "commit", commit_unheard)
        assert len(new_trials(store, study, 3)) == 3
        assert lost
        lost.clear()
        claim = store.claim(study.id, worker="w", now_s=200, lease_s=60)
        assert claim is not None
        assert claim.trial.number == 1
        assert lost
        assert store.count_trials(study.id, TrialState.RUNNING) == 1


def test_a_transaction_whose_end_came_to_nothing_is_done_again(
    place: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(place) as store:
        study = new_study(store)
        commit, lost = psycopg.Connection.commit, []

        def lose_before(self: psycopg.Connection[object]) -> None:
            if not lost:
                lost.append(self)
                self.close()
                raise psycopg.OperationalError("the connection is lost")
            commit(self)

        monkeypatch.setattr(psycopg.Connection, "commit", lose_before)
        assert len(new_trials(store, study, 3)) == 3
        assert lost
        assert store.open_trials(study.id) == 3


WORKER = """
import sys, time
from tests.store.store_fixtures import *
with open_at(sys.argv[1]) as store:
    store.wait_while(lambda _error: True)
    print("open", flush=True)  # from here on it waits for the server
    study = store.study("one")
    while store.open_trials(study.id):
        claim = store.claim(study.id, worker=sys.argv[2], now_s=store.now_s(), lease_s=5)
        if claim is None:
            store.take_back(now_s=store.now_s(), retry=NO_WAIT)
            time.sleep(0.1)
        else:
            store.finish(claim.attempt_id, completed(claim.trial.number), now_s=store.now_s(),
                         retry=NO_WAIT)
"""


def test_a_server_that_is_killed_again_and_again_loses_and_doubles_no_trial(
    place: Server, server: PostgreSQLServer
) -> None:
    count = 150
    with Store(place) as store:
        study = new_study(store)
        new_trials(store, study, count)
        workers = [
            subprocess.Popen([sys.executable, "-c", WORKER, place.url, name], cwd=ROOT,
                             env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE)
            for name in ("a", "b")
        ]  # fmt: skip
        assert [worker.stdout.readline() for worker in workers if worker.stdout] == [b"open\n"] * 2
        while store.count_trials(study.id, TrialState.COMPLETED) < 5:
            time.sleep(0.1)
        for _ in range(3):
            with stopping(server, for_s=0.3):
                pass
            time.sleep(0.3)
        for worker in workers:
            worker.communicate(timeout=120)
        assert [worker.returncode for worker in workers] == [0, 0]
        results = store.results(study.id)
        assert [r.metrics["cycles"] for r in results] == list(range(1, count + 1))
        tried = [store.detail(study, n).attempts for n in range(1, count + 1)]
    ends = Counter(a.outcome for attempts in tried for a in attempts)
    assert ends[TrialState.COMPLETED] == count


def test_a_process_that_is_stopped_in_a_transaction_keeps_nobody_waiting_for_ever(
    place: Server,
) -> None:
    with Store(place) as stopped, Store(place, busy_timeout_s=0.5) as store:
        refused = pytest.raises(Unavailable, match=r"locked by another process .*\n  fix: end the")
        with refused, stopped._write():
            new_study(store)
        with stopped._writing._engine.connect() as db:  # type: ignore[attr-defined]
            limit = "SHOW idle_in_transaction_session_timeout"
            assert db.exec_driver_sql(limit).scalar() == "1min"


# --- the clock, and who looks on


def test_leases_go_by_the_clock_of_the_server(
    place: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(place) as store:
        monkeypatch.setattr(time, "time", lambda: 0.0)  # a machine whose clock is wrong
        told = store.now_s()
        monkeypatch.undo()
        assert told == pytest.approx(time.time(), abs=60)
        assert store.now_s() - told < 60


def test_a_write_wakes_who_looks_on_and_changes_the_stamp(place: Server) -> None:
    with Store(place) as store, Reader(place) as reader:
        notices = dialect_of(place).notices(place)
        before = reader.stamp()
        assert before == reader.stamp()
        new_study(store)
        assert is_readable(notices.descriptor)
        notices.take()
        assert not is_readable(notices.descriptor, within_s=0.1)
        assert reader.stamp() != before
        notices.close()


def test_notices_that_end_with_the_server_say_so(server: PostgreSQLServer, place: Place) -> None:
    notices = dialect_of(place).notices(place)
    server.stop("immediate")

    def take_all() -> None:  # what the server says last comes before the end
        for _ in range(5):
            assert is_readable(notices.descriptor)
            notices.take()

    with pytest.raises(OSError, match="no further notices"):
        take_all()
    notices.close()
    server.start()


def is_readable(descriptor: int, *, within_s: float = 60.0) -> bool:
    import select

    return bool(select.select([descriptor], [], [], within_s)[0])


# --- commands and the dashboard name a server as they name a file


def command(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dse.study", *words],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=120,
        env={**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home)},
    )  # fmt: skip


def test_commands_take_a_url_and_never_print_its_password(
    server: PostgreSQLServer, tmp_path: Path
) -> None:
    server.run("CREATE DATABASE commanded OWNER guarded")
    url = guarded(server, PASSWORD).replace("/postgres", "/commanded")
    with Store(parse_place(url)) as store:
        new_trials(store, new_study(store, "night"), 2)

    listed = command("list", "--db", url, home=tmp_path)
    missing = command("status", "none", "--db", url, home=tmp_path)
    copied = command("copy", "night", "--to", str(tmp_path / "a.db"), "--db", url, home=tmp_path)
    again = command("copy", "night", "--to", str(tmp_path / "a.db"), "--db", url, home=tmp_path)

    assert (listed.returncode, missing.returncode) == (0, 3)
    assert "night" in listed.stdout
    assert (copied.returncode, again.returncode) == (0, 3)
    assert "2 trials" in copied.stdout
    with Reader(tmp_path / "a.db") as reader:
        assert reader.open_trials(reader.study("night").id) == 2
    for each in (listed, missing, copied, again):
        told = each.stdout + each.stderr
        assert PASSWORD not in told
        assert quote(PASSWORD, safe="") not in told
