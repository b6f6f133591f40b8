"""The columns say what the store and the command line say, only quicker."""

import cProfile
import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.dashboard_study import NAME, make_study
from contracts.faults import ConfigError, DoesNotFit, StoreError, ToolCrashed
from contracts.measurement import (
    Completed,
    Fidelity,
    Measurement,
    Metric,
    Outcome,
    outcome_of,
)
from dse.dashboard.data.payload import changes_data, columns_data
from dse.dashboard.data.selection import parse_selection
from dse.dashboard.data.studies import Studies
from dse.dashboard.example import RECORDED
from dse.pareto import hypervolume
from dse.results.columns import ABSENT, StudyColumns
from dse.results.effects import effects
from dse.results.front import Verdict, broken_constraints, goals_of
from dse.results.study_results import StudyResults, study_columns, study_front
from dse.store import NewTrial, Reader, RetryPolicy, Store
from dse.store.schema import HEAD
from tests.dominance import dominates

NO_WAIT = RetryPolicy(attempts=1, backoff_s=0.0)


def measured(metrics: dict[str, float], fidelity: Fidelity = Fidelity.SYNTHESISED) -> Completed:
    is_placed = fidelity is Fidelity.PLACED
    return Completed(
        measurement=Measurement(
            metrics=tuple(
                Metric(
                    name=name,
                    value=value,
                    unit="x",
                    fidelity=fidelity,
                    estimate=name == "latency_us" and not is_placed,
                )
                for name, value in metrics.items()
            )
        )
    )


def add(
    store: Store,
    study_id: int,
    design: dict[str, int | str],
    outcome: Outcome,
    *,
    at_s: float = 2e9,
    promotes: int | None = None,
) -> int:
    text = json.dumps({"schema": 1, "values": design}, separators=(",", ":"))
    new = NewTrial(design_id=text, design_json=text, suggested_by="test", promotes=promotes)
    (trial,) = store.add_trials(study_id, [new], context=str(at_s), budget=None, now_s=at_s)
    claim = store.claim(study_id, worker="w", now_s=at_s, lease_s=60)
    assert claim is not None
    store.finish(claim.attempt_id, outcome, now_s=at_s + 5, retry=NO_WAIT)
    return trial.id


def columns_of(database: Path, study: str = "imgc") -> StudyColumns:
    studies = Studies(database)
    found = studies.columns(study)
    studies.close()
    return found


@pytest.mark.parametrize("study", ["imgc", "table"])
def test_the_front_is_that_of_the_command_line(example: Path, study: str) -> None:
    check_front(example, study)


def check_front(database: Path, study: str) -> None:
    """Compare the columns of the pages with the front of the commands, and with definitions."""
    columns = columns_of(database, study)
    with Reader(database) as reader:
        _, found = study_front(reader, study)
        stored = {r.trial.number: r for r in reader.results(columns.id)}
    verdicts = columns.standing.verdicts
    numbers = columns.numbers

    def of(*wanted: Verdict) -> list[int]:
        return numbers[np.isin(verdicts, wanted)].tolist()

    assert numbers[columns.standing.front].tolist() == [r.trial.number for r in found.points]
    assert of(Verdict.DOMINATED) == list(found.dominated)
    assert of(Verdict.EXCLUDED) == list(found.excluded)
    for result in found.points:
        assert result.metrics.keys() >= stored[result.trial.number].metrics.keys()
        assert result == columns.result(columns.index_of(result.trial.number) or 0)
    check_by_definition(columns)
    for number, result in stored.items():
        position = columns.index_of(number)
        assert position is not None
        shown = columns.result(position)
        for name, value in result.metrics.items():
            is_predicted = name in shown.estimates and name in ("latency_us", "predicted_clock_mhz")
            assert is_predicted or shown.metrics[name] == value
        if columns.clock_model is not None and "latency_us" in result.estimates:
            clock_mhz = columns.clock_model.predict_mhz(result.trial.design)
            assert shown.metrics["predicted_clock_mhz"] == pytest.approx(clock_mhz, rel=1e-12)
            latency_us = result.metrics["cycles"] / clock_mhz
            assert shown.metrics["latency_us"] == pytest.approx(latency_us, rel=1e-12)


