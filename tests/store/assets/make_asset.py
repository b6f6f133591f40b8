"""Write a small database of the current schema: ``make_asset.py FILE``."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from contracts.faults import DoesNotFit
from contracts.measurement import Measurement, outcome_of
from dse.store import Store
from tests.store.store_fixtures import NO_WAIT, completed, new_study, new_trials

path = Path(sys.argv[1])
with Store(path) as store:
    study = new_study(store, "old")
    new_trials(store, study, 3)
    first = store.claim(study.id, worker="w", now_s=200, lease_s=60)
    second = store.claim(study.id, worker="w", now_s=200, lease_s=60)
    assert first is not None
    assert second is not None
    store.finish(first.attempt_id, completed(), now_s=230, retry=NO_WAIT)
    fault = outcome_of(DoesNotFit("too wide", fix="narrower"), Measurement(metrics=()))
    store.finish(second.attempt_id, fault, now_s=230, retry=NO_WAIT)
with closing(sqlite3.connect(path)) as database, database:
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.execute("PRAGMA journal_mode=DELETE")
database.close()
