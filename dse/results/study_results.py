"""The read model: a study's trials, each read once, then only what is new.

The campaign, the command line and the dashboard hold one of these for each study that they look
at and ask it to ``update``. What an update costs depends on what changed, not on the study's age.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from contracts.faults import FaultKind, NotFound
from contracts.measurement import Fidelity
from contracts.parameter import Value
from dse.pareto import Positions
from dse.results.cell_model import CellModel, cell_models
from dse.results.clock_model import PREDICTED_CLOCK_MHZ, ClockModel, PlacedClocks
from dse.results.columns import (
    ABSENT,
    AttemptColumns,
    MetricColumn,
    Parameter,
    StudyColumns,
    ascending,
    with_expected_cells,
    with_predicted_clocks,
)
from dse.results.front import Front, pareto_front
from dse.store import (
    AttemptsWanted,
    LastAttempts,
    MetricValues,
    Place,
    Reader,
    Remark,
    StudyChanges,
    StudyRecord,
    TrialColumns,
    TrialRecord,
    TrialResult,
    as_unreadable,
    name_of,
)
from dse.store.records import design_values

if TYPE_CHECKING:  # pydantic takes a while to import
    from dse.config import StudyConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How much of each trial is read.

    Attributes:
        metrics: Names of the metrics; None for all.
        records: Whether the trials are read whole: without, only what decides which of them count.
        designs: Whether parameters are made into columns.
        attempts: Which of the last attempts are read: their times and faults.
    """

    metrics: frozenset[str] | None = None
    records: bool = True
    designs: bool = True
    attempts: AttemptsWanted = "all"


EVERYTHING = Wanted()


def wanted_for_front(config: "StudyConfig") -> Wanted:
    """Return what it takes to follow the front of a study with whole trials."""
    names = {*config.objectives, *config.constraints, "latency_us", "cycles", "clock_mhz"}
    names |= set(_cells_of(config))
    return Wanted(metrics=frozenset(names), designs=False, attempts="none")


