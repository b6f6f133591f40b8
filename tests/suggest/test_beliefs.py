"""What the models believe is told in the units of what is measured, and is about right."""

import math
import random
from collections.abc import Iterator

import pytest

from contracts.belief import Belief
from contracts.parameter import Parameter
from dse.space import Design, Space
from dse.suggest import Objective, Observation, SuggestRequest
from dse.suggest.algorithms.vizier import VizierSuggester
from dse.suggest.stopping import AGREEING, has_converged
from tests.suggest.small_study import TWO, drawn, observe, small_space, values_of

pytestmark = pytest.mark.slow
THREE = (
    Objective(metric="latency_us"),
    Objective(metric="lut4"),
    Objective(metric="score", goal="maximise"),
)


@pytest.fixture(scope="module")
def suggester() -> Iterator[VizierSuggester]:
    found = VizierSuggester()
    yield found
    found.close()


def space() -> Space:
    return Space(
        Parameter(name=f"p{n}", values=tuple(range(6)), default=0, description="", ordered=True)
        for n in range(4)
    )


def measured(design: Design, noise: random.Random | None = None) -> dict[str, float]:
    a, b, c, d = (int(design[f"p{n}"]) for n in range(4))
    jitter = [0.0] * 3 if noise is None else [noise.gauss(0, 0.05) for _ in range(3)]
    return {
        "latency_us": 1000.0 * math.exp(-0.4 * a - 0.1 * b + jitter[0]),
        "lut4": (500.0 + 200.0 * a + 20.0 * b) * math.exp(jitter[1]),
        "score": -3.0 + 0.5 * c - 0.1 * d + jitter[2],  # of both signs: not by its logarithm
    }


def beliefs_of_a_study(
    suggester: VizierSuggester, *, noise: random.Random | None, trials: int
) -> list[tuple[Belief, dict[str, float]]]:
    told: list[Observation] = []
    pairs = []
    while len(told) < trials:
        request = SuggestRequest(space=space(), objectives=THREE, observations=tuple(told), seed=2)
        (suggestion,) = suggester.suggest(request)
        values = measured(suggestion.design, noise)
        told.append(Observation(design=suggestion.design, values=values))
        assert suggestion.belief is not None
        if suggestion.belief.predictions:
            pairs.append((suggestion.belief, values))
    return pairs


@pytest.mark.parametrize("noisy", [False, True], ids=["exact", "noisy"])
def test_measured_values_lie_in_their_intervals_of_three_objectives(
    suggester: VizierSuggester, noisy: bool
) -> None:
    noise = random.Random(5) if noisy else None
    pairs = beliefs_of_a_study(suggester, noise=noise, trials=26)
    inside = [
        each.low <= values[each.metric] <= each.high
        for belief, values in pairs
        for each in belief.predictions
    ]
    assert len(inside) == 3 * 20
    assert sum(inside) >= 0.7 * len(inside)  # 0.9 is meant; 60 values of one study tell so much
    for belief, _ in pairs:
        assert belief.reason == "expected gain"
        assert belief.feasible == 1.0
        assert belief.gain is not None
        assert belief.gain >= 0
        assert all(p.low < p.middle < p.high for p in belief.predictions)
        assert all(p.low > 0 for p in belief.predictions if p.metric != "score")


def test_a_part_of_the_space_that_is_infeasible_is_believed_to_be(
    suggester: VizierSuggester,
) -> None:
    small = small_space()
    tried = drawn(small, 16)
    told = tuple(
        Observation(design=d, values=values_of(d) if d["bypass"] is True else None) for d in tried
    )
    request = SuggestRequest(space=small, objectives=TWO, observations=told, count=8)
    found = suggester.suggest(request)
    feasible = {s.design: s.belief.feasible for s in found if s.belief is not None}
    good = [p for d, p in feasible.items() if d["bypass"] is True and p is not None]
    bad = [p for d, p in feasible.items() if d["bypass"] is False and p is not None]
    assert min(good) > max(bad)
    assert min(good) > 0.6
    assert max(bad) < 0.4


def test_the_parameter_that_decides_is_the_most_important_one(suggester: VizierSuggester) -> None:
    whole = space()
    tried = [whole.at(n) for n in random.Random(3).sample(range(whole.count()), 24)]
    told = tuple(Observation(design=d, values=measured(d)) for d in tried)
    request = SuggestRequest(space=whole, objectives=THREE, observations=told)
    (suggestion,) = suggester.suggest(request)
    importance = suggestion.importance
    assert importance is not None
    assert max(importance["latency_us"], key=importance["latency_us"].__getitem__) == "p0"
    assert max(importance["score"], key=importance["score"].__getitem__) == "p2"
    assert all(0 <= share <= 1 for shares in importance.values() for share in shares.values())


def test_the_expected_gain_falls_as_the_front_is_found(suggester: VizierSuggester) -> None:
    small = small_space()
    designs = sorted(small.enumerate(), key=lambda d: (values_of(d)["latency_us"], d.canonical))
    few = SuggestRequest(space=small, objectives=TWO, observations=observe(drawn(small, 8)))
    most = SuggestRequest(space=small, objectives=TWO, observations=observe(designs[:22]))
    gains = []
    for request in (few, most):
        (suggestion,) = suggester.suggest(request)
        assert suggestion.belief is not None
        assert suggestion.belief.gain is not None
        gains.append(suggestion.belief.gain)
    assert gains[1] < gains[0]


def test_a_study_has_converged_only_when_its_newest_suggestions_agree() -> None:
    small = [0.001] * AGREEING
    assert has_converged(small, 0.01)
    assert not has_converged(small[1:], 0.01)
    assert not has_converged([0.5, *small], 0.01)
    assert has_converged([*small, 0.5], 0.01)
    assert not has_converged(small, 0.0)
    assert not has_converged([0.0] * AGREEING, 0.0)


def test_a_constraint_with_both_bounds_keeps_the_search_between_them(
    suggester: VizierSuggester,
) -> None:
    """What lies outside is told as infeasible, on whichever side."""
    told: list[Observation] = []
    inside = []
    while len(told) < 30:
        request = SuggestRequest(space=space(), objectives=TWO, observations=tuple(told), seed=4)
        (suggestion,) = suggester.suggest(request)
        values = measured(suggestion.design)
        is_inside = 700 <= values["lut4"] <= 1200
        told.append(Observation(design=suggestion.design, values=values if is_inside else None))
        inside.append(is_inside)
    by_chance = sum(700 <= measured(d)["lut4"] <= 1200 for d in space().enumerate()) / 6**4
    assert sum(inside[-10:]) / 10 > by_chance
