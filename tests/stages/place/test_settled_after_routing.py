"""The clock that a route gets where the PLL is set afterwards, with routers that only pretend."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.faults import TimingMissed
from contracts.measurement import ClockDomain, Placement
from hw_templates.soc.fpga.ecp5.pll import clocks_hz
from runners.stages.place.settle import REACH, best_of_routes, settled

REFERENCES_HZ = (12_000_000, 25_000_000, 48_000_000, 100_000_000)


def routed(
    asked_hz: int, fmax_hz: float, *others: ClockDomain, seed: int = 1, is_met: bool = False
) -> Placement:
    system = ClockDomain(name="sys", clock_mhz=asked_hz / 1e6, fmax_mhz=fmax_hz / 1e6)
    return Placement(
        seed=seed,
        clock_hz=asked_hz,
        fmax_mhz=fmax_hz / 1e6,
        is_met=is_met,
        domains=(system, *others),
        critical_path=(),
    )


def domain(clock_mhz: float, fmax_mhz: float, name: str = "other") -> ClockDomain:
    return ClockDomain(name=name, clock_mhz=clock_mhz, fmax_mhz=fmax_mhz)


@st.composite
def ranges(draw: st.DrawFn) -> tuple[int, Sequence[int]]:
    """An oscillator, and the clocks of a range that its PLL makes, down to a single one."""
    reference_hz = draw(st.sampled_from(REFERENCES_HZ))
    low = draw(st.floats(5e6, 150e6))
    high = draw(st.floats(low, 200e6))
    made = [clock for clock in clocks_hz(reference_hz) if low <= clock <= high]
    return reference_hz, made[-200:] or [clocks_hz(reference_hz)[0]]


@settings(deadline=None, max_examples=300)
@given(ranges(), st.floats(4e6, 220e6), st.lists(st.tuples(st.floats(0.1, 4), st.floats(1e6, 4e8))))
def test_the_clock_is_the_highest_that_the_pll_makes_and_every_domain_strictly_meets(
    range_of: tuple[int, Sequence[int]], fmax_hz: float, drawn: list[tuple[float, float]]
) -> None:
    reference_hz, clocks = range_of
    asked_hz = clocks[-1]
    ratios = [(ratio, other_hz) for ratio, other_hz in drawn if _is_of_the_pll(ratio, asked_hz)]
    others = [domain(ratio * asked_hz / 1e6, other_hz / 1e6) for ratio, other_hz in ratios]
    found = settled(routed(asked_hz, fmax_hz, *others), clocks_hz=clocks, reference_hz=reference_hz)

    def meets(clock_hz: int) -> bool:
        # a domain needs the same share of its clock as the system does of what was asked for
        return clock_hz / 1e6 < fmax_hz / 1e6 and all(
            other.clock_mhz * (clock_hz / asked_hz) < other.fmax_mhz for other in others
        )

    good = [clock for clock in clocks if meets(clock)]
    assert found.is_met == bool(good)
    assert found.clock_hz == max(good, default=asked_hz)
    assert found.domains == (routed(asked_hz, fmax_hz).domains[0], *others)
    if found.is_met:
        assert found.fmax_mhz * 1e6 > found.clock_hz


def _is_of_the_pll(ratio: float, asked_hz: int) -> bool:
    """Leave out what could be an oscillator, or a clock that nothing constrains."""
    given_mhz = (12.0, *(hz / 1e6 for hz in REFERENCES_HZ))
    return all(abs(ratio * asked_hz / 1e6 - mhz) > 0.01 * mhz for mhz in given_mhz)


def test_a_clock_that_is_just_reached_is_not_met() -> None:
    clocks = (40_000_000, 50_000_000)
    exactly = settled(routed(50_000_000, 50e6), clocks_hz=clocks, reference_hz=25_000_000)
    assert (exactly.clock_hz, exactly.is_met) == (40_000_000, True)
    above = settled(routed(50_000_000, 50e6 + 1), clocks_hz=clocks, reference_hz=25_000_000)
    assert (above.clock_hz, above.is_met) == (50_000_000, True)


def test_several_clocks_of_the_pll_settle_together() -> None:
    shifted = domain(80.0, 61.0, "sys_ps")
    found = settled(
        routed(80_000_000, 70e6, shifted),
        clocks_hz=[60_000_000, 62_500_000, 68_750_000, 80_000_000],
        reference_hz=25_000_000,
    )
    assert (found.clock_hz, found.is_met) == (60_000_000, True)


@pytest.mark.parametrize("clock_mhz", [25.0, 12.0], ids=["oscillator", "unconstrained"])
def test_a_clock_that_the_pll_does_not_make_is_not_slowed_down(clock_mhz: float) -> None:
    def of(fmax_mhz: float) -> Placement:
        return settled(
            routed(80_000_000, 70e6, domain(clock_mhz, fmax_mhz)),
            clocks_hz=[40_000_000, 60_000_000],
            reference_hz=25_000_000,
        )

    assert (of(clock_mhz + 1).clock_hz, of(clock_mhz + 1).is_met) == (60_000_000, True)
    assert not of(clock_mhz - 1).is_met


class Router:
    """Reaches ``fmax_hz(seed)`` and remembers the seeds."""

    def __init__(self, fmax_hz: Callable[[int], float]) -> None:
        self._fmax_hz = fmax_hz
        self.seeds: list[int] = []

    def __call__(self, seed: int) -> Placement:
        self.seeds.append(seed)
        return routed(80_000_000, self._fmax_hz(seed), seed=seed)


def best(router: Router, *, seeds: int = 4, wanted_hz: float = 0.0) -> Placement:
    return best_of_routes(
        router,
        clocks_hz=[clock for clock in clocks_hz(25_000_000) if 40e6 <= clock <= 80e6],
        reference_hz=25_000_000,
        seeds=seeds,
        wanted_hz=wanted_hz,
    )


def test_one_route_is_enough() -> None:
    router = Router(lambda _seed: 58e6)
    assert best(router).is_met
    assert router.seeds == [1]


def test_another_seed_is_tried_only_where_it_may_bring_what_is_wanted() -> None:
    near = Router(lambda seed: (58e6, 56e6, 61e6)[seed - 1])
    found = best(near, wanted_hz=60e6)
    assert (found.seed, near.seeds) == (3, [1, 2, 3])
    far = Router(lambda _seed: 50e6)
    assert best(far, wanted_hz=60e6).is_met, "it counts as it is"
    assert far.seeds == [1]
    never = Router(lambda seed: (58e6, 55e6, 57e6, 56e6)[seed - 1])
    assert best(never, wanted_hz=60e6).seed == 1, "the best of what was tried"
    assert never.seeds == [1, 2, 3, 4], "they differ by so much that 60 MHz may still come"
    alike = Router(lambda seed: 59e6 - 1e5 * seed)
    assert best(alike, wanted_hz=60e6).seed == 1
    assert alike.seeds == [1, 2], "they hardly differ: more of them are no use"


def test_no_seed_is_tried_for_a_clock_that_the_range_does_not_have() -> None:
    router = Router(lambda _seed: 79e6)
    assert best(router, wanted_hz=81e6).is_met
    assert router.seeds == [1]


def test_a_design_just_below_the_range_gets_other_seeds_and_one_far_below_none() -> None:
    lucky = Router(lambda seed: 39e6 + 2e6 * (seed == 2))
    assert best(lucky).clock_hz < 41e6
    assert lucky.seeds == [1, 2]
    slow = Router(lambda _seed: REACH * 40e6 - 1e6)
    with pytest.raises(TimingMissed, match=r"sys reaches 37\.00 MHz of 40\.00 MHz") as caught:
        best(slow)
    assert "clock_range_mhz" in caught.value.fix
    assert slow.seeds == [1]


@settings(deadline=None)
@given(st.lists(st.floats(30e6, 90e6), min_size=1, max_size=5), st.floats(0, 90e6))
def test_whatever_the_seeds_bring_the_best_route_counts(
    fmax_hz: list[float], wanted_hz: float
) -> None:
    router = Router(lambda seed: fmax_hz[seed - 1])
    try:
        found = best(router, seeds=len(fmax_hz), wanted_hz=wanted_hz)
    except TimingMissed:
        assert all(each <= 40.1e6 for each in fmax_hz[: len(router.seeds)])
        return
    reached = fmax_hz[: len(router.seeds)]
    assert found.fmax_mhz * 1e6 >= 0.98 * min(max(reached), 80e6)
    assert found.clock_hz < found.fmax_mhz * 1e6
    assert found.clock_hz >= 0.98 * min(max(reached), 80e6), "little of what was there is left"