def _cells_of(config: "StudyConfig") -> tuple[str, ...]:
    """Return the metrics that count what the study's part is made of, if it is to place designs.

    Then those of unplaced ones are estimates.
    """
    from runners.fpga import PARTS, family_of_part  # takes a while to import

    part = config.target.part
    if part not in PARTS or config.fidelity not in (Fidelity.PLACED, Fidelity.BOARD):
        return ()
    return tuple(metric.name for metric in family_of_part(part).metrics)


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What an update brought.

    Attributes:
        positions: Where trials changed or came, ascending.
        is_new_clock: Whether predicted clocks, and so all estimates, are others than before.
    """

    positions: Positions
    is_new_clock: bool


class StudyResults:
    """All trials of one study, kept up to date. Belongs to one thread at a time.

    Args:
        name: Of the study.
        wanted: How much of each trial is read.
    """

    def __init__(self, name: str, wanted: Wanted = EVERYTHING) -> None:
        self._name = name
        self._wanted = wanted
        self._place: Place = Path()
        self._study: StudyRecord | None = None
        self._config: StudyConfig | None = None
        self._seen = -1
        self._count = 0
        self._trials: list[TrialRecord] = []
        self._design_ids: list[str] = []
        self._numbers = _Growing(np.int64, 0)
        self._ids = _Growing(np.int64, 0)
        self._state = _Growing(np.int8, 0)
        self._reused_from = _Growing(np.int64, 0)
        self._promotes = _Growing(np.int64, 0)
        self._is_stand_in = _Growing(np.bool_, False)
        self._is_by_hand = _Growing(np.bool_, False)
        self._changed = _Growing(np.int64, 0)
        self._metrics: dict[str, _GrowingMetric] = {}
        self._designs = _Designs()
        self._attempts = _Attempts()
        self._origins: dict[int, tuple[str, int]] = {}
        self._remarks: dict[int, Remark] = {}
        self._clocks = PlacedClocks()
        self._model: ClockModel | None = None
        self._cell_models: dict[str, CellModel] = {}
        self._revision = 0
        self._snapshot: StudyColumns | None = None

    @property
    def config(self) -> "StudyConfig":
        """The study's config at the last update."""
        assert self._config is not None, "update first"
        return self._config

    @property
    def trials(self) -> list[TrialRecord]:
        """The trials by number, unless they are not wanted whole; not to be changed."""
        return self._trials

    @property
    def clock_model(self) -> ClockModel | None:
        """What predicted clocks rest on, or None."""
        return self._model

    def update(self, reader: Reader) -> Update:
        """Read what changed since the last update.

        Raises:
            NotFound: There is no study of that name (any more).
            StoreError: The database cannot be used, or what it has of this study.
        """
        found = reader.changes(
            self._name,
            since=self._seen,
            metrics=self._wanted.metrics,
            with_records=self._wanted.records,
            attempts=self._wanted.attempts,
        )
        if found is None:
            raise NotFound(
                f"{name_of(reader.place)} has no study {self._name[:80]!r}",
                fix="choose one of the list of studies",
            )
        if self._study is not None and self._study.id != found.study.id:
            # the study was deleted, and another one has its name
            StudyResults.__init__(self, self._name, self._wanted)
            return self.update(reader)
        self._place = reader.place
        with as_unreadable(reader.place, self._name):
            return self._take(reader, found)

    def _take(self, reader: Reader, found: StudyChanges) -> Update:
        is_other = self._study != found.study
        if is_other:
            if self._study is None or self._study.config_json != found.study.config_json:
                from dse.config import config_from_json

                self._config = config_from_json(found.study.config_json)
            self._study = found.study
        if is_other or len(found.trials.ids):
            self._revision += 1
            self._snapshot = None
        positions = self._take_trials(found.trials, found.records)
        self._take_metrics(found.metrics, positions)
        self._attempts.clear(positions, self._count)
        self._attempts.take(found.attempts, self._places(found.attempts.numbers))
        self._origins |= found.origins
        self._take_remarks(found.remarks)
        is_new_clock = self._learn_clocks(reader, positions)
        if self._needs_designs and not self._wanted.records:
            self._read_designs(reader)
        return Update(positions=positions, is_new_clock=is_new_clock)

    def _take_remarks(self, remarks: Mapping[int, Remark]) -> None:
        """Keep what people wrote beside trials; a trial with another remark has changed."""
        if remarks == self._remarks:
            return
        changed = [
            number
            for number in {*remarks, *self._remarks}
            if remarks.get(number) != self._remarks.get(number)
        ]
        self._remarks = dict(remarks)
        self._revision += 1
        self._snapshot = None
        places = self._places(np.array(sorted(changed), dtype=np.int64))
        self._changed.put(places, self._revision)

    def values(self, position: int) -> dict[str, float]:
        """Return the metrics of one trial by name, latencies and cells as they are expected.

        Only where trials are wanted whole.
        """
        found = {
            name: float(metric.values.array[position])
            for name, metric in self._metrics.items()
            if not np.isnan(metric.values.array[position])
        }
        latency = self._metrics.get("latency_us")
        is_estimate = latency is not None and latency.estimate.array[position]
        if self._model is not None and is_estimate and "cycles" in found:
            clock_mhz = self._model.predict_mhz(self._trials[position].design)
            found |= {
                PREDICTED_CLOCK_MHZ.name: clock_mhz,
                "latency_us": found["cycles"] / clock_mhz,
            }
            found |= {
                name: float(model.predict(np.array(found[name])))
                for name, model in self._cell_models.items()
                if name in found
            }
        return found

    def columns(self) -> StudyColumns:
        """Return the study as it was at the last update; later ones do not change it."""
        if self._snapshot is None:
            with as_unreadable(self._place, self._name):
                self._snapshot = self._make_columns()
        return self._snapshot

    def _make_columns(self) -> StudyColumns:
        assert self._study is not None, "update first"
        count = self._count
        if self._needs_designs and self._wanted.records:
            self._designs.add([t.design_json for t in self._trials[self._designs.count :]])
        columns = StudyColumns(
            id=self._study.id,
            config=self.config,
            created_s=self._study.created_s,
            stop_requested_s=self._study.stop_requested_s,
            oracle_json=self._study.oracle_json,
            trials=tuple(self._trials),
            numbers=self._numbers.copy(count),
            ids=self._ids.copy(count),
            state=self._state.copy(count),
            reused_from=self._reused_from.copy(count),
            promotes=self._promotes.copy(count),
            is_stand_in=self._is_stand_in.copy(count),
            is_by_hand=self._is_by_hand.copy(count),
            design_ids=tuple(self._design_ids),
            parameters=self._designs.columns(),
            metrics={name: self._metrics[name].column(count) for name in sorted(self._metrics)},
            attempts=None if self._wanted.attempts == "none" else self._attempts.columns(count),
            origins=dict(self._origins),
            clock_model=None,
            revision=self._revision,
            changed=self._changed.copy(count),
            remark=self._study.remark,
            archived_s=self._study.archived_s,
            remarks=dict(self._remarks),
        )
        predicted = with_predicted_clocks(columns, self._model)
        latency = columns.metrics.get("latency_us")
        if predicted.clock_model is None or latency is None:
            return predicted
        return with_expected_cells(predicted, self._cell_models, latency.estimate)

    def _take_trials(self, found: TrialColumns, records: Sequence[TrialRecord] | None) -> Positions:
        """Put trials where they belong and return where that is."""
        last = self._numbers.array[self._count - 1] if self._count else 0
        known = int(np.searchsorted(found.numbers, last, side="right"))
        places = self._places(found.numbers[:known])
        new = np.arange(self._count, self._count + len(found.numbers) - known)
        positions = np.concatenate([places, new])
        self._numbers.put(positions, found.numbers)
        self._ids.put(positions, found.ids)
        self._state.put(positions, found.states)
        self._reused_from.put(positions, found.reused_from)
        self._promotes.put(positions, found.promotes)
        self._is_stand_in.put(positions, found.is_stand_in)
        self._is_by_hand.put(positions, found.is_by_hand)
        self._changed.put(positions, self._revision)
        self._design_ids += found.design_ids[known:]  # those of known trials never change
        if records is not None:
            for place, trial in zip(places.tolist(), records, strict=False):
                self._trials[place] = trial
            self._trials += records[known:]
        self._count += len(new)
        self._seen = max(self._seen, int(found.revisions.max(initial=-1)))
        return positions

    @property
    def _needs_designs(self) -> bool:
        return self._wanted.designs or self._model is not None

    def _read_designs(self, reader: Reader) -> None:
        known = self._designs.count
        if known < self._count:
            assert self._study is not None
            after = int(self._numbers.array[known - 1]) if known else 0
            until = int(self._numbers.array[self._count - 1])
            self._designs.add(reader.design_texts(self._study.id, after=after, until=until))

    def _places(self, numbers: NDArray[np.int64]) -> Positions:
        return np.searchsorted(self._numbers.array[: self._count], numbers)

    def _take_metrics(self, found: Iterable[MetricValues], positions: Positions) -> None:
        count = self._count
        for metric in self._metrics.values():
            metric.clear(positions, count)
        for some in found:
            if some.name not in self._metrics:
                self._metrics[some.name] = _GrowingMetric(some.name, some.unit)
                self._metrics[some.name].clear(np.zeros(0, dtype=np.intp), count)
            self._metrics[some.name].take(self._places(some.numbers), some)

    def _learn_clocks(self, reader: Reader, positions: Positions) -> bool:
        """Fit the clock anew if placed trials were added; tell whether that changes anything."""
        latency = self._metrics.get("latency_us")
        before = self._model
        if self.config.target.clock_policy == "pinned" or latency is None:
            return False  # a pinned clock is the same in every design that counts
        if not latency.estimate.array[: self._count].any():
            return False
        if self._clocks.update(reader, self.config) or before is None:
            self._model = self._clocks.model
            self._cell_models = self._learn_cells() if self._model is not None else {}
        if self._model is before:
            return False
        self._revision += not len(positions)
        estimated = latency.estimate.array[: self._count]
        self._changed.array[: self._count][estimated] = self._revision
        self._snapshot = None
        return True

    def _learn_cells(self) -> dict[str, CellModel]:
        count = self._count
        return cell_models(
            {name: metric.column(count) for name, metric in self._metrics.items()},
            _cells_of(self.config),
            ids=self._ids.copy(count),
            promotes=self._promotes.copy(count),
        )


