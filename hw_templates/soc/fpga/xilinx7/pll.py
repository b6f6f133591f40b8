"""The PLL of Xilinx 7 series (PLLE2): which clocks it makes exactly, with which dividers.

Limits: Xilinx DS181 (Artix-7), PLL specification, speed grade -1; dividers: UG472, table 3-7.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from hw_templates.soc.exact_clocks import look_up, table_of

_DETECTOR_HZ = (19_000_000, 450_000_000)
_OSCILLATOR_HZ = (800_000_000, 1_600_000_000)
_OUTPUT_HZ = (6_250_000, 800_000_000)
_INPUT_DIVIDERS = range(1, 57)
_FEEDBACK_DIVIDERS = range(2, 65)
_OUTPUT_DIVIDERS = range(1, 129)


@dataclass(frozen=True, slots=True, kw_only=True)
class Xilinx7Clock:
    """Dividers of one PLL.

    Attributes:
        input_divider: Board's oscillator to phase detector, 1 to 56.
        feedback_divider: PLL's oscillator to phase detector, 2 to 64.
        output_divider: PLL's oscillator to system clock, 1 to 128.
    """

    input_divider: int
    feedback_divider: int
    output_divider: int


def clocks_hz(reference_hz: int) -> tuple[int, ...]:
    """Return every clock that can be made of an oscillator, to the nearest Hz, ascending."""
    return tuple(_table(reference_hz))


def clock_for(reference_hz: int, clock_hz: int) -> Xilinx7Clock:
    """Return the dividers that make a clock.

    Raises:
        ConfigError: None do; the nearest clocks are named.
    """
    return look_up(_table(reference_hz), clock_hz, reference_hz=reference_hz)


@functools.cache
def _table(reference_hz: int) -> Mapping[int, Xilinx7Clock]:
    return table_of(_all(reference_hz))


def _all(reference_hz: int) -> Iterator[tuple[Fraction, Xilinx7Clock]]:
    """Yield what is within the limits; the fastest phase detector, which is quietest, first."""
    for input_divider in _INPUT_DIVIDERS:
        detector_hz = Fraction(reference_hz, input_divider)
        if not _DETECTOR_HZ[0] <= detector_hz <= _DETECTOR_HZ[1]:
            continue
        for feedback_divider in _FEEDBACK_DIVIDERS:
            oscillator_hz = detector_hz * feedback_divider
            if not _OSCILLATOR_HZ[0] <= oscillator_hz <= _OSCILLATOR_HZ[1]:
                continue
            for output_divider in _OUTPUT_DIVIDERS:
                clock_hz = oscillator_hz / output_divider
                if _OUTPUT_HZ[0] <= clock_hz <= _OUTPUT_HZ[1]:
                    yield (
                        clock_hz,
                        Xilinx7Clock(
                            input_divider=input_divider,
                            feedback_divider=feedback_divider,
                            output_divider=output_divider,
                        ),
                    )
