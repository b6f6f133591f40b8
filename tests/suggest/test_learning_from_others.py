"""What another study found is used as far as it predicts this one, from the first designs on."""

import math
import random
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from contracts.parameter import Parameter
from dse.space import Design, Space
from dse.suggest import EarlierStudy, History, Objective, Observation, SuggestRequest
from dse.suggest.algorithms.vizier import VizierSuggester
from dse.suggest.relevance import predicted_share
from dse.suggest.starting import first_suggestions
from tests.suggest.small_study import TWO, drawn, small_space, values_of

Values = Callable[[Design], dict[str, float] | None]


def earlier(name: str, designs: list[Design], values: Values) -> EarlierStudy:
    history = History(tuple(o.metric for o in TWO)).extended(
        (design.canonical, values(design)) for design in designs
    )
    return EarlierStudy(name=name, objectives=TWO, observations=history)


def played(request: SuggestRequest, count: int) -> list[tuple[Design, str]]:
    """Return the first designs, each tried before the next is asked for, with their reasons."""
    found: list[tuple[Design, str]] = []
    while len(found) < count:
        told = tuple(Observation(design=d, values=values_of(d)) for d, _ in found)
        (one,) = first_suggestions(
            SuggestRequest(
                space=request.space,
                objectives=request.objectives,
                observations=told,
                seed=request.seed,
                earlier=request.earlier,
            )
        )
        assert one.belief is not None
        found.append((one.design, one.belief.reason))
    return found


def test_half_of_the_first_designs_are_of_the_fronts_of_earlier_studies() -> None:
    space = small_space()
    known = earlier("before", list(space.enumerate()), values_of)
    request = SuggestRequest(space=space, objectives=TWO, seed=3, earlier=(known,))
    found = played(request, 6)
    reasons = [reason for _, reason in found]
    assert reasons[0] == "default start"
    assert reasons[1:3] == ["known from before", "random start"]
    assert reasons.count("known from before") == 3, "one of them may be drawn by chance"
    for metric in ("latency_us", "lut4"):
        best = min(values_of(design)[metric] for design in space.enumerate())
        assert min(values_of(design)[metric] for design, _ in found) == best
    assert len({design for design, _ in found}) == 6


def test_first_designs_of_several_studies_come_in_turn_and_illegal_ones_do_not() -> None:
    space = small_space()
    alien = Design({"bypass": True, "cfu": "simd", "width": 8, "depth": 0})  # breaks a rule here
    assert not space.contains(alien)
    fast: Values = lambda _: {"latency_us": 1.0, "lut4": 1.0}  # noqa: E731
    other = earlier("other", [alien], fast)
    studies = (
        other,
        earlier("a", drawn(space, 12), values_of),
        earlier("b", drawn(space, 20), values_of),
        earlier("failed", drawn(space, 3), lambda _: None),
    )
    request = SuggestRequest(space=space, objectives=TWO, seed=3, earlier=studies)
    found = played(request, 6)
    assert {"known from a", "known from b"} <= {reason for _, reason in found}
    assert alien not in {design for design, _ in found}


def test_a_study_without_earlier_ones_begins_as_it_always_did() -> None:
    request = SuggestRequest(space=small_space(), objectives=TWO, seed=3)
    reasons = [reason for _, reason in played(request, 6)]
    assert reasons == ["default start", *["random start"] * 5]


def test_a_predictor_counts_by_what_it_explains_and_chance_does_not() -> None:
    rng = np.random.default_rng(1)
    labels = rng.normal(size=30)
    assert predicted_share(labels * -3 + 1, labels, chance=0.05) > 0.99
    blurred = predicted_share(labels + rng.normal(size=30), labels, chance=0.05)
    assert 0.2 < blurred < 0.8
    believed = [
        predicted_share(rng.normal(size=8), rng.normal(size=8), chance=0.05) > 0 for _ in range(400)
    ]
    assert np.mean(believed) < 0.08
    assert predicted_share(np.ones(30), labels, chance=0.05) == 0.0
    assert predicted_share(labels, np.ones(30), chance=0.05) == 0.0


# --- with the models


@pytest.fixture(scope="module")
def suggester() -> Iterator[VizierSuggester]:
    found = VizierSuggester()
    yield found
    found.close()


def space() -> Space:
    return Space(
        Parameter(name=f"p{n}", values=tuple(range(5)), default=0, description="", ordered=True)
        for n in range(3)
    )


def here(design: Design) -> dict[str, float]:
    a, b, c = (int(design[f"p{n}"]) for n in range(3))
    return {
        "latency_us": 100.0 * math.exp(-0.5 * a + 0.4 * ((b * 7) % 5)),
        "lut4": 500.0 + 200.0 * a + 90.0 * ((c * 3) % 5),
    }


def elsewhere(design: Design) -> dict[str, float]:
    return {name: 7.0 * value**0.6 for name, value in here(design).items()}


def request_of(known: tuple[EarlierStudy, ...]) -> SuggestRequest:
    designs = random.Random(1).sample(list(space().enumerate()), 10)
    told = tuple(Observation(design=d, values=here(d)) for d in designs)
    return SuggestRequest(space=space(), objectives=TWO, observations=told, count=3, earlier=known)


@pytest.mark.slow
def test_a_study_that_predicts_this_one_makes_its_predictions_better(
    suggester: VizierSuggester,
) -> None:
    all_designs = list(space().enumerate())
    helpful = earlier("good", random.Random(2).sample(all_designs, 60), elsewhere)
    missed = {}
    for kind, known in (("alone", ()), ("with it", (helpful,))):
        found = suggester.suggest(request_of(known))
        missed[kind] = [
            abs(math.log(p.middle / here(s.design)[p.metric]))
            for s in found
            if s.belief is not None
            for p in s.belief.predictions
        ]
        for each in found:
            assert each.belief is not None
            wanted = "expected gain, known from good" if known else "expected gain"
            assert each.belief.reason == wanted
    assert np.mean(missed["with it"]) < 0.5 * np.mean(missed["alone"])


@pytest.mark.slow
def test_studies_that_tell_nothing_change_nothing(suggester: VizierSuggester) -> None:
    designs = list(space().enumerate())
    known = (
        earlier("empty", [], here),
        earlier("short", designs[:4], here),
        earlier("failed", designs[:9], lambda _: None),
        earlier("constant", designs, lambda _: here(designs[0])),
    )
    assert suggester.suggest(request_of(known)) == suggester.suggest(request_of(()))


@pytest.mark.slow
def test_where_another_study_failed_is_avoided_as_soon_as_it_proves_right(
    suggester: VizierSuggester,
) -> None:
    def mostly(design: Design) -> dict[str, float] | None:
        return None if design["p1"] == 4 and design["p2"] in (0, 1) else here(design)

    designs = list(space().enumerate())
    told = random.Random(1).sample([d for d in designs if mostly(d) is not None], 10)
    told += [d for d in designs if mostly(d) is None][:2]
    request = SuggestRequest(
        space=space(),
        objectives=(Objective(metric="latency_us"),),
        observations=tuple(Observation(design=d, values=mostly(d)) for d in told),
        earlier=(earlier("before", designs, mostly),),
    )
    (found,) = suggester.suggest(request)
    assert found.belief is not None
    assert "known from before" in found.belief.reason
    assert mostly(found.design) is not None
