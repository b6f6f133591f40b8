"""The studies of one database: read once, kept, and read again when the file was written."""

import threading
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from contracts.faults import NotFound
from contracts.measurement import Fidelity
from contracts.parameter import Value
from dse.config import StudyConfig, config_from_json
from dse.dashboard.data.columns import StudyColumns
from dse.results.clock_model import ClockModel, fit_clock
from dse.results.loading import load_columns
from dse.store import Reader, Store, StudyRecord, TrialDetail, TrialState
from dse.store.records import design_values
from runners.measuring.metrics import CLOCK_MHZ


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyLine:
    """One study on the first page.

    Attributes:
        name: Of the study.
        config: Of the study.
        created_s: When it was created.
        counts: Trials in each state; every state is present.
        last_s: When a trial ended last, or None.
        is_running: Whether a worker holds a lease now.
    """

    name: str
    config: StudyConfig
    created_s: float
    counts: dict[str, int]
    last_s: float | None
    is_running: bool

    @property
    def done(self) -> int:
        """Trials that ended."""
        return sum(self.counts[state] for state in ("completed", "infeasible", "failed"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTrial:
    """An attempt that holds a lease."""

    number: int
    attempt: int
    worker: str
    started_s: float
    lease_until_s: float
    stage: str | None
    stage_since_s: float | None


@lru_cache(maxsize=256)
def _config(text: str) -> StudyConfig:
    return config_from_json(text)


class Studies:
    """All that pages ask of a database. Any thread may call any method.

    Args:
        path: The database; it must exist.

    Raises:
        StoreError: From every method: the database cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._reader: Reader | None = None
        self._inode = -1
        self._store: Store | None = None
        self._known: dict[str, tuple[int, StudyColumns]] = {}
        self._models: dict[str, tuple[list[tuple[dict[str, Value], float]], ClockModel | None]] = {}

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            if self._reader is not None:
                self._reader.close()
            if self._store is not None:
                self._store.close()
            self._reader = self._store = None

    def reader(self) -> Reader:
        """Return the connection, a new one when another file was put in the place of the old."""
        with self._lock:
            inode = self.path.stat().st_ino if self.path.exists() else -1
            if self._reader is None or inode != self._inode:
                self.close()
                self._known.clear()
                self._reader, self._inode = Reader(self.path), inode
            return self._reader

    def lines(self, *, now_s: float) -> list[StudyLine]:
        """Return all studies, newest first."""
        reader = self.reader()
        with reader.snapshot():
            studies = reader.rows("SELECT id, name, created_s, config_json FROM studies")
            counts = reader.rows("SELECT study_id, state, count(*) FROM trials GROUP BY 1, 2")
            ended: dict[int, float | None] = dict(
                reader.rows("SELECT study_id, max(ended_s) FROM trials GROUP BY 1")
            )
            running = {
                row[0]
                for row in reader.rows(
                    "SELECT t.study_id FROM attempts a JOIN trials t ON t.id = a.trial_id"
                    " WHERE a.ended_s IS NULL AND a.lease_until_s > ?",
                    (now_s,),
                )
            }
        by_study: dict[int, dict[str, int]] = {}
        for study_id, state, count in counts:
            by_study.setdefault(study_id, {})[state] = count
        found = [
            StudyLine(
                name=name,
                config=_config(config_json),
                created_s=created_s,
                counts={
                    state.value: by_study.get(study_id, {}).get(state.value, 0)
                    for state in TrialState
                },
                last_s=ended.get(study_id),
                is_running=study_id in running,
            )
            for study_id, name, created_s, config_json in studies
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
            known = self._known.get(name)
            if known is not None and known[0] == stamp:
                return known[1]
            raw_before = None if known is None else known[1].cache.get("raw", known[1])
            raw = load_columns(reader, name, raw_before)
            if raw is None:
                self._known.pop(name, None)
                raise NotFound(
                    f"{self.path.name} has no study {name[:80]!r}",
                    fix="choose one of the list of studies",
                )
            columns = self._with_predicted_clocks(raw, None if known is None else known[1])
            self._known[name] = (stamp, columns)
            return columns

    def running(self, study_id: int, *, now_s: float) -> list[RunningTrial]:
        """Return the attempts that hold a lease, by trial."""
        rows = self.reader().rows(
            "SELECT t.number, a.number, a.worker, a.started_s, a.lease_until_s, a.stage,"
            " a.stage_since_s FROM attempts a JOIN trials t ON t.id = a.trial_id"
            " WHERE a.ended_s IS NULL AND a.lease_until_s > ? AND t.study_id = ? ORDER BY 1",
            (now_s, study_id),
        )
        names = ("number", "attempt", "worker", "started_s", "lease_until_s", "stage")
        return [
            RunningTrial(**dict(zip((*names, "stage_since_s"), row, strict=True))) for row in rows
        ]

    def detail(self, name: str, number: int) -> tuple[StudyRecord, TrialDetail]:
        """Return everything about one trial.

        Raises:
            NotFound: There is no such study or trial.
        """
        with self._lock:
            self.reader()
            if self._store is None:
                self._store = Store(self.path)
            study = self._store.study(name)
            return study, self._store.detail(study, number)

    def _with_predicted_clocks(
        self, raw: StudyColumns, before: StudyColumns | None
    ) -> StudyColumns:
        """Return the columns with estimated latencies at the clock that is expected.

        The same as ``clock_model.study_results``, for columns.
        """
        latency, cycles = raw.metrics.get("latency_us"), raw.metrics.get("cycles")
        if latency is None or cycles is None or raw.config.target.clock_policy == "pinned":
            return raw
        model = self._clock_model(raw.config)
        where = latency.estimate & np.isfinite(cycles.values)
        if model is None or not where.any():
            return raw
        is_same = before is not None and before.cache.get("raw") is raw
        if before is not None and is_same and before.cache.get("model") is model:
            return before
        clocks = raw.column("clock_mhz").copy()
        for position in np.flatnonzero(where).tolist():
            clocks[position] = model.predict_mhz(raw.trials[position].design)
        values = np.where(where, cycles.values / clocks, latency.values)
        clock = raw.metrics.get(
            CLOCK_MHZ.name, replace(latency, name=CLOCK_MHZ.name, unit=CLOCK_MHZ.unit)
        )
        known = {} if before is None else before.cache
        is_new = before is not None and known.get("model") is not model
        # what a new model changes is a revision of its own, on top of those of the trials
        shift = known.get("shift", 0) + is_new
        changed = raw.changed + shift
        if is_new:
            changed[where] = raw.revision + shift
        return replace(
            raw,
            metrics={
                **raw.metrics,
                "latency_us": replace(latency, values=values),
                "clock_mhz": replace(
                    clock, values=clocks, estimate=np.where(where, True, clock.estimate)
                ),
            },
            revision=raw.revision + shift,
            changed=changed,
            cache={"raw": raw, "model": model, "shift": shift},
        )

    def _clock_model(self, config: StudyConfig) -> ClockModel | None:
        reader = self.reader()
        target = config.resolved["target"]
        alike = [
            line.config.name
            for line in self.lines(now_s=0.0)
            if line.config.resolved["target"] == target
        ]
        marks = ",".join("?" * len(alike))
        rows = reader.rows(
            "SELECT t.design_json, m.value FROM trials t JOIN metrics m ON m.trial_id = t.id"
            " JOIN studies s ON s.id = t.study_id"
            " WHERE m.name = 'clock_mhz' AND NOT m.estimate AND t.state = 'completed'"
            f" AND m.fidelity IN (?, ?) AND s.name IN ({marks}) ORDER BY t.id",
            (Fidelity.PLACED.value, Fidelity.BOARD.value, *alike),
        )
        placed = [(design_values(text), value) for text, value in rows]
        known = self._models.get(config.name)
        if known is None or known[0] != placed:
            self._models[config.name] = known = (placed, fit_clock(placed))
        return known[1]
