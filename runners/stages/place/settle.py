"""The timing gate: which clock a design ends at. Decides only; routing is done by who asks."""

from collections.abc import Callable, Sequence

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
_FIX_PINNED = (
    "lower target.clock_mhz, raise target.place_seeds, or set target.clock_policy = 'achieved'"
)

RouteAt = Callable[[int, int], Placement]
"""Routes at a clock in Hz with a seed."""


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
            raise _missed(best, fix="the PLL makes no lower clock: choose a smaller design")
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
    clocks = missed(placement)
    return TimingMissed(
        f"seed {placement.seed}: " + ", ".join(_clock_text(clock) for clock in clocks),
        fix=fix,
        detail="slowest path " + critical_path_text(placement.critical_path),
    )


def _clock_text(clock: ClockDomain) -> str:
    return f"{clock.name} reaches {clock.fmax_mhz:.2f} MHz of {clock.clock_mhz:.2f} MHz"