_LOOKED_AT = 64
"""So many designs tell where all of them are cut."""
_BEGIN, _END = '{"schema":1,"values":{', "}}"


class _Growing:
    """An array with room at its end, so that a value more does not copy the others."""

    def __init__(self, dtype: Any, fill: Any) -> None:
        self.fill = fill
        self.array: NDArray[Any] = np.full(64, fill, dtype=dtype)

    def reserve(self, count: int) -> None:
        """Have room for ``count`` values; new ones are the filling."""
        if count > len(self.array):
            grown = np.full(max(count, 2 * len(self.array)), self.fill, dtype=self.array.dtype)
            grown[: len(self.array)] = self.array
            self.array = grown

    def put(self, places: Positions, values: Any) -> None:
        """Set values at some places."""
        if len(places):
            self.reserve(int(places.max()) + 1)
            self.array[places] = values

    def copy(self, count: int) -> NDArray[Any]:
        """Return the first ``count`` values."""
        self.reserve(count)
        return self.array[:count].copy()


class _GrowingMetric:
    def __init__(self, name: str, unit: str) -> None:
        self._name, self._unit = name, unit
        self.values = _Growing(np.float64, np.nan)
        self.fidelity = _Growing(np.int8, -1)
        self.estimate = _Growing(np.bool_, False)

    def clear(self, places: Positions, count: int) -> None:
        """Take the values of some trials away, and have room for ``count``."""
        for growing in (self.values, self.fidelity, self.estimate):
            growing.reserve(count)
            growing.array[places] = growing.fill

    def take(self, places: Positions, found: MetricValues) -> None:
        """Set the values of some trials; one that is infinite is as good as none."""
        values = np.asarray(found.values, dtype=np.float64)
        self.values.array[places] = np.where(np.isfinite(values), values, np.nan)
        self.fidelity.array[places] = found.fidelities
        self.estimate.array[places] = found.estimates

    def column(self, count: int) -> MetricColumn:
        return MetricColumn(
            name=self._name,
            unit=self._unit,
            values=self.values.copy(count),
            fidelity=self.fidelity.copy(count),
            estimate=self.estimate.copy(count),
        )


