"""``python -m benchmarks.cluster``: what a Dask cluster adds to a trial, and how it scales.

Trials that sleep for a second, in processes of their own as real ones are: on this machine's
executor and on clusters of workers on this machine. There are as many at a time as workers, and the
next one is handed over as soon as one is back. Printed is what a trial took beyond its second, from
handing it over to its outcome, and how many an hour that makes.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory

from contracts.measurement import Completed, Measurement, Outcome
from dse.output.report import table_text
from runners.executors import Executor, Finished, make_executor
from runners.executors.parcels import pack
from runners.job import Job, Target, Workload
from runners.pipeline import Report

MEASURE = "benchmarks.cluster:measure"
TRIAL_S = 1.0
_MODEL_BYTES = 96_000
"""As large as that of image classification."""
_ROUNDS = 15
KINDS = ("local", "dask")
HEADER = ("workers", "local: ms beyond a trial's second, trials an hour", "Dask")


def measure(job: Job, *, report: Report) -> Outcome:
    """Take a second."""
    del job, report
    time.sleep(TRIAL_S)
    return Completed(measurement=Measurement(metrics=()))


def turnarounds_s(executor: Executor, job: Job, *, trials: int, at_once: int) -> list[float]:
    """Return how long each trial was away, so many at a time.

    The first of each worker is not among them: it waits for the worker's code and files.
    """
    since_s: dict[int, float] = {}
    found: list[float] = []
    started = 0
    while len(found) < trials + at_once:
        while started < trials + at_once and started - len(found) < at_once:
            since_s[started] = time.monotonic()
            executor.submit(started, job)
            started += 1
        for event in executor.poll(0.05):
            if isinstance(event, Finished):
                found.append(time.monotonic() - since_s[event.ticket])
    return found[at_once:]


@contextmanager
def executor_of(kind: str, workers: int) -> Iterator[Executor]:
    """Give an executor, with a cluster of its own where it needs one."""
    if kind == "local":
        executor = make_executor("local", measure=MEASURE)
        yield executor
        executor.close()
        return
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        executor = make_executor("dask", measure=MEASURE, address=cluster.scheduler_address)
        yield executor
        executor.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """How long the trials of an executor with so many workers were away."""

    workers: int
    all_s: Sequence[float]

    @property
    def beyond_ms(self) -> float:
        """What a trial took beyond its second, in the mean."""
        return (fmean(self.all_s) - TRIAL_S) * 1e3

    @property
    def an_hour(self) -> float:
        """Trials that end in an hour."""
        return self.workers / fmean(self.all_s) * 3600


def away(kind: str, workers: int, *, rounds: int = _ROUNDS) -> Away:
    """Let an executor take so many trials for each of its workers."""
    with TemporaryDirectory() as name, executor_of(kind, workers) as executor:
        job = small_job(Path(name))
        all_s = turnarounds_s(executor, job, trials=rounds * workers, at_once=workers)
    return Away(workers=workers, all_s=all_s)


def small_job(folder: Path) -> Job:
    """Return a job whose model has as many bytes as that of image classification."""
    model = folder / "net.tflite"
    model.write_bytes(bytes(_MODEL_BYTES))
    target = Target(name="t", part="LFE5U-85F", clock_hz=50_000_000)
    return Job(design={}, target=target, workload=Workload(model=model, model_sha256="0" * 64))


def rows() -> list[list[str]]:
    """Measure this machine's executor beside Dask's, with the workers of the page."""
    found = []
    for workers in (1, 2, 4):
        both = [away(kind, workers) for kind in KINDS]
        found.append(
            [str(workers), *(f"{each.beyond_ms:.0f}, {each.an_hour:,.0f}" for each in both)]
        )
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--workers", nargs="*", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="trials of each worker")
    given = parser.parse_args()
    rows = []
    for kind in KINDS:
        for workers in given.workers:
            found = away(kind, workers, rounds=given.rounds)
            middle_ms = (median(found.all_s) - TRIAL_S) * 1e3
            figures = (middle_ms, found.beyond_ms, found.an_hour)
            rows.append([kind, str(workers), *(f"{figure:,.0f}" for figure in figures)])
            print(rows[-1], flush=True)
    columns = ["executor", "workers", "ms beyond its second, median", "mean", "trials/h"]
    print(table_text(columns, rows))
    with TemporaryDirectory() as name:
        moved = sum(map(len, pack(small_job(Path(name)))[1].files.values()))
    print(f"bytes of files that go to each worker once: {moved:,}")


if __name__ == "__main__":
    main()
