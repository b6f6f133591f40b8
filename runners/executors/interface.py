"""What a campaign expects of an executor."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from contracts.measurement import Outcome
from runners.job import Job, StageEvent

Measure = Callable[..., Outcome]
"""``measure(job, *, report)``: runs the stages of one job; ``report`` takes each StageEvent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A stage of the job under ``ticket`` changed its state."""

    ticket: int
    event: StageEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The job under ``ticket`` has ended; it is told once, and nothing follows it."""

    ticket: int
    outcome: Outcome


Event = Progress | Finished


class Executor(Protocol):
    """Runs jobs at the same time. Belongs to one thread; close it, also after a failure."""

    def submit(self, ticket: int, job: Job) -> None:
        """Start a job under a number that no running job has. Returns at once.

        Raises:
            DseError: No worker could be started.
        """
        ...

    def poll(self, timeout_s: float) -> tuple[Event, ...]:
        """Return what happened, waiting at most ``timeout_s`` for the first event.

        Every submitted job ends in exactly one ``Finished``: a worker that dies is reported as
        Failed(worker-lost), an unexpected exception as Failed(bug).
        """
        ...

    def cancel(self, ticket: int) -> None:
        """End a job and every program it started; no event comes from it afterwards."""
        ...

    def close(self) -> None:
        """End everything that still runs."""
        ...