def check_by_definition(columns: StudyColumns) -> None:
    """A trial counts when it keeps the constraints and no promotion of it ended."""
    config, goals = columns.config, goals_of(columns.config)
    results = columns.results()
    ended = ("completed", "infeasible")
    further = {r.trial.promotes for r in results if r.trial.state in ended}
    points = {
        r.trial.number: tuple(r.metrics[name] for name in config.objectives)
        for r in results
        if r.trial.state == "completed"
        and r.trial.id not in further
        and not broken_constraints(r.metrics, config)
    }
    best = {
        number
        for number, point in points.items()
        if not any(dominates(other, point, goals) for other in points.values())
    }
    is_best = np.isin(columns.standing.verdicts, (Verdict.FRONT, Verdict.EQUAL))
    assert best <= set(columns.numbers[is_best].tolist())
    designs = {t.number: t.design_id for t in columns.trials}
    front = columns.numbers[columns.standing.front].tolist()
    assert {designs[n] for n in front} == {designs[n] for n in best}
    assert len({designs[n] for n in front}) == len(front)


def test_promotions_and_predicted_clocks_are_those_of_the_command_line(database: Path) -> None:
    numbers = random.Random(3)
    with Store(database) as store:
        study = store.study("imgc")
        by_number = {r.trial.number: r for r in store.results(study.id)}
        for point in study_front(store, "imgc")[1].points[:5]:
            result = by_number[point.trial.number]
            clock_mhz = 40 + 20 * numbers.random()
            metrics = {
                **result.metrics,
                "clock_mhz": clock_mhz,
                "latency_us": result.metrics["cycles"] / clock_mhz,
            }
            design = result.trial.design
            outcome: Outcome = measured(metrics, Fidelity.PLACED)
            if result.trial.number == 38:
                outcome = outcome_of(DoesNotFit("no", fix="no"), Measurement(metrics=()))
            add(store, study.id, design, outcome, promotes=result.trial.id)  # type: ignore[arg-type]
    check_front(database, "imgc")
    columns = columns_of(database)
    assert (columns.standing.verdicts == Verdict.SUPERSEDED).sum() == 5
    assert columns.metrics["predicted_clock_mhz"].estimate.any()
    assert not columns.metrics["clock_mhz"].estimate.any()


def test_constraints_keep_trials_off_the_front(database: Path) -> None:
    with Store(database) as store:
        study = store.study("table")
        resolved = json.loads(study.config_json) | {"constraints": {"dp16kd": 48.0}}
        store.update_config(study.id, config_toml="", config_json=json.dumps(resolved))
    check_front(database, "table")
    assert (columns_of(database, "table").standing.verdicts == Verdict.EXCLUDED).any()


def test_growth_ends_at_the_hypervolume_of_the_front_and_never_falls(example: Path) -> None:
    columns = columns_of(example)
    found = columns.growth
    assert found is not None
    assert list(found.volume) == sorted(found.volume)
    assert found.volume[-1] == 1.0
    names = columns.config.objectives
    at = {number: [columns.column(n)[columns.index_of(number) or 0] for n in names]
          for number in columns.numbers.tolist()}  # fmt: skip
    goals = goals_of(columns.config)
    ended = {t.number: t.ended_s for t in columns.trials}
    half = len(found.trial) // 2
    kept = [at[n] for n in at if np.isfinite(at[n]).all()]
    some = [at[n] for n in at if ended[n] <= ended[found.trial[half]] and np.isfinite(at[n]).all()]
    share = hypervolume(some, found.reference, goals) / hypervolume(kept, found.reference, goals)
    assert found.volume[half] == pytest.approx(share)


