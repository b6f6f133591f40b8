"""How long stages are predicted to take, against the definition: each fit anew without each."""

import random
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.belief import Belief
from contracts.parameter import Condition, Parameter
from dse.space import Design, Space
from dse.suggest import StageRun, Suggestion, SuggestRequest, TrialCost
from dse.suggest.cost import CostModel, priced
from tests.suggest.small_study import TWO

Array = NDArray[np.float64]
SCALE = (1, 2, 4, 8)
STRENGTHS = (0.1, 1.0, 10.0)


def space() -> Space:
    """Return 4 x 4 x (1 + 4) designs."""

    def scale(name: str, when: tuple[Condition, ...] = ()) -> Parameter:
        return Parameter(
            name=name, values=SCALE, default=1, description="", ordered=True, when=when
        )

    cfu = Parameter(name="cfu", values=("none", "simd"), default="none", description="")
    simd = (Condition(parameter="cfu", values=("simd",)),)
    return Space((scale("cache"), scale("level"), cfu, scale("width", simd)))


DESIGNS = tuple(space().enumerate())


def design(cache: int, level: int = 1, width: int | None = None) -> Design:
    more = {"cfu": "none"} if width is None else {"cfu": "simd", "width": width}
    return Design({"cache": cache, "level": level, **more})


def features(designs: Iterable[Design]) -> Array:
    """Return ranks from 0 to 1, a half where there is none, and a column for each kind."""
    return np.array(
        [
            [
                *(
                    SCALE.index(int(each[name])) / 3.0 if name in each.values else 0.5
                    for name in ("cache", "level", "width")
                ),
                float(each["cfu"] == "none"),
                float(each["cfu"] == "simd"),
            ]
            for each in designs
        ]
    )


def ridge(x: Array, y: Array, strength: float, wanted: Array) -> Array:
    """Return what a ridge through the points says; its height is not shrunk."""
    offset, middle = x.mean(axis=0), y.mean()
    squares = (x - offset).T @ (x - offset) + strength * np.eye(x.shape[1])
    weights = np.linalg.solve(squares, (x - offset).T @ (y - middle))
    found: Array = middle + (wanted - offset) @ weights
    return found


def missed(x: Array, y: Array, strength: float | None) -> float:
    """Return the sum of the squared errors at each point, of a fit to the others."""
    total = 0.0
    for at in range(len(y)):
        others = np.arange(len(y)) != at
        if strength is None:
            total += float(y[at] - y[others].mean()) ** 2
        else:
            total += float(y[at] - ridge(x[others], y[others], strength, x[at : at + 1])[0]) ** 2
    return total


def predicted_by_definition(
    designs: Sequence[Design], seconds: Array, wanted: Sequence[Design]
) -> tuple[Array, float | None]:
    """Return the seconds, and how strong the ridge is that predicts best, None for the mean."""
    x, y = features(designs), np.log(seconds)
    strength = None
    if len(designs) >= 4:
        errors: dict[float | None, float] = {None: missed(x, y, None)}
        errors |= {each: missed(x, y, each) for each in STRENGTHS}
        strength = min(errors, key=errors.__getitem__)
    if strength is None:
        logs = np.full(len(wanted), y.mean())
    else:
        logs = ridge(x, y, strength, features(wanted))
    return np.clip(np.exp(logs), seconds.min() / 2, seconds.max() * 2), strength


def simulated(designs: Sequence[Design], seconds: Sequence[float]) -> list[TrialCost]:
    """Return trials of one stage that each design needs for itself."""
    return [
        TrialCost(
            design=each,
            stages={"simulate": StageRun(key=each.id, cpu_s=cost_s, was_cached=False)},
            is_whole=True,
        )
        for each, cost_s in zip(designs, seconds, strict=True)
    ]


