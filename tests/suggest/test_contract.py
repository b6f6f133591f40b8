"""What every search algorithm promises, asked of each of them."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from contracts.faults import ConfigError
from dse.space import Design, Space
from dse.suggest import (
    Objective,
    Observation,
    Suggester,
    SuggestRequest,
    algorithm_names,
    make_suggester,
)
from tests.suggest.small_study import THREE, TWO, drawn, observe, small_space, suggested, values_of

TOO_EXPENSIVE = "vizier:gp-ucb-pe"
"""Some 20 CPU-seconds a suggestion: asked once, in ``test_guests.py``."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[pytest.mark.slow] if name == "vizier" or ":" in name else [])
        for name in algorithm_names()
        if name != TOO_EXPENSIVE
    ],
)
def suggester(request: pytest.FixtureRequest) -> Iterator[Suggester]:
    name = request.param
    if name.startswith("optuna:") and find_spec("optuna") is None:
        pytest.skip("the extra `optuna` is not installed")
    if name == "optuna:gp" and find_spec("torch") is None:
        pytest.skip("the extra `optuna` is not installed whole: torch is missing")
    found = make_suggester(name)
    yield found
    found.close()


@pytest.fixture(scope="module")
def space() -> Space:
    return small_space()


def test_it_is_known_by_its_name(suggester: Suggester) -> None:
    assert suggester.name in algorithm_names()


def test_a_design_says_how_it_was_found(suggester: Suggester, space: Space) -> None:
    empty = SuggestRequest(space=space, objectives=TWO, count=3)
    learnt = SuggestRequest(space=space, objectives=TWO, observations=observe(drawn(space, 12)))
    words = [suggestion.suggested_by for suggestion in suggester.suggest(empty)]
    if suggester.name == "vizier":  # nothing to learn from yet
        assert words == ["default (first designs)", *["end of all scales (first designs)"] * 2]
    elif ":" in suggester.name:
        assert words == ["default (first designs)", *["random (first designs)"] * 2]
    else:
        assert words == [suggester.name] * 3
    assert [s.suggested_by for s in suggester.suggest(learnt)] == [suggester.name]
    for suggestion in (*suggester.suggest(empty), *suggester.suggest(learnt)):
        assert suggestion.belief is not None
        assert suggestion.belief.reason


def test_a_whole_study_visits_every_design_once_and_then_stops(
    suggester: Suggester, space: Space
) -> None:
    seen: list[Design] = []
    while True:
        observations = tuple(
            Observation(design=d, values=values_of(d) if d["bypass"] is True else None)
            for d in seen
        )
        found = suggested(
            suggester,
            SuggestRequest(space=space, objectives=TWO, observations=observations, count=3),
        )
        assert not set(found) & set(seen)
        assert all(map(space.contains, found))
        if not found:
            break
        seen += found
    assert len(seen) == len(set(seen)) == space.count() == 24


@pytest.mark.parametrize("objectives", [TWO[:1], TWO, THREE], ids=["one", "two", "three"])
@pytest.mark.parametrize("measured", [0, 1, 12])
def test_equal_requests_get_equal_answers_of_new_legal_designs(
    suggester: Suggester, space: Space, objectives: tuple[Objective, ...], measured: int
) -> None:
    *tried, running, waiting = drawn(space, measured + 2)
    request = SuggestRequest(
        space=space,
        objectives=objectives,
        observations=observe(tried),
        active=(running, waiting),
        seed=3,
        count=4,
    )
    found = suggested(suggester, request)
    assert len(set(found)) == 4
    assert all(map(space.contains, found))
    assert not set(found) & request.taken()
    assert suggested(suggester, request) == found


@pytest.mark.parametrize("measured", [1, 12])
def test_it_goes_on_when_nothing_was_feasible(
    suggester: Suggester, space: Space, measured: int
) -> None:
    tried = observe(drawn(space, measured), infeasible=True)
    request = SuggestRequest(space=space, objectives=TWO, observations=tried, count=2)
    found = suggested(suggester, request)
    assert len(set(found)) == 2
    assert not set(found) & request.taken()


def test_it_survives_measurements_that_are_all_the_same(suggester: Suggester, space: Space) -> None:
    tried = tuple(
        Observation(design=d, values={"latency_us": 5.0, "lut4": 0.0}) for d in drawn(space, 10)
    )
    request = SuggestRequest(space=space, objectives=TWO, observations=tried)
    assert len(suggested(suggester, request)) == 1


def test_only_what_is_left_is_returned(suggester: Suggester, space: Space) -> None:
    *tried, last = drawn(space, 24)
    request = SuggestRequest(space=space, objectives=TWO, observations=observe(tried), count=5)
    assert suggested(suggester, request) == (last,)
    request = SuggestRequest(
        space=space, objectives=TWO, observations=observe(tried), active=(last,), count=5
    )
    assert suggested(suggester, request) == ()


def test_a_space_of_one_design_is_suggested_once(suggester: Suggester, space: Space) -> None:
    single = space.restricted({"bypass": True, "cfu": "none"})
    request = SuggestRequest(space=single, objectives=TWO, count=2)
    found = suggested(suggester, request)
    assert found == (single.default(),)
    again = SuggestRequest(space=single, objectives=TWO, observations=observe(list(found)))
    assert suggested(suggester, again) == ()


def test_designs_measured_outside_the_space_do_no_harm(suggester: Suggester, space: Space) -> None:
    part = space.restricted({"bypass": True})
    tried = observe(drawn(space, 16))
    request = SuggestRequest(space=part, objectives=TWO, observations=tried)
    (found,) = suggested(suggester, request)
    assert part.contains(found)
    assert found not in request.taken()


def test_a_study_gets_another_order_with_another_seed() -> None:
    space = small_space()
    orders = {
        suggested(
            make_suggester("random"),
            SuggestRequest(space=space, objectives=TWO, seed=seed, count=24),
        )
        for seed in range(5)
    }
    assert len(orders) == 5


def test_an_unknown_algorithm_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="'magic'\n  fix: use one of: vizier, grid, random, op"):
        make_suggester("magic")


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf")])
def test_observations_that_are_not_numbers_are_refused(value: float | None) -> None:
    space = small_space()
    values = {"latency_us": 1.0} if value is None else {"latency_us": 1.0, "lut4": value}
    observation = Observation(design=space.default(), values=values)
    with pytest.raises(ConfigError, match=r"objective lut4 is .* for design bypass=true cfu=none"):
        SuggestRequest(space=space, objectives=TWO, observations=(observation,))


def test_requests_without_sense_are_refused() -> None:
    space = small_space()
    with pytest.raises(ConfigError, match="name at least one"):
        SuggestRequest(space=space, objectives=())
    with pytest.raises(ConfigError, match="each once"):
        SuggestRequest(space=space, objectives=(TWO[0], TWO[0]))
    with pytest.raises(ConfigError, match="at least 1"):
        SuggestRequest(space=space, objectives=TWO, count=0)
