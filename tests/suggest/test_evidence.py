"""What a model is fitted to, when more has finished than it can take."""

import random
import zlib

import pytest

from contracts.parameter import Parameter
from dse.pareto import front
from dse.space import Space
from dse.suggest import History, Objective, Observation, SuggestRequest
from dse.suggest.algorithms.vizier import VizierSuggester
from dse.suggest.evidence import MOST_OBSERVATIONS, chosen_observations
from tests.suggest.small_study import TWO


def large_space() -> Space:
    return Space(
        Parameter(
            name=f"p{n}", values=tuple(range(8)), default=0, description="", ordered=n % 2 == 0
        )
        for n in range(8)
    )


def request_of(space: Space, count: int, *, wanted: int = 1, seed: int = 1) -> SuggestRequest:
    rng = random.Random(seed)
    finished = []
    for number in rng.sample(range(space.count()), count):
        design = space.at(number)
        digits = [int(value) for value in design.values.values()]
        values = {"latency_us": 1000.0 / (1 + sum(digits[:4])), "lut4": 100.0 + sum(digits)}
        finished.append((design.canonical, None if digits[0] == 7 else values))
    history = History(tuple(objective.metric for objective in TWO)).extended(finished)
    return SuggestRequest(space=space, objectives=TWO, observations=history, count=wanted)


def test_few_observations_are_all_taken() -> None:
    request = request_of(large_space(), 50)
    assert chosen_observations(request) == tuple(request.observations)


def test_of_many_the_front_is_kept_and_the_rest_is_a_fair_sample() -> None:
    request = request_of(large_space(), 5000)
    chosen = chosen_observations(request)
    assert len(chosen) == len({o.design for o in chosen}) == MOST_OBSERVATIONS
    feasible = [o for o in request.observations if o.values is not None]
    best = front(
        [[o.values["latency_us"], o.values["lut4"]] for o in feasible if o.values],
        ["minimise", "minimise"],
    )
    assert {feasible[n].design for n in best} <= {o.design for o in chosen}
    infeasible = sum(o.values is None for o in chosen)
    assert 0.04 < infeasible / len(chosen) < 0.2  # an eighth of all, in the half that is drawn


def test_what_was_drawn_stays_drawn_as_more_come_in() -> None:
    space = large_space()
    shorter, longer = request_of(space, 4000), request_of(space, 4200)
    before = {o.design for o in chosen_observations(shorter)}
    after = {o.design for o in chosen_observations(longer)}
    assert len(before & after) > 0.8 * MOST_OBSERVATIONS


def test_designs_of_another_space_are_left_out_of_many_too() -> None:
    whole = large_space()
    part = whole.restricted({"p1": [0, 1]})
    request = request_of(whole, 4000)
    narrow = SuggestRequest(space=part, objectives=TWO, observations=request.observations)
    chosen = chosen_observations(narrow)
    assert len(chosen) > 0.8 * MOST_OBSERVATIONS
    assert all(part.contains(o.design) for o in chosen)


def test_an_objective_to_be_maximised_has_its_best_kept() -> None:
    space = large_space()
    objectives = (Objective(metric="lut4", goal="maximise"),)
    observations = request_of(space, 3000).observations
    request = SuggestRequest(
        space=space,
        objectives=objectives,
        observations=tuple(Observation(design=o.design, values=o.values) for o in observations),
    )
    best = max(o.values["lut4"] for o in observations if o.values is not None)
    chosen = [o.values["lut4"] for o in chosen_observations(request) if o.values is not None]
    assert max(chosen) == best


def one_objective(count: int) -> SuggestRequest:
    """Return a request whose designs all differ in what is to be minimised."""
    space = large_space()
    numbers = random.Random(2).sample(range(space.count()), count)
    history = History(("lut4",)).extended(
        (space.at(number).canonical, None if number % 5 == 0 else {"lut4": float(number)})
        for number in numbers
    )
    return SuggestRequest(space=space, objectives=(Objective(metric="lut4"),), observations=history)


@pytest.mark.parametrize(
    ("most", "best"),
    [(20, 10), (21, 10), (60, 12), (150, 12)],  # a front of one objective has one design
)
def test_the_best_of_twelve_fronts_fill_half_and_the_others_are_drawn_by_their_text(
    most: int, best: int
) -> None:
    request = one_objective(150 if most == 150 else 400)
    observations = list(request.observations)
    feasible = [o for o in observations if o.values is not None]
    kept = sorted(feasible, key=lambda o: o.values["lut4"] if o.values else 0.0)[:best]
    others = [o for o in observations if o not in kept]
    drawn = sorted(others, key=lambda o: zlib.crc32(o.design.canonical.encode()))
    wanted = {o.design for o in (*kept, *drawn[: most - best])}
    chosen = chosen_observations(request, most=most)
    assert {o.design for o in chosen} == wanted
    assert list(chosen) == [o for o in observations if o.design in wanted], "oldest first"


def test_where_nothing_is_feasible_designs_are_drawn_all_the_same() -> None:
    space = large_space()
    history = History(("lut4",)).extended((space.at(n).canonical, None) for n in range(50))
    objectives = (Objective(metric="lut4"),)
    request = SuggestRequest(space=space, objectives=objectives, observations=history)
    assert len(chosen_observations(request, most=30)) == 30


def test_of_few_those_of_another_space_are_left_out() -> None:
    request = request_of(large_space(), 50)
    part = large_space().restricted({"p1": [0, 1]})
    narrow = SuggestRequest(space=part, objectives=TWO, observations=request.observations)
    chosen = chosen_observations(narrow)
    assert 0 < len(chosen) < 50
    assert list(chosen) == [o for o in request.observations if part.contains(o.design)]


@pytest.mark.slow
def test_a_space_with_more_designs_than_are_fitted_to_is_exhausted_in_the_end() -> None:
    space = Space(
        (
            Parameter(name="p", values=tuple(range(125)), default=0, description="", ordered=True),
            Parameter(name="q", values=(0, 1), default=0, description=""),
        )
    )
    designs = list(space.enumerate())
    assert len(designs) > MOST_OBSERVATIONS
    told = tuple(
        Observation(design=d, values={"latency_us": 1.0 + int(d["p"]), "lut4": 200.0 - int(d["p"])})
        for d in designs
    )
    suggester = VizierSuggester()
    try:
        for left in (3, 0):
            request = SuggestRequest(space=space, objectives=TWO, observations=told[left:], count=5)
            found = [suggestion.design for suggestion in suggester.suggest(request)]
            assert set(found) == set(designs[:left])
            assert len(found) == left
    finally:
        suggester.close()


@pytest.mark.slow
def test_a_batch_of_32_in_a_large_space_is_32_designs() -> None:
    """A design that was chosen is a neighbour of others, and was found again as theirs.

    The suggester's own limit ends it where that makes it think for ever.
    """
    request = request_of(large_space(), 3000, wanted=32)
    suggester = VizierSuggester()
    try:
        found = [suggestion.design for suggestion in suggester.suggest(request)]
    finally:
        suggester.close()
    assert len(found) == len(set(found)) == 32
    assert not any(map(request.is_taken, found))
