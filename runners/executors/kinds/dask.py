"""Trials on the workers of a Dask cluster: ``executor = "dask"`` and the address of its scheduler.

The cluster is the user's own: started by ``make cluster``, by hand, by dask-jobqueue or on
Kubernetes. A worker has a checkout and tools of its own, and a cache of its own; one whose sources
or tools would change results gets no trial. Models and code of the user's travel with a trial, as
digests and bytes, and are written below the worker's own folder.

A trial is a task. In it, the worker runs ``LocalExecutor``, so the trial is a process of its own
there too, which ends with the worker, and whose tools end with it. What a task has to tell comes
by way of the scheduler's events. Dask would run a task again where its worker disappears; here the
campaign is told ``worker-lost`` and decides, as everywhere.
"""

import functools
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import distributed

from contracts.faults import Bug, ConfigError, DseError, ToolCrashed, WorkerLost
from contracts.measurement import Failed, Fidelity, Measurement, Outcome, outcome_of
from runners.executors.interface import Event, Executor, Finished, Progress
from runners.executors.kinds.local import LocalExecutor
from runners.executors.parcels import Parcel, pack
from runners.job import Job, SimulatedCycles, StageEvent, StageState
from runners.pipeline import ROOT, source_digest
from runners.pipeline.sources import ROOMS
from runners.tools import all_identities

_LOG = logging.getLogger(__name__)
_CONNECT_S = 10.0
_RECONNECT_S = 5.0
_ANSWER_S = 5.0
"""For an outcome to come from its worker; Dask would wait until another one has run the trial."""
_LOOK_S = 2.0
"""How often the scheduler's workers are looked at; its own list is as old at the most."""
_CHANGED = OSError
"""What Dask raises when a worker or the scheduler goes away under a call: its `CommClosedError` and
time-outs are such. A worker that dies under a call closes the client's own connection."""
_WAITING = StageEvent(stage="wait-for-a-worker", state=StageState.STARTED)
BOARD = "board"
"""Resource that a worker with a real board declares; such a trial goes to one that has it."""

# --- at the campaign


@dataclass(slots=True, kw_only=True)
class _Sent:
    """A trial at the cluster.

    Attributes:
        token: Its task's key; a trial that is sent again has another one.
        future: Dask's hold on it.
        worker: Where it runs, once it has told.
    """

    token: str
    future: Any
    worker: str | None = None


