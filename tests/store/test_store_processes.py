"""Several real processes on one database, and their death at the worst moment."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from dse.store import Place, Store, TrialState
from tests.store.store_fixtures import NO_WAIT, completed, new_study, new_trials, open_at

TRIALS = 40


def work(place: Place, worker: str) -> list[int]:
    """Claim and complete trials until none is left; return their numbers."""
    done = []
    with open_at(place) as store:
        study = store.study("one")
        while claim := store.claim(study.id, worker=worker, now_s=200, lease_s=60):
            state = store.finish(
                claim.attempt_id, completed(claim.trial.number), now_s=201, retry=NO_WAIT
            )
            assert state is TrialState.COMPLETED
            done.append(claim.trial.number)
    return done


def test_no_trial_is_given_to_two_processes(place: Place) -> None:
    with Store(place) as store:
        study = new_study(store)
        new_trials(store, study, TRIALS)
        with multiprocessing.get_context("spawn").Pool(3) as pool:
            taken = pool.starmap(work, [(place, f"w{n}") for n in range(3)])
            pool.close()
            pool.join()

        assert Counter(n for numbers in taken for n in numbers) == Counter(range(1, TRIALS + 1))
        results = store.results(study.id)
        assert all(result.metrics["cycles"] == result.trial.number for result in results)


def test_two_processes_may_create_the_same_database(empty: Place) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        taken = pool.map(create, [empty] * 2)
        pool.close()
        pool.join()

    assert taken == [1, 1]


def create(place: Place) -> int:
    with open_at(place) as store:
        return new_study(store).id


KILLED = """
import sys, time
from pathlib import Path
from sqlalchemy import insert
from dse.store import schema
from tests.store.store_fixtures import *
store = open_at(sys.argv[1])
study = store.study("one")
first = store.claim(study.id, worker="victim", now_s=time.time(), lease_s=60)
store.finish(first.attempt_id, completed(7), now_s=time.time(), retry=NO_WAIT)
second = store.claim(study.id, worker="victim", now_s=time.time(), lease_s=60)
with store._write() as db:  # dies in the middle of a transaction that it never commits
    db.execute(schema.metrics.delete())
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_kill_in_the_middle_of_a_transaction_loses_no_finished_trial(place: Place) -> None:
    with Store(place) as store:
        study = new_study(store)
        new_trials(store, study, 3)
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(place)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        ) as victim:
            assert victim.stdout is not None
            assert victim.stdout.readline() == "ready\n"
            victim.send_signal(signal.SIGKILL)

        first, second, third = store.results(study.id)
        assert (first.trial.state, first.metrics["cycles"]) == (TrialState.COMPLETED, 7)
        assert second.trial.state is TrialState.RUNNING
        assert third.trial.state is TrialState.WAITING
        assert store.take_back(now_s=time.time(), retry=NO_WAIT, is_gone=lambda _: True) == 1
        assert store.results(study.id)[1].trial.state is TrialState.WAITING
