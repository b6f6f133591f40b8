"""What a trial will cost is learned from the stages that trials built."""

import math
import random
from collections.abc import Iterator

import numpy as np
import pytest

from contracts.belief import Belief
from contracts.parameter import Condition, Parameter, Value
from dse.space import Design, Space
from dse.suggest import Observation, StageRun, Suggestion, SuggestRequest, TrialCost
from dse.suggest.algorithms.vizier import VizierSuggester
from dse.suggest.cost import CostModel, priced
from dse.suggest.starting import first_suggestions
from tests.suggest.small_study import TWO

CFU = (Condition(parameter="cfu", values=("simd",)),)


def space() -> Space:
    """Return 4 x 4 x (1 + 4) designs: a CPU of a cache, firmware of a level, a CFU or none."""

    def scale(name: str, when: tuple[Condition, ...] = ()) -> Parameter:
        values = (1, 2, 4, 8)
        return Parameter(
            name=name, values=values, default=1, description="", ordered=True, when=when
        )

    cfu = Parameter(name="cfu", values=("none", "simd"), default="none", description="")
    return Space((scale("cache"), scale("level"), cfu, scale("width", CFU)))


def stages_of(design: Design) -> dict[str, tuple[str, float]]:
    """Return stage to its key and its CPU-seconds."""
    cache, level = int(design["cache"]), int(design["level"])
    found = {
        "cpu": (f"cpu{cache}", 6.0),
        "firmware": (f"firmware{level}{design['cfu']}", 1.0),
        "simulate": (design.id, 64.0 / cache / (2 if design["cfu"] == "simd" else 1)),
    }
    if design["cfu"] == "simd":
        found["cfu"] = (f"cfu{design['width']}", 3.0)
    return found


class Cache:
    """What was built so far, and what a further trial takes."""

    def __init__(self) -> None:
        self.keys: set[str] = set()

    def cost_s(self, design: Design) -> float:
        return sum(s for key, s in stages_of(design).values() if key not in self.keys)

    def trial(self, design: Design) -> TrialCost:
        runs = {
            stage: StageRun(
                key=key, cpu_s=0.01 if key in self.keys else s, was_cached=key in self.keys
            )
            for stage, (key, s) in stages_of(design).items()
        }
        self.keys |= {key for key, _ in stages_of(design).values()}
        return TrialCost(design=design, stages=runs, is_whole=True)


def after(count: int, *, seed: int = 1) -> tuple[Cache, list[TrialCost], list[Design]]:
    """Return the cache after some random trials, those, and the designs that are left."""
    designs = random.Random(seed).sample(list(space().enumerate()), space().count())
    cache = Cache()
    return cache, [cache.trial(design) for design in designs[:count]], designs[count:]


def test_the_predicted_cost_is_what_the_trial_takes_then() -> None:
    cache, trials, left = after(20)
    predicted = CostModel(space(), trials).predict_s(left)
    real = np.array([cache.cost_s(design) for design in left])
    assert np.median(np.abs(np.log(predicted / real))) < 0.2
    assert np.corrcoef(predicted, real)[0, 1] > 0.9


def test_what_is_built_already_is_not_paid_again_and_only_that() -> None:
    _, trials, _ = after(60)
    known = [t for t in trials if t.design["cache"] != 8 or t.design["level"] == 1]
    assert 20 < len(known) < 60
    model = CostModel(space(), [t for t in known if t.design["cache"] != 4])
    old = Design({"cache": 2, "level": 2, "cfu": "none"})
    new = Design({"cache": 4, "level": 2, "cfu": "none"})
    built, unbuilt = model.predict_s([old, new]).tolist()
    assert built == pytest.approx(32.0, rel=0.15)  # the simulation alone
    assert unbuilt == pytest.approx(16.0 + 6.0, rel=0.15)  # a CPU, too


def test_what_a_running_trial_builds_is_counted_on() -> None:
    _, trials, _ = after(60)
    known = [t for t in trials if t.design["cache"] != 4]
    other = Design({"cache": 4, "level": 1, "cfu": "none"})
    wanted = Design({"cache": 4, "level": 2, "cfu": "none"})
    (alone,) = CostModel(space(), known).predict_s([wanted])
    (after_it,) = CostModel(space(), known, [other]).predict_s([wanted])
    assert alone - after_it == pytest.approx(6.0)
    suggestions = [
        Suggestion(design=d, suggested_by="x", belief=Belief(reason="y")) for d in (other, wanted)
    ]
    request = SuggestRequest(space=space(), objectives=TWO, costs=tuple(known))
    costs = [s.belief.cost_s for s in priced(suggestions, request) if s.belief is not None]
    assert costs[1] == pytest.approx(after_it)
    assert suggestions[0].belief == Belief(reason="y")


