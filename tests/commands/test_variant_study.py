"""A study over variants of a network as a person runs it: real stages, the simulated board."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.fast_design import CPU, FIRMWARE, space_toml
from tests.measuring.linear_network import network

ROOT = Path(__file__).parents[2]
CONFIG = """
[study]
name = "variants"
trials = 4
fidelity = "simulate"
[suggest]
algorithm = "grid"
[workload]
models = "variants"
samples = "samples"
sample_encoding = "int8"
[target]
name = "on_chip_85f"
[objectives]
minimise = ["latency_us"]
maximise = ["accuracy_percent"]
[constraints]
accuracy_percent = {min = 50}
"""
SAMPLES = {"a": ([9, 0, 0], 0), "b": ([0, 9, 0], 1), "c": ([0, 0, 9], 2), "d": ([5, 9, 0], 0)}


def run(folder: Path, *words: str, code: int = 0) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "dse.study", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    return ended.stdout + ended.stderr


def write(folder: Path, **models: bytes) -> None:
    for name in ("variants", "samples"):
        (folder / name).mkdir(exist_ok=True)
    for name, content in models.items():
        (folder / "variants" / f"{name}.tflite").write_bytes(content)
    labels = []
    for name, (row, label) in SAMPLES.items():
        (folder / "samples" / f"{name}.bin").write_bytes(np.array(row, np.int8).tobytes())
        labels.append(f"{name}.bin,3,{label}\n")
    (folder / "samples" / "y_labels.csv").write_text("".join(labels))
    space = space_toml({**CPU, **FIRMWARE, "cfu": "none", "optimisation": ["O2", "O3"]})
    (folder / "study.toml").write_text(CONFIG + space)


@pytest.mark.slow
def test_each_trial_has_the_accuracy_of_its_own_variant(tmp_path: Path) -> None:
    write(tmp_path, right=network(3, 3), shifted=network(3, 3, shift=1))
    run(tmp_path, "start", "study.toml")

    found = {}
    for number in range(1, 5):
        shown = json.loads(run(tmp_path, "show", "variants", str(number), "--json"))
        metrics = {metric["name"]: metric["value"] for metric in shown["metrics"]}
        name = shown["design"]["model"].partition("@")[0]
        found.setdefault(name, []).append(metrics["accuracy_percent"])
    assert found == {"right.tflite": [75.0, 75.0], "shifted.tflite": [25.0, 25.0]}

    front = json.loads(run(tmp_path, "front", "variants", "--json"))["front"]
    assert {point["metrics"]["accuracy_percent"] for point in front} == {75.0}
    assert "3/4" in run(tmp_path, "accuracy", "variants", str(front[0]["trial"]))
    assert "reproduces" in run(tmp_path, "rerun", "variants", str(front[0]["trial"]))

    # a further variant is a file more, and what was measured is not measured again
    write(tmp_path, third=network(3, 3, output_scale=0.25))
    text = (tmp_path / "study.toml").read_text()
    text = text.replace('"variants"\ntrials = 4', '"more"\ntrials = 6')
    (tmp_path / "study.toml").write_text(text)
    run(tmp_path, "start", "study.toml")
    status = json.loads(run(tmp_path, "status", "more", "--json"))
    assert status["counts"]["completed"] == 6
    assert status["reused"] == 4
    assert len(status["variants"]) == 3


@pytest.mark.slow
def test_what_is_wrong_with_variants_or_samples_is_said_before_a_study_is_there(
    tmp_path: Path,
) -> None:
    write(tmp_path, right=network(3, 3), other=network(3, 2))
    assert "gives 1x3" in run(tmp_path, "start", "study.toml", code=3)
    (tmp_path / "variants" / "other.tflite").unlink()
    (tmp_path / "samples" / "b.bin").unlink()
    assert "there is no file b.bin" in run(tmp_path, "start", "study.toml", code=3)
    assert not (tmp_path / "results.db").exists()
