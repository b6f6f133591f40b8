"""The process side of the local executor: a launcher that forks one process per trial.

The launcher imports the measuring code once and then forks in milliseconds. It is single-threaded
and ends when its socket closes, that is when the campaign ends for whatever reason; the trials
end with it, and the programs that they run end with them.

Protocol: the campaign sends pickled ``Request`` messages with two file descriptors (pipe for
events, file for output); the launcher answers ``Started`` and later ``Ended``.
"""

import gc
import importlib
import os
import pickle
import select
import signal
import socket
import sys
import traceback
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from contracts.faults import Bug, DseError
from contracts.measurement import Measurement, Outcome, outcome_of
from runners.job import Job, StageEvent
from runners.tools.child import start_copy

MESSAGE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """Run ``job`` under ``ticket``."""

    ticket: int
    job: Job


@dataclass(frozen=True, slots=True)
class Started:
    """The job's process has this id, which is also the id of its process group."""

    ticket: int
    pid: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The job's process has ended: its exit status, negative for a signal."""

    ticket: int
    status: int


def main() -> None:
    """Serve requests on the inherited socket until it closes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    measure_name = sys.argv[2]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the campaign's business
    measure = load_function(measure_name)
    warm_up = getattr(sys.modules[measure.__module__], "warm_up", None)
    if warm_up is not None:
        warm_up()
    gc.freeze()  # keeps the pages of imported modules shared with the trials
    trials: dict[int, tuple[int, int]] = {}  # pidfd -> ticket, pid
    while True:
        readable: list[int] = select.select([control.fileno(), *trials], [], [])[0]
        for pidfd in trials.keys() & set(readable):
            ticket, pid = trials.pop(pidfd)
            _, status = os.waitpid(pid, 0)
            os.close(pidfd)
            _answer(control, Ended(ticket, os.waitstatus_to_exitcode(status)))
        if control.fileno() in readable:
            try:
                message, fds, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 2)
            except ConnectionResetError:
                return
            if not message:
                return
            request: Request = pickle.loads(message)
            pid = start_copy(partial(_run_trial, control, measure, request.job, fds))
            for fd in fds:
                os.close(fd)
            trials[os.pidfd_open(pid)] = (request.ticket, pid)
            _answer(control, Started(request.ticket, pid))


def load_function(name: str) -> Any:
    """Return the function called ``package.module:function``."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _answer(control: socket.socket, message: Started | Ended) -> None:
    try:
        control.send(pickle.dumps(message))
    except BrokenPipeError:
        sys.exit(0)  # the campaign is gone


def _run_trial(control: socket.socket, measure: Any, job: Job, fds: list[int]) -> NoReturn:
    """Be the trial's process: measure, send the outcome, exit. Never returns."""
    control.close()
    events_fd, output_fd = fds
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # unwinds, so tools are ended too
    for fd in (1, 2):
        os.dup2(output_fd, fd)
    events = Connection(events_fd)

    def report(event: StageEvent) -> None:
        events.send(event)

    status = 1
    try:
        outcome: Outcome = measure(job, report=report)
        events.send(outcome)
        status = 0
    except DseError as error:
        events.send(outcome_of(error, Measurement(metrics=())))
        status = 0
    except Exception as error:  # noqa: BLE001 - the worker loop: the one place
        bug = Bug(
            f"unexpected {type(error).__name__}: {error}",
            fix="report it with the traceback that `show` prints",
            detail=traceback.format_exc(),
        )
        events.send(outcome_of(bug, Measurement(metrics=())))
        status = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