def test_an_effect_counts_every_trial_once_with_its_range(example: Path) -> None:
    columns = columns_of(example)
    everything = np.ones(len(columns), dtype=np.bool_)
    found = effects(columns, "latency_us", everything)
    said = {effect.parameter for effect in found.told}
    assert said
    assert said | set(found.untold) == set(columns.varying)
    assert found.trials == 45
    assert sum(effect.share for effect in found.told) <= 1
    for effect in found.told:
        assert sum(level.trials for level in effect.levels) == 45
        assert all(level.low <= level.middle <= level.high for level in effect.levels)
    measured_ones = np.isfinite(columns.column("latency_us"))
    absent = {e.parameter: v.trials for e in found.told for v in e.levels if v.value == "-"}
    assert absent  # a parameter of the CFU, which some designs do not have
    for parameter, trials in absent.items():
        codes = columns.parameters[parameter].codes
        assert trials == ((codes == ABSENT) & measured_ones).sum()


@pytest.fixture
def reader(database: Path) -> Iterator[Reader]:
    opened = Reader(database)
    yield opened
    opened.close()


def test_the_recorded_example_has_the_newest_schema() -> None:
    """Of an older one a copy would be read, which does not follow what is written."""
    assert f"VALUES('{HEAD}')" in gzip.decompress(RECORDED.read_bytes()).decode()


def test_what_is_read_later_is_what_would_be_read_anew(database: Path, reader: Reader) -> None:
    results = StudyResults("imgc")
    assert len(results.update(reader).positions) == 48
    columns = results.columns()
    outcomes: list[tuple[dict[str, int | str], Outcome]] = [
        ({"cfu": "none"}, measured({"latency_us": 1.0, "lut4": 2.0})),
        ({"cfu": "new"}, outcome_of(DoesNotFit("x", fix="y"), Measurement(metrics=()))),
        ({"other": 3}, outcome_of(ToolCrashed("x", fix="y"), Measurement(metrics=()))),
        ({"other": 4}, measured({"power_mw": 7.0})),
    ]
    with Store(database) as store:
        study = store.study("imgc")
        for number, (design, outcome) in enumerate(outcomes):
            add(store, study.id, design, outcome, at_s=2e9 + number)
            assert results.update(reader).positions.tolist() == [48 + number]
            later = results.columns()
            same_as(later, study_columns(reader, "imgc"))
            changes = changes_data(later, columns.revision)
            assert changes is not None
            assert [t["number"] for t in changes["trials"]] == [49 + number]
            assert len(columns) == 48 + number  # what was handed out before does not change
            columns = later
        store.requeue(study.id, context="", now_s=3e9)  # a failed trial waits again
        assert results.update(reader).positions.tolist() == [50]
        later = results.columns()
        same_as(later, study_columns(reader, "imgc"))
        assert later.trials[50].state == "waiting"
        assert columns.trials[50].state == "failed"
    assert results.update(reader).positions.tolist() == []
    assert results.columns() is later


def same_as(one: StudyColumns, other: StudyColumns) -> None:
    assert one.trials == other.trials
    assert one.parameters.keys() == other.parameters.keys()
    for name, parameter in one.parameters.items():
        assert parameter.values == other.parameters[name].values
        assert parameter.codes.tolist() == other.parameters[name].codes.tolist()
    for name, metric in one.metrics.items():
        assert np.array_equal(metric.values, other.metrics[name].values, equal_nan=True)
        assert metric.fidelity.tolist() == other.metrics[name].fidelity.tolist()
    assert one.standing.verdicts.tolist() == other.standing.verdicts.tolist()


