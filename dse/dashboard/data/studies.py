"""The studies of one database: read once, kept, and read again when the file was written."""

import threading
from dataclasses import dataclass
from functools import lru_cache

from contracts.belief import Belief, Importance
from contracts.faults import ConfigError
from dse.config import StudyConfig, config_from_json
from dse.results.calibration import MOST_TRIALS
from dse.results.columns import StudyColumns
from dse.results.importance import stored_importance
from dse.results.study_results import StudyResults
from dse.store import (
    HeldTrial,
    Place,
    Reader,
    Remark,
    StudyRecord,
    StudySummary,
    TrialDetail,
    TrialState,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyLine:
    """One study on the first page.

    Attributes:
        name: Of the study.
        config: Of the study; None where it cannot be read.
        problem: Why the study cannot be read, or None.
        created_s: When it was created.
        counts: Trials in each state; every state is present.
        last_s: When a trial ended last, or None.
        is_running: Whether a process works on it now.
        remark: What people wrote beside it.
        is_archived: Whether a person put it away.
    """

    name: str
    config: StudyConfig | None
    problem: str | None
    created_s: float
    counts: dict[str, int]
    last_s: float | None
    is_running: bool
    remark: Remark
    is_archived: bool

    @property
    def done(self) -> int:
        """Trials that ended."""
        return sum(self.counts[state] for state in ("completed", "infeasible", "failed"))


@lru_cache(maxsize=256)
def _config(text: str) -> StudyConfig:
    return config_from_json(text)


def _line(summary: StudySummary, *, is_running: bool) -> StudyLine:
    config, problem = None, summary.problem
    if problem is None:
        try:
            config = _config(summary.study.config_json)
        except ConfigError as error:
            problem = error.what
    return StudyLine(
        name=summary.study.name,
        config=config,
        problem=problem,
        created_s=summary.study.created_s,
        counts={state.value: count for state, count in summary.counts.items()},
        last_s=summary.last_s,
        is_running=is_running,
        remark=summary.study.remark,
        is_archived=summary.study.archived_s is not None,
    )


class Studies:
    """All that pages ask of a database. Any thread may call any method.

    Args:
        place: The database; it must exist.

    Raises:
        StoreError: From every method: the database cannot be used.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._lock = threading.RLock()
        self._reader: Reader | None = None
        self._known: dict[str, _Known] = {}

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            if self._reader is not None:
                self._reader.close()
            self._reader = None

    def reader(self) -> Reader:
        """Return the database, opened anew when another file was put in the place of the old.

        So is one whose migrated copy is read, see ``Reader``, once somebody wrote to it.
        """
        with self._lock:
            if self._reader is None or self._reader.is_outdated:
                self.close()
                self._known.clear()
                self._reader = Reader(self.place)
            return self._reader

    def lines(self, *, now_s: float) -> list[StudyLine]:
        """Return all studies, newest first."""
        reader = self.reader()
        running = reader.working_studies(now_s=now_s)
        found = [
            _line(summary, is_running=summary.study.name in running)
            for summary in reader.summaries()
        ]
        return sorted(found, key=lambda line: -line.created_s)

    def columns(self, name: str) -> StudyColumns:
        """Return a study as it is now.

        Raises:
            NotFound: There is no such study.
        """
        with self._lock:
            reader = self.reader()
            stamp = reader.stamp()
            known = self._known.pop(name, None) or _Known(StudyResults(name))
            if known.stamp != stamp:
                known.results.update(reader)
                known.stamp = stamp
            self._known[name] = known
            return known.results.columns()

    def beliefs(self, study_id: int) -> dict[int, Belief]:
        """Return what was believed of a study's newest trials, by number."""
        return self.reader().beliefs(study_id, most=MOST_TRIALS)

    def importance(self, name: str) -> Importance:
        """Return what the model that suggested last makes of each parameter; may be empty."""
        return stored_importance(self.reader().study(name).importance_json)

    def is_worked_on(self, name: str, *, now_s: float) -> bool:
        """Tell whether a process works on a study, be it that it only thinks."""
        return name in self.reader().working_studies(now_s=now_s)

    def ended(self, study_id: int) -> int:
        """Return how many trials of a study have a result."""
        return self.reader().count_trials(study_id, TrialState.COMPLETED, TrialState.INFEASIBLE)

    def running(self, study_id: int, *, now_s: float) -> tuple[HeldTrial, ...]:
        """Return the trials whose attempt holds a lease, by number."""
        return self.reader().held_trials(study_id, now_s=now_s)

    def detail(self, name: str, number: int) -> tuple[StudyRecord, TrialDetail]:
        """Return everything about one trial.

        Raises:
            NotFound: There is no such study or trial.
        """
        reader = self.reader()
        study = reader.study(name)
        return study, reader.detail(study, number)


@dataclass(slots=True)
class _Known:
    """A study that was looked at, and the stamp of the database at its last update."""

    results: StudyResults
    stamp: int | None = None
