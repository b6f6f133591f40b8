"""A study as columns: all its trials at one moment, for fronts, tables and charts of thousands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from contracts.faults import FaultKind
from contracts.measurement import Fidelity
from contracts.parameter import Value
from dse.results.cell_model import CellModel
from dse.results.clock_model import PREDICTED_CLOCK_MHZ, ClockModel
from dse.store import Remark, TrialRecord, TrialResult, TrialState

if TYPE_CHECKING:  # pydantic takes a while to import
    from dse.config import StudyConfig
    from dse.results.front import Standing
    from dse.results.growth import Growth

STATES = tuple(TrialState)
FIDELITIES = tuple(Fidelity)
ABSENT = -1
"""Code of a parameter that a design does not have."""

Floats = NDArray[np.float64]
Codes = NDArray[np.int16]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of all trials: its values in ascending order, and a code for each trial."""

    name: str
    values: tuple[Value, ...]
    codes: Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricColumn:
    """One metric of all trials.

    Attributes:
        name: Of the metric.
        unit: Of its values.
        values: NaN where a trial has none.
        fidelity: Code of the fidelity each value was obtained at; -1 where there is none.
        estimate: Where the clock behind a value is only requested or predicted, or a count of
            cells is that of a synthesised design, made larger as placing makes it.
    """

    name: str
    unit: str
    values: Floats
    fidelity: NDArray[np.int8]
    estimate: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptColumns:
    """The last attempt at each trial, as far as it was asked for.

    Attributes:
        started_s: When it began, seconds since 1970; NaN where there was none.
        wall_s: How long it took; NaN where it has not ended.
        faults: Position of a trial to the kind of the fault and one sentence about it.
    """

    started_s: Floats
    wall_s: Floats
    faults: Mapping[int, tuple[FaultKind, str]]


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyColumns:
    """All trials of a study at one moment; never changed, only replaced.

    Attributes:
        id: Key of the study.
        config: Of the study.
        created_s: When it was created.
        stop_requested_s: When a person asked that no further trial starts, or None.
        oracle_json: What its golden inputs would show, as the store keeps it, or None.
        trials: By number; empty unless whole trials were asked for.
        numbers: Of the trials, ascending.
        ids: Their keys in the database.
        state: Codes in the order of ``STATES``.
        reused_from: Keys of the trials whose results they share; 0 where there is none.
        promotes: Keys of the trials that they measure further; 0 where there is none.
        is_stand_in: Whether each design was drawn at random because the search failed.
        is_by_hand: Whether a person queued each of them; those are beside the budget.
        design_ids: Hashes of their designs.
        parameters: By name, those that vary or not; empty unless designs were asked for.
        metrics: By name; only those that were asked for. Latencies that are estimates stand at
            the predicted clock where there is a model of it.
        attempts: The last one at each trial; None unless asked for.
        origins: Key of a trial whose result is shared, to its study's name and number.
        clock_model: What predicted clocks rest on, or None.
        revision: Grows with each change that this process saw.
        changed: Revision at which each trial changed last.
        cell_models: What estimated cells rest on, by metric; empty where nothing was learned.
        remark: What people wrote beside the study.
        archived_s: When a person put it away, or None.
        remarks: What people wrote beside trials, by number; those without are not there.
    """

    id: int
    config: "StudyConfig"
    created_s: float
    stop_requested_s: float | None
    oracle_json: str | None
    trials: tuple[TrialRecord, ...]
    numbers: NDArray[np.int64]
    ids: NDArray[np.int64]
    state: NDArray[np.int8]
    reused_from: NDArray[np.int64]
    promotes: NDArray[np.int64]
    is_stand_in: Mask
    is_by_hand: Mask
    design_ids: Sequence[str]
    parameters: Mapping[str, Parameter]
    metrics: Mapping[str, MetricColumn]
    attempts: AttemptColumns | None
    origins: Mapping[int, tuple[str, int]]
    clock_model: ClockModel | None
    revision: int
    changed: NDArray[np.int64]
    cell_models: Mapping[str, CellModel] = field(default_factory=dict)
    remark: Remark = field(default_factory=Remark)
    archived_s: float | None = None
    remarks: Mapping[int, Remark] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)

    def is_state(self, *states: TrialState) -> Mask:
        """Return where a trial is in one of the states."""
        return np.isin(self.state, [STATES.index(state) for state in states])

    def column(self, metric: str) -> Floats:
        """Return the values of a metric, NaN everywhere when no trial has it."""
        if metric in self.metrics:
            return self.metrics[metric].values
        return np.full(len(self), np.nan)

    def index_of(self, number: int) -> int | None:
        """Return where the trial of a number stands, or None."""
        found = int(np.searchsorted(self.numbers, number))
        if found < len(self.numbers) and self.numbers[found] == number:
            return found
        return None

    def remark_of(self, position: int) -> Remark:
        """Return what people wrote beside a trial."""
        return self.remarks.get(int(self.numbers[position]), Remark())

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags of trials, in alphabetical order."""
        return tuple(sorted({tag for remark in self.remarks.values() for tag in remark.tags}))

    def stand_ins(self) -> dict[int, str]:
        """Return the trials that are stand-ins: their numbers, ascending, to their design's id."""
        return {
            int(self.numbers[position]): self.design_ids[position]
            for position in np.flatnonzero(self.is_stand_in).tolist()
        }

    def fault(self, position: int) -> tuple[FaultKind, str] | None:
        """Return the kind of a trial's last fault and a sentence about it, or None."""
        return None if self.attempts is None else self.attempts.faults.get(position)

    def measured(self, position: int) -> tuple[dict[str, float], frozenset[str]]:
        """Return those metrics of a trial that are columns, and which of them are estimates."""
        has = [n for n, m in self.metrics.items() if not np.isnan(m.values[position])]
        return (
            {name: float(self.metrics[name].values[position]) for name in has},
            frozenset(name for name in has if self.metrics[name].estimate[position]),
        )

    def result(self, position: int) -> TrialResult:
        """Return one trial with those of its metrics that are columns."""
        trial, fault = self.trials[position], self.fault(position)
        started_s = np.nan if self.attempts is None else float(self.attempts.started_s[position])
        metrics, estimates = self.measured(position)
        return TrialResult(
            trial=trial,
            metrics=metrics,
            estimates=estimates,
            reused_from=self.origins.get(trial.reused_from or -1),
            kind=None if fault is None else fault[0],
            what=None if fault is None else fault[1],
            started_s=None if np.isnan(started_s) else started_s,
        )

    def results(self) -> tuple[TrialResult, ...]:
        """Return all trials with their metrics, by number."""
        return tuple(map(self.result, range(len(self))))

    @property
    def varying(self) -> tuple[str, ...]:
        """Names of the parameters that are not the same in all trials."""
        return tuple(
            name
            for name, parameter in self.parameters.items()
            if len(parameter.values) + bool((parameter.codes == ABSENT).any()) > 1
        )

    @cached_property
    def standing(self) -> "Standing":
        """What each trial is to the front; computed when first asked for."""
        from dse.results.front import judge

        return judge(self)

    @cached_property
    def growth(self) -> "Growth | None":
        """How the hypervolume grew; None until a trial counts. Computed when first asked for."""
        from dse.results.growth import growth_of

        return growth_of(self)


