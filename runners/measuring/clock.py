"""Which clock a design of a target settles on, with as few routes as its FPGA's tools allow."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from contracts.cfu_clock import CPU_CLOCK_PERCENT
from contracts.faults import ConfigError
from contracts.measurement import Placement
from hw_templates.soc.fpga_boards import fpga_board
from runners.fpga import family_of_part
from runners.job import Job, Target
from runners.stages.place.settle import best_of_routes, settle, settled
from runners.stages.socs import asked_clock_hz, clocks_in_range

Route = Callable[[int, int], Placement]
"""Routes for a clock in Hz with a seed, and returns what the router said."""


def settle_clock(
    target: Target,
    route: Route,
    *,
    tried: list[Placement],
    wanted_hz: int = 0,
    cfu_clock_percent: int = CPU_CLOCK_PERCENT,
) -> Placement:
    """Route a design until it has a clock that it strictly meets.

    Args:
        target: Says which clocks will do, and how many seeds may be tried.
        route: Called for each route.
        tried: Every route is added to it at once. When the design has its clock each route there
            has its own, and the one that counts is the last.
        wanted_hz: Clock below which another seed is tried, where that may help.
        cfu_clock_percent: Clock of the design's CFU in percent of the one that is settled.

    Returns:
        The route that counts, at its clock.

    Raises:
        ConfigError: The target names no range and does not pin its clock.
        TimingMissed: No clock is met.
        DseError: From ``route``.
    """
    if target.clock_policy == "achieved" and target.clock_range_hz is None:
        raise ConfigError(
            f"target {target.name} has no clock_range_mhz, so there is no clock to settle on; it"
            " is of a version that built a SoC for each clock it tried",
            fix="start a study with target.clock_range_mhz = [lowest, highest], or with"
            " target.clock_policy = 'pinned'",
        )
    clocks_hz = clocks_in_range(target, cfu_clock_percent)
    asked_hz = asked_clock_hz(target, cfu_clock_percent)
    reference_hz = fpga_board(target.board).clock.hz
    is_pinned = target.clock_policy == "pinned"

    def routed(clock_hz: int, seed: int) -> Placement:
        placement = route(clock_hz, seed)
        tried.append(placement)
        return placement

    if family_of_part(target.part).patches_clock and not is_pinned:
        best = best_of_routes(
            lambda seed: routed(asked_hz, seed),
            clocks_hz=clocks_hz,
            reference_hz=reference_hz,
            seeds=target.place_seeds,
            wanted_hz=wanted_hz,
        )
        tried[:] = [settled(each, clocks_hz=clocks_hz, reference_hz=reference_hz) for each in tried]
    else:
        best = settle(
            routed,
            requested_hz=asked_hz,
            clocks_hz=clocks_hz,
            pinned=is_pinned,
            seeds=target.place_seeds,
        )
    tried.remove(best)
    tried.append(best)
    return best


def as_routed_before(job: Job, tried: Sequence[Placement]) -> Job:
    """Return the job that tries the seeds of an earlier measurement again, and no others.

    How many there were depended on ``wanted_clock_hz``, and so on what else was placed then. Any
    clock above those of all seeds before the last one leads to the same last seed.

    Args:
        job: As it was asked for.
        tried: The routes of that measurement, as ``settle_clock`` left them.
    """
    seeds, target = len(tried), job.target
    is_seed_by_seed = (
        target.clock_policy != "pinned"
        and family_of_part(target.part).patches_clock
        and {each.seed for each in tried} == set(range(1, seeds + 1))
    )
    if not tried or not is_seed_by_seed:
        return job
    earlier = [each.clock_hz + 1 for each in tried if each.is_met and each.seed < seeds]
    return replace(
        job, target=replace(target, place_seeds=seeds), wanted_clock_hz=max(earlier, default=0)
    )
