"""A search with models begins with the default, the ends of all scales and random designs."""

from dataclasses import replace

import pytest

from contracts.belief import DEFAULT_START, END_START, RANDOM_START
from contracts.parameter import Condition, Parameter, Rule
from dse.space import Design, Space
from dse.suggest import EarlierStudy, History, Observation, SuggestRequest
from dse.suggest.ends import end_designs, first_suggestions_with_ends
from tests.suggest.small_study import TWO, drawn, small_space, values_of

SIMD = (Condition(parameter="cfu", values=("simd",)),)


def space(*rules: Rule, default: str = "simd") -> Space:
    def scale(name: str, when: tuple[Condition, ...] = ()) -> Parameter:
        return Parameter(
            name=name, values=(1, 2, 4), default=2, description="", ordered=True, when=when
        )

    cfu = Parameter(name="cfu", values=("none", "simd"), default=default, description="")
    return Space((scale("cache"), cfu, scale("width", SIMD)), rules)


def test_ends_have_the_choices_that_bring_scales_and_their_largest_or_smallest_values() -> None:
    assert end_designs(space(default="none")) == end_designs(space())
    assert end_designs(space()) == (
        Design({"cache": 4, "cfu": "simd", "width": 4}),
        Design({"cache": 1, "cfu": "simd", "width": 1}),
    )


def test_the_ends_are_of_the_family_with_fewest_scales() -> None:
    """The largest design of one with many takes longer to build than all other first ones."""
    engine = (Condition(parameter="cfu", values=("engine",)),)
    cfu = Parameter(name="cfu", values=("none", "engine", "simd"), default="none", description="")
    scales = [
        Parameter(name=name, values=(1, 2), default=1, description="", ordered=True, when=when)
        for name, when in {"rows": engine, "cols": engine, "width": SIMD}.items()
    ]
    assert {design["cfu"] for design in end_designs(Space((cfu, *scales)))} == {"simd"}


def test_an_end_keeps_what_the_rules_allow() -> None:
    def holds(values: object) -> bool:
        return values["cache"] * values.get("width", 0) < 16  # type: ignore[index,attr-defined]

    rule = Rule(name="fits", reason="too large", parameters=("cache", "width"), holds=holds)
    (largest, _) = end_designs(space(rule))
    assert largest.values["cache"] == 4
    assert largest.values["cfu"] == "simd"
    assert int(largest.values["width"]) < 4


def test_without_a_scale_there_are_no_ends() -> None:
    kinds = Parameter(name="cfu", values=("none", "simd"), default="simd", description="")
    assert end_designs(Space((kinds,))) == ()


@pytest.mark.parametrize("count", [1, 2, 6])
def test_first_designs_are_the_default_the_ends_and_random_ones(count: int) -> None:
    told: list[Observation] = []
    reasons: list[str] = []
    while len(told) < 6:
        request = SuggestRequest(
            space=small_space(), objectives=TWO, observations=tuple(told), count=count
        )
        found = first_suggestions_with_ends(request)
        assert len(found) == count
        for suggestion in found:
            assert suggestion.belief is not None
            reasons.append(suggestion.belief.reason)
            told.append(Observation(design=suggestion.design, values=values_of(suggestion.design)))
    assert reasons == [DEFAULT_START, END_START, END_START, *[RANDOM_START] * 3]
    assert len({each.design for each in told}) == 6


def test_there_are_no_ends_where_others_tell_or_hours_are_spent() -> None:
    history = History(("latency_us", "lut4")).extended(
        (design.canonical, values_of(design)) for design in drawn(small_space(), 5)
    )
    before = EarlierStudy(name="before", objectives=TWO, observations=history)
    request = SuggestRequest(space=small_space(), objectives=TWO, count=5)
    for other in (replace(request, earlier=(before,)), replace(request, per_cost=True)):
        reasons = [s.belief.reason for s in first_suggestions_with_ends(other) if s.belief]
        assert len(reasons) == 5
        assert END_START not in reasons