def test_times_are_those_of_the_ridge_or_mean_that_predicts_each_best_from_the_others() -> None:
    chosen = []
    for seed in range(160):
        draw = random.Random(seed)
        count = draw.choice((3, 4, 5, 6, 9, 14, 30))
        designs = draw.sample(DESIGNS, count)
        slope, noise = draw.choice((0.0, 0.5, 2.0)), draw.choice((0.05, 0.5, 1.0))
        logs = slope * features(designs)[:, :4].sum(axis=1) - 3.0  # also less than a second
        logs += np.array([draw.gauss(0.0, noise) for _ in designs])
        wanted = [each for each in DESIGNS if each not in designs]
        expected, strength = predicted_by_definition(designs, np.exp(logs), wanted)
        least_s = 0.05 * np.exp(logs).mean()
        found = CostModel(space(), simulated(designs, np.exp(logs))).predict_s(wanted)
        np.testing.assert_allclose(found, np.maximum(expected, least_s), err_msg=f"seed {seed}")
        chosen.append(strength)
    counts = {each: chosen.count(each) for each in set(chosen)}
    assert min(counts.get(each, 0) for each in (None, *STRENGTHS)) > 5, counts


def test_a_time_is_at_most_twice_as_long_or_short_as_any_was() -> None:
    rising = simulated(
        [design(c, level) for c in (1, 2, 4) for level in SCALE],
        [s for s in (1.0, 30.0, 900.0) for _ in SCALE],
    )
    (longest,) = CostModel(space(), rising).predict_s([design(8)])
    assert longest == pytest.approx(1800.0)
    falling = simulated(
        [design(c, level) for c in (1, 2, 4) for level in SCALE],
        [s for s in (9.0, 3.0, 1.0) for _ in SCALE],
    )
    (shortest,) = CostModel(space(), falling).predict_s([design(8)])
    assert shortest == pytest.approx(0.5)


def run(key: str | None, cpu_s: float = 5.0, *, was_cached: bool = False) -> StageRun:
    return StageRun(key=key, cpu_s=cpu_s, was_cached=was_cached)


def whole(of: Design, stages: Mapping[str, StageRun], *, is_whole: bool = True) -> TrialCost:
    return TrialCost(design=of, stages=stages, is_whole=is_whole)


def test_no_design_is_cheaper_than_a_twentieth_of_a_trial() -> None:
    trials = [
        whole(design(1), {"cpu": run("a", 10.0), "firmware": run("x", 30.0)}),
        whole(design(2), {"cpu": run("b", 10.0), "firmware": run("x", 0.0, was_cached=True)}),
        whole(design(4), {"cpu": run("c", 10.0), "firmware": run("x", 0.0, was_cached=True)}),
    ]
    model = CostModel(space(), trials)
    there, new = model.predict_s([design(2), design(8)]).tolist()
    assert there == pytest.approx(0.05 * 60.0 / 3)
    assert new == pytest.approx(10.0)
    assert model.predict_s([]).shape == (0,)


def test_a_stage_that_never_took_time_is_predicted_to_take_none() -> None:
    trials = [
        whole(
            design(c),
            {"cpu": run(f"a{c}", 8.0), "golden": run(f"g{c}", 0.0, was_cached=c != 1)},
        )
        for c in (1, 2, 4)
    ]
    assert CostModel(space(), trials).predict_s([design(8)])[0] == pytest.approx(8.0)


def test_a_cached_stage_teaches_no_time_but_what_is_built() -> None:
    trials = [
        whole(design(1), {"cpu": run("a", 8.0)}),
        whole(design(2), {"cpu": run("b", 3e3, was_cached=True)}),
        whole(design(4), {"cpu": run("c", 8.0)}),
    ]
    built, new = CostModel(space(), trials).predict_s([design(2), design(8)]).tolist()
    assert new == pytest.approx(max(8.0, 0.05 * 3016 / 3))
    assert built == pytest.approx(0.05 * 3016 / 3)


def test_what_a_stage_that_failed_would_have_built_is_not_there() -> None:
    trials = [whole(design(c), {"cpu": run(f"a{c}", 8.0)}) for c in (1, 2)]
    trials.append(whole(design(4), {"cpu": run(None, 8.0)}, is_whole=False))
    assert CostModel(space(), trials).predict_s([design(4)])[0] == pytest.approx(8.0)


