"""The timing gate against its definition: which route, which seed, which clock."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.faults import TimingMissed
from contracts.measurement import ClockDomain, PathStep, Placement
from runners.stages.place.settle import HEADROOM, REACH, best_of_routes, settle, settled
from tests.stages.place.test_settle import CLOCKS, FakeRouter, requests

REFERENCE_HZ = 25_000_000
ASKED_HZ = 100_000_000
RANGE = tuple(range(40_000_000, 101_000_000, 10_000_000))
PATH = (PathStep(kind="logic", delay_ns=3.0, source="a", sink="b"),)


def routed(
    fmax_mhz: float, *, seed: int = 1, others: Sequence[tuple[float, float]] = ()
) -> Placement:
    """Return a route that was asked for 100 MHz; others are pairs of clock and Fmax in MHz."""
    domains = [ClockDomain(name="sys", clock_mhz=ASKED_HZ / 1e6, fmax_mhz=fmax_mhz)]
    domains += [ClockDomain(name="other", clock_mhz=c, fmax_mhz=f) for c, f in others]
    return Placement(
        seed=seed,
        clock_hz=ASKED_HZ,
        fmax_mhz=fmax_mhz,
        is_met=False,
        domains=tuple(domains),
        critical_path=PATH,
    )


def settled_mhz(placement: Placement) -> float | None:
    found = settled(placement, clocks_hz=RANGE, reference_hz=REFERENCE_HZ)
    assert found.fmax_mhz == placement.fmax_mhz
    assert found.domains == placement.domains
    return found.clock_hz / 1e6 if found.is_met else None


@pytest.mark.parametrize(
    ("fmax_mhz", "clock_mhz"),
    [(39.9, None), (40.0, None), (40.1, 40), (50.0, 40), (50.1, 50), (99.0, 90), (300.0, 100)],
)
def test_a_route_gets_the_highest_clock_that_it_strictly_passes(
    fmax_mhz: float, clock_mhz: float | None
) -> None:
    assert settled_mhz(routed(fmax_mhz)) == clock_mhz


@pytest.mark.parametrize(
    ("other", "clock_mhz"),
    [
        ((50.0, 36.0), 70),  # half the system's clock: 35 of 36 MHz
        ((50.0, 35.0), 60),  # 35 would be reached, and that is not enough
        ((200.0, 121.0), 60),  # twice the system's
        ((100.0, 61.0), 60),  # as fast as the system's
        ((25.0, 26.0), 80),  # the oscillator itself, whatever the PLL makes
        ((25.0, 25.0), None),
        ((25.02, 24.0), None),  # nextpnr counts in whole picoseconds
        ((25.1, 22.0), 80),  # this one is made by the PLL
        ((12.0, 11.0), None),  # what nextpnr asks of a clock that nothing constrains
        ((12.0, 12.1), 80),
    ],
)
def test_what_the_pll_makes_slows_down_together_and_what_it_is_given_does_not(
    other: tuple[float, float], clock_mhz: float | None
) -> None:
    assert settled_mhz(routed(89.0, others=[other])) == clock_mhz


def routes(fmax_mhz: Sequence[float]) -> tuple[list[int], object]:
    tried: list[int] = []

    def route(seed: int) -> Placement:
        tried.append(seed)
        return routed(fmax_mhz[seed - 1], seed=seed)

    return tried, route


@pytest.mark.parametrize(
    ("fmax_mhz", "wanted_mhz", "tried", "seed", "clock_mhz"),
    [
        # any clock of the range will do: one route
        ([40.1, 99.0], 0, 1, 1, 40),
        # what is wanted was met
        ([70.1, 99.0], 70, 1, 1, 70),
        # near what is wanted, so another seed; the better one is kept, whichever it was
        ([67.0, 71.0, 99.0], 70, 2, 2, 70),
        ([67.0, 68.0, 71.0], 70, 2, 1, 60),  # the same clock: the first
        ([69.0, 61.0, 71.0], 70, 3, 3, 70),
        ([69.0, 61.0, 62.0], 70, 3, 1, 60),
        # far from it
        ([66.0, 99.0], 70, 1, 1, 60),
        # one seed's spread is what seeds usually make
        ([70.0 * REACH - 0.01, 99.0], 70, 1, 1, 60),
        ([70.0 * REACH + 0.01, 99.0], 70, 2, 2, 90),
        # no clock of the range is as high as what is wanted: it counts as it is, or not at all
        ([67.0, 99.0], 101, 1, 1, 60),
        # not even the lowest is met yet, and another seed may
        ([39.0, 41.0, 99.0], 0, 2, 2, 40),
        ([39.0, 41.0, 99.0], 101, 2, 2, 40),
    ],
)
def test_another_seed_is_tried_where_it_may_bring_what_is_wanted(
    fmax_mhz: list[float], wanted_mhz: float, tried: int, seed: int, clock_mhz: float
) -> None:
    seeds, route = routes(fmax_mhz)
    found = best_of_routes(
        route,  # type: ignore[arg-type]
        clocks_hz=RANGE,
        reference_hz=REFERENCE_HZ,
        seeds=len(fmax_mhz),
        wanted_hz=wanted_mhz * 1e6,
    )
    assert seeds == list(range(1, tried + 1))
    assert (found.seed, found.clock_hz / 1e6, found.is_met) == (seed, clock_mhz, True)


def test_a_design_below_the_range_is_missed_with_its_best_route() -> None:
    seeds, route = routes([38.5, 39.5, 39.0, 99.0])
    with pytest.raises(TimingMissed) as caught:
        best_of_routes(
            route,  # type: ignore[arg-type]
            clocks_hz=RANGE,
            reference_hz=REFERENCE_HZ,
            seeds=3,
        )
    assert seeds == [1, 2, 3]
    assert caught.value.what == "seed 2: sys reaches 39.50 MHz of 40.00 MHz"
    assert "lower the bottom of target.clock_range_mhz" in caught.value.fix
    assert "from a to b: 3.00 ns" in caught.value.detail


def test_no_seed_is_no_search() -> None:
    _, route = routes([50.0])
    with pytest.raises(ValueError, match="seeds is 0, must be at least 1"):
        best_of_routes(route, clocks_hz=RANGE, reference_hz=REFERENCE_HZ, seeds=0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seeds is 0, must be at least 1"):
        settle(
            FakeRouter(lambda _clock, _seed: 50e6),
            requested_hz=50_000_000,
            clocks_hz=CLOCKS,
            pinned=False,
            seeds=0,
        )


def test_of_seeds_that_all_miss_the_fastest_says_how_low_the_clock_goes() -> None:
    reached = {1: 48.5e6, 2: 49.9e6, 3: 48.0e6}
    router = FakeRouter(lambda clock, seed: reached[seed] if clock == 50_000_000 else clock * 1.01)
    found = settle(router, requested_hz=50_000_000, clocks_hz=CLOCKS, pinned=False, seeds=3)
    assert router.tries[:3] == [(50_000_000, seed) for seed in (1, 2, 3)]
    assert router.tries[3] == (max(clock for clock in CLOCKS if clock < 49.9e6), 1)
    assert found.clock_hz == router.tries[3][0]


@settings(deadline=None)
@given(requested_hz=requests, shortfall=st.floats(0.96, 0.9999), seeds=st.integers(1, 3))
def test_a_router_that_always_falls_a_little_short_is_asked_less_and_less(
    requested_hz: int, shortfall: float, seeds: int
) -> None:
    """Margins double, so the search ends after few clocks, whatever the router says."""
    router = FakeRouter(lambda clock, _seed: clock * shortfall)
    with pytest.raises(TimingMissed, match="sys reaches") as caught:
        settle(router, requested_hz=requested_hz, clocks_hz=CLOCKS, pinned=False, seeds=seeds)
    assert "there is no lower clock" in caught.value.fix
    asked = list(dict.fromkeys(clock for clock, _ in router.tries))
    assert asked == sorted(asked, reverse=True)
    assert len(asked) <= 9, "0, 1, 2, 4 ... 64 per cent below what was reached, then nothing"
    for number, (higher, lower) in enumerate(pairwise(asked)):
        left = 1 - (0.01 * 2 ** (number - 1) if number else 0.0)
        assert lower == max(c for c in CLOCKS if c < min(higher * shortfall * left, higher))


@pytest.mark.parametrize(("above", "is_tried"), [(0.9999, False), (1.0001, True)])
def test_a_higher_clock_is_tried_where_it_is_higher_by_the_headroom(
    above: float, is_tried: bool
) -> None:
    first = 50_000_000
    higher = int(first * HEADROOM * above)
    reached = {80_000_000: first + 100.0, first: higher + 100.0, higher: higher + 1.0}
    router = FakeRouter(lambda clock, _seed: reached[clock])
    found = settle(router, requested_hz=80_000_000, clocks_hz=tuple(reached), pinned=False, seeds=1)
    assert [clock for clock, _ in router.tries] == [80_000_000, first, *([higher] * is_tried)]
    assert found.clock_hz == (higher if is_tried else first)
