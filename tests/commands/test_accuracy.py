import dataclasses

import pytest

from dse.commands.accuracy import Accuracy, accuracy_text

NIGHT = Accuracy(
    study="night",
    trial=3,
    on="host",
    encoding="uint8",
    encoding_reason="workload.sample_encoding",
    samples=200,
    inferences=200,
    correct=175,
    reference_correct=175,
    exact=199,
    inexact=("dog.bin",),
    confusion=[[90, 10], [15, 85]],
)


def test_an_accuracy_is_printed_beside_that_of_the_reference() -> None:
    text = accuracy_text(NIGHT)
    assert "correct    175/200 (87.5%)" in text
    assert "reference  175/200" in text
    assert "differ     dog.bin" in text
    assert "read as uint8: workload.sample_encoding" in text
    assert "float " not in text


def test_a_confusion_matrix_is_a_table_of_classes() -> None:
    lines = accuracy_text(NIGHT).splitlines()
    assert [line.split() for line in lines[-4:]] == [
        ["class", "0", "1", "right"],
        ["-----", "--", "--", "-----"],
        ["0", "90", "10", "90%"],
        ["1", "15", "85", "85%"],
    ]


def test_the_float_model_stands_beside_the_quantised_one() -> None:
    assert "float      180/200 (90.0%)" in accuracy_text(
        dataclasses.replace(NIGHT, float_correct=180)
    )


@pytest.mark.parametrize(("auc", "words"), [(0.8516, "AUC        0.8516"), (None, "of one kind")])
def test_anomalies_are_told_by_the_area_under_the_curve(auc: float | None, words: str) -> None:
    found = Accuracy(
        study="night",
        trial=3,
        on="host",
        task="anomaly",
        samples=4,
        inferences=784,
        auc=auc,
        reference_auc=auc,
        exact=784,
    )
    text = accuracy_text(found)
    assert words in text
    assert "784/784" in text
    assert "correct" not in text
