"""What a campaign tells while it runs; displays and tests listen."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from contracts.measurement import Outcome
from dse.store import TrialRecord, TrialState
from runners.job import StageEvent


class Ending(StrEnum):
    """Why ``Campaign.run`` returned."""

    BUDGET = "budget"
    """All trials that were asked for have ended."""
    EXHAUSTED = "exhausted"
    """Every design of the space has been tried."""
    CONVERGED = "converged"
    """The expected gain stays below ``suggest.stop_gain``; `resume` with a smaller one goes on."""
    STOPPED = "stopped"
    """A person asked for no further trials; `resume` goes on."""
    INTERRUPTED = "interrupted"
    """A person stopped it; `resume` goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The search algorithm is thinking about the next designs."""

    algorithm: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """All designs have been measured; the best ones are measured at a higher fidelity."""

    trials: tuple[TrialRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStarted:
    """An attempt at a trial began."""

    trial: TrialRecord
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageChanged:
    """A stage of a running trial changed its state."""

    number: int
    event: StageEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded:
    """An attempt ended. ``state`` is the trial's new state: ``waiting`` means another attempt.

    ``state`` is None when the lease had been lost: the outcome was thrown away.
    """

    trial: TrialRecord
    outcome: Outcome
    state: TrialState | None
    wall_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReused:
    """A trial ended at once with the result of an equal one."""

    trial: TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One line that displays print: lost leases, a failed search, results that are not reused."""

    text: str


CampaignEvent = Asking | Promoted | TrialStarted | StageChanged | AttemptEnded | TrialReused | Note
Listener = Callable[[CampaignEvent], None]
