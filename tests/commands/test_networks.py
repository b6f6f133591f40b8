"""The networks of a study are checked before its first trial, each alone and beside the others."""

from pathlib import Path

import numpy as np
import pytest

from contracts.faults import ConfigError
from dse.campaign.networks import check_network
from dse.commands.oracle import oracle_of_all
from dse.commands.workload import workload_data, workload_text
from dse.commands.workload_folder import folder_data, folder_text
from dse.config import StudyConfig, load_config
from runners.stages.golden import Missed, OracleReport
from tests.measuring.linear_network import network

CONFIG = """
[study]
name = "night"
trials = 2
[workload]
models = "variants"
samples = "samples"
sample_encoding = "int8"
[objectives]
minimise = ["lut4"]
maximise = ["accuracy_percent"]
"""


def load(
    folder: Path,
    models: dict[str, bytes],
    *,
    labels: str = "a.bin,3,0\nb.bin,3,1\n",
    sizes: tuple[int, int] = (3, 3),
    text: str = CONFIG,
) -> StudyConfig:
    for name in ("variants", "samples"):
        (folder / name).mkdir()
    for name, content in models.items():
        (folder / "variants" / f"{name}.tflite").write_bytes(content)
    for name, size in zip("ab", sizes, strict=True):
        (folder / "samples" / f"{name}.bin").write_bytes(np.arange(size, dtype=np.int8).tobytes())
    (folder / "samples" / "y_labels.csv").write_text(labels)
    (folder / "night.toml").write_text(text)
    return load_config(folder / "night.toml")[1]


GOOD = {"one": network(3, 3), "two": network(3, 3, shift=1)}


def test_variants_of_one_shape_with_fitting_samples_are_accepted(tmp_path: Path) -> None:
    check_network(load(tmp_path, GOOD))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (network(4, 3), r"the variant two.tflite@\w+ takes int8 1x4, and one.tflite@\w+ takes int"),
        (network(3, 2), r"the variant two.tflite@\w+ gives 1x2, and one.tflite@\w+ gives 1x3"),
        (b"nothing", r"two\.tflite"),
    ],
    ids=["inputs", "classes", "damaged"],
)
def test_a_variant_that_is_none_is_named(tmp_path: Path, other: bytes, words: str) -> None:
    config = load(tmp_path, {"one": network(3, 3), "two": other})
    with pytest.raises(ConfigError, match=words):
        check_network(config)


def test_a_variant_that_changed_since_the_study_began_is_refused(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    (tmp_path / "variants" / "two.tflite").write_bytes(network(3, 3, shift=-1))
    with pytest.raises(ConfigError, match=r"two\.tflite has changed: sha256"):
        check_network(config)
    check_network(config, next(iter(config.workloads.values())))


@pytest.mark.parametrize(
    ("labels", "sizes", "words"),
    [
        ("a.bin,3,0\nb.bin,3,3\n", (3, 3), r"y_labels.csv:2: label 3 is none of 3 classes"),
        ("a.bin,3,0\nc.bin,3,1\n", (3, 3), r"y_labels.csv:2: there is no file c.bin below"),
        ("a.bin,3,0\nb.bin,3,1\n", (3, 4), r"b.bin has 4 bytes, the model's input 3 as int8"),
        ("a.bin,4,0\nb.bin,4,1\n", (3, 3), r"4 classes, and the model's output has 3"),
        ("", (3, 3), r"names no sample"),
    ],
)
def test_samples_are_all_looked_at_before_the_first_trial(
    tmp_path: Path, labels: str, sizes: tuple[int, int], words: str
) -> None:
    config = load(tmp_path, GOOD, labels=labels, sizes=sizes)
    with pytest.raises(ConfigError, match=words):
        check_network(config)


def test_a_metric_that_the_samples_do_not_give_is_refused(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD, text=CONFIG.replace("accuracy_percent", "auc"))
    with pytest.raises(ConfigError, match=r"names auc, and its samples are for a classifier"):
        check_network(config)


RECORDINGS = "a.bin,2,0,8,8\nb.bin,2,{},8,8\n"
FLOATS = CONFIG.replace('"int8"', '"float32"')


@pytest.mark.parametrize(
    ("metric", "second", "words"),
    [
        ("accuracy_percent", 1, r"its samples are recordings for an anomaly search, which has auc"),
        ("auc", 0, r"all its samples are of one kind"),
        ("auc", 1, None),
    ],
)
def test_recordings_give_an_area_where_both_kinds_are_there(
    tmp_path: Path, metric: str, second: int, words: str | None
) -> None:
    config = load(
        tmp_path,
        {"one": network(2, 2)},
        labels=RECORDINGS.format(second),
        sizes=(16, 16),
        text=FLOATS.replace("accuracy_percent", metric),
    )
    if words is None:
        check_network(config)
        return
    with pytest.raises(ConfigError, match=words):
        check_network(config)


def test_the_oracle_of_variants_misses_what_one_of_them_misses() -> None:
    missed = Missed(layer="conv2d_0", what="rounds down", another_input=True)
    one = OracleReport(
        golden_inputs=1, candidates=10, faults=7, caught=7, inputs_for_all=1, missed=()
    )
    two = OracleReport(
        golden_inputs=1, candidates=12, faults=5, caught=4, inputs_for_all=3, missed=(missed,)
    )
    both = oracle_of_all({"a": one, "b": two})
    assert (both.candidates, both.faults, both.caught, both.inputs_for_all) == (22, 12, 11, 3)
    assert [each.layer for each in both.missed] == ["conv2d_0 of b"]


def test_a_folder_of_variants_is_compared_by_work_bits_and_accuracy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DSE_CACHE_DIR", str(tmp_path / "cache"))
    load(tmp_path, {**GOOD, "wide": network(4, 3)}, labels="a.bin,3,2\nb.bin,3,1\n")
    folder = tmp_path / "variants"
    rows = folder_data(folder, samples=tmp_path / "samples", sample_encoding="int8")
    scores = [row["score"]["accuracy_percent"] if "score" in row else None for row in rows]
    assert scores == [50.0, 50.0, None]
    text = folder_text(rows, folder)
    assert [line.split()[-5:-1] for line in text.splitlines()[2:4]] == 2 * [
        ["w8", "a8", "128", "50.00"]
    ]
    assert "wide.tflite has no accuracy" in text
    assert "a.bin has 3 bytes, the model's input 4 as int8" in text
    assert "accuracy" not in folder_text(folder_data(folder), folder)


@pytest.mark.slow
def test_one_model_tells_its_accuracy_where_samples_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DSE_CACHE_DIR", str(tmp_path / "cache"))
    load(tmp_path, GOOD, labels="a.bin,3,2\nb.bin,3,2\n")
    path = tmp_path / "variants" / "one.tflite"
    text = workload_text(workload_data(path, samples=tmp_path / "samples", sample_encoding="int8"))
    assert "accuracy     100.00 % of 2 labelled samples" in text
    assert "weights      21 bytes, bits: w8 a8" in text
    assert "labelled samples" not in workload_text(workload_data(path))
