"""A study in which more of something is better: from its first trial to its report."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contracts.measurement import Completed, Fidelity, Outcome
from contracts.metric import MetricDefinition
from dse.campaign.promotion import to_promote
from dse.config import StudyConfig, load_config
from dse.dashboard.data.payload import objectives_data
from dse.dashboard.drawing.front import front_picture
from dse.output.plot import front_drawing
from dse.output.progress import Tally
from dse.output.report import front_data, front_text
from dse.pareto import hypervolume, reference_point
from dse.results.columns import StudyColumns
from dse.results.front import goals_of, pareto_front
from dse.results.growth import growth_of
from dse.results.study_results import study_columns
from dse.store import Store
from runners.job import Job
from runners.measuring.metrics import ACCURACY_PERCENT
from tests.campaign.test_campaign import InstantExecutor, by_formula, campaign

CONFIG = """
[study]
name = "night"
trials = 30
[suggest]
algorithm = "random"
[workload]
model = "net.tflite"
samples = "samples"
[objectives]
minimise = ["lut4"]
maximise = ["accuracy_percent"]
"""
PLACED = 'fidelity = "place"\npromote = "front"\npromote_margin = {margin}\n'
LEVEL = MetricDefinition(
    name="level_db", unit="dB", description="", since=Fidelity.SIMULATED, better="higher"
)
LEVEL_FILE = """
from contracts.measurement import Fidelity
from contracts.metric import MetricDefinition
from runners.measuring.reader import MetricReader

