"""What the store hands out: frozen rows, free of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from contracts.belief import Belief
from contracts.faults import FaultKind
from contracts.measurement import Fidelity, Measurement
from contracts.parameter import Value
from contracts.untrusted import parse_json
from runners.job import SimulatedCycles

if TYPE_CHECKING:  # NumPy takes a while to import
    import numpy as np
    from numpy.typing import NDArray
STAND_IN = "random instead of "
"""How ``suggested_by`` begins for a design that was drawn because the search failed."""


class TrialState(StrEnum):
    """Where a trial is. The last three are ends; ``failed`` can be queued again."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    INFEASIBLE = "infeasible"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """What happens to a trial whose attempt failed by infrastructure.

    Attributes:
        attempts: Failed attempts after which the trial is ``failed`` until it is queued again.
        backoff_s: Wait before the second attempt; three times as long before each further one.
    """

    attempts: int = 3
    backoff_s: float = 2.0

    def wait_s(self, failures: int) -> float:
        """Return how long to wait after the given number of failures in a row."""
        return self.backoff_s * 3.0 ** max(failures - 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What people wrote beside a study or a trial.

    Attributes:
        note: A text of a few lines; empty where there is none.
        tags: Words to find it by, in alphabetical order.
    """

    note: str = ""
    tags: tuple[str, ...] = ()


def stored_remark(note: str | None, tags_json: str | None) -> Remark:
    """Return a remark as columns have it.

    Raises:
        ValueError: The tags are no list of texts.
    """
    tags = [] if tags_json is None else parse_json(tags_json)
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValueError(f"tags_json is {str(tags_json)[:60]!r}")
    return Remark(note=note or "", tags=tuple(tags))


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRecord:
    """One study as it was started.

    Attributes:
        id: Key in the database.
        name: Unique in the database.
        created_s: Seconds since 1970, UTC.
        config_toml: The config as the person wrote it.
        config_json: The resolved config: enough to run it without any other file but the model.
        source_hash: Of the software's sources when the study was created.
        stop_requested_s: When a person asked that no further trial is started, or None.
        space_json: The space as it was when the study was started or resumed last, see
            ``dse.config.known_space``; None in old databases.
        oracle_json: Which faults the golden inputs would show, see
            ``runners.stages.golden.OracleReport``; None in old databases.
        importance_json: What the model that suggested last makes of each parameter, JSON of
            ``contracts.belief.Importance``; None where no model has.
        note: What a person wrote beside it, or None.
        tags_json: Words that a person finds it by, JSON list of texts, or None.
        archived_s: When a person put it away, so that lists leave it out, or None.
    """

    id: int
    name: str
    created_s: float
    config_toml: str
    config_json: str
    source_hash: str
    stop_requested_s: float | None
    space_json: str | None
    oracle_json: str | None
    importance_json: str | None
    note: str | None = None
    tags_json: str | None = None
    archived_s: float | None = None

    @property
    def remark(self) -> Remark:
        """Note and tags."""
        return stored_remark(self.note, self.tags_json)


NOTIFY = "notify"
"""What ``AuditRecord.action`` says of a notice that a process gave, and no person asked for."""

DELETE = "delete"
"""What ``AuditRecord.action`` says of a study that a person deleted."""

COPY = "copy"
"""What ``AuditRecord.action`` says of a study that came from another database."""

PRESENT = "work"
"""What ``AuditRecord.action`` says while a process works on a study, see ``dse.store.presence``."""

