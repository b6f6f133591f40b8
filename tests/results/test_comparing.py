"""``compare``: what differs between two trials, by which factor, and what is no difference."""

import gzip
from collections.abc import Iterator

import pytest

from contracts.faults import NotFound
from contracts.measurement import LayerProfile
from dse.dashboard.example import RECORDED
from dse.output.comparison_report import comparison_data, comparison_text
from dse.results.comparing import compare_trials, compared_layers
from dse.store import Reader
from dse.store.dump import restore
from dse.words import latency_text


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    path = tmp_path_factory.mktemp("example") / "results.db"
    restore(gzip.decompress(RECORDED.read_bytes()).decode(), path)
    with Reader(path) as opened:
        yield opened


def layer(name: str, cycles: int) -> LayerProfile:
    return LayerProfile(
        index=0, name=name, operator="CONV_2D", output_shape=(1,), macs=1, cycles=cycles,
        bytes_in=1, bytes_out=1, bytes_scratch=0,
    )  # fmt: skip


def test_layers_come_by_their_difference_and_noise_comes_last() -> None:
    before = (layer("a", 1000), layer("b", 500_000), layer("c", 900_000), layer("gone", 40_000))
    after = (layer("a", 2000), layer("b", 300_000), layer("c", 905_000), layer("new", 90_000))

    found = compared_layers([before, after], [50.0, 50.0])

    assert [each.name for each in found if not each.is_noise] == ["b", "new", "gone"]
    # c is off by 5,000 cycles of 900,000; a doubled, and is a thousandth of the inference
    assert [each.name for each in found if each.is_noise] == ["c", "a"]
    assert found[0].factor == pytest.approx(0.6)
    assert (found[1].before, found[1].factor) == (None, None)
    assert found[2].difference == pytest.approx(-800)


def test_layers_of_two_clocks_are_compared_in_time() -> None:
    (found,) = compared_layers([(layer("a", 1000),), (layer("a", 1000),)], [50.0, 25.0])

    assert (found.factor, found.is_noise, found.cycles) == (2.0, False, (1000, 1000))


def test_a_comparison_says_which_trial_is_better_in_what(reader: Reader) -> None:
    comparison = compare_trials(reader, "imgc", 1, 2)
    text, data = comparison_text(comparison), comparison_data(comparison)

    lines = [line.split() for line in text.splitlines()]
    assert ["latency", "~1.23", "s", "~331", "ms", "×0.269", "better"] in lines
    assert ["lut4", "5,745", "6,924", "×1.21", "worse"] in lines
    assert ["simd_width", "-", "1"] in lines
    assert max(map(len, text.splitlines())) <= 80
    latency = data["metrics"][0]
    assert latency["metric"] == "latency_us"  # microseconds for programs
    assert latency["values"] == pytest.approx([1_228_954.9, 330_571.8], rel=1e-4)
    differences = [abs(each["difference"]) for each in data["layers"] if not each["is_noise"]]
    assert differences == sorted(differences, reverse=True)
    total_us = sum(each["values"][1] for each in data["layers"])
    assert total_us == pytest.approx(latency["values"][1], rel=0.01)


def test_a_trial_without_a_result_can_be_compared_and_says_why(reader: Reader) -> None:
    numbers = [r.trial.number for r in reader.results(reader.study("imgc").id) if r.kind]
    text = comparison_text(compare_trials(reader, "imgc", 1, numbers[0]))
    assert f"trial {numbers[0]}: infeasible (synthesised), too-slow:" in text
    with pytest.raises(NotFound, match="no trial 999"):
        compare_trials(reader, "imgc", 1, 999)


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        *((60_003.7, "60.0 ms"), (330_571.8, "331 ms"), (999_499.9, "999 ms")),
        *((999_500.0, "1.00 s"), (1_508_333.0, "1.51 s"), (9_996.0, "10.0 ms")),
        *((847.3, "0.847 ms"), (0.0, "0 ms"), (-74_900.0, "-74.9 ms"), (1.5e9, "1,500 s")),
        *((float("inf"), "inf"), (float("nan"), "nan")),
    ],
)
def test_times_have_three_digits_and_a_unit(microseconds: float, text: str) -> None:
    assert latency_text(microseconds) == text