@pytest.mark.parametrize("widths", [(1, 2, 4), (8, 4, 2)])
def test_a_stage_is_needed_by_the_designs_whose_choice_brings_it(
    widths: tuple[int, ...],
) -> None:
    def trial(of: Design, *, is_whole: bool = True) -> TrialCost:
        stages = {"cpu": run("cpu", 100.0)}
        if of["cfu"] == "simd" and is_whole:
            stages["cfu"] = run(f"cfu{of['width']}", 40.0)
        return whole(of, stages, is_whole=is_whole)

    trials = [
        *(trial(design(1, 1, width)) for width in widths),
        trial(design(2, 1, widths[0])),  # so a cache does not matter
        *(trial(design(c, 1)) for c in SCALE),
    ]
    least_s = 0.05 * 960.0 / 8
    (left,) = set(SCALE) - set(widths)
    wanted = [design(8, 1, left), design(8, 1), design(2, 1, widths[1])]
    model = CostModel(space(), trials)
    np.testing.assert_allclose(model.predict_s(wanted), [40.0, least_s, least_s])
    # where a trial ended before the stage, nothing tells that its design has none
    broken = [trial(design(1, 1, left), is_whole=False), *trials]
    expected = [40.0, 0.05 * 1060.0 / 9, 0.05 * 1060.0 / 9]
    np.testing.assert_allclose(CostModel(space(), broken).predict_s(wanted), expected)


def test_a_stage_that_nothing_decides_on_may_be_needed_by_every_design() -> None:
    with_it = [whole(design(c, 2), {"cpu": run(f"a{c}", 6.0)}) for c in (1, 2)]
    without = [whole(design(c, level), {"soc": run("s")}) for c in (1, 2) for level in (1, 2)]
    seconds = CostModel(space(), [*with_it, *without]).predict_s([design(4, 4)])
    assert seconds[0] == pytest.approx(6.0)  # for each value that has the stage, one has it not


def test_a_value_that_some_have_with_a_stage_and_some_without_decides_nothing() -> None:
    with_it = [whole(design(c, c), {"cpu": run(f"a{c}", 6.0)}) for c in (1, 2)]
    without = [whole(design(2 * c, c), {"soc": run("s")}) for c in (1, 2)]
    seconds = CostModel(space(), [*with_it, *without]).predict_s([design(2, 4), design(4, 4)])
    assert seconds.min() >= 6.0


def test_an_estimate_does_not_change_what_is_taken_for_granted() -> None:
    trials = [whole(design(c), {"cpu": run(f"a{c}", 8.0)}) for c in (1, 2, 4)]
    model = CostModel(space(), trials)
    before = model.predict_s([design(8), design(8, 2)])
    np.testing.assert_array_equal(model.predict_s([design(8), design(8, 2)]), before)
    model.assume(design(8))
    after = model.predict_s([design(8), design(8, 2)])
    assert after[0] == pytest.approx(0.05 * 8.0)


def test_prices_leave_a_suggestion_without_a_belief_as_it_is() -> None:
    trials = tuple(whole(design(c), {"cpu": run(f"a{c}", 8.0)}) for c in (1, 2, 4))
    request = SuggestRequest(space=space(), objectives=TWO, costs=trials)
    plain = Suggestion(design=design(8), suggested_by="x")
    believed = Suggestion(design=design(8), suggested_by="x", belief=Belief(reason="y"))
    first, second = priced([plain, believed], request)
    assert first == plain
    assert second.belief is not None
    assert second.belief.cost_s == pytest.approx(0.4), "the first will have built it"
    running = SuggestRequest(space=space(), objectives=TWO, costs=trials, active=(design(8),))
    (only,) = priced([believed], running)
    assert only.belief is not None
    assert only.belief.cost_s == pytest.approx(0.4), "a running trial builds it"
