"""The PLL of Gowin's GW1N and GW2A (rPLL): which clocks it makes exactly, with which dividers.

Limits: Gowin DS117 (GW1NR, speed C6/I5) and DS226 (GW2AR, C8/I7); dividers: UG286.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from contracts.faults import ConfigError
from hw_templates.soc.exact_clocks import look_up, table_of

_DIVIDERS = range(1, 65)
_OUTPUT_DIVIDERS = (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)


@dataclass(frozen=True, slots=True, kw_only=True)
class GowinClock:
    """Dividers of one rPLL.

    Attributes:
        input_divider: Oscillator to phase detector, 1 to 64.
        feedback_divider: System clock to phase detector, 1 to 64.
        output_divider: PLL's oscillator to system clock.
    """

    input_divider: int
    feedback_divider: int
    output_divider: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """Frequencies in Hz, lowest and highest."""

    detector: tuple[int, int]
    oscillator: tuple[int, int]
    output: tuple[int, int]


_LIMITS = {
    "GW1N": _Limits(
        detector=(3_000_000, 400_000_000),
        oscillator=(400_000_000, 900_000_000),
        output=(3_125_000, 450_000_000),
    ),
    "GW2A": _Limits(
        detector=(3_000_000, 500_000_000),
        oscillator=(500_000_000, 1_250_000_000),
        output=(3_906_250, 625_000_000),
    ),
}


def clocks_hz(series: str, reference_hz: int) -> tuple[int, ...]:
    """Return every clock that can be made of an oscillator, to the nearest Hz, ascending.

    Args:
        series: ``GW1N`` or ``GW2A``.
        reference_hz: The board's oscillator.
    """
    return tuple(_table(series, reference_hz))


def clock_for(series: str, reference_hz: int, clock_hz: int) -> GowinClock:
    """Return the dividers that make a clock.

    Raises:
        ConfigError: None do, the nearest clocks are named; or there is no such series.
    """
    return look_up(_table(series, reference_hz), clock_hz, reference_hz=reference_hz)


def series_of(device: str) -> str:
    """Return the series of a device's full name, for example ``GW1N`` of ``GW1NR-LV9QN88PC6/I5``.

    Raises:
        ConfigError: Nothing is known of it.
    """
    for series in _LIMITS:
        if device.startswith(series):
            return series
    raise ConfigError(
        f"nothing is known of the PLL of {device!r}", fix=f"use one of {', '.join(_LIMITS)}"
    )


@functools.cache
def _table(series: str, reference_hz: int) -> Mapping[int, GowinClock]:
    return table_of(_all(_LIMITS[series], reference_hz))


def _all(limits: _Limits, reference_hz: int) -> Iterator[tuple[Fraction, GowinClock]]:
    for input_divider in _DIVIDERS:
        detector_hz = Fraction(reference_hz, input_divider)
        if not limits.detector[0] <= detector_hz <= limits.detector[1]:
            continue
        for feedback_divider in _DIVIDERS:
            clock_hz = detector_hz * feedback_divider
            if not limits.output[0] <= clock_hz <= limits.output[1]:
                continue
            for output_divider in reversed(_OUTPUT_DIVIDERS):
                if limits.oscillator[0] <= clock_hz * output_divider <= limits.oscillator[1]:
                    yield (
                        clock_hz,
                        GowinClock(
                            input_divider=input_divider,
                            feedback_divider=feedback_divider,
                            output_divider=output_divider,
                        ),
                    )
