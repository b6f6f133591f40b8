"""A database of somebody else, where nothing can be written, is read in every state of it."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dse.store import Store
from tests.store.store_fixtures import NO_WAIT, completed, new_study, new_trials

ROOT = Path(__file__).parents[2]
ASSETS = Path(__file__).parent / "assets"
READ = """
import json, os, pathlib, sys
path = pathlib.Path(sys.argv[1])
assert not os.access(path.parent, os.W_OK) or not os.access(path, os.W_OK), "this is no test"
from contracts.faults import StoreError
from dse.store import Reader, Store
with Reader(path) as reader:
    (summary,) = reader.summaries()
    stamps = [reader.stamp(), reader.stamp()]
    trials = [r.trial.state.value for r in reader.results(summary.study.id)]
    said = {"study": summary.study.name, "frozen": reader.is_frozen, "trials": trials}
    assert stamps[0] == stamps[1]
try:
    with Store(path) as store:
        store.request_stop(summary.study.id, now_s=1.0)
    said["written"] = True
except StoreError as error:
    said["refused"] = str(error)
print(json.dumps(said))
"""


@pytest.fixture
def read() -> Callable[..., dict[str, Any]]:
    """Return a function that reads a database as somebody whom permissions bind."""
    as_anybody = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner"]
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write anywhere, and there is no setpriv (util-linux) to forbid it")

    def run(path: Path, *, folder: int = 0o555, file: int = 0o444) -> dict[str, Any]:
        before = sorted((p.name, p.read_bytes()) for p in path.parent.iterdir())
        for each in path.parent.iterdir():
            each.chmod(file)
        path.parent.chmod(folder)
        try:
            ended = subprocess.run(
                [*(as_anybody if os.geteuid() == 0 else []), sys.executable, "-c", READ, str(path)],
                cwd=ROOT, capture_output=True, text=True, check=False,
            )  # fmt: skip
        finally:
            path.parent.chmod(0o755)
        assert ended.returncode == 0, ended.stderr
        assert sorted((p.name, p.read_bytes()) for p in path.parent.iterdir()) == before
        return dict(json.loads(ended.stdout))

    return run


def a_database(folder: Path) -> Path:
    folder.mkdir()
    with Store(folder / "results.db") as store:
        study = new_study(store)
        new_trials(store, study, 2)
        claim = store.claim(study.id, worker="w", now_s=200, lease_s=60)
        assert claim is not None
        store.finish(claim.attempt_id, completed(), now_s=220, retry=NO_WAIT)
    return folder / "results.db"


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        (0o555, 0o444),
        pytest.param(0o555, 0o644, marks=pytest.mark.slow),
        pytest.param(0o755, 0o444, marks=pytest.mark.slow),
    ],
)
def test_where_nothing_can_be_written_a_database_is_read(
    tmp_path: Path, read: Callable[..., dict[str, Any]], folder: int, file: int
) -> None:
    path = a_database(tmp_path / "colleague")

    said = read(path, folder=folder, file=file)

    assert (said["study"], said["trials"]) == ("one", ["completed", "waiting"])
    assert said["frozen"] is True
    assert "results.db cannot be written: the file or its folder is read-only" in said["refused"]


@pytest.mark.slow
def test_what_a_killed_writer_left_beside_a_database_is_read_too(
    tmp_path: Path, read: Callable[..., dict[str, Any]]
) -> None:
    path = a_database(tmp_path / "colleague")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA wal_autocheckpoint=0")
        db.execute("UPDATE studies SET name = 'renamed'")
        left = tmp_path / "left"
        left.mkdir()
        for end in ("", "-wal"):  # as of a backup, or of a machine that lost its power
            shutil.copy(f"{path}{end}", left / f"results.db{end}")
    assert (left / "results.db-wal").stat().st_size > 0

    assert read(left / "results.db")["study"] == "renamed"


@pytest.mark.slow
def test_a_database_that_its_owner_writes_to_is_read_live(
    tmp_path: Path, read: Callable[..., dict[str, Any]]
) -> None:
    path = a_database(tmp_path / "colleague")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE studies SET name = 'renamed'")  # in the log, not in the file

        said = read(path)

    assert (said["study"], said["frozen"]) == ("renamed", False)


@pytest.mark.slow
def test_a_database_of_an_older_schema_is_read_where_nothing_can_be_written(
    tmp_path: Path, read: Callable[..., dict[str, Any]]
) -> None:
    (tmp_path / "colleague").mkdir()
    path = tmp_path / "colleague" / "results.db"
    shutil.copy(ASSETS / "schema_0001.sqlite3", path)

    said = read(path)

    assert (said["study"], said["trials"]) == ("old", ["completed", "infeasible", "waiting"])