def with_predicted_clocks(columns: StudyColumns, model: ClockModel | None) -> StudyColumns:
    """Return the columns with every latency that is an estimate at the model's clock instead."""
    latency, cycles = columns.metrics.get("latency_us"), columns.metrics.get("cycles")
    if model is None or latency is None or cycles is None:
        return columns
    where = latency.estimate & np.isfinite(cycles.values)
    if not where.any():
        return columns
    clocks = np.full(len(columns), np.nan)
    clocks[where] = model.predict_all_mhz(
        {p.name: (p.values, p.codes[where]) for p in columns.parameters.values()},
        count=int(where.sum()),
    )
    values = np.where(where, cycles.values / clocks, latency.values)
    metrics = {
        **columns.metrics,
        "latency_us": replace(latency, values=values),
        PREDICTED_CLOCK_MHZ.name: MetricColumn(
            name=PREDICTED_CLOCK_MHZ.name,
            unit=PREDICTED_CLOCK_MHZ.unit,
            values=clocks,
            estimate=where,
            fidelity=np.where(where, latency.fidelity, -1),
        ),
    }
    return replace(columns, metrics=metrics, clock_model=model)


def with_expected_cells(
    columns: StudyColumns, models: Mapping[str, CellModel], where: Mask
) -> StudyColumns:
    """Return the columns with the cells of some trials as they are expected when placed."""
    metrics = dict(columns.metrics)
    for name, model in models.items():
        column = metrics[name]
        here = where & np.isfinite(column.values)
        values = np.where(here, model.predict(column.values), column.values)
        metrics[name] = replace(column, values=values, estimate=column.estimate | here)
    return replace(columns, metrics=metrics, cell_models=models)


def values_json(values: Floats) -> list[float | int | None]:
    """Return numbers as JSON has them: whole ones short, missing ones null."""
    return [
        None if not np.isfinite(value) else int(value) if value == int(value) else value
        for value in values.tolist()
    ]


def ascending(values: Sequence[Value]) -> tuple[Value, ...]:
    """Return numbers by size, then texts by alphabet; ``True`` and ``1`` are two values."""

    def key(value: Value) -> tuple[str, Any, str]:
        return type(value).__name__, 0 if isinstance(value, str) else value, str(value)

    return tuple(sorted(values, key=key))
