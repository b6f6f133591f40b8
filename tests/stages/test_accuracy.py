"""The labelled samples of a workload are run once for each model, through its C on the host."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from contracts.faults import ConfigError
from runners.job import Job
from runners.pipeline import Cache, Pipeline
from runners.stages.accuracy import ModelScore, read_score
from runners.stages.all import STAGES, pipeline_of
from tests.measuring.linear_network import job, network, workload

CLASSES = {"a": [9, 0, 0], "b": [0, 9, 0], "c": [0, 0, 9], "d": [5, 9, 0]}
"""The network gives back its input, so the largest number is the class."""


def classifier(folder: Path, labels: dict[str, int]) -> Job:
    files = {f"{name}.bin": np.array(row, np.int8).tobytes() for name, row in CLASSES.items()}
    given, _ = workload(
        folder,
        network(3, 3),
        labels="".join(f"{name}.bin,3,{label}\n" for name, label in labels.items()),
        files=files,
        encoding="int8",
    )
    return job(given)


def pipeline(job: Job, folder: Path) -> Pipeline:
    return pipeline_of(job, cache=Cache(folder / "cache"), report=lambda _: None)


def score(job: Job, folder: Path) -> ModelScore:
    return read_score(pipeline(job, folder).get("accuracy").folder)


def test_the_share_of_samples_classified_as_labelled_is_the_accuracy(tmp_path: Path) -> None:
    given = classifier(tmp_path, {"a": 0, "b": 1, "c": 2, "d": 0})
    assert score(given, tmp_path) == ModelScore(samples=4, accuracy_percent=75.0, auc=None)


def test_recordings_are_scored_by_the_area_under_their_curve(tmp_path: Path) -> None:
    """The network has two outputs that are its inputs, within what int8 can say."""
    near, far = np.array([1, 2], "<f4").tobytes(), np.array([90, 80], "<f4").tobytes()
    given, _ = workload(
        tmp_path,
        network(2, 2),
        labels="near.bin,2,0,8,8\nfar.bin,2,1,8,8\n",
        files={"near.bin": near, "far.bin": far},
    )
    assert score(job(given), tmp_path) == ModelScore(samples=2, accuracy_percent=None, auc=1.0)


def test_without_samples_there_is_no_score(tmp_path: Path) -> None:
    given = classifier(tmp_path, {"a": 0})
    bare = dataclasses.replace(given, workload=dataclasses.replace(given.workload, samples=None))
    assert score(bare, tmp_path) == ModelScore(samples=0, accuracy_percent=None, auc=None)


def test_every_design_of_a_model_shares_the_run_and_another_label_does_not(tmp_path: Path) -> None:
    given = classifier(tmp_path, {"a": 0, "b": 1})
    before = pipeline(given, tmp_path).key("accuracy")
    other = {**given.design, "cfu": "simd", "icache_bytes": 8192, "optimisation": "O3"}
    assert pipeline(dataclasses.replace(given, design=other), tmp_path).key("accuracy") == before
    labels = given.workload.samples
    assert labels is not None
    (labels / "y_labels.csv").write_text("a.bin,3,0\nb.bin,3,2\n")
    assert pipeline(given, tmp_path).key("accuracy") != before
    (labels / "y_labels.csv").write_text("a.bin,3,0\nb.bin,3,1\n")
    (labels / "b.bin").write_bytes(bytes(3))
    assert pipeline(given, tmp_path).key("accuracy") != before


def test_another_encoding_or_model_is_another_run(tmp_path: Path) -> None:
    given = classifier(tmp_path, {"a": 0})
    before = pipeline(given, tmp_path).key("accuracy")
    others = (
        dataclasses.replace(given.workload, sample_encoding="uint8"),
        dataclasses.replace(given.workload, model_sha256="0" * 64),
    )
    for other in others:
        there = pipeline(dataclasses.replace(given, workload=other), tmp_path)
        assert there.key("accuracy") != before


def test_samples_that_do_not_fit_are_named(tmp_path: Path) -> None:
    given = classifier(tmp_path, {"a": 0})
    assert given.workload.samples is not None
    (given.workload.samples / "a.bin").write_bytes(bytes(4))
    with pytest.raises(ConfigError, match=r"a\.bin has 4 bytes, the model's input 3"):
        pipeline(given, tmp_path).get("accuracy")


def test_the_table_has_the_stage() -> None:
    assert STAGES["accuracy"].needs == ()