@dataclass(slots=True)
class _Attempts:
    started_s: _Growing = field(default_factory=lambda: _Growing(np.float64, np.nan))
    wall_s: _Growing = field(default_factory=lambda: _Growing(np.float64, np.nan))
    faults: dict[int, tuple[FaultKind, str]] = field(default_factory=dict)

    def clear(self, places: Positions, count: int) -> None:
        """Take the attempts at some trials away, and have room for ``count``."""
        for growing in (self.started_s, self.wall_s):
            growing.reserve(count)
            growing.array[places] = growing.fill
        for place in places.tolist() if self.faults else ():
            self.faults.pop(place, None)

    def take(self, found: LastAttempts, places: Positions) -> None:
        """Set the attempts of the trials at some places."""
        self.started_s.put(places, found.started_s)
        self.wall_s.put(places, found.ended_s - found.started_s)
        place_of = dict(zip(found.numbers.tolist(), places.tolist(), strict=True))
        self.faults |= {place_of[number]: fault for number, fault in found.faults.items()}

    def columns(self, count: int) -> AttemptColumns:
        return AttemptColumns(
            started_s=self.started_s.copy(count),
            wall_s=self.wall_s.copy(count),
            faults=dict(self.faults),
        )


class _Designs:
    """Codes of the parameters, in the order in which values were first seen.

    Canonical texts are cut in three, always before the same parameters: a hundred thousand texts
    have some thousand different pieces, and each of those is decoded once.
    """

    def __init__(self) -> None:
        self.count = 0
        """How many designs there are columns of."""
        self._cuts: tuple[str, str] | None = None
        """How the second and the third piece begin."""
        self._codes: dict[str, _Growing] = {}
        self._values: dict[str, dict[tuple[type, Value], int]] = {}
        self._pieces: tuple[dict[str, int], ...] = ({}, {}, {})
        self._decoded = 0
        self._codes_of_pieces: dict[str, dict[int, int]] = {}

    def add(self, texts: Sequence[str]) -> None:
        """Decode the canonical texts of more designs."""
        if not texts:
            return
        places = np.arange(self.count, self.count + len(texts))
        pieces = [self._numbers_of(some, at) for at, some in enumerate(self._cut(texts))]
        for name, found in self._codes_of_pieces.items():
            known = np.full(self._decoded, ABSENT, dtype=np.int16)
            known[list(found)] = list(found.values())
            codes = np.max([known[numbers] for numbers in pieces], axis=0)  # ABSENT is -1
            self._codes.setdefault(name, _Growing(np.int16, ABSENT)).put(places, codes)
        self.count += len(texts)

    def columns(self) -> dict[str, Parameter]:
        """Return a column for each parameter of the designs."""
        return {name: self._column(name, self.count) for name in sorted(self._codes)}

    def _cut(self, texts: Sequence[str]) -> list[Sequence[str]]:
        """Return the pieces of designs; one piece each where texts are not of today's form."""
        if not all(text.startswith(_BEGIN) and text.endswith(_END) for text in texts):
            return [texts]
        first, second = self._cuts = self._cuts or _cuts(texts[:_LOOKED_AT])
        heads, middles, tails = list[str](), list[str](), list[str]()
        for text in texts:  # a list of tuples would call for the garbage collector again and again
            head, _, other = text.partition(first)
            middle, _, tail = other.partition(second)
            heads.append(head)
            middles.append(middle)
            tails.append(tail)
        return [heads, middles, tails]

    def _numbers_of(self, pieces: Sequence[str], at: int) -> NDArray[np.int64]:
        """Return the numbers of first, second or third pieces; new ones are decoded."""
        known = self._pieces[at]
        for piece in dict.fromkeys(pieces):
            if piece not in known:
                known[piece] = self._decoded
                self._learn(piece, at)
        return np.fromiter(map(known.__getitem__, pieces), dtype=np.int64, count=len(pieces))

    def _learn(self, piece: str, at: int) -> None:
        number, self._decoded = self._decoded, self._decoded + 1
        if at > 0:  # what it is cut off at is not part of it
            assert self._cuts is not None
            begin = self._cuts[at - 1].removeprefix(",") if piece else ""
            piece = _BEGIN + begin + piece
        if piece.startswith(_BEGIN) and not piece.endswith(_END):
            piece += _END
        for name, value in design_values(piece).items():
            values = self._values.setdefault(name, {})
            code = values.setdefault((type(value), value), len(values))
            self._codes_of_pieces.setdefault(name, {})[number] = code

    def _column(self, name: str, count: int) -> Parameter:
        seen = [value for _, value in self._values[name]]
        values = ascending(seen)
        rank = {(type(value), value): code for code, value in enumerate(values)}
        code_of = np.array([*(rank[type(v), v] for v in seen), ABSENT], dtype=np.int16)
        # the last entry is where ABSENT, -1, points to
        return Parameter(name=name, values=values, codes=code_of[self._codes[name].copy(count)])


