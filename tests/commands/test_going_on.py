"""The command that a fix names works for the state that the study is in, on its own database."""

import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.faults import NotFound, StoreError
from dse.config import StudyConfig, load_config
from dse.results.going_on import going_on
from dse.store import Reader, Store
from dse.store.workers import worker_name
from tests.campaign.test_campaign import InstantExecutor, campaign

CONFIG = """
[study]
name = "night"
trials = {trials}
[suggest]
algorithm = "random"
[workload]
model = "net.tflite"
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "my results.db") as opened:
        yield opened


def load(folder: Path, trials: int) -> StudyConfig:
    (folder / "net.tflite").write_bytes(b"net")
    (folder / "night.toml").write_text(CONFIG.format(trials=trials))
    return load_config(folder / "night.toml")[1]


def test_a_study_goes_on_by_what_is_left_of_it(store: Store, tmp_path: Path) -> None:
    config = load(tmp_path, 6)
    db = shlex.quote(str(store.place))
    kept = campaign(store, config, executor=InstantExecutor())

    assert going_on(store, "night") == f"python -m dse.study resume night --db {db}"
    kept.run()
    assert going_on(store, "night") == f"python -m dse.study resume night --trials 14 --db {db}"

    store.enter("night", worker=worker_name(), now_s=time.time())
    assert going_on(store, "night") == f"python -m dse.study watch night --db {db}"


def test_a_missing_database_or_study_names_the_database_of_the_command(tmp_path: Path) -> None:
    path = tmp_path / "my results.db"
    with pytest.raises(StoreError) as missing:
        Reader(path)
    assert f"start CONFIG --db '{path}'" in missing.value.fix
    with Store(path) as store, pytest.raises(NotFound) as empty:
        store.study("night")
    assert f"start CONFIG --db '{path}'" in empty.value.fix
