"""The timing gate with routers that only pretend."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.faults import TimingMissed
from contracts.measurement import ClockDomain, PathStep, Placement
from hw_templates.soc.fpga.ecp5.pll import clocks_hz
from runners.stages.place.settle import REACH, settle

CLOCKS = clocks_hz(25_000_000)
PATH = (PathStep(kind="logic", delay_ns=3.0, source="a", sink="b"),)

Router = Callable[[int, int], Placement]


class FakeRouter:
    """Reaches ``fmax_hz(clock, seed)`` and remembers what it was asked."""

    def __init__(self, fmax_hz: Callable[[int, int], float], other_mhz: float = 100.0) -> None:
        self._fmax_hz = fmax_hz
        self._other = ClockDomain(name="other", clock_mhz=25.0, fmax_mhz=other_mhz)
        self.tries: list[tuple[int, int]] = []
        self.met: list[Placement] = []

    def __call__(self, clock_hz: int, seed: int) -> Placement:
        self.tries.append((clock_hz, seed))
        clock_mhz, fmax_mhz = clock_hz / 1e6, self._fmax_hz(clock_hz, seed) / 1e6
        system = ClockDomain(name="sys", clock_mhz=clock_mhz, fmax_mhz=fmax_mhz)
        placement = Placement(
            seed=seed,
            clock_hz=clock_hz,
            fmax_mhz=fmax_mhz,
            is_met=fmax_mhz > clock_mhz and self._other.fmax_mhz > self._other.clock_mhz,
            domains=(system, self._other),
            critical_path=PATH,
        )
        if placement.is_met:
            self.met.append(placement)
        return placement


def settled(
    router: Router, requested_hz: int, *, pinned: bool = False, seeds: int = 3
) -> Placement:
    return settle(router, requested_hz=requested_hz, clocks_hz=CLOCKS, pinned=pinned, seeds=seeds)


requests = st.sampled_from([clock for clock in CLOCKS if 20e6 < clock < 150e6])


@settings(deadline=None)
@given(
    requested_hz=requests,
    nominal_hz=st.floats(15e6, 160e6),
    luck=st.lists(st.floats(0.85, 1.15), min_size=60, max_size=60),
    seeds=st.integers(1, 4),
)
def test_whatever_the_router_does_the_search_ends_at_a_clock_that_is_met(
    requested_hz: int, nominal_hz: float, luck: list[float], seeds: int
) -> None:
    draws = iter(luck)
    router = FakeRouter(lambda _clock, _seed: nominal_hz * next(draws))
    found = settled(router, requested_hz, seeds=seeds)
    clock_hz = found.clock_hz
    assert found.is_met
    assert found.fmax_mhz * 1e6 > found.clock_hz
    assert clock_hz in CLOCKS
    assert clock_hz <= requested_hz
    assert found is max(router.met, key=lambda each: each.clock_hz), "the best of what was met"
    asked = [clock for clock, _ in router.tries]
    assert asked[0] == requested_hz == max(asked)
    assert len(set(router.tries)) == len(router.tries), "no try is made twice"
    down = asked[: router.tries.index((router.met[0].clock_hz, router.met[0].seed))]
    assert down == sorted(down, reverse=True), "a clock that was given up is not tried again"
    assert len(set(asked)) <= 10


@settings(deadline=None)
@given(requested_hz=requests, fmax_hz=st.floats(15e6, 160e6))
def test_a_router_without_luck_is_asked_twice_at_most(requested_hz: int, fmax_hz: float) -> None:
    router = FakeRouter(lambda _clock, _seed: fmax_hz)
    found = settled(router, requested_hz, seeds=1)
    below = [clock for clock in CLOCKS if clock < fmax_hz]
    assert found.clock_hz == min(requested_hz, max(below))
    assert len(router.tries) == (1 if requested_hz < fmax_hz else 2)


@pytest.mark.parametrize(
    ("at_62_5", "at_53_125", "tried_mhz", "settled_mhz"),
    [
        (62.6, 0.0, [62.5], 62.5),
        (50.0, 0.0, [62.5], 49.21875),  # 50 MHz would not be worth another route
        (53.2, 54.0, [62.5, 53.125], 53.125),
        (53.2, 52.5, [62.5, 53.125], 49.21875),  # twice at most
    ],
)
def test_where_a_clock_is_met_with_much_to_spare_higher_ones_are_tried(
    at_62_5: float, at_53_125: float, tried_mhz: list[float], settled_mhz: float
) -> None:
    reached = {75.0: 49.5, 49.21875: 62.63, 62.5: at_62_5, 53.125: at_53_125}
    router = FakeRouter(lambda clock, _seed: reached[clock / 1e6] * 1e6)
    assert settled(router, 75_000_000).clock_hz == settled_mhz * 1e6
    assert [clock / 1e6 for clock, _ in router.tries] == [75.0, 49.21875, *tried_mhz]


def test_a_clock_that_is_reached_exactly_is_missed() -> None:
    found = settled(FakeRouter(lambda _clock, _seed: 50e6), 50_000_000, seeds=1)
    assert 49e6 < found.clock_hz < 50e6


def test_further_seeds_are_tried_where_the_clock_is_near() -> None:
    router = FakeRouter(lambda clock, seed: clock * (1.01 if seed == 3 else 0.97))
    assert settled(router, 50_000_000).seed == 3
    assert router.tries == [(50_000_000, 1), (50_000_000, 2), (50_000_000, 3)]


def test_no_seed_is_wasted_on_a_clock_that_is_out_of_reach() -> None:
    router = FakeRouter(lambda _clock, _seed: 50_000_000 * REACH - 1)
    settled(router, 50_000_000)
    assert [seed for _, seed in router.tries] == [1, 1]


@settings(deadline=None)
@given(
    requested_hz=requests,
    share=st.floats(0.5, 0.94) | st.floats(0.96, 1.0),
    seeds=st.integers(1, 5),
)
def test_a_pinned_clock_is_met_or_missed_but_never_lowered(
    requested_hz: int, share: float, seeds: int
) -> None:
    router = FakeRouter(lambda clock, _seed: clock * share)
    with pytest.raises(TimingMissed, match="sys reaches") as caught:
        settled(router, requested_hz, pinned=True, seeds=seeds)
    assert "clock_policy = 'achieved'" in caught.value.fix
    assert "from a to b: 3.00 ns" in caught.value.detail
    assert router.tries == [
        (requested_hz, seed) for seed in range(1, (seeds if share >= REACH else 1) + 1)
    ]


def test_a_missed_clock_that_is_not_the_systems_ends_the_search() -> None:
    router = FakeRouter(lambda clock, _seed: clock * 1.1, other_mhz=20.0)
    with pytest.raises(TimingMissed, match=r"other reaches 20\.00 MHz of 25\.00 MHz"):
        settled(router, 50_000_000)


def test_a_design_slower_than_every_clock_of_the_pll_is_infeasible() -> None:
    with pytest.raises(TimingMissed, match="sys reaches 1") as caught:
        settled(FakeRouter(lambda _clock, _seed: 1e6), 50_000_000)
    assert "no lower clock" in caught.value.fix
