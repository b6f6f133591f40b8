"""Processes that the dashboard starts: they work on a study and outlive it."""

import subprocess
import sys
import threading
from pathlib import Path

from dse.program import log_of
from dse.store import Place, Store
from dse.store.place import environment_of
from dse.store.workers import worker_name
from runners.tools import child


class Processes:
    """Starts and resumes studies, each in a process of its own.

    The process is ``python -m dse.study start`` or ``resume`` in its own session: it outlives the
    dashboard, and writes to a log, see ``program.log_of``.

    Args:
        database: The database of the studies.

    Attributes:
        started: The last process of each study.
    """

    def __init__(self, database: Place) -> None:
        self._database = database
        self._lock = threading.Lock()
        self.started: dict[str, subprocess.Popen[bytes]] = {}

    def resume(self, study: str) -> str:
        """Start a process for a study unless the last one runs; say which it is, and its log."""
        return self._run(study, "resume", study)

    def start(self, study: str, config: Path) -> str:
        """Start a process for the study of a config file, as ``resume`` does for one that is there.

        Args:
            study: Its name.
            config: The file, absolute.
        """
        return self._run(study, "start", str(config))

    def _run(self, study: str, *words: str) -> str:
        log = log_of(self._database, study)
        with self._lock:
            known = self.started.get(study)
            if known is not None and known.poll() is None:
                return f"process {known.pid} is at it already, its log is {log}"
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as output:
                process = child.start(
                    [sys.executable, "-m", "dse.study", *words, "--db", str(self._database)],
                    is_tied=False,
                    env=environment_of(self._database),
                    stdout=output,
                    stderr=output,
                )
            self.started[study] = process
        with Store(self._database) as store:  # it takes seconds until the process does so itself
            store.enter(study, worker=worker_name(process.pid), now_s=store.now_s())
        return f"process {process.pid} was started, its log is {log}"
