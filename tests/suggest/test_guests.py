"""Algorithms of others: legal new designs from what they propose, and a plain word when absent."""

import importlib
from collections.abc import Sequence

import pytest

from contracts.belief import AT_RANDOM, ITS_OWN
from contracts.faults import ConfigError
from dse.suggest import SuggestRequest, make_suggester
from dse.suggest.guests import optuna_extra
from dse.suggest.guests.suggester import (
    BESIDE,
    GuestSuggester,
    _flat,
    _new_designs,
    _places,
    legal_design,
)
from tests.suggest.small_study import TWO, drawn, observe, small_space


def test_each_design_has_one_place_and_comes_back_from_it() -> None:
    space = small_space()
    parameters = _flat(space)
    places = {}
    for design in space.enumerate():
        place = _places(space, parameters, design)
        values = {p.name: p.values for p in space.parameters}
        told = {p.name: values[p.name][n] for p, n in zip(parameters, place, strict=True)}
        assert legal_design(space, told) == design
        places[place] = design
    assert len(places) == space.count()


def test_a_proposal_that_breaks_a_rule_keeps_what_the_rule_allows() -> None:
    space = small_space()
    found = legal_design(space, {"bypass": False, "cfu": "simd", "width": 8, "depth": 0})
    assert space.contains(found)
    assert (found["bypass"], found["cfu"], found["width"]) == (False, "simd", 8)


def test_what_was_tried_is_replaced_by_a_neighbour_and_then_by_any_design() -> None:
    space = small_space()
    tried = drawn(space, 12)
    request = SuggestRequest(space=space, objectives=TWO, observations=observe(tried), count=12)
    parameters = _flat(space)
    proposals = [_places(space, parameters, design) for design in (*tried[:3], *tried[:1])]
    found = _new_designs(request, parameters, tuple(proposals), name="guest")
    designs = [suggestion.design for suggestion in found]
    assert set(designs) == set(space.enumerate()) - set(tried)
    assert len(designs) == 12
    reasons = [s.belief.reason for s in found if s.belief is not None]
    assert reasons[0] == BESIDE
    assert reasons[-1] == AT_RANDOM
    assert designs[0] in space.neighbours(tried[0])


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_optuna(name: str) -> object:
        return None if name == "optuna" else importlib.util.find_spec(name)

    monkeypatch.setattr(optuna_extra, "find_spec", without_optuna)
    with pytest.raises(
        ConfigError, match=r"'optuna:tpe' needs optuna, .* not installed\n  fix: .*\[optuna\]'"
    ):
        make_suggester("optuna:tpe")


def asked(name: str, count: int) -> Sequence[str | None]:
    space = small_space()
    tried = (*observe(drawn(space, 7)), *observe(drawn(space, 9)[7:], infeasible=True))
    request = SuggestRequest(space=space, objectives=TWO, observations=tried, count=count, seed=2)
    suggester = GuestSuggester(name)
    try:
        found = suggester.suggest(request)
    finally:
        suggester.close()
    assert len({suggestion.design for suggestion in found}) == count
    assert not any(request.is_taken(suggestion.design) for suggestion in found)
    return [None if s.belief is None else s.belief.reason for s in found]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_default_designer_of_vizier_answers() -> None:
    assert set(asked("vizier:gp-ucb-pe", 1)) <= {ITS_OWN, BESIDE}


@pytest.mark.slow
def test_a_walk_goes_on_where_it_has_not_been() -> None:
    assert asked("vizier:grid", 4) == [ITS_OWN] * 4
