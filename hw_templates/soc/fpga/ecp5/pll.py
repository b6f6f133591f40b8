"""The PLL of the ECP5 (EHXPLLL): which clocks it makes exactly, and with which dividers.

The SoC generator makes a PLL of these settings, and a runner gives a routed one others.

Limits: Lattice FPGA-DS-02012, sysCLOCK PLL timing; dividers: FPGA-TN-02200.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from contracts.faults import ConfigError
from hw_templates.soc.exact_clocks import look_up, table_of

_INPUT_HZ = (8_000_000, 400_000_000)
_DETECTOR_HZ = (10_000_000, 400_000_000)
_OSCILLATOR_HZ = (400_000_000, 800_000_000)
_OUTPUT_HZ = (3_125_000, 400_000_000)
_DIVIDERS = range(1, 129)
_SAME = 100
"""Percent of the system clock."""
SYSTEM, SDRAM, CFU, _FEEDBACK = "OP", "OS", "OS2", "OS3"
"""Which output makes which clock."""
FEEDBACK_PATH = f"INT_{_FEEDBACK}"
"""``FEEDBK_PATH`` of every PLL here: its last output, which goes nowhere else."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PllClocks:
    """The clocks that a PLL makes.

    Attributes:
        clock_hz: System clock.
        sdram_phase_degrees: How late the SDRAM's clock is, of the same frequency; None for none.
        cfu_clock_percent: The CFU's clock in percent of the system clock; 100 for none of its own.
    """

    clock_hz: int
    sdram_phase_degrees: int | None = None
    cfu_clock_percent: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output of a PLL.

    Attributes:
        name: ``OP``, ``OS``, ``OS2`` or ``OS3``, as in the names of the parameters.
        divider: PLL's oscillator to this output.
        coarse: Periods of the PLL's oscillator that it starts late (CPHASE).
        fine: Eighths of such a period, on top (FPHASE).
    """

    name: str
    divider: int
    coarse: int
    fine: int


def outputs(settings: PllSettings, clocks: PllClocks) -> tuple[Output, ...]:
    """Return the outputs of a PLL: one for each clock, and the feedback last.

    Args:
        settings: Dividers, from ``settings_for`` of ``clocks``.
        clocks: What it makes. A phase is made to an eighth of a period of the PLL's oscillator.

    Raises:
        ConfigError: A phase needs more periods than can be waited for.
    """
    divider = settings.output_divider
    made = [_output(SYSTEM, divider, 0)]
    if clocks.sdram_phase_degrees is not None:
        made.append(_output(SDRAM, divider, clocks.sdram_phase_degrees))
    if clocks.cfu_clock_percent != _SAME:
        made.append(_output(CFU, divider * _SAME // clocks.cfu_clock_percent, 0))
    return (*made, _output(_FEEDBACK, settings.feedback_output_divider, 0))


def _output(name: str, divider: int, phase_degrees: int) -> Output:
    eighths = round(phase_degrees * divider / 45)
    coarse = divider - 1 + eighths // 8
    if coarse not in range(len(_DIVIDERS)):
        raise ConfigError(
            f"the PLL cannot shift a clock that is its oscillator's by {divider} by"
            f" {phase_degrees} degrees",
            fix="choose a higher clock, or raise the bottom of clock_range_mhz",
        )
    return Output(name=name, divider=divider, coarse=coarse, fine=eighths % 8)


@functools.cache
def clocks_hz(reference_hz: int, cfu_clock_percent: int = _SAME) -> tuple[int, ...]:
    """Return every system clock that can be made of an oscillator, ascending.

    Args:
        reference_hz: The board's oscillator.
        cfu_clock_percent: A clock of so many percent of it is made exactly as well.

    Returns:
        To the nearest Hz.
    """
    return tuple(_table(reference_hz, cfu_clock_percent))


def settings_for(reference_hz: int, clock_hz: int, cfu_clock_percent: int = _SAME) -> PllSettings:
    """Return dividers that make a clock exactly, the PLL's oscillator as fast as possible.

    Args:
        reference_hz: The board's oscillator.
        clock_hz: One of ``clocks_hz`` with the same arguments.
        cfu_clock_percent: The CFU's clock in percent of it.

    Raises:
        ConfigError: No dividers make it; the nearest clocks are named.
    """
    table = _table(reference_hz, cfu_clock_percent)
    return look_up(table, clock_hz, reference_hz=reference_hz)


@functools.cache
def _table(reference_hz: int, cfu_clock_percent: int) -> Mapping[int, PllSettings]:
    highest_hz = Fraction(_OUTPUT_HZ[1] * _SAME, cfu_clock_percent)
    return table_of(
        (each.clock_hz, each)
        for each in _all_settings(reference_hz)
        if each.output_divider * _SAME % cfu_clock_percent == 0 and each.clock_hz <= highest_hz
    )


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
