"""How far a search can be trusted: counted, said in words, drawn."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from contracts.belief import Belief, Prediction
from contracts.faults import ConfigError
from dse.commands.calibration import calibration_of_study
from dse.config import StudyConfig, load_config
from dse.output.calibration_report import belief_lines, calibration_text
from dse.output.trial_report import show_data, show_text
from dse.results.calibration import calibrations
from dse.results.study_results import study_columns
from dse.store import NewTrial, RetryPolicy, Store, TrialState
from tests.campaign.fake_rooms import fake_space
from tests.campaign.test_campaign import CONFIG, by_formula


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    (tmp_path / "net.tflite").write_bytes(b"net")
    text = CONFIG + "\n[constraints]\nmult18x18d = {min = 0, max = 4}\n"
    (tmp_path / "night.toml").write_text(text)
    return load_config(tmp_path / "night.toml")[1]


def predicted(latency_us: float, lut4: float) -> tuple[Prediction, ...]:
    return (
        Prediction(metric="latency_us", middle=latency_us, low=latency_us / 2, high=latency_us * 2),
        Prediction(metric="lut4", middle=lut4, low=lut4 - 100, high=lut4 + 100),
    )


@pytest.fixture
def store(tmp_path: Path, config: StudyConfig) -> Iterator[Store]:
    """All 48 designs: a latency is predicted rightly, an area always too small by half."""
    with Store(tmp_path / "results.db") as opened:
        study = opened.create_study(
            name="night", config_toml="", config_json=config.to_json(), source_hash="", now_s=0
        )
        for number, design in enumerate(fake_space().enumerate()):
            outcome = by_formula(config.job(design.values))
            values = {m.name: m.value for m in outcome.measurement.metrics}
            belief = Belief(
                reason="expected gain",
                predictions=predicted(
                    values.get("latency_us", 1e5) * 1.25, values.get("lut4", 2e3) / 2
                ),
                feasible=0.5,
                gain=0.01,
            )
            new = NewTrial(
                design_id=design.id,
                design_json=design.canonical,
                suggested_by="vizier" if number else "hand",
                belief=belief if number else Belief(reason="by hand"),
            )
            opened.add_trials(study.id, [new], context="c", budget=None, now_s=1)
            claim = opened.claim(study.id, worker="w", now_s=1, lease_s=9)
            assert claim is not None
            opened.finish(claim.attempt_id, outcome, now_s=2, retry=RetryPolicy())
        opened.describe_importance(study.id, {"lut4": {"simd_width": 0.9, "bypass": 0.1}})
        yield opened


def test_intervals_are_counted_by_what_was_measured(store: Store) -> None:
    columns = study_columns(store, "night")
    found, feasibility = calibrations(columns, store.beliefs(columns.id, most=100))
    latency, lut4 = found
    completed = int(columns.is_state(TrialState.COMPLETED).sum())
    assert len(latency.pairs) == len(lut4.pairs) == completed - 1  # one came by hand
    assert latency.covered == completed - 1
    assert lut4.covered == 0
    assert latency.error == pytest.approx(0.25)
    assert lut4.error == pytest.approx(0.5)
    assert feasibility.trials == 47
    assert feasibility.expected == 23.5
    wide = sum(d["cfu"] == "simd" and d.values["simd_width"] in (8, 16)
               for d in fake_space().enumerate())  # fmt: skip
    assert feasibility.feasible == 47 - wide


def test_the_command_says_it_and_draws_it(store: Store, tmp_path: Path) -> None:
    picture = tmp_path / "c.svg"
    data = calibration_of_study(store, "night", plot=picture)
    text = calibration_text(data)
    assert "latency_us: 39 of 39 measured values in the 90 % interval (100%); median" in text
    assert "lut4: 0 of 39 measured values in the 90 % interval (0%)" in text
    # what having no width does is cfu's: both together are what one explained before
    assert re.search(r"simd_width +90% +70%", text)
    assert re.search(r"cfu +- +27%", text)
    drawn = ElementTree.fromstring(picture.read_text())
    marks = [each for each in drawn.iter() if each.tag.endswith("circle")]
    assert len(marks) == 2 * 39


def test_what_was_believed_of_a_trial_stands_beside_what_was_measured(
    store: Store, config: StudyConfig
) -> None:
    study = store.study("night")
    by_hand, chosen = store.detail(study, 1), store.detail(study, 2)
    assert "reason: by hand" in show_text(by_hand, config.target)
    text = show_text(chosen, config.target)
    assert "reason: expected gain; expected to enlarge the front's hypervolume by 1.00%" in text
    assert "inside" in text
    assert "outside" in text
    data = show_data(chosen, config.target)["belief"]
    assert data["feasible"] == 0.5
    assert {each["metric"] for each in data["predictions"]} == {"latency_us", "lut4"}
    before = belief_lines(Belief(reason="x", predictions=predicted(5.0, 900.0)), {})
    assert [line.split()[-2:] for line in before[1].splitlines()[2:]] == [["-", "-"]] * 2


def test_without_predictions_it_says_so(tmp_path: Path, config: StudyConfig) -> None:
    with Store(tmp_path / "empty.db") as store:
        store.create_study(
            name="night", config_toml="", config_json=config.to_json(), source_hash="", now_s=0
        )
        data = calibration_of_study(store, "night", plot=None)
        assert calibration_text(data) == "no model has predicted a trial that was measured since"
        with pytest.raises(ConfigError, match=r"night has no trial that a model.*\n  fix: let a"):
            calibration_of_study(store, "night", plot=tmp_path / "c.svg")
