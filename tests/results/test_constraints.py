"""What satisfies a constraint, and what a trial that does not is to the front and the search."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contracts.measurement import Fidelity
from dse.config import StudyConfig, load_config
from dse.results.columns import STATES, MetricColumn, StudyColumns
from dse.results.front import (
    broken_constraints,
    observed_values,
    pareto_front,
    why_none_counts,
)
from dse.store import TrialRecord, TrialResult, TrialState

CONFIG = """
[study]
name = "night"
trials = 6
[workload]
model = "net.tflite"
[objectives]
minimise = ["latency_us", "luts"]
[constraints]
luts = {min = 1000, max = 2000}
cycles = {min = 100}
ff = 3000
"""
KEPT = {"latency_us": 10.0, "luts": 1500.0, "cycles": 500.0, "ff": 1200.0}


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    (tmp_path / "net.tflite").write_bytes(b"net")
    (tmp_path / "night.toml").write_text(CONFIG)
    return load_config(tmp_path / "night.toml")[1]


def trial(number: int, metrics: dict[str, float]) -> TrialResult:
    record = TrialRecord(
        id=number,
        study_id=1,
        number=number,
        design_id=f"design{number}",
        design_json="{}",
        context="",
        fidelity=Fidelity.SYNTHESISED,
        suggested_by="random",
        state=TrialState.COMPLETED,
        created_s=0,
        ended_s=1,
        failures=0,
        not_before_s=0,
        reused_from=None,
        promotes=None,
        revision=number,
    )
    return TrialResult(
        trial=record,
        metrics=metrics,
        estimates=frozenset(),
        reused_from=None,
        kind=None,
        what=None,
        started_s=0,
    )


def columns_of(results: Sequence[TrialResult], config: StudyConfig) -> StudyColumns:
    """Return the columns of completed trials with these metrics."""
    names = sorted({name for result in results for name in result.metrics})
    count = len(results)
    return StudyColumns(
        id=1,
        config=config,
        created_s=0.0,
        stop_requested_s=None,
        oracle_json=None,
        trials=tuple(result.trial for result in results),
        numbers=np.array([result.trial.number for result in results], dtype=np.int64),
        ids=np.array([result.trial.id for result in results], dtype=np.int64),
        state=np.full(count, STATES.index(TrialState.COMPLETED), dtype=np.int8),
        reused_from=np.zeros(count, dtype=np.int64),
        promotes=np.zeros(count, dtype=np.int64),
        is_stand_in=np.zeros(count, dtype=np.bool_),
        is_by_hand=np.zeros(count, dtype=np.bool_),
        design_ids=[result.trial.design_id for result in results],
        parameters={},
        metrics={
            name: MetricColumn(
                name=name,
                unit="x",
                values=np.array([result.metrics.get(name, np.nan) for result in results]),
                fidelity=np.zeros(count, dtype=np.int8),
                estimate=np.zeros(count, dtype=np.bool_),
            )
            for name in names
        },
        attempts=None,
        origins={},
        clock_model=None,
        revision=1,
        changed=np.ones(count, dtype=np.int64),
    )


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ({}, ()),
        ({"luts": 1000.0, "cycles": 100.0}, ()),
        ({"luts": 2000.0, "ff": 3000.0}, ()),
        ({"luts": 999.0}, ("luts",)),
        ({"luts": 2001.0, "cycles": 99.0}, ("luts", "cycles")),
        ({"ff": float("nan")}, ("ff",)),
    ],
)
def test_both_bounds_count_and_belong_to_what_they_allow(
    config: StudyConfig, changed: dict[str, float], broken: tuple[str, ...]
) -> None:
    assert broken_constraints(KEPT | changed, config) == broken


def test_a_trial_without_the_metric_of_a_constraint_does_not_satisfy_it(
    config: StudyConfig,
) -> None:
    lacking = {name: value for name, value in KEPT.items() if name != "ff"}
    results = [trial(1, KEPT | {"latency_us": 20.0}), trial(2, lacking)]

    found = pareto_front(columns_of(results, config))
    assert [r.trial.number for r in found.points] == [1], "though the other one is faster"
    assert found.excluded == (2,)
    assert observed_values(TrialState.COMPLETED, lacking, config) is None, (
        "the search is told that it is infeasible"
    )


def test_without_constraints_nothing_is_excluded(config: StudyConfig) -> None:
    free = replace(config, constraints={})
    assert not pareto_front(columns_of([trial(1, KEPT)], free)).excluded


def test_who_has_no_front_is_told_which_constraint_is_in_the_way(config: StudyConfig) -> None:
    far = [trial(1, KEPT | {"luts": 2500.0}), trial(2, KEPT | {"luts": 2100.0, "ff": 3500.0})]
    assert why_none_counts(columns_of(far, config)) == (
        "luts >= 1,000 and <= 2,000: 0 of 2 completed trials; the nearest has 2,100",
        "cycles >= 100: 2 of 2 completed trials",
        "ff <= 3,000: 1 of 2 completed trials",
    )
    assert why_none_counts(columns_of([*far, trial(3, KEPT)], config)) == ()
    assert why_none_counts(columns_of([], config)) == ()