@dataclass(slots=True)
class DaskExecutor:
    """Runs each job as a task of a cluster; waits for a scheduler that goes away.

    Args:
        measure: See ``runners.executors.make_executor``.
        address: Of the scheduler, such as ``tcp://10.0.0.1:8786`` or ``tls://…``.
    """

    measure: str
    address: str
    _client: Any = field(default=None, init=False)
    _topic: str = field(default_factory=lambda: f"dse-{uuid.uuid4().hex}", init=False)
    _told: SimpleQueue[Any] = field(default_factory=SimpleQueue, init=False)
    _waiting: deque[tuple[int, Job]] = field(default_factory=deque, init=False)
    _sent: dict[int, _Sent] = field(default_factory=dict, init=False)
    _facts: dict[str, Mapping[str, Any]] = field(default_factory=dict, init=False)
    _told_waiting: set[int] = field(default_factory=set, init=False)
    _next_look_s: float = field(default=0.0, init=False)
    _next_connect_s: float = field(default=0.0, init=False)

    def submit(self, ticket: int, job: Job) -> None:
        """See ``Executor.submit``; the first job finds out whether there is a scheduler.

        Raises:
            ToolCrashed: There is none at the address.
        """
        if self._client is None:
            self._client = _connect(self.address, self._topic, self._told)
        self._waiting.append((ticket, job))
        self._next_look_s = 0.0

    def poll(self, timeout_s: float) -> tuple[Event, ...]:
        """See ``Executor.poll``.

        Raises:
            ConfigError: There are workers, but none that would measure what this process does.
        """
        if self._client is None:  # nothing was submitted
            time.sleep(timeout_s)
            return ()
        found: list[Event] = []
        if not self._is_connected():
            found += self._lose(list(self._sent), "the scheduler of the cluster went away")
            self._reconnect()
        elif time.monotonic() >= self._next_look_s:
            self._next_look_s = time.monotonic() + _LOOK_S
            found += self._look()
        found += self._tell_who_waits()
        wait_s = 0.0 if found else timeout_s
        with suppress(Empty):
            while True:
                word = self._told.get(timeout=wait_s) if wait_s else self._told.get_nowait()
                wait_s = 0.0
                found += self._heard(word)
        return tuple(found)

    def cancel(self, ticket: int) -> None:
        """See ``Executor.cancel``."""
        self._waiting = deque(each for each in self._waiting if each[0] != ticket)
        sent = self._sent.pop(ticket, None)
        self._end([] if sent is None else [sent])

    def close(self) -> None:
        """See ``Executor.close``."""
        self._waiting.clear()
        sent, self._sent = list(self._sent.values()), {}
        if self._client is not None:
            self._end(sent)
            with suppress(_CHANGED):
                self._client.close(timeout=_CONNECT_S)
            self._client = None

    def _is_connected(self) -> bool:
        return bool(self._client.status == "running")

    def _reconnect(self) -> None:
        """Look for the scheduler again, now and then; trials that wait go on waiting."""
        if time.monotonic() < self._next_connect_s:
            return
        with suppress(_CHANGED):
            self._client.close(timeout=1)
        with suppress(ToolCrashed):
            self._client = _connect(self.address, self._topic, self._told, timeout_s=2.0)
            self._facts.clear()
        self._next_connect_s = time.monotonic() + _RECONNECT_S

    def _look(self) -> list[Event]:
        """Send what waits to workers that there are, and miss those that are gone."""
        try:
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
        except _CHANGED:
            return []  # the scheduler went away just now, which the next poll sees
        gone = [
            ticket
            for ticket, sent in self._sent.items()
            if sent.worker and sent.worker not in workers
        ]
        lost = self._lose(gone, "the worker of the cluster disappeared")
        if self._waiting and workers:
            fitting = self._fitting(workers)
            while fitting and self._waiting and self._send(*self._waiting[0], fitting):
                self._waiting.popleft()
        return lost

    def _fitting(self, workers: Mapping[str, Any]) -> dict[str, Any]:
        """Return the workers that measure what this process would, of those that answer.

        Raises:
            ConfigError: All have answered, and there are none.
        """
        new = [address for address in workers if address not in self._facts]
        if new:
            self._facts |= self._facts_of(new)
        ours, differences = facts(), set[str]()
        for address in workers.keys() & self._facts.keys():
            found = _differences(ours, self._facts[address])
            if found and address in new:
                _LOG.warning("worker %s gets no trial: %s", address, "; ".join(found))
            differences.update(found)
        fitting = {a: w for a, w in workers.items() if self._facts.get(a) == ours}
        if not fitting and self._facts.keys() >= workers.keys():
            raise ConfigError(
                f"no worker of {self.address} would measure what this process does: "
                + "; ".join(sorted(differences)),
                fix="give the workers this checkout and these tools, and start them again",
            )
        return fitting

    def _facts_of(self, workers: list[str]) -> Mapping[str, Mapping[str, str]]:
        """Ask workers what they would measure with; one that does not answer is left out."""
        try:
            found: Mapping[str, Mapping[str, str]] = self._client.run(
                facts, workers=workers, on_error="ignore"
            )
        except _CHANGED:
            return {}  # asked again at the next look
        return found

    def _send(self, ticket: int, job: Job, workers: Mapping[str, Any]) -> bool:
        """Return whether the cluster took a trial; one that it did not take is sent again."""
        resources = {BOARD: 1.0} if job.fidelity is Fidelity.BOARD else {}
        if resources and not any(w["resources"].get(BOARD) for w in workers.values()):
            raise ConfigError(
                f"no worker of {self.address} has a board",
                fix=f'start one that does: dask worker {self.address} --resources "{BOARD}=1"',
            )
        token = uuid.uuid4().hex
        packed, parcel = pack(job)
        try:
            # by its content: the bytes go to each worker once
            held = self._client.scatter(parcel, hash=True)
        except _CHANGED as error:
            _LOG.warning("the cluster changed while a trial was sent; it is sent again: %s", error)
            return False
        future = self._client.submit(
            run_trial,
            token,
            packed,
            held,
            self.measure,
            self._topic,
            key=token,
            pure=False,
            retries=0,
            workers=list(workers),
            resources=resources,
        )
        self._sent[ticket] = _Sent(token=token, future=future)
        future.add_done_callback(lambda done: self._told.put(_Word(ticket=ticket, done=done)))
        return True

    def _tell_who_waits(self) -> list[Event]:
        """Say it once of each trial: there is no worker, or no scheduler for now."""
        new = [ticket for ticket, _ in self._waiting if ticket not in self._told_waiting]
        self._told_waiting = {ticket for ticket, _ in self._waiting}
        return [Progress(ticket=ticket, event=_WAITING) for ticket in new]

    def _heard(self, word: "_Word") -> Iterator[Event]:
        ticket = word.ticket
        if word.token:
            ticket = next((t for t, sent in self._sent.items() if sent.token == word.token), -1)
        sent = self._sent.get(ticket)
        if sent is None or (word.done is not None and word.done is not sent.future):
            return  # of a trial that was cancelled, or lost and sent again
        if word.worker:
            sent.worker = word.worker
        if word.event is not None:
            yield Progress(ticket=ticket, event=word.event)
        elif word.done is not None:
            # what the task told is on its way by the scheduler, too, but the outcome has it all
            del self._sent[ticket]
            outcome = _outcome(word.done)
            if isinstance(outcome, Failed):
                self._end([sent])  # Dask would run a trial whose answer is lost again
            yield Finished(ticket=ticket, outcome=outcome)

    def _lose(self, tickets: list[int], what: str) -> list[Event]:
        lost = [self._sent.pop(ticket) for ticket in tickets]
        self._end(lost)
        fault = WorkerLost(what, fix="look at the cluster; the trial is tried again")
        outcome = outcome_of(fault, Measurement(metrics=()))
        return [Finished(ticket=ticket, outcome=outcome) for ticket in tickets]

    def _end(self, sent: list[_Sent]) -> None:
        """Take trials from the cluster; where a task runs, its worker is told to stop it."""
        if not sent or not self._is_connected():
            return  # workers end what they run when their scheduler is gone
        with suppress(_CHANGED):
            self._client.cancel([each.future for each in sent], force=True)
            tokens = [each.token for each in sent]
            self._client.run(stop_trials, tokens, on_error="ignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    """Something heard of a trial, from Dask's own thread: where it is, an event, or its end."""

    ticket: int = -1
    token: str = ""
    worker: str = ""
    event: StageEvent | None = None
    done: Any = None


def _connect(
    address: str, topic: str, told: SimpleQueue[Any], *, timeout_s: float | None = None
) -> Any:
    """Return a client of a scheduler that puts what trials tell into ``told``.

    Raises:
        ToolCrashed: It cannot be reached.
    """

    def take(event: tuple[Any, Any]) -> None:
        token, worker, *of_stage = event[1]
        told.put(_Word(token=token, worker=worker, event=_stage_event(*of_stage)))

    try:
        client = distributed.Client(address, timeout=timeout_s or _CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ToolCrashed(
            f"there is no Dask scheduler at {address}: {error}",
            fix="start one (`make cluster` starts one on this machine), or correct study.scheduler",
        ) from error
    client.subscribe_topic(topic, take)
    return client


def _stage_event(
    stage: str = "",
    state: str = "",
    fraction: float | None = None,
    cycles: Mapping[str, Any] | None = None,
) -> StageEvent | None:
    if not stage:
        return None
    simulated = None if cycles is None else SimulatedCycles(**cycles)
    return StageEvent(stage=stage, state=StageState(state), fraction=fraction, cycles=simulated)


def _outcome(done: Any) -> Outcome:
    """Return what a task that has ended says."""
    try:
        if done.status == "finished":
            outcome: Outcome = done.result(timeout=_ANSWER_S)
            return outcome
        problem = done.exception(timeout=_ANSWER_S) if done.status == "error" else None
    except (distributed.client.FutureCancelledError, _CHANGED):
        problem = None  # its worker went away with the answer
    if isinstance(problem, DseError):
        return outcome_of(problem, Measurement(metrics=()))
    if problem is None or isinstance(problem, distributed.scheduler.KilledWorker):
        lost = WorkerLost(
            "the cluster lost the trial", fix="look at the logs of the scheduler and its workers"
        )
        return outcome_of(lost, Measurement(metrics=()))
    bug = Bug(f"unexpected {type(problem).__name__}: {problem}", fix="report it")
    return outcome_of(bug, Measurement(metrics=()))


def _differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Say what a worker has otherwise: ``verilator 5.006 here, 5.032 there``."""
    return [
        f"{name} {_short(ours.get(name))} here, {_short(theirs.get(name))} there"
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    ]


def _short(value: str | None) -> str:
    return "missing" if value is None else value[:12]


# --- at a worker

_STOPPED: set[str] = set()
_OF_THREAD = threading.local()


@functools.cache
def facts() -> Mapping[str, str]:
    """Return what results depend on beside their job: sources by room, tools by name.

    Found once a process: it reads every source, and is asked for at each trial.
    """
    return {room: source_digest(ROOT / room) for room in ROOMS} | all_identities()


def stop_trials(tokens: list[str]) -> None:
    """End the trials of these tasks, if this worker runs them."""
    _STOPPED.update(tokens)


def run_trial(token: str, job: Job, parcel: Parcel, measure: str, topic: str) -> Outcome:
    """Measure a job in a process of its own: what a task does.

    Raises:
        WorkerLost: The trial was cancelled.
    """
    worker = distributed.get_worker()
    job = parcel.unpack(job, Path(worker.local_directory) / "parcels")

    def tell(*of_stage: str | float | Mapping[str, Any] | None) -> None:
        worker.log_event(topic, (token, worker.address, *of_stage))

    tell()  # from here on it is known where the trial is
    executor, ticket = _executor_of_thread(measure)
    executor.submit(ticket, job)
    while token not in _STOPPED:
        for event in executor.poll(0.2):
            if isinstance(event, Finished):
                return event.outcome
            told = event.event
            cycles = None if told.cycles is None else asdict(told.cycles)
            tell(told.stage, told.state.value, told.fraction, cycles)
    _STOPPED.discard(token)
    executor.cancel(ticket)
    raise WorkerLost("the trial was cancelled", fix="resume the study")


def _executor_of_thread(measure: str) -> tuple[LocalExecutor, int]:
    """Return this thread's executor, whose launcher stays warm, and a ticket for a job."""
    if getattr(_OF_THREAD, "measure", None) != measure:
        _OF_THREAD.measure, _OF_THREAD.executor, _OF_THREAD.tickets = (
            measure,
            LocalExecutor(measure),
            0,
        )
    _OF_THREAD.tickets += 1
    return _OF_THREAD.executor, _OF_THREAD.tickets


def make(measure: str, *, address: str | None) -> Executor:
    """See ``runners.executors.make_executor``.

    Raises:
        ConfigError: No scheduler is named.
    """
    if not address:
        raise ConfigError(
            'executor "dask" needs the address of a scheduler',
            fix='set scheduler in [study], for example "tcp://127.0.0.1:8786", where `make cluster`'
            " starts one",
        )
    return DaskExecutor(measure, address)
