"""Constraints that no design can keep, alone or together: named before the first trial."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dse.config.file import BoundsSection, Constraint, StudyFile, TargetSection
from runners.fpga import PARTS, capacity_of, family_of_part
from runners.measuring.metrics import ACCURACY_PERCENT, AUC, CLOCK_MHZ, CYCLES, LATENCY_US, METRICS

_MOST = {ACCURACY_PERCENT.name: 100.0, AUC.name: 1.0}
"""What no network exceeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """The values of a metric that a constraint allows."""

    low: float = -math.inf
    high: float = math.inf


Contradiction = tuple[str, str]
"""What is wrong, and what to do."""


def contradictions(given: StudyFile, target: TargetSection | None) -> Iterator[Contradiction]:
    """Yield what is wrong with constraints each of which is right in itself.

    Args:
        given: What the file says.
        target: With every key; None where it is in doubt.
    """
    ranges = {name: _range(each) for name, each in given.constraints.items()}
    ranges = {name: each for name, each in ranges.items() if each.low <= each.high}
    yield from _impossible(ranges)
    cycles = ranges.get(CYCLES.name, _Range())
    if cycles.low > given.limits.cycles:
        yield (
            f"cycles has min {cycles.low:.10g}, and a trial ends as too slow after"
            f" {given.limits.cycles} cycles, which [limits] cycles says",
            "raise limits.cycles above it, or lower the min",
        )
    if target is None:
        return
    if target.part in PARTS:
        yield from _on_part(ranges, str(target.part))
    if given.study.fidelity != "board":  # a board tells its own time
        yield from _of_time(ranges, target)


def _range(constraint: Constraint) -> _Range:
    if not isinstance(constraint, BoundsSection):
        return _Range(high=constraint)
    low, high = constraint.min, constraint.max
    return _Range(low=-math.inf if low is None else low, high=math.inf if high is None else high)


def _impossible(ranges: Mapping[str, _Range]) -> Iterator[Contradiction]:
    for name in (name for name in METRICS if name in ranges):
        if ranges[name].high < 0:
            yield (
                f"{name} is at most {ranges[name].high:.10g}, and it is never below 0",
                "write the largest value that is right, or leave it out",
            )
        if ranges[name].low > _MOST.get(name, math.inf):
            yield (
                f"{name} has min {ranges[name].low:.10g}, and it is never above {_MOST[name]:g}",
                f"write a min of at most {_MOST[name]:g}",
            )


def _on_part(ranges: Mapping[str, _Range], part: str) -> Iterator[Contradiction]:
    """Yield what asks for more than a part holds, or for other counts of one thing."""
    for name, held in capacity_of(part).items():
        if name in ranges and ranges[name].low > held:
            yield (
                f"{name} has min {ranges[name].low:.10g}, and the {part} holds {held}",
                f"write a min of at most {held}, or name a larger part",
            )
    for resource in family_of_part(part).resources:
        role = resource.metric.role
        if role is None or role not in ranges or resource.name not in ranges:
            continue
        least = resource.worth * ranges[resource.name].low  # others may add to the role
        if least > ranges[role].high:
            yield (
                f"{role} is at most {ranges[role].high:.10g}, and {resource.name} at least"
                f" {ranges[resource.name].low:.10g}, which are {least:.10g} of them",
                f"leave one of the two out: {role} counts {resource.name} on the {part}",
            )


def _of_time(ranges: Mapping[str, _Range], target: TargetSection) -> Iterator[Contradiction]:
    """Yield latencies that no allowed cycles make at any allowed clock."""
    if LATENCY_US.name not in ranges or target.clock_mhz is None:
        return
    latency, cycles = ranges[LATENCY_US.name], ranges.get(CYCLES.name, _Range())
    clocks = ranges.get(CLOCK_MHZ.name, _Range())
    lowest, highest = target.clock_mhz, target.clock_mhz
    if target.clock_policy != "pinned" and target.clock_range_mhz is not None:
        lowest, highest = target.clock_range_mhz
    lowest, highest = max(lowest, clocks.low), min(highest, clocks.high)
    if lowest > highest:
        yield (
            f"clock_mhz leaves no clock of the target, {target.clock_mhz:g} MHz or its"
            " clock_range_mhz",
            "allow a clock of the range, or widen target.clock_range_mhz",
        )
    elif max(cycles.low, 0.0) / highest > latency.high:
        yield (
            f"latency_us is at most {latency.high:.10g}, and {cycles.low:.10g} cycles, the fewest"
            f" that are allowed, take {cycles.low / highest:.10g} us at {highest:g} MHz",
            "raise the max of latency_us, or lower the min of cycles",
        )
    elif cycles.high / lowest < latency.low:
        yield (
            f"latency_us is at least {latency.low:.10g}, and {cycles.high:.10g} cycles, the most"
            f" that are allowed, take {cycles.high / lowest:.10g} us at {lowest:g} MHz",
            "lower the min of latency_us, or raise the max of cycles",
        )
