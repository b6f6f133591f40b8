"""The PLL of Lattice Nexus: which clocks it makes exactly, and with which dividers.

Limits: Lattice FPGA-DS-02049, sysCLOCK PLL timing. The oscillator goes to the phase detector
undivided.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from hw_templates.soc.exact_clocks import look_up, table_of

_OSCILLATOR_HZ = (800_000_000, 1_600_000_000)
_OUTPUT_HZ = (6_250_000, 800_000_000)
_DIVIDERS = range(1, 129)


@dataclass(frozen=True, slots=True, kw_only=True)
class NexusClock:
    """Dividers of one PLL.

    Attributes:
        feedback_divider: PLL's oscillator to phase detector.
        output_divider: PLL's oscillator to system clock.
    """

    feedback_divider: int
    output_divider: int


def clocks_hz(reference_hz: int) -> tuple[int, ...]:
    """Return every clock that can be made of an oscillator, to the nearest Hz, ascending."""
    return tuple(_table(reference_hz))


def clock_for(reference_hz: int, clock_hz: int) -> NexusClock:
    """Return the dividers that make a clock.

    Raises:
        ConfigError: None do; the nearest clocks are named.
    """
    return look_up(_table(reference_hz), clock_hz, reference_hz=reference_hz)


@functools.cache
def _table(reference_hz: int) -> Mapping[int, NexusClock]:
    return table_of(_all(reference_hz))


def _all(reference_hz: int) -> Iterator[tuple[Fraction, NexusClock]]:
    for feedback_divider in _DIVIDERS:
        oscillator_hz = reference_hz * feedback_divider
        if not _OSCILLATOR_HZ[0] <= oscillator_hz <= _OSCILLATOR_HZ[1]:
            continue
        for output_divider in _DIVIDERS:
            clock_hz = Fraction(oscillator_hz, output_divider)
            if _OUTPUT_HZ[0] <= clock_hz <= _OUTPUT_HZ[1]:
                yield (
                    clock_hz,
                    NexusClock(feedback_divider=feedback_divider, output_divider=output_divider),
                )