def test_a_parameter_that_matters_in_one_family_only_matters() -> None:
    def trial(cfu: str, level: int, key: str) -> TrialCost:
        width: dict[str, Value] = {"width": 1} if cfu == "simd" else {}
        design = Design({"cache": 1, "level": level, "cfu": cfu, **width})
        run = StageRun(key=key, cpu_s=5.0, was_cached=False)
        return TrialCost(design=design, stages={"firmware": run}, is_whole=True)

    trials = [trial("none", 1, "a"), trial("none", 2, "a"), trial("simd", 1, "b")]
    wanted = Design({"cache": 1, "level": 2, "cfu": "simd", "width": 1})
    assert CostModel(space(), trials).predict_s([wanted])[0] < 1  # nothing says otherwise yet
    trials.append(trial("simd", 4, "c"))
    assert CostModel(space(), trials).predict_s([wanted])[0] == pytest.approx(5.0)


def test_nothing_is_predicted_before_three_trials_nor_of_other_spaces() -> None:
    _, trials, left = after(3)
    assert not CostModel(space(), trials[:2]).is_known
    assert CostModel(space(), trials).is_known
    alien = TrialCost(design=Design({"other": 1}), stages={}, is_whole=True)
    assert not CostModel(space(), [*trials[:2], alien]).is_known
    (one,) = priced(
        [Suggestion(design=left[0], suggested_by="x", belief=Belief(reason="y"))],
        SuggestRequest(space=space(), objectives=TWO, costs=tuple(trials[:2])),
    )
    assert one.belief == Belief(reason="y")


def test_failed_stages_and_cached_ones_teach_no_times() -> None:
    _, trials, left = after(12)
    odd = [
        TrialCost(
            design=trial.design,
            stages={
                "cpu": StageRun(key=None, cpu_s=0.0, was_cached=False),
                "cfu": StageRun(key="cached", cpu_s=0.0, was_cached=True),
            },
            is_whole=False,
        )
        for trial in trials
    ]
    predicted = CostModel(space(), [*odd, *trials]).predict_s(left)
    assert np.isfinite(predicted).all()
    assert (predicted > 0).all()
    only_odd = CostModel(space(), odd).predict_s(left)
    assert np.isfinite(only_odd).all()


def test_by_the_hour_first_designs_are_the_cheapest_of_the_next_few_random_ones() -> None:
    _, trials, _ = after(4)
    told = tuple(
        Observation(design=t.design, values={"latency_us": 1.0, "lut4": 1.0}) for t in trials
    )

    def asked(*, per_cost: bool, costs: list[TrialCost]) -> list[Design]:
        request = SuggestRequest(
            space=space(),
            objectives=TWO,
            observations=told,
            costs=tuple(costs),
            per_cost=per_cost,
            count=6,
            seed=3,
        )
        return [suggestion.design for suggestion in first_suggestions(request)]

    plain, hourly = asked(per_cost=False, costs=trials), asked(per_cost=True, costs=trials)
    assert len(set(hourly)) == 6
    assert not {trial.design for trial in trials} & set(hourly)
    default = space().default()
    prices = CostModel(space(), trials)
    drawn = [design for design in plain if design != default]
    (first, *_) = [design for design in hourly if design != default]
    assert prices.predict_s([first])[0] <= prices.predict_s(drawn).min()
    assert hourly != plain
    assert asked(per_cost=True, costs=trials[:1]) == plain, "too few trials to know any cost"


# --- with the models


@pytest.fixture(scope="module")
def suggester() -> Iterator[VizierSuggester]:
    found = VizierSuggester()
    yield found
    found.close()


@pytest.mark.slow
def test_by_the_hour_designs_are_chosen_that_gain_more_for_their_cost(
    suggester: VizierSuggester,
) -> None:
    _, trials, _ = after(12, seed=3)

    def measured(design: Design) -> dict[str, float]:
        cache, width = int(design["cache"]), int(design.values.get("width", 0))
        slow = 100.0 * math.exp(-0.3 * cache - 0.2 * width)
        return {"latency_us": slow, "lut4": 100.0 + 40 * cache + 30 * width}

    told = tuple(Observation(design=t.design, values=measured(t.design)) for t in trials)

    def asked(*, per_cost: bool) -> tuple[Suggestion, ...]:
        request = SuggestRequest(
            space=space(),
            objectives=TWO,
            observations=told,
            count=3,
            costs=tuple(trials),
            per_cost=per_cost,
        )
        return priced(suggester.suggest(request), request)

    def rate(suggestions: tuple[Suggestion, ...]) -> float:
        belief = suggestions[0].belief
        assert belief is not None
        assert belief.gain is not None
        assert belief.cost_s is not None
        return belief.gain / belief.cost_s

    plain, hourly = asked(per_cost=False), asked(per_cost=True)
    assert rate(hourly) >= rate(plain)
    assert [s.design for s in hourly] != [s.design for s in plain]
    assert len({s.design for s in hourly}) == 3
