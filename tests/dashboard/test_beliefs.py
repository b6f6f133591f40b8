"""What the search believed, on the page of a trial and of a study."""

import csv
import io
from pathlib import Path

import pytest

from contracts.belief import Belief, Prediction
from dse.store import Store
from dse.store.beliefs import write_belief
from tests.dashboard.http import Asking, client

EVIL = '<script>alert("x")</script>'


def believe(database: Path, *, wrong: int) -> None:
    """Say of the trials of imgc that they were predicted within 10 %, and of some that not."""
    with Store(database) as store:
        study = store.study("imgc")
        store.describe_importance(study.id, {"latency_us": {"buffer_depth": 0.61}})
        with store._write() as db:
            for count, result in enumerate(store.results(study.id)):
                factor = 3.0 if count < wrong else 1.0
                predictions = tuple(
                    Prediction(
                        metric=name,
                        middle=value * factor,
                        low=value * factor * 0.9,
                        high=value * factor * 1.1,
                    )
                    for name, value in result.metrics.items()
                    if name in ("latency_us", "lut4")
                )
                reason = EVIL if result.trial.number == 47 else "expected gain"
                belief = Belief(reason=reason, predictions=predictions, feasible=0.875, gain=0.0123)
                write_belief(db, result.trial.id, belief)


@pytest.fixture
def asked(database: Path) -> Asking:
    believe(database, wrong=4)
    return client(database)


def test_a_trial_shows_predicted_beside_measured_and_escapes_the_reason(asked: Asking) -> None:
    page = asked.get("/studies/imgc/trials/47").text
    assert "What the search believed" in page
    assert "enlarge the front’s hypervolume by 1.23 %" in page
    assert "feasible with a probability of 88 %" in page
    assert page.count("<td>inside</td>") == 2
    assert EVIL not in page
    assert "&lt;script&gt;" in page


def test_a_study_counts_what_its_intervals_cover(asked: Asking) -> None:
    page = asked.get("/studies/imgc").text
    assert "41 of 45 in their 90 % interval" in page
    assert "Of 48 designs, 42.0 were expected to be feasible, 45 were" in page
    assert "to the model 61 %" in page
    part = asked.get("/studies/imgc/parts/calibration").text
    assert part.count("<td>outside</td>") == 2 * 4
    picture = asked.get("/studies/imgc/calibration.svg")
    assert picture.headers["content-type"].startswith("image/svg+xml")
    rows = list(csv.DictReader(io.StringIO(asked.get("/studies/imgc/calibration.csv").text)))
    assert len(rows) == 2 * 45
    assert sum(row["is_covered"] == "True" for row in rows) == 2 * 41


def test_a_study_of_an_older_version_has_nothing_to_compare(example: Path) -> None:
    asked = client(example)
    assert "Nothing to compare until a model has suggested" in asked.get("/studies/imgc").text
    assert "What the search believed" not in asked.get("/studies/imgc/trials/47").text
    assert asked.get("/studies/imgc/calibration.svg").status_code == 404
    assert asked.get("/studies/imgc/calibration.csv").status_code == 200
