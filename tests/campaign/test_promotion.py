"""A study that places only what is on or near its front, and guesses the clock of the rest."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contracts.faults import ConfigError, TimingMissed
from contracts.measurement import Completed, Fidelity, Measurement, Outcome, outcome_of
from dse.campaign.events import CampaignEvent, Ending, Promoted
from dse.campaign.promotion import to_promote, wanted_clock_hz
from dse.config import StudyConfig, load_config
from dse.output.report import clock_text, front_data, front_text
from dse.output.trial_report import show_text
from dse.pareto import Points
from dse.results.clock_model import ClockModel, clock_model
from dse.results.columns import STATES, StudyColumns
from dse.results.front import pareto_front
from dse.results.study_results import (
    StudyResults,
    study_columns,
    study_front,
    wanted_for_front,
)
from dse.space import Design
from dse.store import Store, TrialResult, TrialState
from runners.job import Job
from tests.campaign.fake_rooms import clock_of
from tests.campaign.test_campaign import InstantExecutor, by_formula, campaign

CONFIG = """
[study]
name = "night"
trials = 12
fidelity = "place"
promote = "front"
promote_margin = 0.0
[suggest]
algorithm = "random"
[workload]
model = "net.tflite"
"""


def load(folder: Path, text: str = CONFIG) -> StudyConfig:
    (folder / "net.tflite").write_bytes(b"net")
    (folder / "night.toml").write_text(text)
    return load_config(folder / "night.toml")[1]


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    return load(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "results.db") as opened:
        yield opened


def run(
    store: Store,
    config: StudyConfig,
    *,
    executor: InstantExecutor | None = None,
    events: list[CampaignEvent] | None = None,
) -> Ending:
    return campaign(store, config, executor=executor, events=events).run()


def without_promotions(columns: StudyColumns) -> StudyColumns:
    """Return the columns as if no trial had been placed."""
    waiting = STATES.index(TrialState.WAITING)
    placed = columns.promotes > 0
    opened = tuple(
        t if t.promotes is None else t._replace(state=TrialState.WAITING) for t in columns.trials
    )
    state = np.where(placed, waiting, columns.state).astype(np.int8)
    return replace(columns, trials=opened, state=state)


def study_results(store: Store) -> tuple[tuple[TrialResult, ...], ClockModel | None, StudyColumns]:
    columns = study_columns(store, "night")
    return columns.results(), columns.clock_model, columns


def test_every_design_is_measured_cheaply_and_only_the_front_is_placed(
    store: Store, config: StudyConfig
) -> None:
    executor, events = InstantExecutor(), list[CampaignEvent]()

    assert run(store, config, executor=executor, events=events) is Ending.BUDGET

    results, _, columns = study_results(store)
    cheap = [r for r in results if r.trial.fidelity is Fidelity.SYNTHESISED]
    placed = [r for r in results if r.trial.fidelity is Fidelity.PLACED]
    assert len(cheap) == 12
    assert 0 < len(placed) < 12
    assert {job.fidelity for job in executor.submitted} == {
        Fidelity.SYNTHESISED,
        Fidelity.PLACED,
    }
    assert [len(e.trials) for e in events if isinstance(e, Promoted)]
    front = pareto_front(columns)
    assert {r.trial.fidelity for r in front.points} == {Fidelity.PLACED}
    assert not any(r.estimates for r in front.points)


def test_nothing_is_left_to_promote_at_the_end_and_a_second_run_does_nothing(
    store: Store, config: StudyConfig
) -> None:
    run(store, config)
    study = store.study("night")
    before = store.results(study.id)
    assert to_promote(study_columns(store, "night")) == ()

    run(store, config)
    assert store.results(study.id) == before


def test_a_margin_places_more(tmp_path: Path) -> None:
    counts = []
    for margin in ("0.0", "0.5"):
        text = CONFIG.replace("promote_margin = 0.0", f"promote_margin = {margin}")
        with Store(tmp_path / f"{margin}.db") as store:
            run(store, load(tmp_path, text))
            results = store.results(store.study("night").id)
        counts.append(sum(r.trial.promotes is not None for r in results))
    assert counts[0] < counts[1]


def test_by_gain_designs_are_placed_in_turn_until_none_promises_enough(tmp_path: Path) -> None:
    """A batch has as many as there are workers, and what it showed decides the next one."""
    counts = []
    for gain in ("0.5", "0.002"):
        text = CONFIG.replace('promote = "front"', f'promote = "gain"\npromote_gain = {gain}')
        folder = tmp_path / gain
        folder.mkdir()
        config = load(folder, text)
        events = list[CampaignEvent]()
        with Store(folder / "results.db") as store:
            assert run(store, config, events=events) is Ending.BUDGET
            columns = study_columns(store, "night")
        batches = [len(e.trials) for e in events if isinstance(e, Promoted)]
        assert batches
        assert max(batches) <= config.workers
        assert to_promote(columns) == ()
        counts.append(sum(batches))
        front = pareto_front(columns)
        assert any(r.trial.fidelity is Fidelity.PLACED for r in front.points)
    assert counts[0] < counts[1] < 12


def test_by_gain_what_placing_costs_decides_where_it_is_known(store: Store, tmp_path: Path) -> None:
    text = CONFIG.replace('promote = "front"', 'promote = "gain"').replace(
        "trials = 12", "trials = 12\nworkers = 1"
    )
    config = load(tmp_path, text)
    run(store, config)
    columns = without_promotions(study_columns(store, "night"))
    columns = replace(columns, promotes=np.zeros_like(columns.promotes))
    (first,) = to_promote(columns)

    def dear(designs: Sequence[Design]) -> Points:
        return np.array([1e9 if d.id == first.design_id else 1.0 for d in designs])

    (instead,) = to_promote(columns, dear)
    assert instead.design_id != first.design_id


def test_a_design_that_misses_timing_leaves_the_front(store: Store, config: StudyConfig) -> None:
    def misses_when_wide(job: Job) -> Outcome:
        if job.fidelity is Fidelity.PLACED and int(job.design.get("simd_width", 0)) > 2:
            missed = TimingMissed("40 MHz of 50", fix="lower the clock")
            return outcome_of(missed, Measurement(metrics=()))
        return by_formula(job)

    run(store, config, executor=InstantExecutor(misses_when_wide))

    results, _, columns = study_results(store)
    assert any(
        r.trial.fidelity is Fidelity.PLACED and r.trial.state is TrialState.INFEASIBLE
        for r in results
    )
    front = pareto_front(columns)
    assert front.points
    assert all(int(r.trial.design.get("simd_width", 0)) <= 2 for r in front.points)
    assert (columns.standing.verdicts != "s").sum() == 12


def test_the_clock_of_unplaced_designs_is_learned_from_the_placed_ones(
    store: Store, config: StudyConfig
) -> None:
    run(store, config)
    study = store.study("night")
    results, model, _ = study_results(store)

    assert model is not None
    assert model.trials == sum(r.trial.fidelity is Fidelity.PLACED for r in results)
    guessed = [r for r in results if "latency_us" in r.estimates]
    assert guessed
    low, high = model.range_mhz
    for result in guessed:
        assert "predicted_clock_mhz" in result.estimates
        assert "clock_mhz" not in result.metrics, "that is the clock a trial settled on"
        assert low <= result.metrics["predicted_clock_mhz"] <= high
        true_mhz = clock_of(config.job(result.trial.design))
        assert abs(result.metrics["predicted_clock_mhz"] - true_mhz) < abs(50.0 - true_mhz)
    stored = {r.trial.id: r for r in store.results(study.id)}
    assert all("clock_mhz" not in stored[r.trial.id].metrics for r in guessed)


def test_a_front_is_the_same_however_much_of_the_trials_is_read(
    store: Store, config: StudyConfig
) -> None:
    followed = StudyResults("night", replace(wanted_for_front(config), records=False))
    prepared = campaign(store, config)
    followed.update(store)  # while there is nothing yet
    prepared.run()

    assert followed.update(store).is_new_clock
    slim, whole = followed.columns(), study_columns(store, "night")
    once, front = study_front(store, "night")

    assert slim.trials == once.trials == ()
    assert len(whole.trials) == len(slim) == len(once)
    wanted = pareto_front(whole)
    assert front.points
    assert [(p.trial, p.metrics, p.estimates) for p in front.points] == [
        (p.trial, p.metrics, p.estimates) for p in wanted.points
    ]
    assert (front.dominated, front.excluded) == (wanted.dominated, wanted.excluded)
    for columns in (slim, once):
        assert columns.standing.verdicts.tolist() == whole.standing.verdicts.tolist()
        assert columns.metrics["predicted_clock_mhz"].estimate.any()
        for name in ("latency_us", "predicted_clock_mhz"):
            np.testing.assert_array_equal(columns.column(name), whole.column(name))


def test_a_front_tells_what_is_placed_from_what_is_guessed(
    store: Store, config: StudyConfig
) -> None:
    run(store, config)
    _, model, columns = study_results(store)
    placed_text = front_text(pareto_front(columns), config, model)
    unplaced = without_promotions(columns)
    guessed_text = front_text(pareto_front(unplaced), config, model)
    assert "~" not in placed_text
    assert "placed" in placed_text
    assert "~" in guessed_text
    assert "placed trials let expect (mean error" in guessed_text
    assert {p["fidelity"] for p in front_data(pareto_front(columns), config)["front"]} == {"placed"}


def test_show_prints_the_routes_and_the_critical_path(store: Store, config: StudyConfig) -> None:
    run(store, config)
    study = store.study("night")
    placed = next(r for r in store.results(study.id) if r.trial.fidelity is Fidelity.PLACED)
    clock_mhz = clock_of(config.job(placed.trial.design))

    text = show_text(store.detail(study, placed.trial.number), config.target)
    assert f"trial {placed.trial.number}: completed (placed), suggested by promotion" in text
    assert re.search(rf"1 +1 +{clock_mhz:.3f} +{clock_mhz:.3f} +{clock_mhz + 1:.3f} +yes", text)
    assert "critical path of the last route, 14.75 ns:" in text
    assert re.search(r"14\.25 +routing +tag -> pc", text)


def test_a_pinned_clock_needs_no_estimate(store: Store, tmp_path: Path) -> None:
    pinned = load(tmp_path, CONFIG + '[target]\nname = "ulx3s_85f"\nclock_policy = "pinned"\n')
    run(store, pinned)

    assert clock_model(store, pinned) is None


def test_promotion_needs_something_to_promote_to(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"promote is 'front', but fidelity is 'synthesise'"):
        load(tmp_path, CONFIG.replace('"place"', '"synthesise"'))


def test_objectives_are_those_that_every_design_has(tmp_path: Path) -> None:
    text = CONFIG + '[objectives]\nminimise = ["lut4"]\nmaximise = ["clock_mhz"]\n'
    with pytest.raises(ConfigError, match=r"'clock_mhz' is measured by no stage"):
        load(tmp_path, text)


def test_a_stop_that_was_asked_for_lets_running_trials_end(
    store: Store, config: StudyConfig
) -> None:
    def ask_to_stop(job: Job) -> Outcome:
        store.request_stop(store.study("night").id, now_s=1.0)
        return by_formula(job)

    assert run(store, config, executor=InstantExecutor(ask_to_stop)) is Ending.STOPPED

    states = [r.trial.state for r in store.results(store.study("night").id)]
    assert 0 < len(states) < 12
    assert TrialState.RUNNING not in states


def test_a_promotion_is_told_from_which_clock_on_it_would_be_on_the_front(
    store: Store, config: StudyConfig
) -> None:
    """What a router is asked again for: the fastest placed design that is not larger."""
    executor = InstantExecutor()
    run(store, config, executor=executor)

    columns = study_columns(store, "night")
    first = [job for job in executor.submitted if job.fidelity is Fidelity.SYNTHESISED]
    assert {job.wanted_clock_hz for job in first} == {0}
    wanted = {
        name: wanted_clock_hz(columns, name)
        for name, cycles in zip(columns.design_ids, columns.column("cycles"), strict=True)
        if np.isfinite(cycles)
    }
    latency, lut4, cycles = (columns.column(n) for n in ("latency_us", "lut4", "cycles"))
    is_placed = columns.standing.kept & ~columns.metrics["latency_us"].estimate
    for name, hz in wanted.items():
        own = np.array([each == name for each in columns.design_ids])
        at = int(np.flatnonzero(own)[-1])
        rivals = is_placed & ~own & (lut4 <= lut4[at])
        if not rivals.any():
            assert hz == 0
            continue
        assert cycles[at] / (hz / 1e6) == pytest.approx(latency[rivals].min())
    assert any(wanted.values())


def test_an_error_of_nothing_is_said_to_be_that(store: Store, config: StudyConfig) -> None:
    run(store, config)
    _, model, _ = study_results(store)
    assert model is not None
    same = replace(model, error_mhz=0.0, range_mhz=(80.0, 80.0), mean_mhz=80.0)
    assert clock_text(config, same) == (
        f"~ an estimate at 80 MHz, which all {model.trials} placed trials met: it was the highest"
        " that was asked for, so how much others miss it by is not known"
    )
    assert "mean error" in clock_text(config, model)


def test_cells_of_unplaced_designs_grow_as_those_of_the_placed_ones_did(
    store: Store, config: StudyConfig
) -> None:
    """They were compared with placed ones as if packing took nothing."""

    def packed(job: Job) -> Outcome:
        outcome = by_formula(job)
        if job.fidelity is not Fidelity.PLACED or not isinstance(outcome, Completed):
            return outcome
        metrics = [
            replace(metric, value=round(1.04 * metric.value), fidelity=Fidelity.PLACED)
            if metric.name == "lut4"
            else metric
            for metric in outcome.measurement.metrics
        ]
        return Completed(measurement=replace(outcome.measurement, metrics=tuple(metrics)))

    run(store, config, executor=InstantExecutor(packed))

    columns = study_columns(store, "night")
    model = columns.cell_models["lut4"]
    assert model.factor == pytest.approx(1.04, abs=0.001)
    assert model.error < 0.001
    stored = {
        r.trial.number: r.metrics["lut4"] for r in store.results(columns.id) if "lut4" in r.metrics
    }
    shown = [result for result in columns.results() if result.trial.number in stored]
    for result in shown:
        measured = stored[result.trial.number]
        if "latency_us" in result.estimates:
            assert "lut4" in result.estimates
            assert result.metrics["lut4"] == round(model.factor * measured)
        else:
            assert "lut4" not in result.estimates
            assert result.metrics["lut4"] == measured
    told = StudyResults("night")
    told.update(store)
    for result in shown:
        position = columns.index_of(result.trial.number)
        assert position is not None
        assert told.values(position)["lut4"] == result.metrics["lut4"], "the search is told as much"
    guessed = pareto_front(without_promotions(columns))
    text = front_text(guessed, config, columns.clock_model, columns.cell_models)
    assert f"~ lut4: +4.0 % on what synthesis counts, as {model.trials} placed trials" in text
