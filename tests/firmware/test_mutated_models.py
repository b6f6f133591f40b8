"""Damaged models end in an answer or in a named error; ``benchmarks.mutated_models`` tries more."""

import random
from pathlib import Path

import pytest

from benchmarks.mutated_models import MUTATIONS, Outcome, models_in, try_mutants
from tests.firmware.firmware_bench import DATA, small_network

OWN = Path(__file__).parents[2] / "models" / "imgc" / "imgc_resnet8_int8.tflite"


def require_named(outcome: Outcome, count: int) -> None:
    assert outcome.faults == []
    assert sum(outcome.counts.values()) == count
    assert outcome.counts["refused by the import"] > count // 5
    assert outcome.counts["supported"] > 0


def test_300_damaged_files_have_an_answer_or_a_named_error(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(small_network())
    require_named(try_mutants(path, count=300, seed=1), 300)


@pytest.mark.slow
def test_damaged_copies_of_the_reference_network_too() -> None:
    require_named(try_mutants(OWN, count=300, seed=2), 300)


@pytest.mark.slow
def test_damaged_copies_of_all_models_at_hand_too() -> None:
    if not DATA.exists():
        pytest.skip("the models of others are not beside this checkout")
    for path in models_in([DATA]):
        outcome = try_mutants(path, count=60, seed=3)
        assert (outcome.faults, sum(outcome.counts.values())) == ([], 60), path


def test_the_same_seed_damages_in_the_same_way() -> None:
    content = small_network()
    for mutation in MUTATIONS:
        first, again = (mutation(content, random.Random("1 7")) for _ in range(2))
        assert first == again
        assert any(
            mutation(content, random.Random(f"1 {number}")) != content for number in range(5)
        )
