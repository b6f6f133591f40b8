import itertools
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.faults import ConfigError
from hw_templates.soc.fpga.ecp5.pll import (
    Output,
    PllClocks,
    PllSettings,
    clocks_hz,
    outputs,
    settings_for,
)
from runners.fpga.ecp5 import ECP5

OSCILLATORS = (12_000_000, 25_000_000, 48_000_000, 100_000_000)
WANTED = st.sampled_from(OSCILLATORS).flatmap(
    lambda hz: st.tuples(st.just(hz), st.sampled_from(clocks_hz(hz)))
)


@settings(deadline=None)
@given(WANTED)
def test_every_clock_of_the_list_is_made_exactly_and_within_the_limits(
    wanted: tuple[int, int],
) -> None:
    reference_hz, clock_hz = wanted
    pll = settings_for(reference_hz, clock_hz)
    detector_hz = reference_hz / pll.input_divider
    oscillator_hz = detector_hz * pll.feedback_divider * pll.feedback_output_divider
    assert 10e6 <= detector_hz <= 400e6
    assert 400e6 <= oscillator_hz <= 800e6
    assert oscillator_hz / pll.output_divider == pytest.approx(float(pll.clock_hz))
    assert 3.125e6 <= detector_hz * pll.feedback_divider <= 400e6, "the feedback output"
    assert abs(pll.clock_hz - clock_hz) <= 0.5
    dividers = (
        pll.input_divider,
        pll.feedback_divider,
        pll.feedback_output_divider,
        pll.output_divider,
    )
    assert all(1 <= divider <= 128 for divider in dividers)
    assert 3.125e6 <= pll.clock_hz <= 400e6


@pytest.mark.parametrize("reference_hz", OSCILLATORS)
def test_clocks_are_near_each_other_where_designs_close(reference_hz: int) -> None:
    made = [clock for clock in clocks_hz(reference_hz) if 30e6 < clock < 120e6]
    assert list(clocks_hz(reference_hz)) == sorted(set(clocks_hz(reference_hz)))
    assert max(high / low for low, high in itertools.pairwise(made)) < 1.03


def test_a_clock_that_cannot_be_made_names_its_neighbours() -> None:
    with pytest.raises(ConfigError) as caught:
        settings_for(25_000_000, 63_000_000)
    assert "cannot make 63 MHz of 25 MHz" in caught.value.what
    assert caught.value.fix == "use clock_mhz = 62.5 or 63.541667"


def test_a_target_with_such_a_clock_is_refused_the_same_way() -> None:
    with pytest.raises(ConfigError, match="clock_mhz is 63, which the PLL of the family ecp5"):
        ECP5.require_clock(63_000_000, 25_000_000)
    ECP5.require_clock(62_500_000, 25_000_000)


def every_setting(reference_hz: int) -> dict[int, Fraction]:
    """Return each clock to its fastest oscillator, by a search over all dividers there are.

    Only products of the two feedback dividers matter, and each of these needs one pair within
    the limits of the feedback output.
    """
    found: dict[int, Fraction] = {}
    for input_divider in range(1, 129):
        detector_hz = Fraction(reference_hz, input_divider)
        if not 10_000_000 <= detector_hz <= 400_000_000:
            continue
        products = {
            feedback * output
            for feedback in range(1, 129)
            if 3_125_000 <= detector_hz * feedback <= 400_000_000
            for output in range(1, 129)
        }
        for product in products:
            oscillator_hz = detector_hz * product
            if not 400_000_000 <= oscillator_hz <= 800_000_000:
                continue
            for divider in range(1, 129):
                clock_hz = oscillator_hz / divider
                if 3_125_000 <= clock_hz <= 400_000_000:
                    key = round(clock_hz)
                    found[key] = max(found.get(key, Fraction(0)), oscillator_hz)
    return found