BY_HAND = "hand"
"""Who suggested a design that a person queued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTrial:
    """A suggestion to be queued.

    Attributes:
        design_id: Hash of the design.
        design_json: Canonical text of the design.
        suggested_by: How the design was found, see ``dse.suggest.Suggestion``; ``STAND_IN`` and
            the name of the search that failed; ``promotion``, or ``BY_HAND``.
        fidelity: How far to measure it.
        promotes: Key of the trial whose design it measures at a higher fidelity, or None.
        belief: Why it is tried and what is expected of it, or None.
    """

    design_id: str
    design_json: str
    suggested_by: str
    fidelity: Fidelity = Fidelity.SYNTHESISED
    promotes: int | None = None
    belief: Belief | None = None


class TrialRecord(NamedTuple):
    """One trial without its results, in the order of the columns of ``trials``.

    A named tuple, since a study has a hundred thousand of them.

    Attributes:
        id: Key in the database.
        study_id: Key of its study.
        number: From 1 in its study.
        design_id: Hash of the design.
        design_json: Canonical text of the design.
        context: Hash of target, workload, sources and tools that it was queued under.
        fidelity: How far it is measured.
        suggested_by: See ``NewTrial``.
        state: Where it is.
        created_s: When it was queued, seconds since 1970.
        ended_s: When it ended, or None.
        failures: Failed attempts since it was last queued by a person.
        not_before_s: It is not claimed earlier than this.
        reused_from: Key of the trial whose result it shares, or None.
        promotes: Key of the trial whose design it measures at a higher fidelity, or None.
        revision: Number of its last change, in the order of all changes of the study's trials.
    """

    id: int
    study_id: int
    number: int
    design_id: str
    design_json: str
    context: str
    fidelity: Fidelity
    suggested_by: str
    state: TrialState
    created_s: float
    ended_s: float | None
    failures: int
    not_before_s: float
    reused_from: int | None
    promotes: int | None
    revision: int

    @property
    def is_stand_in(self) -> bool:
        """Whether its design was drawn at random because the search failed."""
        return self.suggested_by.startswith(STAND_IN)

    @property
    def is_by_hand(self) -> bool:
        """Whether a person queued it: it does not count against the budget."""
        return self.suggested_by == BY_HAND

    @property
    def design(self) -> dict[str, Value]:
        """The design's active parameters."""
        return design_values(self.design_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One attempt at a trial.

    Attributes:
        id: Key in the database.
        trial_id: Key of its trial.
        number: From 1 in its trial.
        worker: Who runs or ran it.
        started_s: When it was claimed.
        heartbeat_s: When its worker was last heard of.
        lease_until_s: When it may be taken away.
        stage: The stage that runs or ran last, or None before the first.
        stage_since_s: When that stage began.
        ended_s: When it ended; None while it holds the lease.
        outcome: ``completed``, ``infeasible`` or ``failed``; None while it runs.
        kind: Of the fault, if there was one.
        what: One sentence about the fault.
        fix: What to do about it.
        detail: Longer evidence.
        is_own_limit: A program reached a limit by what it did itself, see ``contracts.faults``.
    """

    id: int
    trial_id: int
    number: int
    worker: str
    started_s: float
    heartbeat_s: float
    lease_until_s: float
    stage: str | None
    stage_since_s: float | None
    ended_s: float | None
    outcome: TrialState | None
    kind: FaultKind | None
    what: str | None
    fix: str | None
    detail: str | None
    is_own_limit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to run one trial; only its holder can finish it.

    Attributes:
        attempt_id: What to finish and to heartbeat.
        attempt_number: From 1 in the trial.
        trial: What to run.
    """

    attempt_id: int
    attempt_number: int
    trial: TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """One trial with what a table or a front needs.

    Attributes:
        trial: The trial.
        metrics: Metric name to value; empty before its end.
        estimates: Names of the metrics that rest on a requested or predicted clock.
        reused_from: (study name, trial number) of the shared result, or None.
        kind: Fault of the last attempt, or None.
        what: One sentence about that fault, or None.
        started_s: When its last attempt began, or None.
    """

    trial: TrialRecord
    metrics: dict[str, float]
    estimates: frozenset[str]
    reused_from: tuple[str, int] | None
    kind: FaultKind | None
    what: str | None
    started_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrialColumns:
    """What decides which of some trials count, one value a trial, by number.

    Attributes:
        ids: Keys in the database.
        numbers: In their study.
        states: Positions in ``TrialState``.
        revisions: Numbers of their last changes.
        reused_from: Keys of the trials whose results they share; 0 where there is none.
        promotes: Keys of the trials whose designs they measure at a higher fidelity; 0 where there
            is none.
        is_stand_in: Whether each design was drawn at random because the search failed.
        is_by_hand: Whether a person queued each of them.
        design_ids: Hashes of the designs.
    """

    ids: "NDArray[np.int64]"
    numbers: "NDArray[np.int64]"
    states: "NDArray[np.int8]"
    revisions: "NDArray[np.int64]"
    reused_from: "NDArray[np.int64]"
    promotes: "NDArray[np.int64]"
    is_stand_in: "NDArray[np.bool_]"
    is_by_hand: "NDArray[np.bool_]"
    design_ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricValues:
    """One metric of some trials, which may be that of the trials whose results they share.

    Attributes:
        name: Of the metric.
        unit: Of its values, for example ``us``.
        numbers: Of the trials that have it, in their study.
        values: One a trial.
        fidelities: That each value was obtained at, as its position in ``Fidelity``.
        estimates: Whether each value rests on a clock that is only requested.
    """

    name: str
    unit: str
    numbers: "NDArray[np.int64]"
    values: "NDArray[np.float64]"
    fidelities: "NDArray[np.int8]"
    estimates: "NDArray[np.bool_]"


class AttemptRow(NamedTuple):
    """The last attempt at one trial, or at the trial whose result it shares.

    Attributes:
        number: Of the trial in its study.
        started_s: When the attempt began, seconds since 1970.
        ended_s: When it ended, or None.
        kind: Of its fault, or None.
        what: One sentence about the fault, or None.
    """

    number: int
    started_s: float
    ended_s: float | None
    kind: FaultKind | None
    what: str | None


AttemptsWanted = Literal["none", "faults", "all"]
"""Which last attempts are read: none, those with a fault, or that of every trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastAttempts:
    """The last attempt at each of some trials, or at the trials whose results they share.

    Attributes:
        numbers: Of the trials in their study; those without an attempt that was asked for are
            not there.
        started_s: When each attempt began, seconds since 1970.
        ended_s: When it ended; NaN while it runs.
        faults: Number of a trial to the kind of its fault and one sentence, where there was one.
    """

    numbers: "NDArray[np.int64]"
    started_s: "NDArray[np.float64]"
    ended_s: "NDArray[np.float64]"
    faults: Mapping[int, tuple[FaultKind, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyChanges:
    """What changed in a study since a revision, all of one moment.

    Attributes:
        study: The study as it is now.
        remarks: What people wrote beside its trials, by number, changed or not: a few.
        trials: That changed or came.
        records: The same trials whole, in the same order; None unless asked for.
        metrics: Of these trials.
        attempts: The last ones at these trials, as far as asked for.
        origins: Key of a trial whose result one of them shares, to its study's name and number.
    """

    study: StudyRecord
    remarks: Mapping[int, Remark]
    trials: TrialColumns
    records: tuple[TrialRecord, ...] | None
    metrics: tuple[MetricValues, ...]
    attempts: LastAttempts
    origins: Mapping[int, tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTrial:
    """A trial whose attempt holds a lease now.

    Attributes:
        number: Of the trial.
        attempt: Number of the attempt.
        worker: Who runs it.
        started_s: When it was claimed, seconds since 1970.
        heartbeat_s: When its worker was last heard of.
        lease_until_s: When it may be taken away.
        stage: That runs now, or None before the first.
        stage_since_s: When that stage began, or None.
        fraction: Its finished share, 0 to 1, where it is known.
        cycles: That it has simulated, where it simulates.
    """

    number: int
    attempt: int
    worker: str
    started_s: float
    heartbeat_s: float
    lease_until_s: float
    stage: str | None
    stage_since_s: float | None
    fraction: float | None = None
    cycles: SimulatedCycles | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedAttempt:
    """When an attempt ran, and how long each of its stages took.

    Attributes:
        trial: Number of the trial in its study.
        number: Of the attempt, from 1 in the trial.
        worker: Who runs or ran it.
        started_s: When it was claimed, seconds since 1970.
        ended_s: When it ended, or None.
        outcome: ``completed``, ``infeasible`` or ``failed``; None while it runs.
        stage: The stage that runs or ran last, or None before the first.
        stage_since_s: When that stage began.
        stages: In order: name, wall time in seconds, whether it came from the cache. Empty until
            the attempt has ended.
    """

    trial: int
    number: int
    worker: str
    started_s: float
    ended_s: float | None
    outcome: TrialState | None
    stage: str | None
    stage_since_s: float | None
    stages: tuple[tuple[str, float, bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialDetail:
    """Everything that is known about one trial.

    Attributes:
        result: The trial and its metrics by name.
        attempts: Of this trial, or of the one whose result it shares; oldest first.
        measurement: Of the last attempt that ended.
        belief: What was believed of the design when it was suggested, or None.
        remark: What people wrote beside it.
    """

    result: TrialResult
    attempts: tuple[AttemptRecord, ...]
    measurement: Measurement
    belief: Belief | None = None
    remark: Remark = Remark()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialWork:
    """What the trial of a design cost, whatever the network and the target.

    Attributes:
        study: Name of its study.
        fidelity: How far it went.
        macs: Multiply-accumulates of an inference.
        cycles: Of an inference.
        simulated_cpu_s: CPU-seconds of the simulation; 0 where it was there already.
        other_cpu_s: Of everything else that was built for it.
    """

    study: str
    fidelity: Fidelity
    macs: int
    cycles: float
    simulated_cpu_s: float
    other_cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCost:
    """One stage of an ended trial.

    Attributes:
        stage: Its name.
        key: Of the artefact; None where the stage failed.
        cpu_s: CPU-seconds that it took.
        was_cached: Whether the artefact was there already.
    """

    stage: str
    key: str | None
    cpu_s: float
    was_cached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStages:
    """The stages that a trial with a result went through, in their order.

    Attributes:
        trial_id: Key of the trial.
        revision: Number of its last change, in the order of all changes of the study's trials.
        design_json: Canonical text of the design.
        state: Completed, or infeasible: then the last stage may be the one that it failed in.
        stages: What they were.
    """

    trial_id: int
    revision: int
    design_json: str
    state: TrialState
    stages: tuple[StageCost, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySummary:
    """One line of ``list``.

    Attributes:
        study: The study.
        counts: Number of trials in each state; every state is present.
        last_s: When a trial ended last, or None.
        problem: Why the study cannot be read, or None. Then ``study`` has what can be told of it.
    """

    study: StudyRecord
    counts: dict[TrialState, int]
    last_s: float | None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextRecord:
    """What some results of a study depend on beside their designs.

    Attributes:
        key: As in ``TrialRecord.context``.
        facts: JSON object, or None where an older version did not keep it.
        results: Trials of the study that were measured under it themselves and have a result.
    """

    key: str
    facts: dict[str, Any] | None
    results: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A metric of a completed trial of any study.

    Attributes:
        trial_id: Key of the trial.
        design_json: Canonical text of the design.
        value: Of the metric.
        fidelity: That the value was obtained at.
    """

    trial_id: int
    design_json: str
    value: float
    fidelity: Fidelity


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedStudy:
    """What was written of a study that was copied.

    Attributes:
        study: Its name there.
        trials: How many.
        attempts: At these trials, and those of results of other studies that it shares.
    """

    study: str
    trials: int
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedStudy:
    """What went with a deleted study.

    Attributes:
        study: Its name.
        trials: How many were removed.
        attempts: At these trials, that were removed.
        handed_over: Trials of other studies that shared its results and keep them.
    """

    study: str
    trials: int
    attempts: int
    handed_over: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """Something that a person did, or tried to do, to a study.

    Attributes:
        time_s: When, seconds since 1970.
        client: Address that the request came from.
        action: For example ``resume``, ``stop``, ``queue``.
        study: Name of the study.
        detail: What was asked, JSON values.
        outcome: ``done``, or why it was refused.
    """

    time_s: float
    client: str
    action: str
    study: str
    detail: dict[str, Any]
    outcome: str


_KINDS = frozenset({bool, int, str})
"""Of the values of parameters."""


def design_values(design_json: str) -> dict[str, Value]:
    """Return the parameters in a design's canonical text, whichever schema wrote it.

    Raises:
        ValueError: It is not the text of a design.
    """
    decoded: Any = parse_json(design_json)
    inner = decoded.get("values", decoded) if isinstance(decoded, dict) else None
    if not isinstance(inner, dict) or not _KINDS.issuperset(map(type, inner.values())):
        raise ValueError(f"not a design: {design_json[:80]!r}")
    return {name: value for name, value in inner.items() if name != "schema"}
