"""How long until a dead worker is noticed: ``python -m benchmarks.dead_worker --kills 20``.

A process takes a trial of a study and is killed; a campaign that works on the same study, with its
usual lease and heartbeat, takes the trial back. Then the same with a worker that cannot be looked
up, as one of another machine cannot: only the end of its lease tells.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from dse.campaign import Timing
from dse.store import NewTrial, RetryPolicy, Store
from dse.store.workers import is_gone
from runners import ROOT

_HOLDER = """
import sys, time
from pathlib import Path
from dse.store.workers import worker_name
from dse.store import Store
with Store(Path(sys.argv[1])) as store:
    name = sys.argv[3] + worker_name()
    study, lease_s = int(sys.argv[2]), float(sys.argv[4])
    claim = store.claim(study, worker=name, now_s=time.time(), lease_s=lease_s)
    print(claim.attempt_id, flush=True)
    time.sleep(999)
"""


def main() -> None:
    """Print the time to notice, in seconds."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--far-kills", type=int, default=2)
    options = parser.parse_args()
    timing = Timing()
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "results.db"
        for where, kills, prefix in (
            ("this machine", options.kills, ""),
            ("another machine", options.far_kills, "elsewhere/"),
        ):
            found = [_notice_s(database, prefix, timing) for _ in range(kills)]
            print(
                f"{where}: median {median(found):.2f} s, longest {max(found):.2f} s,"
                f" {kills} kills (lease {timing.lease_s:g} s, heartbeat {timing.heartbeat_s:g} s,"
                f" a look every {timing.look_s:g} s)"
            )


def _notice_s(database: Path, prefix: str, timing: Timing) -> float:
    """Kill one worker that has just been heard of; return when its trial is taken back."""
    with Store(database) as store:
        study = store.create_study(
            name=f"{time.time_ns()}", config_toml="", config_json="{}", source_hash="", now_s=0
        )
        new = NewTrial(design_id=study.name, design_json="{}", suggested_by="hand")
        store.add_trials(study.id, [new], context="", budget=None, now_s=0)
    words = [str(database), str(study.id), prefix, str(timing.lease_s)]
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    noticed = threading.Event()

    def look() -> None:
        """As ``Campaign`` looks for dead workers."""
        with Store(database) as store:
            while not store.take_back(now_s=time.time(), retry=RetryPolicy(), is_gone=is_gone):
                time.sleep(timing.look_s)
        noticed.set()

    thread = threading.Thread(target=look)
    thread.start()
    time.sleep(timing.look_s * (time.time_ns() % 997) / 997)  # at any moment between two looks
    killed_s = time.monotonic()
    holder.kill()
    holder.communicate()
    noticed.wait()
    found_s = time.monotonic() - killed_s
    thread.join()
    return found_s


if __name__ == "__main__":
    main()
