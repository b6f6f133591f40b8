"""The timing gate: which clock a design ends at. Decides only; routing is done by who asks.

Where the PLL can be set after routing, a route is settled on the highest clock that it meets:
``settled``, ``best_of_routes``. Where it cannot, or where the clock is pinned, a design is routed
until it meets the clock that it was routed for: ``settle``.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from contracts.faults import TimingMissed
from contracts.measurement import ClockDomain, Placement
from runners.stages.place.report import critical_path_text, missed

REACH = 0.95
"""Share of a clock that a routed design must reach for another seed to be worth a try.

Fmax over seeds spreads by about this much (docs/results.md).
"""

HEADROOM = 1.05
"""How much faster than its clock a design must be for a higher clock to be worth a try."""

_TRIES_UPWARD = 2
_FIRST_MARGIN = 0.01
_FIX_RANGE = (
    "lower the bottom of target.clock_range_mhz, raise target.place_seeds, or choose a smaller"
    " design"
)
_FIX_PINNED = (
    "lower target.clock_mhz, raise target.place_seeds, or set target.clock_policy = 'achieved'"
    " and target.clock_range_mhz"
)

_DEFAULT_MHZ = 12.0
"""What nextpnr asks of a clock that nothing constrains and no PLL makes."""
_SAME_CLOCK = 1e-3

RouteAt = Callable[[int, int], Placement]
"""Routes at a clock in Hz with a seed."""
RouteWith = Callable[[int], Placement]
"""Routes with a seed."""


def settled(routed: Placement, *, clocks_hz: Sequence[int], reference_hz: int) -> Placement:
    """Return a route at the highest clock that the PLL can be set to and that it strictly meets.

    Args:
        routed: As it was routed; its ``clock_hz`` is what was asked for.
        clocks_hz: What the system clock may be.
        reference_hz: Of the board's oscillator.

    Returns:
        ``routed`` with that clock, and met; or as it is and not met, where there is no such clock.
    """
    for clock_hz in sorted(clocks_hz, reverse=True):
        if not _missed_at(routed, clock_hz, reference_hz):
            return replace(routed, clock_hz=clock_hz, is_met=True)
    return replace(routed, is_met=False)


def _missed_at(routed: Placement, clock_hz: int, reference_hz: int) -> tuple[ClockDomain, ...]:
    """Return the domains that a route misses when its PLL makes ``clock_hz``, with their clocks.

    All that the PLL makes becomes slower together: each domain needs its share of what it was
    asked for. What comes from elsewhere stays as it is.
    """
    share = clock_hz / routed.clock_hz
    system, *others = routed.domains
    needed = [replace(system, clock_mhz=clock_hz / 1e6)]
    for domain in others:
        is_made = not _is_given(domain, routed.clock_hz, reference_hz)
        needed.append(replace(domain, clock_mhz=domain.clock_mhz * (share if is_made else 1.0)))
    return tuple(domain for domain in needed if domain.fmax_mhz <= domain.clock_mhz)


def _is_given(domain: ClockDomain, asked_hz: int, reference_hz: int) -> bool:
    """Tell whether a clock is there whatever the PLL is set to; in doubt it is."""

    def is_about(clock_mhz: float) -> bool:
        return abs(domain.clock_mhz - clock_mhz) <= _SAME_CLOCK * clock_mhz

    if is_about(asked_hz / 1e6):
        return False
    return is_about(reference_hz / 1e6) or is_about(_DEFAULT_MHZ)


def best_of_routes(
    route: RouteWith,
    *,
    clocks_hz: Sequence[int],
    reference_hz: int,
    seeds: int,
    wanted_hz: int = 0,
) -> Placement:
    """Return the best of a few routes at the highest clock that it strictly meets.

    The first route is the only one, unless its clock is not what is wanted of the design and
    another seed may well bring that: one that is better than the best so far by as much as those
    so far differ, or by what seeds usually make, while there is but one.

    Args:
        route: Called with each seed, in order; returns the route as it was asked for.
        clocks_hz: What the system clock may be.
        reference_hz: Of the board's oscillator.
        seeds: How many seeds, from 1 on, may be tried; at least 1.
        wanted_hz: Clock from which on the design counts; any in ``clocks_hz`` at the least.

    Returns:
        The route with the highest clock; not always the last one.

    Raises:
        TimingMissed: No route meets any of the clocks.
        DseError: From ``route``.
    """
    lowest_hz, highest_hz = min(clocks_hz), max(clocks_hz)
    tried: list[Placement] = []
    best: Placement | None = None
    for seed in range(1, seeds + 1):
        tried.append(settled(route(seed), clocks_hz=clocks_hz, reference_hz=reference_hz))
        best = max(tried, key=_rank)
        # one that counts anyway is not routed again for what no clock of the range would bring
        enough_hz = wanted_hz if best.is_met and wanted_hz <= highest_hz else lowest_hz
        if best.is_met and best.clock_hz >= enough_hz:
            return best
        if _hoped_for_mhz(tried) * 1e6 <= enough_hz:
            break
    if best is None:
        raise ValueError(f"seeds is {seeds}, must be at least 1")
    if not best.is_met:
        clocks = _missed_at(best, lowest_hz, reference_hz)
        raise _timing_missed(best, clocks, fix=_FIX_RANGE)
    return best


def _hoped_for_mhz(tried: Sequence[Placement]) -> float:
    """Return what another seed may well reach, by the spread of those that were tried."""
    reached_mhz = [each.fmax_mhz for each in tried]
    spread = 1 / REACH if len(tried) == 1 else max(reached_mhz) / min(reached_mhz)
    return max(reached_mhz) * spread


def settle(
    route: RouteAt, *, requested_hz: int, clocks_hz: Sequence[int], pinned: bool, seeds: int
) -> Placement:
    """Return the routed design that strictly meets the clock it was made for.

    The requested clock is tried first. A clock is tried with further seeds as long as the design
    comes near it. A pinned clock is then given up; otherwise the next one is the highest that the
    PLL makes below what was reached. What was reached is partly luck, so each further clock that
    is given up doubles a margin that the next one leaves: the search ends.

    Asked for too much, a router may reach less than it could. So where a clock is met with
    ``HEADROOM`` to spare, the highest one below what was reached is tried, twice at most.

    Args:
        route: Called for each try, in order.
        requested_hz: The highest clock to try.
        clocks_hz: All that the PLL makes.
        pinned: No other clock will do.
        seeds: How many seeds, from 1 on, a clock is tried with; at least 1.

    Returns:
        The try with the highest clock of those that met theirs; not always the last one.

    Raises:
        TimingMissed: The pinned clock is missed, another clock than the system's is missed, or no
            lower clock is left.
        DseError: From ``route``.
    """
    clock_hz = requested_hz
    ceiling_hz = requested_hz + 1
    margin = 0.0
    while not (best := _best_of_seeds(route, clock_hz, seeds)).is_met:
        if pinned:
            raise _missed(best, fix=_FIX_PINNED)
        if best.domains[0] not in missed(best):
            raise _missed(best, fix="give that clock a PLL setting or a design that meets it")
        ceiling_hz = clock_hz
        lower_hz = _highest_below(min(best.fmax_mhz * 1e6 * (1 - margin), clock_hz), clocks_hz)
        if lower_hz is None:
            raise _missed(best, fix=f"there is no lower clock: {_FIX_RANGE}")
        clock_hz = lower_hz
        margin = 2 * margin or _FIRST_MARGIN
    reached_hz = best.fmax_mhz * 1e6
    for _ in range(_TRIES_UPWARD):
        higher_hz = _highest_below(min(reached_hz, ceiling_hz), clocks_hz)
        if higher_hz is None or higher_hz < HEADROOM * clock_hz:
            break
        tried = route(higher_hz, best.seed)
        reached_hz = tried.fmax_mhz * 1e6
        if tried.is_met:
            best, clock_hz = tried, higher_hz
        else:
            ceiling_hz = higher_hz
    return best


def _rank(placement: Placement) -> tuple[bool, float]:
    """Return what makes one route better than another: a clock, then a higher one."""
    return placement.is_met, placement.clock_hz if placement.is_met else placement.fmax_mhz


def _highest_below(limit_hz: float, clocks_hz: Sequence[int]) -> int | None:
    return max((each for each in clocks_hz if each < limit_hz), default=None)


def _best_of_seeds(route: RouteAt, clock_hz: int, seeds: int) -> Placement:
    """Return the first try that meets its clocks, else the one with the highest Fmax."""
    best: Placement | None = None
    for seed in range(1, seeds + 1):
        tried = route(clock_hz, seed)
        if tried.is_met:
            return tried
        if best is None or tried.fmax_mhz > best.fmax_mhz:
            best = tried
        if tried.fmax_mhz * 1e6 < REACH * clock_hz:
            break
    if best is None:
        raise ValueError(f"seeds is {seeds}, must be at least 1")
    return best


def _missed(placement: Placement, *, fix: str) -> TimingMissed:
    return _timing_missed(placement, missed(placement), fix=fix)


def _timing_missed(
    placement: Placement, clocks: Sequence[ClockDomain], *, fix: str
) -> TimingMissed:
    return TimingMissed(
        f"seed {placement.seed}: " + ", ".join(_clock_text(clock) for clock in clocks),
        fix=fix,
        detail="slowest path " + critical_path_text(placement.critical_path),
    )


def _clock_text(clock: ClockDomain) -> str:
    return f"{clock.name} reaches {clock.fmax_mhz:.2f} MHz of {clock.clock_mhz:.2f} MHz"
