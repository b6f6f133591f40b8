"""A study of one objective with constraints: its front is the best design that keeps them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dse.campaign.events import Ending
from dse.commands.calibration import calibration_of_study
from dse.config import StudyConfig, load_config
from dse.output.document import document_text
from dse.output.export import export
from dse.output.fronts_report import choice_text, fronts_text, plot_fronts
from dse.output.morning import morning_document
from dse.output.plot import plot_front
from dse.output.progress import Tally
from dse.output.report import front_text
from dse.results.choosing import choose
from dse.results.columns import StudyColumns
from dse.results.front import pareto_front
from dse.results.fronts_by import fronts_by
from dse.results.growth import growth_of
from dse.results.morning import study_morning
from dse.results.study_results import study_columns
from dse.store import Store
from tests.campaign.test_campaign import InstantExecutor, by_formula, campaign
from tests.dashboard.http import client, close_clients

CONFIG = """
[study]
name = "night"
trials = 24
[suggest]
algorithm = "{algorithm}"
[workload]
model = "net.tflite"
[objectives]
minimise = ["latency_us"]
[constraints]
lut4 = 2000
"""


def load(folder: Path, algorithm: str = "random") -> StudyConfig:
    (folder / "net.tflite").write_bytes(b"net")
    (folder / "night.toml").write_text(CONFIG.format(algorithm=algorithm))
    return load_config(folder / "night.toml")[1]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "results.db") as opened:
        yield opened


def run(store: Store, config: StudyConfig) -> StudyColumns:
    assert campaign(store, config, executor=InstantExecutor(by_formula)).run() is Ending.BUDGET
    return study_columns(store, "night")


def best_of(columns: StudyColumns) -> float:
    values = [
        metrics["latency_us"]
        for at in range(len(columns))
        if (metrics := columns.measured(at)[0]).get("lut4", 9e9) <= 2000
    ]
    return min(values)


def test_the_front_is_the_best_that_keeps_the_constraint(store: Store, tmp_path: Path) -> None:
    columns = run(store, load(tmp_path))

    (best, *equal) = pareto_front(columns).points
    assert best.metrics["latency_us"] == best_of(columns)
    assert all(other.metrics["latency_us"] == best_of(columns) for other in equal)
    faster = np.nanmin(columns.column("latency_us"))
    assert faster < best_of(columns), "one that breaks the constraint is faster"
    assert growth_of(columns) is not None


def test_best_so_far_counts_what_keeps_the_constraints(store: Store, tmp_path: Path) -> None:
    config = load(tmp_path)
    columns = run(store, config)

    tally = Tally(config)
    tally.start_from(columns)
    assert tally.best == {"latency_us": best_of(columns)}


def test_it_is_printed_drawn_chosen_from_and_exported(store: Store, tmp_path: Path) -> None:
    config = load(tmp_path)
    columns = run(store, config)
    front = pareto_front(columns)

    assert front_text(front, config).splitlines()[0].split() == ["trial", "latency", "CFU"]
    plot_front(front, config, tmp_path / "front.svg")
    assert "trial" in (tmp_path / "front.svg").read_text()
    fronts = fronts_by([columns], "cfu")
    plot_fronts(fronts, tmp_path / "fronts.svg")
    assert "simd" in fronts_text(fronts)
    assert "best latency" in choice_text(choose(columns))
    assert export(columns, tmp_path / "trials.csv") == 24
    morning = study_morning(store, "night", hours=None, now_s=9e9)
    assert "latency_us" in document_text(morning_document(morning, (), with_db=""))
    assert calibration_of_study(store, "night", plot=None)


def test_its_pages_are_served(store: Store, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    run(store, load(tmp_path))

    asking = client(store.place)
    request.addfinalizer(close_clients)
    for page in ("", "/studies/night", "/studies/night/trials/1", "/studies/night/report"):
        answer = asking.get(page or "/")
        assert answer.status_code == 200, (page, answer.text[:500])
    compared = asking.get("/studies/night/compare?trials=1,2")
    assert compared.status_code == 200
    assert "latency_us" in asking.get("/studies/night").text


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["vizier", "optuna:tpe", "optuna:gp", "vizier:nsga2"])
def test_every_search_takes_one_objective(store: Store, tmp_path: Path, algorithm: str) -> None:
    columns = run(store, load(tmp_path, algorithm))
    assert not columns.is_stand_in.any()
