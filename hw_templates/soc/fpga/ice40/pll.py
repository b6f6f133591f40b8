"""The PLL of the iCE40 (SB_PLL40): which clocks it makes exactly, and with which dividers.

Limits: Lattice FPGA-TN-02052. Below what the PLL can make, a counter divides the oscillator.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from hw_templates.soc.exact_clocks import look_up, table_of

_DETECTOR_HZ = (10_000_000, 133_000_000)
_OSCILLATOR_HZ = (533_000_000, 1_066_000_000)
_OUTPUT_HZ = (16_000_000, 275_000_000)
_COUNTED_DIVIDERS = (1, 2, 4, 8)
_FILTER_BELOW_HZ = (17_000_000, 26_000_000, 44_000_000, 66_000_000, 101_000_000, 133_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ice40Clock:
    """How a clock is made.

    Attributes:
        counted_divider: Power of two that a counter divides the oscillator by; 0 with the PLL.
        divr: Reference divider less one.
        divf: Feedback divider less one.
        divq: Output divider as a power of two.
        filter_range: Loop filter for the phase detector's frequency.
    """

    counted_divider: int = 0
    divr: int = 0
    divf: int = 0
    divq: int = 0
    filter_range: int = 0


def clocks_hz(reference_hz: int) -> tuple[int, ...]:
    """Return every clock that can be made of an oscillator, to the nearest Hz, ascending."""
    return tuple(_table(reference_hz))


def clock_for(reference_hz: int, clock_hz: int) -> Ice40Clock:
    """Return how a clock is made.

    Raises:
        ConfigError: It cannot be; the nearest clocks are named.
    """
    return look_up(_table(reference_hz), clock_hz, reference_hz=reference_hz)


@functools.cache
def _table(reference_hz: int) -> Mapping[int, Ice40Clock]:
    return table_of(_all(reference_hz))


def _all(reference_hz: int) -> Iterator[tuple[Fraction, Ice40Clock]]:
    for divider in _COUNTED_DIVIDERS:
        yield Fraction(reference_hz, divider), Ice40Clock(counted_divider=divider)
    for divr in range(16):
        detector_hz = Fraction(reference_hz, divr + 1)
        if not _DETECTOR_HZ[0] <= detector_hz <= _DETECTOR_HZ[1]:
            continue
        filter_range = 1 + sum(detector_hz >= limit for limit in _FILTER_BELOW_HZ[:-1])
        for divf in range(128):
            oscillator_hz = detector_hz * (divf + 1)
            if not _OSCILLATOR_HZ[0] <= oscillator_hz <= _OSCILLATOR_HZ[1]:
                continue
            for divq in range(1, 7):
                clock_hz = oscillator_hz / 2**divq
                if _OUTPUT_HZ[0] <= clock_hz <= _OUTPUT_HZ[1]:
                    yield (
                        clock_hz,
                        Ice40Clock(divr=divr, divf=divf, divq=divq, filter_range=filter_range),
                    )
