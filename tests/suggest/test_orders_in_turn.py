"""The first designs show each kind of design, however few of one there are."""

from collections import Counter
from itertools import islice

from contracts.parameter import Condition, Parameter
from dse.space import Space
from dse.suggest.orders import random_order, random_order_in_turn


def of_families(**depths: int) -> Space:
    """Return a space in which each family has so many designs, in units of ten."""
    choice = Parameter(name="cfu", values=("none", *depths), default="none", description="")
    own = [
        Parameter(
            name=f"{name}_{part}",
            values=tuple(range(count if part == "a" else 10)),
            default=0,
            ordered=True,
            description="",
            when=(Condition(parameter="cfu", values=(name,)),),
        )
        for name, count in depths.items()
        for part in ("a", "b")
    ]
    bypass = Parameter(name="bypass", values=(False, True), default=True, description="")
    return Space([bypass, choice, *own])


def test_each_family_comes_in_turn_the_default_one_last() -> None:
    space = of_families(simd=2, stream=10, engine=50_000)
    for seed in range(20):
        drawn = [design["cfu"] for design in islice(random_order_in_turn(space, seed), 8)]
        assert Counter(drawn) == Counter(["none", "simd", "stream", "engine"] * 2)
        assert drawn[3] == drawn[7] == "none"
    firsts = {next(random_order_in_turn(space, seed))["cfu"] for seed in range(20)}
    assert firsts == {"simd", "stream", "engine"}


def test_every_design_comes_once() -> None:
    space = of_families(simd=2, engine=4)
    drawn = list(random_order_in_turn(space, 3))
    assert len(drawn) == len(set(drawn)) == space.count()
    assert drawn == list(random_order_in_turn(space, 3))
    assert drawn != list(random_order_in_turn(space, 4))


def test_within_a_family_designs_are_drawn_at_random() -> None:
    space = of_families(engine=50)
    drawn = islice(random_order_in_turn(space, 1), 80)
    chosen = [d.values["engine_a"] for d in drawn if "engine_a" in d.values]
    assert len(set(chosen)) > 15


def test_a_space_without_a_choice_that_brings_others_is_drawn_from_alike() -> None:
    sizes = [
        Parameter(name=name, values=(1, 2, 4), default=1, ordered=True, description="")
        for name in ("ways", "lines")
    ]
    space = Space(sizes)
    assert list(random_order_in_turn(space, 5)) == list(random_order(space, 5))


def test_a_family_that_no_design_may_have_is_passed_over() -> None:
    space = of_families(simd=2, engine=4).restricted({"cfu": ["none", "engine"]})
    drawn = {design["cfu"] for design in random_order_in_turn(space, 1)}
    assert drawn == {"none", "engine"}
