"""Random and grid: orders of the space."""

from itertools import islice

from contracts.parameter import Parameter
from dse.space import Space
from dse.suggest import Objective, Observation, SuggestRequest, make_suggester
from dse.suggest.orders import grid_order, random_order
from tests.suggest.small_study import suggested

LATENCY = (Objective(metric="latency_us"),)


def bits(count: int) -> Space:
    return Space(
        Parameter(name=f"bit{n}", values=(False, True), default=False, description="")
        for n in range(count)
    )


def test_random_goes_on_in_the_same_order_however_many_are_asked_for() -> None:
    space = bits(6)
    suggester = make_suggester("random")
    at_once = suggested(
        suggester, SuggestRequest(space=space, objectives=LATENCY, seed=5, count=20)
    )
    one_by_one: tuple[Observation, ...] = ()
    for _ in range(20):
        (design,) = suggested(
            suggester,
            SuggestRequest(space=space, objectives=LATENCY, seed=5, observations=one_by_one),
        )
        one_by_one += (Observation(design=design, values={"latency_us": 1.0}),)
    assert tuple(observation.design for observation in one_by_one) == at_once


def test_random_finds_designs_in_a_space_that_cannot_be_listed() -> None:
    space = bits(60)
    request = SuggestRequest(space=space, objectives=LATENCY, count=50)
    assert len(set(suggested(make_suggester("random"), request))) == 50


def test_grid_covers_every_value_of_every_parameter_early() -> None:
    space = bits(10)
    first = list(islice(grid_order(space), 24))
    for parameter in space.parameters:
        ups = sum(design[parameter.name] is True for design in first)
        assert 5 <= ups <= 19
    assert len(set(grid_order(space))) == space.count()


def test_random_order_of_a_small_space_has_no_repeats() -> None:
    space = bits(5)
    assert len(set(random_order(space, 1))) == 32
