"""The PLL of the ECP5 (EHXPLLL): which clocks it makes exactly, and with which dividers.

Limits: Lattice FPGA-DS-02012, sysCLOCK PLL timing; dividers: FPGA-TN-02200.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from hw_templates.soc.exact_clocks import look_up, table_of

_INPUT_HZ = (8_000_000, 400_000_000)
_DETECTOR_HZ = (10_000_000, 400_000_000)
_OSCILLATOR_HZ = (400_000_000, 800_000_000)
_OUTPUT_HZ = (3_125_000, 400_000_000)
_DIVIDERS = range(1, 129)


@dataclass(frozen=True, slots=True, kw_only=True)
class PllSettings:
    """Dividers of one PLL whose feedback comes from an output of its own.

    Attributes:
        input_divider: Oscillator to phase detector (CLKI_DIV).
        feedback_divider: Feedback output to phase detector (CLKFB_DIV).
        feedback_output_divider: PLL's oscillator to feedback output.
        output_divider: PLL's oscillator to system clock.
        clock_hz: System clock, exact.
    """

    input_divider: int
    feedback_divider: int
    feedback_output_divider: int
    output_divider: int
    clock_hz: Fraction


@functools.cache
def clocks_hz(reference_hz: int) -> tuple[int, ...]:
    """Return every clock that can be made of an oscillator, to the nearest Hz, ascending."""
    return tuple(_table(reference_hz))


def settings_for(reference_hz: int, clock_hz: int) -> PllSettings:
    """Return dividers that make a clock exactly, the PLL's oscillator as fast as possible.

    Args:
        reference_hz: The board's oscillator.
        clock_hz: One of ``clocks_hz(reference_hz)``.

    Raises:
        ConfigError: No dividers make it; the nearest clocks are named.
    """
    return look_up(_table(reference_hz), clock_hz, reference_hz=reference_hz)


@functools.cache
def _table(reference_hz: int) -> Mapping[int, PllSettings]:
    return table_of((each.clock_hz, each) for each in _all_settings(reference_hz))


def _all_settings(reference_hz: int) -> Iterator[PllSettings]:
    """Yield settings within all limits, the fastest oscillator first: it jitters least."""
    if not _INPUT_HZ[0] <= reference_hz <= _INPUT_HZ[1]:
        return
    loops: dict[Fraction, tuple[int, int, int]] = {}
    for input_divider in _DIVIDERS:
        detector_hz = Fraction(reference_hz, input_divider)
        if not _DETECTOR_HZ[0] <= detector_hz <= _DETECTOR_HZ[1]:
            continue
        for feedback_divider in _DIVIDERS:
            feedback_hz = detector_hz * feedback_divider
            if not _OUTPUT_HZ[0] <= feedback_hz <= _OUTPUT_HZ[1]:
                continue
            for feedback_output_divider in _DIVIDERS:
                oscillator_hz = feedback_hz * feedback_output_divider
                if _OSCILLATOR_HZ[0] <= oscillator_hz <= _OSCILLATOR_HZ[1]:
                    loops.setdefault(
                        oscillator_hz, (input_divider, feedback_divider, feedback_output_divider)
                    )
    for oscillator_hz, loop in sorted(loops.items(), reverse=True):
        for output_divider in _DIVIDERS:
            clock_hz = oscillator_hz / output_divider
            if _OUTPUT_HZ[0] <= clock_hz <= _OUTPUT_HZ[1]:
                yield PllSettings(
                    input_divider=loop[0],
                    feedback_divider=loop[1],
                    feedback_output_divider=loop[2],
                    output_divider=output_divider,
                    clock_hz=clock_hz,
                )