def test_a_selection_goes_through_its_address_and_back(example: Path) -> None:
    columns = columns_of(example)
    query = [
        ("x", "cycles"), ("y", "lut4"), ("size", "ff"), ("xs", "log"), ("show", "completed"),
        ("box", "cycles:1e6:"), ("box", "lut4::6000"), ("only", "cfu:simd|none"),
    ]  # fmt: skip
    first = parse_selection(query, columns)
    from urllib.parse import parse_qsl

    assert parse_selection(parse_qsl(first.query()), columns) == first
    mask = first.mask(columns)
    assert (columns.column("cycles")[mask] >= 1e6).all()
    assert (columns.column("lut4")[mask] <= 6000).all()
    assert mask.any()


def test_fields_of_the_form_make_a_range(example: Path) -> None:
    columns = columns_of(example)
    found = parse_selection([("low-lut4", "5000"), ("high-lut4", "6000"), ("high-ff", "")], columns)
    assert found.box == {"lut4": (5000.0, 6000.0)}
    found = parse_selection([("only-cfu", "none"), ("only-simd_width", "4|8")], columns)
    assert found.only == {"cfu": ("none",), "simd_width": ("4", "8")}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("x", "axis 'nonsense'"),
        ("size", "metric 'nonsense'"),
        ("show", "show 'nonsense'"),
        ("xs", "an axis that is 'nonsense'"),
        ("box", "metric 'nonsense'"),
        ("only", "parameter 'nonsense'"),
        ("low-lut4", "'nonsense' is no value of lut4"),
    ],
)
def test_a_wrong_address_is_told_what_is_allowed(example: Path, query: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        parse_selection([(query, "nonsense")], columns_of(example))
    assert "use" in error.value.fix


def test_the_payload_has_every_trial_once(example: Path) -> None:
    data = columns_data(columns_of(example))
    count = len(data["numbers"])
    assert count == 48
    assert len(data["verdicts"]) == count
    assert all(len(p["codes"]) == count for p in data["parameters"])
    assert all(len(m["values"]) == count for m in data["metrics"])


def calls_to_look_at(database: Path, trials: int) -> int:
    """Return how many calls of functions it takes to read, judge and send a study of this size."""
    make_study(database, trials=trials)
    profile = cProfile.Profile()
    columns = profile.runcall(columns_of, database, NAME)
    assert profile.runcall(lambda: columns.growth) is not None
    profile.runcall(columns_data, columns)
    assert len(columns) == trials
    return sum(entry.callcount for entry in profile.getstats())  # type: ignore[attr-defined]


@pytest.mark.slow
def test_the_work_for_ten_thousand_trials_grows_less_than_their_number(tmp_path: Path) -> None:
    few = calls_to_look_at(tmp_path / "few.db", 1_000)
    many = calls_to_look_at(tmp_path / "many.db", 10_000)
    assert many < 7 * few  # 6.0 measured
    # more parameters make more different pieces of designs, each of which is read once
    assert many < 145 * 10_000, "130 calls for each trial measured, with 33 parameters"


def test_a_reader_cannot_write(database: Path, reader: Reader) -> None:
    with pytest.raises(StoreError, match="cannot be written"), reader._read() as db:
        db.exec_driver_sql("DELETE FROM trials")
    before = reader.stamp()
    assert reader.stamp() == before
    with Store(database) as store:
        store.request_stop(1, now_s=1.0)
    assert reader.stamp() != before


def test_a_reader_refuses_what_it_does_not_know(database: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database"):
        Reader(tmp_path / "none.db")
    import sqlite3

    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="schema 9999"), Reader(database):
        pass


def test_a_clock_learned_in_another_study_changes_estimates_and_is_told(database: Path) -> None:
    from tests.dashboard.placed import place

    studies = Studies(database)
    before = studies.columns("table")
    place(database, 47, 38, 32)  # of the other study, on the same target
    after = studies.columns("table")
    assert after.revision > before.revision
    assert after.trials == before.trials
    assert not np.array_equal(after.column("latency_us"), before.column("latency_us"))
    changes = changes_data(after, before.revision)
    assert changes is not None
    assert len(changes["trials"]) == 90
    assert studies.columns("table") is after
    studies.close()
    check_front(database, "table")