LEVEL = MetricDefinition(
    name="level_db", unit="dB", description="", since=Fidelity.SIMULATED, better="higher"
)
READER = MetricReader(metrics=(LEVEL,), read=lambda measured: [])
"""


def accuracy_of(job: Job) -> float:
    """Wider units cost cells and are right more often; a wider cache costs and does not help."""
    return 80.0 + int(job.design.get("simd_width", 0)) / 2


def level_of(job: Job) -> float:
    """Below zero everywhere."""
    return -40.0 + int(job.design.get("simd_width", 0))


def measure(job: Job) -> Outcome:
    outcome = by_formula(job)
    if not isinstance(outcome, Completed):
        return outcome
    own = (ACCURACY_PERCENT.measured(accuracy_of(job)), LEVEL.measured(level_of(job)))
    before = outcome.measurement
    return Completed(measurement=replace(before, metrics=(*before.metrics, *own)))


def load(folder: Path, text: str = CONFIG) -> StudyConfig:
    (folder / "samples").mkdir(exist_ok=True)
    (folder / "net.tflite").write_bytes(b"net")
    (folder / "level.py").write_text(LEVEL_FILE)
    (folder / "night.toml").write_text(text)
    return load_config(folder / "night.toml")[1]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "results.db") as opened:
        yield opened


def run(store: Store, config: StudyConfig) -> StudyColumns:
    campaign(store, config, executor=InstantExecutor(measure)).run()
    return study_columns(store, "night")


def pairs(columns: StudyColumns, which: np.ndarray) -> set[tuple[float, float]]:
    names = ("lut4", "accuracy_percent")
    found = np.column_stack([columns.column(name) for name in names])[which]
    return {(lut4, accuracy) for lut4, accuracy in found.tolist()}


def test_the_front_has_what_nothing_cheaper_beats_in_accuracy(store: Store, tmp_path: Path) -> None:
    columns = run(store, load(tmp_path))

    everything = pairs(columns, columns.standing.kept)
    expected = {
        (lut4, accuracy)
        for lut4, accuracy in everything
        if not any(
            other[0] <= lut4 and other[1] >= accuracy and other != (lut4, accuracy)
            for other in everything
        )
    }
    assert len(everything) > len(expected) > 2
    found = pareto_front(columns)
    points = [(r.metrics["lut4"], r.metrics["accuracy_percent"]) for r in found.points]
    assert set(points) == expected
    assert points == sorted(points), "the cheapest first, and so the least accurate"
    assert found.goals == ("minimise", "maximise")


def test_the_volume_grows_to_that_of_the_front_and_its_corner_is_the_worst(
    store: Store, tmp_path: Path
) -> None:
    columns = run(store, load(tmp_path))

    growth = growth_of(columns)
    assert growth is not None
    assert growth.volume[-1] == 1.0
    assert list(growth.volume) == sorted(growth.volume)
    lut4, accuracy = growth.reference
    kept = pairs(columns, columns.standing.kept)
    assert lut4 > max(each for each, _ in kept)
    assert accuracy < min(each for _, each in kept)
    front = [
        (r.metrics["lut4"], r.metrics["accuracy_percent"]) for r in pareto_front(columns).points
    ]
    goals = goals_of(columns.config)
    whole = hypervolume(front, reference_point(front, goals), goals)
    assert whole > hypervolume(front[:-1], reference_point(front, goals), goals)


def test_what_is_told_of_the_night_names_the_highest_accuracy(store: Store, tmp_path: Path) -> None:
    config = load(tmp_path)
    columns = run(store, config)

    best = max(accuracy for _, accuracy in pairs(columns, columns.standing.kept))
    tally = Tally(config)
    tally.start_from(columns)
    assert tally.best["accuracy_percent"] == best
    assert f"accuracy_percent {best:g}" in tally.best_text()
    found = pareto_front(columns)
    assert "accuracy_percent" in front_text(found, config)
    data = front_data(found, config)
    assert (
        max(p["metrics"]["accuracy_percent"] for p in json.loads(json.dumps(data))["front"]) == best
    )


def test_pictures_say_that_more_is_better(store: Store, tmp_path: Path) -> None:
    from dse.dashboard.data.selection import parse_selection

    config = load(tmp_path)
    columns = run(store, config)
    assert "accuracy_percent (maximise)" in front_drawing(pareto_front(columns), config).markup()
    assert objectives_data(columns)[1] == {"metric": "accuracy_percent", "goal": "maximise"}
    selection = parse_selection([], columns)
    assert "accuracy_percent [%] (maximise)" in front_picture(columns, selection).markup()


@pytest.mark.parametrize("goal", ["accuracy_percent", "level_db"])
@pytest.mark.parametrize("margin", [0.0, 0.05])
def test_the_front_goes_on_and_a_margin_takes_more_with_it_and_never_less(
    store: Store, tmp_path: Path, goal: str, margin: float
) -> None:
    """A margin made a metric below zero worse: the front itself could be left behind."""
    text = CONFIG.replace("accuracy_percent", goal)
    text = text.replace("trials = 30\n", "trials = 30\n" + PLACED.format(margin=margin))
    columns = run(store, load(tmp_path, text + '[metrics]\nfiles = ["level.py"]\n'))

    assert to_promote(columns) == ()
    values = np.column_stack([columns.column("lut4"), -columns.column(goal)])
    first = columns.promotes == 0
    cheap = first & np.isfinite(values).all(axis=1)
    promoted = {trial.design_id for trial in columns.trials if trial.promotes is not None}
    for position in np.flatnonzero(cheap).tolist():
        moved = values[position] - margin * np.abs(values[position])
        beaten = ((values[cheap] <= moved).all(axis=1) & (values[cheap] < moved).any(axis=1)).any()
        assert (columns.design_ids[position] in promoted) == (not beaten)
    assert 2 < len(promoted) < len(set(columns.design_ids))


def test_a_lower_bound_on_accuracy_keeps_what_is_right_often_enough(
    store: Store, tmp_path: Path
) -> None:
    text = CONFIG.replace(
        'minimise = ["lut4"]\nmaximise = ["accuracy_percent"]',
        'minimise = ["lut4", "latency_us"]\n[constraints]\naccuracy_percent = {min = 81}',
    )
    columns = run(store, load(tmp_path, text))
    kept = columns.column("accuracy_percent")[columns.standing.kept]
    assert kept.min() == 81.0
    assert (columns.column("accuracy_percent") < 81).any()
