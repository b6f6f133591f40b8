from dse.commands.accuracy import Accuracy, accuracy_text, best_class


def test_the_class_is_the_largest_signed_value_and_the_first_of_equal_ones() -> None:
    assert best_class(bytes([0x80, 0x7F, 0x00])) == 1
    assert best_class(bytes([0xFF, 0x01, 0x01])) == 1
    assert best_class(bytes([0x80, 0x80])) == 0


def test_an_accuracy_is_printed_beside_that_of_the_reference() -> None:
    text = accuracy_text(
        Accuracy(
            study="night",
            trial=3,
            on="host",
            samples=200,
            correct=175,
            reference_correct=175,
            exact=199,
            mistakes=(),
            inexact=("dog.bin",),
        )
    )
    assert "correct    175/200 (87.5%)" in text
    assert "reference  175/200" in text
    assert "differ     dog.bin" in text