def _cuts(texts: Sequence[str]) -> tuple[str, str]:
    """Return how a second and a third piece of designs begin, about as long as the first.

    In JSON, a quotation mark inside of a text has a backslash before it: no value looks like this.
    """
    designs = [design_values(text) for text in texts]
    common = [name for name in designs[0] if all(name in design for design in designs)]
    if not common:
        return "\n", "\n"  # no text has one
    first, second = common[len(common) // 3], common[2 * len(common) // 3]
    return f",{json.dumps(first)}:", f",{json.dumps(second)}:"


def study_front(reader: Reader, name: str) -> tuple[StudyColumns, Front]:
    """Return the front of a study and the columns that it was found in.

    Only what decides about the front is read of all trials; those on it have all their metrics.

    Raises:
        NotFound: There is no such study.
        StoreError: The database cannot be used.
    """
    from dse.config import config_from_json

    with as_unreadable(reader.place, name):
        config = config_from_json(reader.study(name).config_json)
    columns = study_columns(reader, name, replace(wanted_for_front(config), records=False))

    def points(positions: Positions) -> tuple[TrialResult, ...]:
        numbers = columns.numbers[positions].tolist()
        with as_unreadable(reader.place, name):
            found = reader.results(columns.id, numbers=numbers)
        stored = {result.trial.number: result for result in found}
        return tuple(
            _joined(stored[number], *columns.measured(position))
            for number, position in zip(numbers, positions.tolist(), strict=True)
        )

    return columns, pareto_front(columns, points)


def _joined(
    stored: TrialResult, metrics: Mapping[str, float], estimates: frozenset[str]
) -> TrialResult:
    """Return a trial with all its metrics, some of them as they stand in the columns."""
    return replace(
        stored,
        metrics={**stored.metrics, **metrics},
        estimates=stored.estimates | estimates,
    )


def study_columns(reader: Reader, name: str, wanted: Wanted = EVERYTHING) -> StudyColumns:
    """Return a study as it is now, for those who look once.

    Raises:
        NotFound: There is no such study.
        StoreError: The database cannot be used.
    """
    results = StudyResults(name, wanted)
    results.update(reader)
    return results.columns()
