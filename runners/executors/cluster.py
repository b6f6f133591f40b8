"""``make cluster``: a Dask scheduler and workers on this machine, to try ``executor = "dask"``.

``python -m runners.executors.cluster --workers 2``; each worker is a process that runs one trial at
a time. It listens to this machine alone. Ctrl-C ends it.
"""

import argparse
import os
import signal
import sys
import threading
from contextlib import suppress


def main() -> int:
    """Start the cluster and wait for Ctrl-C; 1 where the port is taken."""
    parser = argparse.ArgumentParser(
        prog="python -m runners.executors.cluster", description=__doc__
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--port", type=int, default=8786, help="of the scheduler")
    given = parser.parse_args()
    from distributed import LocalCluster  # an extra: `--help` works without

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # workers are ended from here, and say nothing
    try:
        cluster = LocalCluster(
            n_workers=given.workers,
            threads_per_worker=1,
            host="127.0.0.1",
            scheduler_port=given.port,
            dashboard_address=None,
        )
    except (OSError, RuntimeError) as error:
        print(f"no cluster: {error}\n  fix: end what uses the port, or give another --port")  # noqa: T201
        return 1
    with cluster:
        print(  # noqa: T201
            f"{given.workers} workers at {cluster.scheduler_address}; in the config:\n\n"
            f'[study]\nexecutor = "dask"\nscheduler = "{cluster.scheduler_address}"\n\n'
            "Ctrl-C ends it.",
            flush=True,
        )
        with suppress(KeyboardInterrupt):
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.default_int_handler)
            threading.Event().wait()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end takes a second, and is not cut short
    return 0


if __name__ == "__main__":
    sys.exit(main())