@pytest.mark.parametrize("reference_hz", [8_000_000, 10_000_000, *OSCILLATORS])
def test_the_list_is_complete_and_each_clock_has_the_fastest_oscillator(reference_hz: int) -> None:
    expected = every_setting(reference_hz)
    assert list(clocks_hz(reference_hz)) == sorted(expected)
    for clock_hz, oscillator_hz in expected.items():
        pll = settings_for(reference_hz, clock_hz)
        loop = pll.feedback_divider * pll.feedback_output_divider
        made = Fraction(reference_hz, pll.input_divider) * loop
        assert made == oscillator_hz == pll.clock_hz * pll.output_divider


@pytest.mark.parametrize("reference_hz", [7_999_999, 400_000_001])
def test_an_oscillator_outside_the_limits_makes_nothing(reference_hz: int) -> None:
    assert clocks_hz(reference_hz) == ()
    with pytest.raises(ConfigError, match="cannot make 50 MHz"):
        settings_for(reference_hz, 50_000_000)


@pytest.mark.parametrize(
    ("divider", "phase_degrees", "coarse", "fine"),
    [(8, 0, 7, 0), (8, 45, 8, 0), (8, 180, 11, 0), (10, 90, 11, 4), (1, 45, 0, 1), (8, 3, 7, 1)],
)
def test_a_phase_is_made_of_periods_and_eighths_of_the_oscillator(
    divider: int, phase_degrees: int, coarse: int, fine: int
) -> None:
    pll = PllSettings(
        input_divider=1,
        feedback_divider=2,
        feedback_output_divider=9,
        output_divider=divider,
        clock_hz=Fraction(50_000_000),
    )
    first, second, feedback = outputs(
        pll, PllClocks(clock_hz=50_000_000, sdram_phase_degrees=phase_degrees)
    )
    assert first == Output(name="OP", divider=divider, coarse=divider - 1, fine=0)
    assert second == Output(name="OS", divider=divider, coarse=coarse, fine=fine)
    assert feedback == Output(name="OS3", divider=9, coarse=8, fine=0)
    slow = replace(pll, feedback_output_divider=64)
    assert outputs(slow, PllClocks(clock_hz=50_000_000)) == (
        first,
        Output(name="OS3", divider=64, coarse=63, fine=0),
    )


def test_a_phase_that_no_counter_can_wait_for_is_refused() -> None:
    pll = PllSettings(
        input_divider=1,
        feedback_divider=2,
        feedback_output_divider=9,
        output_divider=100,
        clock_hz=Fraction(5_000_000),
    )

    def late(degrees: int) -> Output:
        return outputs(pll, PllClocks(clock_hz=5_000_000, sdram_phase_degrees=degrees))[1]

    assert late(103).coarse == 127
    with pytest.raises(ConfigError, match="its oscillator's by 100 by 105 degrees"):
        late(105)
    with pytest.raises(ConfigError, match="by -400 degrees"):
        late(-400)


@pytest.mark.parametrize("percent", [150, 200, 250])
@pytest.mark.parametrize("reference_hz", OSCILLATORS)
def test_a_clock_for_the_cfu_is_made_exactly_beside_every_clock_of_its_list(
    reference_hz: int, percent: int
) -> None:
    made = clocks_hz(reference_hz, percent)
    assert set(made) < set(clocks_hz(reference_hz))
    assert [each for each in made if 50e6 < each < 70e6], "where designs close"
    for clock_hz in made:
        settings = settings_for(reference_hz, clock_hz, percent)
        clocks = PllClocks(clock_hz=clock_hz, sdram_phase_degrees=90, cfu_clock_percent=percent)
        if settings.output_divider > 100:
            continue  # the SDRAM's clock cannot be that late
        system, _, cfu, _ = outputs(settings, clocks)
        assert cfu.name == "OS2"
        assert Fraction(system.divider, cfu.divider) == Fraction(percent, 100)
        assert settings.clock_hz * percent / 100 <= 400_000_000
