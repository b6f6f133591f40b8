"""Trials as processes of this machine."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from contracts.faults import ConfigError, ToolCrashed, WorkerLost
from contracts.measurement import Completed, Failed, Infeasible, Measurement, outcome_of
from runners.executors.interface import Event, Executor, Finished, Progress
from runners.executors.trial_process import MESSAGE_BYTES, Ended, Request, Started
from runners.job import Job, StageEvent
from runners.tools import child

# imported, not run with -m: messages are pickled, and no class may come from __main__
_LAUNCHER = (sys.executable, "-c", "from runners.executors import trial_process as t; t.main()")
_OUTPUT_TAIL_BYTES = 4000
_ANSWER_WAIT_S = 2.0
_END_WAIT_S = 5.0


@dataclass(slots=True)
class _Trial:
    events: Connection
    output_fd: int
    pid: int | None = None
    status: int | None = None


class LocalExecutor:
    """Runs each job in a process of its own group, forked from a launcher that is kept warm.

    Args:
        measure: See ``runners.executors.make_executor``.
    """

    def __init__(self, measure: str) -> None:
        self._measure = measure
        self._launcher: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._trials: dict[int, _Trial] = {}
        self._cancelled: set[int] = set()

    def submit(self, ticket: int, job: Job) -> None:
        """See ``Executor.submit``.

        Raises:
            ToolCrashed: The launcher could not be started or has gone away.
        """
        control = self._started_control()
        receive_fd, send_fd = os.pipe()
        output_fd = os.memfd_create(f"trial-{ticket}")
        try:
            message = pickle.dumps(Request(ticket, job))
            socket.send_fds(control, [message], [send_fd, output_fd])
        except OSError as error:
            os.close(receive_fd)
            os.close(output_fd)
            self._forget_launcher()
            raise ToolCrashed(
                f"the process that starts trials went away: {error}",
                fix="look for kills in the system's log, then `resume` the study",
            ) from error
        finally:
            os.close(send_fd)
        self._trials[ticket] = _Trial(Connection(receive_fd, writable=False), output_fd)

    def poll(self, timeout_s: float) -> tuple[Event, ...]:
        """See ``Executor.poll``."""
        found: list[Event] = []
        by_source = {trial.events: ticket for ticket, trial in self._trials.items()}
        sources: list[Connection | socket.socket] = list(by_source)
        if self._control is not None:
            sources.append(self._control)
        if not sources:
            time.sleep(timeout_s)
            return ()
        for source in wait(sources, timeout_s):
            if source is self._control:
                self._read_answer(timeout_s=0)
            elif isinstance(source, Connection):
                found.extend(self._read_event(by_source[source]))
        return tuple(found)

    def cancel(self, ticket: int) -> None:
        """See ``Executor.cancel``."""
        self._end([ticket])

    def close(self) -> None:
        """See ``Executor.close``."""
        self._end(list(self._trials))
        self._forget_launcher()

    def _end(self, tickets: list[int]) -> None:
        """Ask the trials to end, so that they can end what they run; kill those that do not."""
        trials = [self._trials[ticket] for ticket in tickets]
        self._wait_until(lambda: all(trial.pid is not None for trial in trials))
        for trial in trials:
            _signal_group(trial, signal.SIGTERM)
        self._wait_until(lambda: all(trial.status is not None for trial in trials))
        for trial in trials:
            _signal_group(trial, signal.SIGKILL)
        self._cancelled.update(tickets)
        for ticket in tickets:
            self._drop(ticket)

    def _wait_until(self, is_known: Callable[[], bool]) -> None:
        """Read the launcher's answers until ``is_known`` or there is nothing to wait for."""
        deadline_s = time.monotonic() + _ANSWER_WAIT_S
        while not is_known():
            if not self._read_answer(timeout_s=deadline_s - time.monotonic()):
                return

    def _started_control(self) -> socket.socket:
        if self._control is not None and self._launcher is not None:
            if self._launcher.poll() is None:
                return self._control
            self._forget_launcher()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE_BYTES)
        with theirs:
            self._launcher = child.start(
                [*_LAUNCHER, str(theirs.fileno()), self._measure],
                is_tied=False,  # the end of its socket ends it
                pass_fds=[theirs.fileno()],
                env=child.importing_environment(),
            )
        self._control = ours
        return ours

    def _forget_launcher(self) -> None:
        if self._control is not None:
            self._control.close()  # its end is what ends the launcher
        if self._launcher is not None:
            try:
                self._launcher.wait(_END_WAIT_S)
            except subprocess.TimeoutExpired:
                child.end(self._launcher)
        self._control = self._launcher = None

    def _read_answer(self, *, timeout_s: float) -> bool:
        """Take one message of the launcher; False when there is none or the launcher is gone."""
        if self._control is None or not wait([self._control], max(timeout_s, 0)):
            return False
        try:
            message = self._control.recv(MESSAGE_BYTES)
        except ConnectionError:
            message = b""
        if not message:
            self._forget_launcher()
            return False
        answer: Started | Ended = pickle.loads(message)
        trial = self._trials.get(answer.ticket)
        if isinstance(answer, Started):
            if trial is not None:
                trial.pid = answer.pid
            elif answer.ticket in self._cancelled:  # before it was known to run
                with suppress(ProcessLookupError):
                    os.kill(answer.pid, signal.SIGKILL)
        elif trial is not None:
            trial.status = answer.status
        return True

    def _read_event(self, ticket: int) -> list[Event]:
        trial = self._trials[ticket]
        try:
            message = trial.events.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            outcome = self._lost(trial)
            self._drop(ticket)
            return [Finished(ticket=ticket, outcome=outcome)]
        if isinstance(message, StageEvent):
            return [Progress(ticket=ticket, event=message)]
        assert isinstance(message, Completed | Infeasible | Failed)
        self._drop(ticket)
        return [Finished(ticket=ticket, outcome=message)]

    def _lost(self, trial: _Trial) -> Infeasible | Failed:
        """Say what is known of a trial whose pipe closed without an outcome."""
        self._wait_until(lambda: trial.status is not None)
        size = os.lseek(trial.output_fd, 0, os.SEEK_END)
        start = max(size - _OUTPUT_TAIL_BYTES, 0)
        detail = os.pread(trial.output_fd, _OUTPUT_TAIL_BYTES, start).decode(errors="replace")
        if trial.status is None:
            end = "vanished together with the process that starts trials"
        elif trial.status < 0:
            end = f"was killed by {signal.Signals(-trial.status).name}"
        else:
            end = f"ended with status {trial.status} without an outcome"
        fault = WorkerLost(
            f"the trial's process {end}",
            fix="look for memory shortage or kills in the system's log; run fewer workers",
            detail=detail.strip(),
        )
        return outcome_of(fault, Measurement(metrics=()))

    def _drop(self, ticket: int) -> None:
        trial = self._trials.pop(ticket)
        trial.events.close()
        os.close(trial.output_fd)


def make(measure: str, *, address: str | None) -> Executor:
    """See ``runners.executors.make_executor``.

    Raises:
        ConfigError: A scheduler is named, which has no part in this.
    """
    if address:
        raise ConfigError(
            f'executor "local" has no scheduler, and {address} is named',
            fix='set executor = "dask" in [study], or take scheduler away',
        )
    return LocalExecutor(measure)


def _signal_group(trial: _Trial, number: signal.Signals) -> None:
    """Signal a trial's process group while the trial runs."""
    if trial.pid is not None and trial.status is None:
        child.signal_group(trial.pid, number)
