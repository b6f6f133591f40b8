"""The verdict on every trial, against the definition, in studies of all that there is."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from dse.campaign.promotion import to_promote
from dse.config import StudyConfig, load_config
from dse.results.columns import STATES, StudyColumns
from dse.results.front import Verdict, judge, observed_values, pareto_front
from dse.store import TrialState
from tests.results.test_constraints import columns_of, trial

CONFIG = """
[study]
name = "night"
trials = 6
fidelity = "place"
promote = "front"
promote_margin = 0.0
[workload]
model = "net.tflite"
samples = "samples"
[objectives]
minimise = ["luts"]
maximise = ["accuracy_percent"]
[constraints]
cycles = {min = 100, max = 900}
"""
RESULTS = (TrialState.COMPLETED, TrialState.INFEASIBLE)
STATE_LETTERS = {
    TrialState.INFEASIBLE: Verdict.INFEASIBLE,
    TrialState.FAILED: Verdict.FAILED,
    TrialState.RUNNING: Verdict.RUNNING,
    TrialState.WAITING: Verdict.WAITING,
}


@dataclass(frozen=True, kw_only=True)
class Row:
    luts: float = 10.0
    accuracy: float = 80.0
    cycles: float = 500.0
    state: TrialState = TrialState.COMPLETED
    design: str = ""
    promotes: int = 0


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    (tmp_path / "samples").mkdir()
    (tmp_path / "net.tflite").write_bytes(b"net")
    (tmp_path / "night.toml").write_text(CONFIG)
    return load_config(tmp_path / "night.toml")[1]


def metrics_of(row: Row) -> dict[str, float]:
    values = {"luts": row.luts, "accuracy_percent": row.accuracy, "cycles": row.cycles}
    return {name: value for name, value in values.items() if not np.isnan(value)}


def study(rows: Sequence[Row], config: StudyConfig) -> StudyColumns:
    """Return columns with these trials, numbered and keyed from 1."""
    columns = columns_of([trial(at, metrics_of(row)) for at, row in enumerate(rows, 1)], config)
    designs = [row.design or f"design{at}" for at, row in enumerate(rows, 1)]
    return replace(
        columns,
        state=np.array([STATES.index(row.state) for row in rows], dtype=np.int8),
        promotes=np.array([row.promotes for row in rows], dtype=np.int64),
        design_ids=designs,
        trials=tuple(
            record._replace(design_id=design, state=row.state, promotes=row.promotes or None)
            for record, design, row in zip(columns.trials, designs, rows, strict=True)
        ),
    )


def expected_verdicts(rows: Sequence[Row]) -> list[str]:
    """Judge by the definition, one trial after the other."""
    ended = {row.promotes for row in rows if row.promotes and row.state in RESULTS}

    def counts(at: int, row: Row) -> bool:
        return (
            row.state is TrialState.COMPLETED
            and 100 <= row.cycles <= 900
            and np.isfinite(row.luts)
            and np.isfinite(row.accuracy)
            and at not in ended
        )

    kept = {at: row for at, row in enumerate(rows, 1) if counts(at, row)}
    front: dict[str, int] = {}
    for at, row in kept.items():
        better = any(
            other.luts <= row.luts
            and other.accuracy >= row.accuracy
            and (other.luts, other.accuracy) != (row.luts, row.accuracy)
            for other in kept.values()
        )
        if not better and (row.design or f"design{at}") not in front:
            front[row.design or f"design{at}"] = at
    found = []
    for at, row in enumerate(rows, 1):
        design = row.design or f"design{at}"
        if at in kept:
            found.append(
                Verdict.FRONT
                if at in front.values()
                else Verdict.EQUAL
                if design in front
                else Verdict.DOMINATED
            )
        elif at in ended:
            found.append(Verdict.SUPERSEDED)
        else:
            found.append(STATE_LETTERS.get(row.state, Verdict.EXCLUDED))
    return [str(verdict) for verdict in found]


def some_rows(seed: int) -> list[Row]:
    """Return trials of all states, with and without each metric, promoted and not."""
    draw = random.Random(seed)
    rows: list[Row] = []
    for at in range(1, draw.randrange(2, 14)):
        promoted = {row.promotes for row in rows}
        open_ = [n for n, row in enumerate(rows, 1) if not row.promotes and n not in promoted]
        source = draw.choice(open_) if open_ and draw.random() < 0.4 else 0
        values = {
            "luts": draw.choice((1.0, 2.0, 3.0, 4.0, np.nan)),
            "accuracy": draw.choice((70.0, 80.0, 90.0, 95.0, np.nan)),
            "cycles": draw.choice((99.0, 100.0, 500.0, 900.0, 901.0, np.nan)),
        }
        equal = draw.choice(rows) if rows and not source and draw.random() < 0.2 else None
        design = (rows[source - 1].design if source else "") or f"d{source or at}"
        if equal is not None and not equal.promotes:
            rows.append(replace(equal, state=TrialState.COMPLETED))
            continue
        state = draw.choice((*STATES, TrialState.COMPLETED, TrialState.COMPLETED))
        rows.append(Row(**values, state=state, design=design, promotes=source))
    return rows


def test_every_trial_gets_the_verdict_of_the_definition(config: StudyConfig) -> None:
    seen: set[str] = set()
    for seed in range(300):
        rows = some_rows(seed)
        columns = study(rows, config)
        expected = expected_verdicts(rows)
        assert judge(columns).verdicts.tolist() == expected, f"seed {seed}"
        seen |= set(expected)
        found = pareto_front(columns)
        numbers = [at for at, letter in enumerate(expected, 1) if letter == Verdict.FRONT]
        assert sorted(point.trial.number for point in found.points) == numbers
        assert [p.metrics["luts"] for p in found.points] == sorted(
            p.metrics["luts"] for p in found.points
        )
        assert list(found.dominated) == [
            at for at, letter in enumerate(expected, 1) if letter == Verdict.DOMINATED
        ]
        assert found.dominated_values.tolist() == [
            [rows[at - 1].luts, rows[at - 1].accuracy] for at in found.dominated
        ]
        assert list(found.excluded) == [
            at for at, letter in enumerate(expected, 1) if letter == Verdict.EXCLUDED
        ]
    assert seen == {str(verdict) for verdict in Verdict}, "else the studies are too plain"


def test_the_search_is_told_what_completed_within_the_constraints(config: StudyConfig) -> None:
    for state in TrialState:
        for luts in (4.0, np.nan):
            for cycles in (99.0, 100.0, 900.0, 901.0, np.nan):
                row = Row(luts=luts, cycles=cycles, state=state)
                counts = state is TrialState.COMPLETED and luts == 4.0 and 100 <= cycles <= 900
                told = observed_values(state, metrics_of(row), config)
                assert told == ({"luts": 4.0, "accuracy_percent": 80.0} if counts else None)


@pytest.mark.parametrize("state", TrialState)
def test_a_promotion_hides_the_result_before_it_only_with_a_result_of_its_own(
    config: StudyConfig, state: TrialState
) -> None:
    rows = [Row(design="a"), Row(design="a", promotes=1, state=state, luts=12.0)]
    found = judge(study(rows, config))
    assert (found.verdicts[0] == Verdict.SUPERSEDED) == (state in RESULTS)
    assert found.kept[0] == (state not in RESULTS)


def expected_promotions(rows: Sequence[Row], *, margin: float) -> set[int]:
    verdicts = expected_verdicts(rows)
    good = (Verdict.FRONT, Verdict.EQUAL, Verdict.DOMINATED)
    kept = {at: row for at, row in enumerate(rows, 1) if verdicts[at - 1] in good}
    tried = {row.promotes for row in rows}
    chosen: dict[str, int] = {}
    for at, row in kept.items():
        luts = row.luts - margin * abs(row.luts)
        accuracy = row.accuracy + margin * abs(row.accuracy)
        beaten = any(
            other.luts <= luts
            and other.accuracy >= accuracy
            and (other.luts < luts or other.accuracy > accuracy)
            for other in kept.values()
        )
        if not beaten and at not in tried and not row.promotes:
            chosen.setdefault(row.design, at)
    return set(chosen.values())


@pytest.mark.parametrize("margin", [0.0, 0.3])
def test_what_is_promoted_is_near_the_front_and_breaks_no_limit(
    config: StudyConfig, margin: float
) -> None:
    config = replace(config, promote_margin=margin)
    counts: set[int] = set()
    for seed in range(300):
        rows = some_rows(seed)
        columns = study(rows, config)
        # a trial that promotes another was measured at the fidelity of the study
        columns = replace(
            columns,
            trials=tuple(
                t._replace(fidelity=config.fidelity if t.promotes else config.first_fidelity)
                for t in columns.trials
            ),
        )
        promoted = to_promote(columns)
        expected = expected_promotions(rows, margin=margin)
        assert {new.promotes for new in promoted} == expected, f"seed {seed}"
        assert len({new.design_id for new in promoted}) == len(promoted)
        for new in promoted:
            assert new.promotes is not None
            assert new.design_id == rows[new.promotes - 1].design
            assert new.fidelity is config.fidelity
        counts.add(len(expected))
    assert max(counts) > 2
    assert to_promote(study(some_rows(1), replace(config, promotes=False))) == ()
