"""The PLL of Cologne Chip's GateMate (CC_PLL): which clocks it makes exactly.

Limits: Cologne Chip DS1001 (GateMate data sheet), PLL characteristics in economy mode (1.0 V);
dividers: UG1001 (primitives library), CC_PLL.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from hw_templates.soc.exact_clocks import look_up, table_of

_REFERENCE_HZ = (5_000_000, 50_000_000)
_OSCILLATOR_HZ = (1_100_000_000, 1_900_000_000)
"""The data sheet has 1.0 to 2.0 GHz. CC_PLL is told a frequency, and nextpnr weighs how well
dividers meet it against how far from the middle of that range they drive the oscillator: nearer to
its ends another clock, off by some kHz, may be preferred to the right one."""
_BEHIND_FIRST_DIVIDER_HZ = 625_000_000
_OUTPUT_HZ = (10_000_000, 312_500_000)
_STEP_HZ = 100
"""Four decimal places of a megahertz are as exact as nextpnr reads a clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateMateClock:
    """One clock of the PLL, and dividers that make it.

    Attributes:
        feedback_divider: The oscillator, halved, to the reference.
        output_divider: The oscillator, divided by four, to the system clock; even, or 1.
    """

    feedback_divider: int
    output_divider: int


def clocks_hz(reference_hz: int) -> tuple[int, ...]:
    """Return every clock that can be made of an oscillator, ascending."""
    return tuple(_table(reference_hz))


def clock_for(reference_hz: int, clock_hz: int) -> GateMateClock:
    """Return the dividers that make a clock.

    Raises:
        ConfigError: None do; the nearest clocks are named.
    """
    return look_up(_table(reference_hz), clock_hz, reference_hz=reference_hz)


@functools.cache
def _table(reference_hz: int) -> Mapping[int, GateMateClock]:
    return table_of(_all(reference_hz))


def _all(reference_hz: int) -> Iterator[tuple[Fraction, GateMateClock]]:
    """Yield what is within the limits."""
    if not _REFERENCE_HZ[0] <= reference_hz <= _REFERENCE_HZ[1]:
        return
    lowest, highest = (-(-hz // (2 * reference_hz)) for hz in _OSCILLATOR_HZ)
    for feedback in range(lowest, highest + 1):
        halved_hz = reference_hz * feedback
        if halved_hz * 2 > _OSCILLATOR_HZ[1] or not _is_made(feedback, halved_hz):
            continue
        for divider in range(2, halved_hz // (2 * _OUTPUT_HZ[0]) + 1, 2):
            clock_hz = Fraction(halved_hz, 2 * divider)
            is_told_exactly = clock_hz % _STEP_HZ == 0
            if is_told_exactly and clock_hz <= _OUTPUT_HZ[1] and _is_made(divider, halved_hz):
                yield (
                    clock_hz,
                    GateMateClock(feedback_divider=feedback, output_divider=divider),
                )


def _is_made(divider: int, in_hz: int) -> bool:
    """Return whether two counters in a row, of 6 and 10 bits, divide by this much."""
    return any(
        divider % first == 0
        and divider // first <= 1024
        and in_hz <= first * _BEHIND_FIRST_DIVIDER_HZ
        for first in range(1, 65)
    )
