"""``python -m benchmarks.cluster``: what a Dask cluster adds to a trial, and how it scales.

Trials that sleep for a second, in processes of their own as real ones are: on this machine's
executor and on clusters of workers on this machine. Printed is what a trial took beyond its second,
and how many an hour that makes.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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


def measure(job: Job, *, report: Report) -> Outcome:
    """Take a second."""
    del job, report
    time.sleep(TRIAL_S)
    return Completed(measurement=Measurement(metrics=()))


def wall_s(executor: Executor, job: Job, *, trials: int, at_once: int) -> float:
    """Return the seconds for some trials, so many at a time; the first round is not counted."""
    started, ended, start_s = 0, 0, 0.0
    while ended < trials + at_once:
        while started < trials + at_once and started - ended < at_once:
            executor.submit(started, job)
            started += 1
        done = sum(isinstance(event, Finished) for event in executor.poll(0.05))
        ended += done
        if done and not start_s and ended >= at_once:
            start_s = time.monotonic()
    return time.monotonic() - start_s


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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--workers", nargs="*", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--rounds", type=int, default=15, help="trials of each worker")
    given = parser.parse_args()
    rows = []
    with TemporaryDirectory() as name:
        model = Path(name) / "net.tflite"
        model.write_bytes(bytes(_MODEL_BYTES))
        target = Target(name="t", part="LFE5U-85F", clock_hz=50_000_000)
        job = Job(design={}, target=target, workload=Workload(model=model, model_sha256="0" * 64))
        moved = sum(map(len, pack(job)[1].files.values()))
        for kind in ("local", "dask"):
            for workers in given.workers:
                with executor_of(kind, workers) as executor:
                    trials = given.rounds * workers
                    seconds = wall_s(executor, job, trials=trials, at_once=workers)
                beyond_ms = (seconds * workers / trials - TRIAL_S) * 1e3
                rows.append(
                    [kind, str(workers), f"{beyond_ms:.0f}", f"{trials / seconds * 3600:,.0f}"]
                )
                print(rows[-1], flush=True)
    print(table_text(["executor", "workers", "ms beyond a trial's own second", "trials/h"], rows))
    print(f"bytes of files that go to each worker once: {moved:,}")


if __name__ == "__main__":
    main()
