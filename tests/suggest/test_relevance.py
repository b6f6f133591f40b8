"""The share that a predictor explains, against its definition: a line of all others, each time."""

import numpy as np
import pytest
from scipy.stats import pearsonr  # type: ignore[import-untyped]

from dse.suggest.relevance import Array, predicted_share


def share_by_definition(predictor: Array, labels: Array) -> float:
    """Return the share, with a line and a mean fitted anew for each label that is left out."""
    missed, alone = 0.0, 0.0
    for at in range(len(labels)):
        others = np.arange(len(labels)) != at
        if np.ptp(predictor[others]) == 0:  # they are predicted alike: no line
            slope, height = 0.0, labels[others].mean()
        else:
            slope, height = np.polyfit(predictor[others], labels[others], 1)
        missed += (labels[at] - slope * predictor[at] - height) ** 2
        alone += (labels[at] - labels[others].mean()) ** 2
    return max(0.0, 1.0 - missed / alone)


@pytest.mark.parametrize("count", [3, 4, 8, 30])
@pytest.mark.parametrize("noise", [0.01, 0.3, 1.0, 3.0])
def test_a_share_is_that_of_lines_through_the_others_unless_chance_would_do_as_well(
    count: int, noise: float
) -> None:
    rng = np.random.default_rng(count)
    seen = set()
    for _ in range(25):
        labels = 50.0 + 7.0 * rng.normal(size=count)
        predictor = rng.choice((-2.0, 0.5)) * (labels + 7.0 * noise * rng.normal(size=count)) + 3.0
        by_chance = float(pearsonr(predictor, labels).pvalue)
        share = share_by_definition(predictor, labels)
        for chance in (0.999 * by_chance, 1.001 * by_chance):
            expected = share if by_chance < chance else 0.0
            found = predicted_share(predictor, labels, chance=chance)
            assert found == pytest.approx(expected, abs=1e-9)
            seen.add(found > 0)
    assert seen == {True, False} or count == 3


def test_a_line_that_is_worse_than_none_explains_nothing() -> None:
    """Three points are a line but for one: left out, it is missed by more than the mean is."""
    predictor, labels = np.array([0.0, 1.0, 2.0]), np.array([0.0, 5.0, 4.0])
    assert share_by_definition(predictor, labels) == 0.0
    assert predicted_share(predictor, labels, chance=1.1) == 0.0


def test_a_perfect_predictor_explains_all_and_two_labels_are_too_few() -> None:
    labels = np.array([1.0, 2.0, 4.0, 8.0])
    assert predicted_share(-3.0 * labels, labels, chance=1e-6) == pytest.approx(1.0)
    assert predicted_share(labels[:3], labels[:3], chance=0.05) == pytest.approx(1.0)
    assert predicted_share(labels[:2], labels[:2], chance=1.1) == 0.0


def test_what_does_not_vary_neither_predicts_nor_is_predicted() -> None:
    varied = np.array([1.0, 2.0, 4.0, 8.0])
    for same in (0.0, 0.1, -7.5e5):  # 0.1: its mean is not it, to the last bit
        constant = np.full(4, same)
        assert predicted_share(constant, varied, chance=1.1) == 0.0
        assert predicted_share(varied, constant, chance=1.1) == 0.0
    barely = varied * 1e-3  # small is not the same
    assert predicted_share(barely, barely, chance=0.05) == pytest.approx(1.0)


@pytest.mark.parametrize("count", [4, 40])
def test_a_spread_below_a_millionth_is_rounding(count: int) -> None:
    varied = np.arange(count, dtype=float)
    varied = (varied - varied.mean()) / varied.std()
    for spread, share in ((0.9e-6, 0.0), (1.1e-6, 1.0)):
        for predictor, labels in ((varied, spread * varied), (spread * varied, varied)):
            found = predicted_share(predictor, labels, chance=0.05)
            assert found == pytest.approx(share)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_label_that_bears_the_slope_alone_is_not_predicted_by_it(scale: float) -> None:
    """Without it there is no line: it was counted as predicted exactly."""
    labels = np.array([0.0, 1.0, -1.0, 0.5, 9.0])
    alone = scale * np.array([0.1, 0.1, 0.1, 0.1, 1.0])
    assert predicted_share(alone, labels, chance=0.05) < 0.2
    for others in ([0.1, 0.1, 0.1, 0.1], [0.11, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.9]):
        predictor = scale * np.array([*others, 1.0])
        found = predicted_share(predictor, labels, chance=1.0)
        assert found == pytest.approx(share_by_definition(predictor, labels), abs=1e-9)
