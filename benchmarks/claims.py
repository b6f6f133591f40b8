"""``python -m benchmarks.claims [--postgresql]``: how many trials a database hands out in a second.

Some processes at once claim trials and complete them, as fast as they can, with nothing between: a
real study spends seconds to minutes there. Prints, for each number of processes, how many trials a
second they got through together, and how long a claim took.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import quantiles

from benchmarks.postgresql import bin_folder, running_server
from contracts.faults import ConfigError
from contracts.measurement import Completed, Fidelity, Measurement, Metric
from dse.output.report import table_text
from dse.store import NewTrial, Place, RetryPolicy, Store

WRITERS = (1, 8, 32)
SECONDS = 8.0
TRIALS = 6000
HEADER = (
    "processes",
    "SQLite: trials/s; a claim, median and 99th percentile",
    "PostgreSQL, `fsync` on",
)
_METRICS = ("cycles", "latency_us", "lut4", "ff", "block_ram_bits", "multipliers")
_OUTCOME = Completed(
    measurement=Measurement(
        metrics=tuple(
            Metric(name=name, value=1.5, unit="", fidelity=Fidelity.SIMULATED) for name in _METRICS
        )
    )
)


def work(place: Place, worker: str, start: Barrier, seconds: float) -> tuple[float, list[float]]:
    """Claim and complete trials for a time; return their CPU-seconds and each claim's wall."""
    took_s: list[float] = []
    with Store(place, busy_timeout_s=60) as store:
        study = store.study("claims")
        start.wait()
        cpu_s = time.process_time()
        end_s = time.monotonic() + seconds
        while (before_s := time.monotonic()) < end_s:
            claim = store.claim(study.id, worker=worker, now_s=time.time(), lease_s=60)
            took_s.append(time.monotonic() - before_s)
            if claim is None:
                raise RuntimeError("more trials are needed for so many seconds")
            store.finish(claim.attempt_id, _OUTCOME, now_s=time.time(), retry=RetryPolicy())
        cpu_s = time.process_time() - cpu_s
    return cpu_s, took_s


def rate(place: Place, *, writers: int, seconds: float, trials: int) -> list[float]:
    """Return trials a second, a claim's median and 99th percentile, and a trial's CPU.

    The last three are in milliseconds. CPU is that of the process that asks, not of a server: it
    is what is left of the cost where a machine has other things to do.
    """
    with Store(place) as store:
        study = store.create_study(
            name="claims", config_toml="", config_json="{}", source_hash="", now_s=0
        )
        new = [
            NewTrial(design_id=f"{n}", design_json="{}", suggested_by="random")
            for n in range(trials)
        ]
        store.add_trials(study.id, new, context="", budget=None, now_s=0)
    forking = multiprocessing.get_context("fork")  # 32 imports would be most of the time
    with forking.Manager() as manager:
        start = manager.Barrier(writers)
        with forking.Pool(writers) as pool:
            jobs = [(place, f"w{n}", start, seconds) for n in range(writers)]
            done = pool.starmap(work, jobs, chunksize=1)
    every = [each for _, took_s in done for each in took_s]
    places_of = quantiles(every, n=100)
    cpu_s = sum(each for each, _ in done) / len(every)
    return [len(every) / seconds, places_of[49] * 1000, places_of[98] * 1000, cpu_s * 1000]


@contextmanager
def places(*, is_server: bool) -> Iterator[Iterator[Place]]:
    """Give as many empty databases as are asked for."""
    if is_server:
        with running_server() as server:
            yield iter(server.new_database, None)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield (Path(folder) / f"{number}.db" for number in range(1000))


def rows() -> list[list[str]]:
    """Measure both databases.

    Raises:
        ConfigError: There is no PostgreSQL.
    """
    if bin_folder() is None:
        raise ConfigError("there is no PostgreSQL", fix="install Debian's package postgresql")
    columns = []
    for is_server in (False, True):
        with places(is_server=is_server) as found:
            columns.append([_cell(next(found), writers) for writers in WRITERS])
    return [[str(writers), *cells] for writers, *cells in zip(WRITERS, *columns, strict=True)]


def _cell(place: Place, writers: int) -> str:
    a_second, median_ms, late_ms, _ = rate(place, writers=writers, seconds=SECONDS, trials=TRIALS)
    return f"{a_second:.0f}; {_wait(median_ms)}, {_wait(late_ms)}"


def _wait(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claims", description=__doc__)
    parser.add_argument("--postgresql", action="store_true", help="of a server of its own")
    parser.add_argument("--writers", type=int, nargs="+", default=WRITERS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--trials", type=int, default=TRIALS)
    given = parser.parse_args()
    if given.postgresql and bin_folder() is None:
        parser.error("--postgresql needs PostgreSQL: Debian's package postgresql")
    found_rows = []
    with places(is_server=given.postgresql) as found:
        for writers in given.writers:
            figures = rate(next(found), writers=writers, seconds=given.seconds, trials=given.trials)
            found_rows.append([str(writers), *(f"{figure:.1f}" for figure in figures)])
    head = ["writers", "trials/s", "claim ms, median", "99th percentile", "CPU ms a trial"]
    print(table_text(head, found_rows))
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{len(os.sched_getaffinity(0))} cores, load {load}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
